"""What people are told: the presser of `*3`, the participants by a tone or a prompt, and users by the key on their phone.

Two settings say who hears that a recording starts. `Confirm`: by a press of `*3`, with its other outcomes. `Announcement`: each
phone in a recorded conversation, once the capture's files exist, whatever the rule, and who joins later as well; the start by a
press is told by it, too. Who could not be told is told again, a few times.
"""

from dataclasses import replace

from callrec.domain.calls.announcements.who_was_told import begun, ended, have_heard
from callrec.domain.calls.commands import Announce, Light, Reply, Tell
from callrec.domain.calls.events import Announced, PausePressed, Pressed, Wait
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import OPTED_OUT, Hearing, NotHeard, Recording, Told
from callrec.domain.calls.policy import Announcement, Confirm
from callrec.domain.calls.recordings import write
from callrec.domain.calls.session import Change, Session, State
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import CallFact, Outcome

OF_PAUSES = (Outcome.PAUSED, Outcome.RESUMED)
TELLS_RECORDED = (Outcome.STARTED, Outcome.RESUMED)
"""Outcomes whose tone tells the participants that they are recorded: the manifest says who has heard it, and when."""


def answer_at_once(change: Change, event: Pressed | PausePressed, outcome: Outcome) -> None:
    """Answer a press whose outcome is known now, and tell the event stream of it."""
    user = event.user.id if event.user else None
    told = Tell(CallFact.of_press(outcome), change.session.recording, user)
    change.commands += [Reply(event.reply, outcome), told]


def answer(change: Change, outcome: Outcome) -> None:
    """Answer the dialogues that wait, and tell the outcome of each press."""
    s = change.session
    for reply in s.replies:
        change.commands += [Reply(reply, outcome), Tell(CallFact.of_press(outcome), s.recording)]
    s.replies = ()


MOST_TIMES = 3
"""How often a participant is told who may not have heard it."""
_TOLD = {
    Announcement.TONE: Told.TONE,
    Announcement.PROMPT: Told.PROMPT,
    Announcement.PROMPT_FIRST: Told.PROMPT,
}
_TELLING = (State.ANNOUNCING, State.OPENED, State.RECORDING)


def announce_start(change: Change, outcome: Outcome) -> None:
    """Let the participants hear that a recording on demand starts, or goes on; a start, unless `tell_participants` does."""
    if change.session.terms.announce is Announcement.NONE or outcome is not Outcome.STARTED:
        announce(change, outcome)


def tell_participants(change: Change) -> None:
    """After every event: let each phone in the recorded conversation hear that it is recorded, when it has not heard it."""
    s = change.session
    what = _TOLD.get(s.terms.announce)
    if what is None or s.recording is None or s.capture is None or s.state not in _TELLING:
        return
    told = {one.leg for one in s.recording.hearings} - s.tell_again
    waiting = told | s.held  # who holds the call is told when they are back
    if due := tuple(leg for leg in s.phones(s.capture.leg) if leg not in waiting):
        s.tell_again -= set(due)
        _note_told(change, s.recording, what, due)
        change.commands.append(Announce(s.capture, what, due, tells=True))


def _note_told(change: Change, recording: Recording, what: Told, legs: tuple[LegId, ...]) -> None:
    s = change.session
    s.told_times = {**s.told_times, **{leg: s.told_times.get(leg, 0) + 1 for leg in legs}}
    languages = {leg: s.legs[leg].language if what is Told.PROMPT else "" for leg in legs}
    s.recording = replace(recording, hearings=begun(recording.hearings, languages, what, change.now.utc_s, s.held))


def tell_who_came_from_a_pause(change: Change) -> None:
    """After every event: who left a paused call for this one, which is recorded, hears that the pause is over for them. In this
    call has no pause of its own, so it goes on. In a call that is paused too they hear its end."""
    s = change.session
    if not s.from_pause:
        return
    if s.state is State.PAUSED:
        s.from_pause = frozenset()
    elif s.capture is not None and s.state in {State.OPENED, State.RECORDING}:
        legs = tuple(leg for leg in s.phones(s.capture.leg) if leg in s.from_pause)
        s.from_pause -= set(legs)
        if legs and s.terms.confirm is Confirm.BOTH and s.terms.announce is Announcement.NONE:
            change.commands.append(Announce(s.capture, Outcome.RESUMED, legs))


def on_time_to_tell_again(change: Change) -> None:
    """Those who have not heard it, and are still there, are told again."""
    s = change.session
    if s.recording is not None:
        s.tell_again |= {one.leg for one in s.recording.hearings if _is_told_again(s, one)}


