"""The one rule behind always-record, transfers and replaced legs: a user who is to be recorded in a conversation is covered by a
capture, and a user who must not be recorded is not. It is asked after every change of a bridge.

A call has one recording at a time. It lasts while a user talks whose rule says so (on demand: who may press). When the last
such user has left, the recording is *absent*: nothing is captured, and the recording goes on when one of them is there again. The
left channel is its first user's, from start to end: where others are recorded without that user, both sides of the capture are
theirs (`Capture.of_others`), and both go to the right channel.

The rule of a place may be known before the user who is recorded by it: a caller and one half of a Local channel are in a bridge
some milliseconds before the agent and the other half are in theirs. Those are waited for, or the caller would be on the left.
"""

from dataclasses import replace

from callrec.domain.calls.bridges import is_between_phones
from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.legs.applications import end_application
from callrec.domain.calls.model import OPTED_OUT, ROUNDING_S, Leg, Recording
from callrec.domain.calls.policy import Decision, Follow, decide, may_press
from callrec.domain.calls.recordings import end_failed, write
from callrec.domain.calls.session import ACTIVE, Change, Session, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause
from callrec.domain.rules import Rule

FAR_HALF_S = 0.06
"""So long: with the start of a recorder it is less than what a recording may lack."""
_Conversations = list[tuple[list[Leg], Decision]]


def cover(change: Change) -> None:
    """Stop, start or move the recording, as the conversations of this moment want it."""
    s = change.session
    conversations = [(legs, decide(legs)) for legs in s.conversations()]
    for legs, decision in conversations:
        if decision.rule is Rule.NEVER and s.capture and _holds(legs, s.capture.leg):
            stop_for_never(change, decision.origin)
    for legs, decision in conversations:
        end_application(change, legs, decision)
    for legs, decision in conversations:
        is_wanted = decision.rule is Rule.ALWAYS and not any(leg.id in s.recorded_by_dialplan for leg in legs)
        if is_wanted and not _awaits_far_half(change, legs, decision):
            _record_always(change, decision)
    if not s.is_wanted_by_policy:
        end_failed(change)
    _follow(change, conversations)


def stop_for_never(change: Change, origin: str = "") -> None:
    """Somebody must not be recorded: the recording ends, and a stop that was asked for before is not withdrawn any more."""
    s = change.session
    if s.state in (*ACTIVE, State.STOPPING):
        s.must_end = True
        if s.state in ACTIVE and s.recording is not None and origin == OPTED_OUT:
            s.recording = replace(s.recording, end_reason=OPTED_OUT)
        apply(change, Trigger.STOP)


def _record_always(change: Change, decision: Decision) -> None:
    """Policy wants this call: start, or make a recording on demand a compulsory one."""
    s = change.session
    if s.state in (State.IDLE, State.FAILED, State.STOPPING):
        s.changed_mono_s = change.now.mono_s
        apply(change, Trigger.START, Cause(leg=decision.leg, origin=decision.origin))
    elif s.recording is not None and s.recording.rule is not Rule.ALWAYS:
        s.recording = replace(s.recording, rule=Rule.ALWAYS, rule_origin=decision.origin)
        write(change, Step.CHANGED)


def _awaits_far_half(change: Change, legs: list[Leg], decision: Decision) -> bool:
    """Whether the user whose recording it would be may still come, behind a Local channel. Its other half may also have been
    taken by an application."""
    s, now_s = change.session, change.now.utc_s
    if s.state is not State.IDLE or decision.leg is None or decision.leg.user or is_between_phones(legs):
        return False
    since_s = max((s.entered[leg.id].at_s for leg in legs if leg.is_local and leg.id in s.entered), default=now_s)
    left_s = since_s + FAR_HALF_S - now_s
    if left_s <= ROUNDING_S or not any(leg.is_local for leg in legs):
        return False
    change.arm(Wait.FAR_HALF, left_s)
    return True


