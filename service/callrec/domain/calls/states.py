"""The recording state machine of one call, as one table.

Theory. The state belongs to the call, not to a channel: when two participants press `*3`, they move the same state.
A request proves nothing. Where the participants are told first, a recording is *announcing* until they have heard that they are
recorded, and nothing is captured (`announcing`). A recording is *starting* when Asterisk has been asked for a capture, *opened*
when Asterisk has made the capture's files (to the outside it is still starting), and *recording* when these files grow. Keys,
status page and API say that a call is recorded in this state only. Likewise a recording is *stopping* until its files are closed.

When something goes wrong, the same recording goes on with a further capture, and what is captured already stays. A
recording is *suspect* while the call should be recorded and the proof is missing. It has *failed* when not even a second capture
could be begun. An *absent* recording waits for a user with a rule that records: only others talk, and nothing is captured. Where
no such user comes, it has ended when the last one left. A *paused* recording keeps its timeline: its capture goes on, muted. A
pause outlives its capture.
After a resume the recording is in the state that is proven of its capture. A *closed* call is over, an *idle* one may be recorded
again.

Every change of state is a row of the table. An effect never changes the state: where the next state depends on what is known
about the capture, the row has conditions, which are asked in their order before the first effect. A pair of state and trigger
that is not in the table changes nothing: it is late news of an earlier capture.

`python -m callrec.domain.calls.states` prints the table as a diagram; docs/ARCHITECTURE.md shows it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from callrec.domain.calls.session import ACTIVE, Change, Session, State
from callrec.domain.calls.transitions import (
    NO_CAUSE,
    Cause,
    Condition,
    Effect,
    announcement_is_due,
    answer_failure,
    await_end_of_pause,
    await_growth,
    await_opening,
    begin_absence,
    begin_announcing,
    begin_pause,
    begin_recording,
    capture_grows,
    capture_is_closed,
    capture_is_open,
    capture_is_requested,
    captured_leg_moved,
    confirm_recording,
    confirm_start,
    confirm_stop,
    end_absence,
    end_announcing,
    end_failure,
    end_pause,
    hand_over_when_closed,
    journal_change,
    mute,
    open_capture,
    raise_alarm,
    recording_goes_on,
    recording_is_paused,
    recording_must_end,
    reopen_later,
    retry_later,
    set_end,
    stop_capture,
    tell_failure,
    told_first,
    unmute,
    withdraw_stop,
)


class Trigger(StrEnum):
    """What can happen to a recording. Behind it: what its cause says."""

    START = "start requested"
    """The leg to capture, the rule and the actor."""
    TOLD = "participants told"
    """All who can hear it have heard that they are recorded, or the time for that is over."""
    STOP = "stop requested"
    PAUSE = "pause requested"
    RESUME = "resume requested"
    """By a press: its leg, for a further capture if one is needed. Both say who asked for it and why."""
    UNMUTED = "unmuted"
    OPENED = "files opened"
    GREW = "files grow"
    STALLED = "files stalled"
    """The alarm; likewise the next three."""
    LOST = "files closed without a request"
    FAULT = "first fault"
    FAULT_AGAIN = "further fault"
    CLOSED = "files closed"
    UNDECODABLE = "no recorder can hear the leg"
    """The alarm. `undecodable_legs` says why, and when it is over."""
    CLEAR = "a recorder can hear the leg again"
    MOVED = "another leg to capture"
    """The leg."""
    LEFT = "captured leg gone, no other to capture"
    ALL_LEFT = "recorded users gone, others talk"
    ENDED = "call ended"


@dataclass(frozen=True, slots=True)
class Branch:
    """One way of a row: taken when its condition holds, and none before it in the row did. None holds always."""

    state: State
    effects: tuple[Effect, ...]
    condition: Condition | None = None


Row = tuple[Branch, ...]
"""The last branch has no condition."""


def to(state: State, *effects: Effect) -> Row:
    """To this state, with these effects in this order."""
    return (Branch(state, effects),)


def when(condition: Condition, then: Row, otherwise: Row) -> Row:
    """One of two ways; each may ask further."""
    (branch,) = then
    return (replace(branch, condition=condition), *otherwise)


_START = when(
    told_first,
    to(State.ANNOUNCING, begin_recording, begin_announcing, open_capture),
    to(State.STARTING, begin_recording, open_capture),
)
_START_ANOTHER = when(
    told_first,
    to(State.ANNOUNCING, hand_over_when_closed, begin_recording, begin_announcing, open_capture),
    to(State.STARTING, hand_over_when_closed, begin_recording, open_capture),
)
_START_AFTER_FAILURE = when(
    told_first,
    to(State.ANNOUNCING, end_failure, begin_recording, begin_announcing, open_capture),
    to(State.STARTING, end_failure, begin_recording, open_capture),
)
_STOP = when(
    capture_is_open,
    to(State.STOPPING, set_end, stop_capture, journal_change),
    to(State.IDLE, set_end, confirm_stop, hand_over_when_closed),
)
_FAULT_TO_STARTING = to(State.STARTING, raise_alarm, tell_failure, stop_capture, open_capture)
_FAULT_ELSEWHERE = to(State.IDLE, raise_alarm, tell_failure, hand_over_when_closed)
_FAULT_TO_SUSPECT = to(State.SUSPECT, raise_alarm, stop_capture, open_capture)

TABLE: dict[tuple[State, Trigger], Row] = {
    (State.IDLE, Trigger.START): _START,
    (State.FAILED, Trigger.START): _START_AFTER_FAILURE,
    (State.STOPPING, Trigger.START): _START_ANOTHER,
    # The participants are told first. `open_capture` only keeps the place for the first recorder.
    (State.ANNOUNCING, Trigger.TOLD): to(State.STARTING, end_announcing, open_capture),
    (State.ANNOUNCING, Trigger.MOVED): to(State.ANNOUNCING, open_capture),
    (State.ANNOUNCING, Trigger.PAUSE): to(
        State.PAUSED, end_announcing, begin_pause, mute, journal_change, await_end_of_pause
    ),
    # The way to a proven recording.
    (State.STARTING, Trigger.OPENED): when(
        capture_grows,
        to(State.RECORDING, confirm_start, confirm_recording),
        to(State.OPENED, confirm_start),
    ),
    (State.OPENED, Trigger.GREW): to(State.RECORDING, confirm_recording),
    (State.SUSPECT, Trigger.OPENED): when(
        capture_grows,
        to(State.RECORDING, await_growth, confirm_recording),
        to(State.SUSPECT, await_growth),
    ),
    (State.SUSPECT, Trigger.GREW): to(State.RECORDING, confirm_recording),
    # What goes wrong. The second capture that does not grow is kept: a silent call may yet speak.
    (State.STARTING, Trigger.FAULT): _FAULT_TO_STARTING,
    (State.STARTING, Trigger.FAULT_AGAIN): to(
        State.FAILED, raise_alarm, tell_failure, stop_capture, retry_later, hand_over_when_closed
    ),
    (State.OPENED, Trigger.FAULT): _FAULT_TO_STARTING,
    (State.OPENED, Trigger.FAULT_AGAIN): to(State.SUSPECT, raise_alarm, tell_failure),
    (State.RECORDING, Trigger.STALLED): _FAULT_TO_SUSPECT,
    (State.RECORDING, Trigger.FAULT): _FAULT_TO_SUSPECT,
    (State.RECORDING, Trigger.FAULT_AGAIN): to(State.SUSPECT, raise_alarm, reopen_later),
    (State.SUSPECT, Trigger.FAULT): _FAULT_TO_SUSPECT,
    (State.SUSPECT, Trigger.FAULT_AGAIN): to(State.SUSPECT, raise_alarm, reopen_later),
    **{
        (state, Trigger.LOST): to(State.SUSPECT, raise_alarm, open_capture)
        for state in (State.OPENED, State.RECORDING, State.SUSPECT)
    },
    # What the phones send cannot be decoded: nothing is captured until it can.
    (State.STARTING, Trigger.UNDECODABLE): when(
        recording_goes_on,
        to(State.SUSPECT, raise_alarm, answer_failure, stop_capture),
        to(State.FAILED, raise_alarm, answer_failure, stop_capture, hand_over_when_closed),
    ),
    **{
        (state, Trigger.UNDECODABLE): to(State.SUSPECT, raise_alarm, stop_capture, journal_change)
        for state in (State.OPENED, State.RECORDING, State.SUSPECT)
    },
    (State.SUSPECT, Trigger.CLEAR): to(State.STARTING, open_capture),
    # Another leg has to be captured, or none can be.
    **{
        (state, Trigger.MOVED): to(State.STARTING, stop_capture, open_capture)
        for state in (State.STARTING, State.OPENED, State.RECORDING, State.SUSPECT)
    },
    **{(state, Trigger.LEFT): to(State.SUSPECT) for state in (State.STARTING, State.OPENED, State.RECORDING)},
    # The others talk on.
    **{
        (state, Trigger.ALL_LEFT): to(State.ABSENT, set_end, begin_absence, stop_capture, journal_change)
        for state in ACTIVE
    },
    (State.ABSENT, Trigger.MOVED): when(
        recording_is_paused,
        to(State.PAUSED, end_absence, open_capture, await_end_of_pause),
        when(
            announcement_is_due,
            to(State.ANNOUNCING, end_absence, begin_announcing, open_capture),
            to(State.STARTING, end_absence, open_capture),
        ),
    ),
    (State.ABSENT, Trigger.START): _START_ANOTHER,
    (State.ABSENT, Trigger.STOP): to(State.IDLE, confirm_stop, hand_over_when_closed),
    # Pauses. A capture that cannot be muted is stopped, and in a pause none is opened: `open_capture` keeps a place for it.
    **{
        (state, Trigger.PAUSE): to(State.PAUSED, begin_pause, mute, journal_change, await_end_of_pause)
        for state in (State.STARTING, State.OPENED, State.RECORDING, State.SUSPECT)
    },
    (State.PAUSED, Trigger.OPENED): to(State.PAUSED, mute),
    (State.PAUSED, Trigger.FAULT): to(State.PAUSED, raise_alarm, stop_capture, open_capture),
    (State.PAUSED, Trigger.FAULT_AGAIN): to(State.PAUSED, raise_alarm, stop_capture),
    (State.PAUSED, Trigger.LOST): to(State.PAUSED, raise_alarm, open_capture),
    (State.PAUSED, Trigger.MOVED): to(State.PAUSED, stop_capture, open_capture),
    (State.PAUSED, Trigger.RESUME): when(
        announcement_is_due,
        to(State.ANNOUNCING, end_pause, begin_announcing, open_capture, journal_change),
        when(
            capture_is_closed,
            to(State.STARTING, end_pause, open_capture, journal_change),
            when(
                capture_is_requested,
                to(State.STARTING, end_pause, unmute, await_opening, journal_change),
                to(State.OPENED, end_pause, unmute, journal_change),
            ),
        ),
    ),
    (State.OPENED, Trigger.UNMUTED): when(
        capture_grows,
        to(State.RECORDING, confirm_start, confirm_recording),
        to(State.OPENED, confirm_start),
    ),
    # The end. A stop that fails twice is withdrawn: the recording goes on, and its pause too. Not when a participant has opted
    # out, or one has come who must not be recorded: it is asked for again, and what is captured meanwhile is not stored. In
    # another call it must not go on: there it has ended, and its recorder is asked again (`stops`).
    **{(state, Trigger.STOP): _STOP for state in ACTIVE},
    (State.STOPPING, Trigger.CLOSED): to(State.IDLE, confirm_stop, hand_over_when_closed),
    (State.STOPPING, Trigger.FAULT): when(
        captured_leg_moved,
        _FAULT_ELSEWHERE,
        when(
            capture_is_open,
            to(State.STOPPING, raise_alarm, stop_capture),
            to(State.IDLE, raise_alarm, confirm_stop, hand_over_when_closed),
        ),
    ),
    (State.STOPPING, Trigger.FAULT_AGAIN): when(
        captured_leg_moved,
        _FAULT_ELSEWHERE,
        when(
            recording_must_end,
            to(State.STOPPING, raise_alarm, answer_failure, stop_capture),
            when(
                recording_is_paused,
                to(State.PAUSED, raise_alarm, tell_failure, withdraw_stop, await_end_of_pause, mute),
                when(
                    capture_is_requested,
                    to(State.SUSPECT, raise_alarm, tell_failure, withdraw_stop, await_opening),
                    when(
                        capture_grows,
                        to(State.RECORDING, raise_alarm, tell_failure, withdraw_stop, confirm_recording),
                        to(State.SUSPECT, raise_alarm, tell_failure, withdraw_stop),
                    ),
                ),
            ),
        ),
    ),
    **{
        (state, Trigger.ENDED): to(State.CLOSED, hand_over_when_closed)
        for state in State
        if state not in (State.FAILED, State.CLOSED)
    },
    (State.FAILED, Trigger.ENDED): to(State.CLOSED, end_failure, hand_over_when_closed),
}


def branch_for(session: Session, trigger: Trigger) -> Branch:
    """The way that the table says; the same state without effects when the pair is not in it."""
    row = TABLE.get((session.state, trigger), to(session.state))
    return next(branch for branch in row if branch.condition is None or branch.condition(session))


def apply(change: Change, trigger: Trigger, cause: Cause = NO_CAUSE) -> None:
    """One step of the machine. Nothing else assigns the state."""
    branch = branch_for(change.session, trigger)
    change.session.state = branch.state
    for effect in branch.effects:
        effect(change, cause)


def diagram() -> str:
    """The table as a Mermaid state diagram, one line for each way, in the table's order, with the condition in brackets."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    for (state, trigger), row in TABLE.items():
        lines += [f"    {state} --> {branch.state}: {trigger}{_guard(branch, row)}" for branch in row]
    return "\n".join([*lines, f"    {State.CLOSED} --> [*]"])


def _guard(branch: Branch, row: Row) -> str:
    if branch.condition is not None:
        return f" [{branch.condition.__name__.replace('_', ' ')}]"
    return " [else]" if len(row) > 1 else ""


if __name__ == "__main__":
    print(diagram())  # noqa: T201 - the picture for docs/ARCHITECTURE.md
