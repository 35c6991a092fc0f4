"""The session while one event changes it, and what each action of the toggle table does to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from callrec.domain import messages as m
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import POLICY, BridgeId, Direction, Instant, Leg, LegId, Party, Recording, Take, TakeId
from callrec.domain.naming import recording_id, take_id
from callrec.domain.policy import decide
from callrec.domain.provisioning.model import Rule
from callrec.domain.session import Session
from callrec.domain.toggle import Action, State, Trigger, step

CONVERSATION = 2
"""As many legs make a bridge a conversation."""

_UNKNOWN_RATE_HZ = 16000
"""For a leg whose rate nobody asked for: wide enough for both, and nothing is lost by it."""


class Draft:
    """One event's work: the session as it changes, and the commands so far."""

    def __init__(self, session: Session, now: Instant) -> None:
        self.session = session
        self.now = now
        self.commands: list[m.Command] = []
        # For whom and why a recording begins, set by whoever applies START or MOVED.
        self.actor = POLICY
        self.rule = Rule.ALWAYS
        self.leg: Leg | None = None

    def set(self, **changes: Any) -> None:  # type: ignore[explicit-any]  # dataclasses.replace checks the names
        """Change fields of the session."""
        self.session = replace(self.session, **changes)

    # -- questions ---------------------------------------------------------------------------------------------------

    def is_current(self, take: TakeId) -> bool:
        """Whether this is the take that the state speaks of."""
        return self.session.take is not None and self.session.take.id == take

    def writes(self, recording: Recording) -> bool:
        """Whether a file of this recording may still be written."""
        return any(take.id in self.session.open_takes for take in recording.takes)

    def members(self, legs: tuple[LegId, ...]) -> list[Leg]:
        """The living legs among these."""
        return [self.session.legs[leg] for leg in legs if leg in self.session.legs]

    def conversation_of(self, leg: LegId) -> list[Leg]:
        """The legs that are in a bridge with this one, itself included; empty when there is no conversation."""
        bridges = (self.members(legs) for legs in self.session.bridges.values() if leg in legs)
        return next((legs for legs in bridges if len(legs) >= CONVERSATION), [])

    # -- the call ----------------------------------------------------------------------------------------------------

    def join(self, leg: Leg) -> None:
        """The leg takes part in the conversation from now on."""
        if not any(party.leg == leg.id and party.to_s is None for party in self.session.parties):
            user = leg.user.id if leg.user else None
            self.set(parties=(*self.session.parties, Party(leg.id, user, leg.number, leg.name, self.now.utc_s)))

    def leave(self, leg: LegId, bridge: BridgeId | None) -> None:
        """The leg is out of this bridge (None: of all)."""
        s = self.session
        left = {
            key: tuple(one for one in legs if one != leg or (bridge is not None and key != bridge))
            for key, legs in s.bridges.items()
        }
        ended = (
            replace(party, to_s=self.now.utc_s) if party.leg == leg and party.to_s is None else party
            for party in s.parties
        )
        self.set(bridges={key: legs for key, legs in left.items() if legs}, parties=tuple(ended))

    def end(self) -> None:
        """The last leg is gone."""
        self.answer(m.Outcome.FAILED)
        if not self.session.answered:
            self.explain()
        self.apply(Trigger.ENDED)

    def explain(self) -> None:
        """Nobody answered a call that would have been recorded: an entry says so, since there will be no file."""
        s = self.session
        legs = [leg for leg in s.seen.values() if not leg.is_local]
        if decide(legs).rule is not Rule.ALWAYS:
            return
        rung = {leg.user.id for leg in legs if leg.user and leg.channel}
        wanted = sorted(
            (leg for leg in legs if leg.channel or (leg.user and leg.user.id not in rung)),
            key=lambda leg: leg.direction is Direction.IN,
        )
        parties = tuple(
            Party(leg.id, leg.user.id if leg.user else None, leg.number, leg.name, s.began_s, self.now.utc_s)
            for leg in wanted
        )
        self.new_recording(Rule.ALWAYS)
        if self.session.recording:
            cause = f"unanswered: {s.dial_status or 'CANCEL'}"
            self.set(recording=replace(self.session.recording, from_s=s.began_s, parties=parties, cause=cause))
            self.do_hand_over()

    # -- the recording -----------------------------------------------------------------------------------------------

    def new_recording(self, rule: Rule) -> None:
        """An empty recording becomes the current one."""
        s = self.session
        nth = s.recordings + 1
        new = Recording(recording_id(s.call, nth), s.call, s.linkedid, s.node, rule, self.actor, self.now.utc_s)
        self.set(recording=new, recordings=nth, faults=0)

    def change_take(self, take: TakeId, *, mixmonitor: str = "", cause: str = "", to_s: float | None = None) -> None:
        """Note what became known about a take, wherever its recording is by now. What is already known stays."""

        def changed(recording: Recording) -> Recording:
            takes = (
                replace(
                    one,
                    mixmonitor=one.mixmonitor or mixmonitor,
                    cause=one.cause or cause,
                    to_s=to_s if one.to_s is None else one.to_s,
                )
                if one.id == take
                else one
                for one in recording.takes
            )
            return replace(recording, takes=tuple(takes))

        s = self.session
        self.set(
            recording=changed(s.recording) if s.recording else None,
            set_aside=tuple(changed(recording) for recording in s.set_aside),
        )

    def with_parties(self, recording: Recording) -> Recording:
        """The recording with those who were there: the recorded user's side first, as the file's left channel is."""
        first = recording.actor.leg
        present = [party for party in self.session.parties if party.to_s is None or party.to_s >= recording.from_s]
        caller = {leg.id for leg in self.session.seen.values() if leg.direction is Direction.OUT}
        present.sort(key=lambda party: party.leg != first if first else party.leg not in caller)
        return replace(recording, parties=tuple(present) or recording.parties)

    def ended(self, recording: Recording) -> Recording:
        """The recording as intake gets it: every time has its end."""
        now_s = self.now.utc_s
        recording = recording if recording.cause.startswith("unanswered") else self.with_parties(recording)
        return replace(
            recording,
            to_s=recording.to_s or now_s,
            takes=tuple(replace(take, to_s=now_s) if take.to_s is None else take for take in recording.takes),
            pauses=tuple(replace(pause, to_s=now_s) if pause.to_s is None else pause for pause in recording.pauses),
        )

    def write(self, at: Step) -> None:
        """Journal the current recording."""
        if self.session.recording:
            self.set(recording=self.with_parties(self.session.recording))
            self.commands.append(m.Write(Entry(at, self.session.recording)))

    def settle(self, take: TakeId | None = None) -> None:
        """Hand over what was set aside and is closed; at its deadline (`take`) also what may not be, if no leg is left.

        While a leg lives, files that do not close are still being written: stop them again, and wait on.
        """
        waiting = []
        for recording in self.session.set_aside:
            overdue = take is not None and any(one.id == take for one in recording.takes)
            if not self.writes(recording) or (overdue and not self.session.legs):
                self.deliver(recording)
                continue
            waiting.append(recording)
            if overdue:
                still_open = [one for one in recording.takes if one.id in self.session.open_takes]
                self.commands += [m.Alarm("take-not-closing", one.id) for one in still_open]
                self.commands += [m.CloseTake(one) for one in still_open]
                self.commands.append(m.Arm(m.Wait.SETTLE, take, self.session.terms.limits.settle_s))
        self.set(set_aside=tuple(waiting))

    def deliver(self, recording: Recording) -> None:
        """The recording is complete: journal it as ended, and give it to intake."""
        done = self.ended(recording)
        self.commands += [m.Write(Entry(Step.ENDED, done)), m.HandOver(done), m.Tell("recording-ended", done)]

    def answer(self, outcome: m.Outcome) -> None:
        """Answer the dialogues that wait."""
        self.commands += [m.Reply(reply, outcome) for reply in self.session.replies]
        self.set(replies=())

    def announce(self, outcome: m.Outcome) -> None:
        """Let the parties hear it, when somebody pressed for it."""
        s = self.session
        if s.recording and s.take and s.recording.rule is Rule.ON_DEMAND:
            self.commands.append(m.Announce(s.take, outcome))

    def fault(self) -> None:
        """A first fault is tried again, a further one is not."""
        self.set(faults=self.session.faults + 1)
        self.apply(Trigger.FAULT if self.session.faults == 1 else Trigger.FAULT_AGAIN)

    def arm(self, wait: m.Wait, after_s: float) -> None:
        """A deadline for the current take."""
        if self.session.take:
            self.commands.append(m.Arm(wait, self.session.take.id, after_s))

    # -- what the table asks for -------------------------------------------------------------------------------------

    def apply(self, trigger: Trigger) -> None:
        """One step of the state machine and its actions."""
        state, actions = step(self.session.state, trigger)
        self.set(state=state)
        for action in actions:
            _DO[action](self)

    def do_begin(self) -> None:
        """See Action."""
        self.new_recording(self.rule)
        self.do_retake()

    def do_retake(self) -> None:
        """See Action."""
        s = self.session
        leg = self.leg or (s.legs.get(s.take.leg) if s.take else None)
        if s.recording is None or leg is None:
            return
        nth = len(s.recording.takes) + 1
        rate_hz = s.rates_hz.get(leg.id, _UNKNOWN_RATE_HZ)
        take = Take(take_id(s.recording.id, nth), leg.id, leg.channel, rate_hz, self.now.utc_s)
        self.set(recording=replace(s.recording, takes=(*s.recording.takes, take)), open_takes=s.open_takes | {take.id})
        self.write(Step.INTENT)
        self.commands.append(m.OpenTake(take, s.recording.rule))
        self.arm(m.Wait.OPEN, s.terms.limits.open_s)

    def do_close(self) -> None:
        """See Action."""
        s = self.session
        if s.take and s.take.id in s.open_takes:
            self.commands.append(m.CloseTake(s.take))
            self.arm(m.Wait.STOP, s.terms.limits.stop_s)
        if s.state is State.STOPPING and s.recording and not self.writes(s.recording):
            self.apply(Trigger.CLOSED)

    def do_confirm(self) -> None:
        """See Action."""
        self.answer(m.Outcome.STARTED)
        self.announce(m.Outcome.STARTED)
        self.arm(m.Wait.GROWTH, self.session.terms.limits.growth_s)

    def do_proven(self) -> None:
        """See Action."""
        self.set(faults=0)
        self.light(lit=True)
        self.commands.append(m.Tell("recording", self.session.recording))

    def do_dark(self) -> None:
        """See Action."""
        self.light(lit=False)

    def light(self, *, lit: bool) -> None:
        """The `*3` lamps of the users in this call."""
        users = dict.fromkeys(leg.user.id for leg in self.session.seen.values() if leg.user and leg.channel)
        if users:
            self.commands.append(m.Light(tuple(users), lit))

    def do_mute(self) -> None:
        """See Action."""
        if self.session.take:
            self.commands.append(m.MuteTake(self.session.take, muted=True))

    def do_unmute(self) -> None:
        """See Action."""
        if self.session.take:
            self.commands.append(m.MuteTake(self.session.take, muted=False))

    def do_stopped(self) -> None:
        """See Action."""
        self.answer(m.Outcome.STOPPED)
        self.announce(m.Outcome.STOPPED)

    def do_alarm(self) -> None:
        """See Action."""
        take = self.session.take
        self.commands.append(m.Alarm(take.cause if take and take.cause else "stalled", take.id if take else None))

    def do_error_tone(self) -> None:
        """See Action."""
        self.answer(m.Outcome.FAILED)
        self.announce(m.Outcome.FAILED)

    def do_hand_over(self) -> None:
        """See Action."""
        if self.session.recording:
            self.deliver(self.session.recording)
        self.set(recording=None)

    def do_set_aside(self) -> None:
        """See Action."""
        s = self.session
        if s.recording:
            self.arm(m.Wait.SETTLE, s.terms.limits.settle_s)
            self.set(recording=None, set_aside=(*s.set_aside, replace(s.recording, to_s=self.now.utc_s)))
        self.settle()


_DO: dict[Action, Callable[[Draft], None]] = {
    Action.SET_ASIDE: Draft.do_set_aside,
    Action.BEGIN: Draft.do_begin,
    Action.RETAKE: Draft.do_retake,
    Action.CLOSE: Draft.do_close,
    Action.CONFIRM: Draft.do_confirm,
    Action.PROVEN: Draft.do_proven,
    Action.DARK: Draft.do_dark,
    Action.MUTE: Draft.do_mute,
    Action.UNMUTE: Draft.do_unmute,
    Action.STOPPED: Draft.do_stopped,
    Action.ALARM: Draft.do_alarm,
    Action.ERROR_TONE: Draft.do_error_tone,
    Action.HAND_OVER: Draft.do_hand_over,
}