def _is_told_again(s: Session, hearing: Hearing) -> bool:
    is_over = hearing.to_s is not None and not hearing.is_heard
    return is_over and hearing.leg in s.legs and s.told_times.get(hearing.leg, 0) < MOST_TIMES


def announce(change: Change, outcome: Outcome) -> None:
    """Let the participants hear it when the recording is on demand, and of each pause its begin and its end; all of them that it
    has stopped since one has opted out. On a leg that is gone nothing is played."""
    s = change.session
    is_opt_out = s.recording is not None and s.recording.end_reason == OPTED_OUT and outcome is Outcome.STOPPED
    is_told = s.recording is not None and (s.recording.rule is Rule.ON_DEMAND or outcome in OF_PAUSES or is_opt_out)
    if not (s.recording and is_told and s.capture and s.capture.leg in s.legs):
        return
    presser = _presser(s, s.recording, s.capture.leg, outcome)
    if legs := tuple(s.phones(s.capture.leg)) if is_opt_out else _listeners(s, presser, outcome):
        if outcome in TELLS_RECORDED and s.terms.announce is Announcement.NONE:
            _note_told(change, s.recording, Told.TONE, legs)
            change.commands.append(Announce(s.capture, outcome, legs, tells=True))
        else:
            change.commands.append(Announce(s.capture, outcome, legs))


def _presser(s: Session, recording: Recording, captured: LegId, outcome: Outcome) -> LegId:
    """Who asked for it, as far as they are still there: a pause by its last control, all else by the captured leg."""
    actor_leg = recording.controls[-1].actor.leg if recording.controls and outcome in OF_PAUSES else None
    return next((leg.id for leg in s.members(captured) if leg.id == actor_leg), captured)


def _listeners(s: Session, captured: LegId, outcome: Outcome) -> tuple[LegId, ...]:
    """Who hears it. Even where nothing is confirmed, a failure is told to the presser, and a pause to whose press began or ended
    it: they speak of what must not be recorded when they have heard it."""
    if s.terms.confirm is Confirm.BOTH:
        return tuple(s.phones(captured))
    steps = s.recording.controls if s.recording else ()
    is_pressed = outcome in OF_PAUSES and bool(steps) and steps[-1].actor.leg == captured
    return (captured,) if s.terms.confirm is Confirm.PRESSER or outcome is Outcome.FAILED or is_pressed else ()


def set_device_states(change: Change) -> None:
    """Light the `*3` keys of the users in the recorded conversation, and of no other user. In a proven pause they
    blink."""
    s = change.session
    recorded = s.capture.leg if s.capture and s.state is State.RECORDING else None
    lit = tuple(dict.fromkeys(leg.user.id for leg in s.members(recorded) if leg.user))
    is_paused = s.state is State.PAUSED and s.recording is not None and s.recording.is_paused
    is_proven = is_paused and s.recording is not None and s.recording.pauses[-1].is_proven
    paused = s.capture.leg if s.capture and is_proven else None
    blinking = tuple(dict.fromkeys(leg.user.id for leg in s.members(paused) if leg.user))
    changed = {*s.blinking} ^ {*blinking}
    for users, wanted in (
        (
            tuple(
                user
                for user in dict.fromkeys((*s.lit, *s.blinking, *blinking))
                if user not in lit and (user in s.lit or user in changed)
            ),
            False,
        ),
        (tuple(user for user in lit if user not in s.lit), True),
    ):
        if users:
            change.commands.append(Light(users, wanted))
    s.lit, s.blinking = lit, blinking


def on_announced(change: Change, event: Announced) -> None:
    """The start was played: the manifest says who has heard it. Its recording may have ended meanwhile."""
    s = change.session

    def noted(recording: Recording) -> Recording:
        if all(one.id != event.capture for one in recording.captures):
            return recording
        hearings, at_s = recording.hearings, change.happened.utc_s
        for one in event.played:
            cause = one.cause or (NotHeard.ON_HOLD if one.leg in s.held else "")
            hearings = ended(hearings, one.leg, at_s + one.lasted_s, cause, one.packets)
        present = s.phones(recording.captures[-1].leg)
        is_told = bool(present) and have_heard(hearings, present)
        announcements = (*recording.announcements, at_s) if is_told else recording.announcements
        return replace(recording, hearings=hearings, announcements=announcements)

    s.set_aside = tuple(map(noted, s.set_aside))
    if s.recording is not None:
        s.recording = noted(s.recording)
        if any(one.id == event.capture for one in s.recording.captures):
            write(change, Step.CHANGED)
            if s.terms.announce in _TOLD and any(_is_told_again(s, one) for one in s.recording.hearings):
                change.arm(Wait.TELL_AGAIN, s.terms.limits.tell_again_s)