def _is_between_bridges(change: Change, wanted: _Conversations) -> bool:
    """Whether the captured leg has just left a bridge, and only halves of Local channels are with the others: mostly it is on its
    way to them, and Asterisk takes the Local channel out. Two further captures would cost some packets each."""
    s, now_s, capture = change.session, change.now.utc_s, change.session.capture
    if s.state is State.ABSENT or capture is None or capture.leg not in s.legs or not wanted:
        return False
    left_s = next((party.to_s for party in reversed(s.parties) if party.leg == capture.leg), None)
    after_s = 0.0 if left_s is None else left_s + FAR_HALF_S - now_s
    if after_s <= ROUNDING_S or any(is_between_phones(legs) for legs, _ in wanted):
        return False
    change.arm(Wait.FAR_HALF, after_s)
    return True


def _follow(change: Change, conversations: _Conversations) -> None:
    """A capture whose leg is out of the conversation, or that has failed, gives way to one where the recording goes on.

    A living leg that is alone now (on hold, parked) keeps its capture unless policy wants another conversation.
    """
    s = change.session
    if s.recording is None or s.capture is None or s.state not in (*ACTIVE, State.ABSENT):
        return
    recording = s.recording
    wanted = [(legs, decision) for legs, decision in conversations if _goes_on_in(s, recording, legs, decision)]
    if _is_between_bridges(change, wanted):
        return
    if leg := _place(s, wanted):
        s.faults = 0
        apply(change, Trigger.MOVED, Cause(leg=leg))
    elif conversations and not wanted and _all_left(s, recording):
        apply(change, Trigger.ALL_LEFT)


def _goes_on_in(session: Session, recording: Recording, legs: list[Leg], decision: Decision) -> bool:
    """Whether this recording may go on in this conversation. Where a restart has lost whose it is, it goes on in any."""
    if decision.rule is Rule.NEVER:
        return False
    if session.terms.follow is Follow.CALL or session.is_user_lost:
        return True
    return any(session.is_recorded_user(leg) or _is_reason(recording, leg, decision) for leg in legs)


def _is_reason(recording: Recording, leg: Leg, decision: Decision) -> bool:
    """Whether the recording goes on because of this leg's user: a rule records them, or they may press as its presser did."""
    if decision.rule is Rule.ALWAYS:
        return leg is decision.leg
    return recording.rule is Rule.ON_DEMAND and leg.user is not None and may_press(leg.user, decision.rule)


def _place(session: Session, wanted: _Conversations) -> Leg | None:
    """Where the recording goes on instead; None where it stays, or has no place.

    The left channel is one user, so a conversation with them comes first, and their own leg in it.
    """
    capture = session.capture
    assert capture is not None  # noqa: S101 - for the type checker: the caller has asked
    failed = bool(capture.cause) and session.state in (State.SUSPECT, State.PAUSED) and not session.is_undecodable
    own = {leg.id: leg for legs, _ in wanted for leg in legs if session.is_recorded_user(leg)}
    returns = capture.of_others and bool(own)
    is_absent = session.state is State.ABSENT  # nothing is captured, also where the former leg is in the conversation
    if not is_absent and not failed and not returns and any(_holds(legs, capture.leg) for legs, _ in wanted):
        return None
    may_move = is_absent or failed or returns or capture.leg not in session.legs
    for legs, decision in sorted(wanted, key=lambda one: not any(leg.id in own for leg in one[0])):
        if decision.rule is Rule.ALWAYS or may_move:
            theirs = next((leg for leg in legs if leg.id in own), None)
            return theirs or decision.leg or max(legs, key=lambda one: (one.user is not None, not one.is_local))
    return None


def _all_left(session: Session, recording: Recording) -> bool:
    """Whether all users of this recording have left the call. On hold, parked or in a consultation they have not.

    A leg that is captured and alone may be another recorded user's, who waits.
    """
    capture = session.capture
    if session.state not in ACTIVE or capture is None or not session.recorded_user_left:
        return False
    alone = session.legs.get(capture.leg)
    waits = alone is not None and not session.conversation_of(alone.id)
    return not (alone and waits and _is_reason(recording, alone, decide([alone])))


def _holds(legs: list[Leg], wanted: LegId) -> bool:
    return any(leg.id == wanted for leg in legs)
