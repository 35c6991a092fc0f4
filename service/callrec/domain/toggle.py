"""The recording state machine of one call, as one table.

Theory. The state belongs to the call, not to a channel, so two parties who press are one toggle. Nothing is believed
because it was asked for: `STARTING` becomes `OPENED` when Asterisk has made the take's files, and only files that grow make
it `RECORDING`, the one state in which lamp, page and API say so (to the outside, `OPENED` is still *starting*). A stop is
true when the files are closed. What goes wrong leads to a new take of the same recording; takes already captured stay.
A pair that is not in the table changes nothing: late news of a take that is no longer the current one.

`python -m callrec.domain.toggle` prints the table as a diagram; docs/ARCHITECTURE.md holds that picture.
"""

from enum import StrEnum


class State(StrEnum):
    """What a call's recording is doing now."""

    IDLE = "idle"
    STARTING = "starting"
    OPENED = "opened"
    RECORDING = "recording"
    PAUSED = "paused"
    SUSPECT = "suspect"
    STOPPING = "stopping"
    FAILED = "failed"
    CLOSED = "closed"


class Trigger(StrEnum):
    """What can happen to it."""

    START = "start asked"
    STOP = "stop asked"
    PAUSE = "pause asked"
    RESUME = "resume asked"
    SEEN = "files exist"
    GREW = "files grow"
    STALLED = "files stalled"
    LOST = "files closed by somebody else"
    FAULT = "first fault"
    FAULT_AGAIN = "further fault"
    CLOSED = "files closed"
    MOVED = "leg replaced"
    ENDED = "call ended"


class Action(StrEnum):
    """What the session does about it, in this order."""

    SET_ASIDE = "let the recording end as its files close"
    BEGIN = "new recording, first take"
    RETAKE = "further take of the same recording"
    CLOSE = "stop the current take"
    CONFIRM = "say that it started"
    PROVEN = "light the lamp, tell"
    DARK = "darken the lamp"
    MUTE = "mute the take"
    UNMUTE = "unmute the take"
    STOPPED = "say that it stopped"
    ALARM = "alarm"
    ERROR_TONE = "say that it failed"
    HAND_OVER = "hand the takes to intake"


ACTIVE = (State.STARTING, State.OPENED, State.RECORDING, State.PAUSED, State.SUSPECT)
"""The states in which a take is open or being asked for."""

Row = tuple[State, tuple[Action, ...]]

TABLE: dict[tuple[State, Trigger], Row] = {
    (State.IDLE, Trigger.START): (State.STARTING, (Action.BEGIN,)),
    (State.FAILED, Trigger.START): (State.STARTING, (Action.BEGIN,)),
    (State.STOPPING, Trigger.START): (State.STARTING, (Action.SET_ASIDE, Action.BEGIN)),
    # The way to a proven recording.
    (State.STARTING, Trigger.SEEN): (State.OPENED, (Action.CONFIRM,)),
    (State.OPENED, Trigger.GREW): (State.RECORDING, (Action.PROVEN,)),
    (State.SUSPECT, Trigger.GREW): (State.RECORDING, (Action.PROVEN,)),
    # What goes wrong. The second take that does not grow is kept: a silent call may yet speak.
    (State.STARTING, Trigger.FAULT): (State.STARTING, (Action.ALARM, Action.ERROR_TONE, Action.CLOSE, Action.RETAKE)),
    (State.STARTING, Trigger.FAULT_AGAIN): (
        State.FAILED,
        (Action.ALARM, Action.ERROR_TONE, Action.CLOSE, Action.DARK, Action.SET_ASIDE),
    ),
    (State.OPENED, Trigger.FAULT): (State.STARTING, (Action.ALARM, Action.ERROR_TONE, Action.CLOSE, Action.RETAKE)),
    (State.OPENED, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM, Action.ERROR_TONE)),
    (State.RECORDING, Trigger.STALLED): (State.SUSPECT, (Action.ALARM, Action.DARK, Action.CLOSE, Action.RETAKE)),
    (State.RECORDING, Trigger.FAULT): (State.SUSPECT, (Action.ALARM, Action.DARK, Action.CLOSE, Action.RETAKE)),
    (State.RECORDING, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM, Action.DARK)),
    (State.SUSPECT, Trigger.FAULT): (State.SUSPECT, (Action.ALARM, Action.CLOSE, Action.RETAKE)),
    (State.STOPPING, Trigger.FAULT): (State.STOPPING, (Action.ALARM, Action.CLOSE)),
    (State.STOPPING, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM, Action.ERROR_TONE)),
    # Pauses keep the timeline: muted, not stopped.
    (State.OPENED, Trigger.PAUSE): (State.PAUSED, (Action.MUTE, Action.DARK)),
    (State.RECORDING, Trigger.PAUSE): (State.PAUSED, (Action.MUTE, Action.DARK)),
    (State.PAUSED, Trigger.RESUME): (State.RECORDING, (Action.UNMUTE, Action.PROVEN)),
    # The end.
    (State.STOPPING, Trigger.CLOSED): (State.IDLE, (Action.STOPPED, Action.HAND_OVER)),
    (State.IDLE, Trigger.ENDED): (State.CLOSED, (Action.SET_ASIDE,)),
    (State.STOPPING, Trigger.ENDED): (State.CLOSED, (Action.SET_ASIDE,)),
    (State.FAILED, Trigger.ENDED): (State.CLOSED, (Action.SET_ASIDE,)),
}
for _state in ACTIVE:
    TABLE[_state, Trigger.STOP] = (State.STOPPING, (Action.CLOSE, Action.DARK))
    TABLE[_state, Trigger.ENDED] = (State.CLOSED, (Action.DARK, Action.SET_ASIDE))
    TABLE[_state, Trigger.MOVED] = (_state, (Action.CLOSE, Action.RETAKE))
for _state in (State.OPENED, State.RECORDING, State.PAUSED, State.SUSPECT):
    TABLE[_state, Trigger.LOST] = (State.SUSPECT, (Action.ALARM, Action.DARK, Action.RETAKE))


def step(state: State, trigger: Trigger) -> Row:
    """The next state and what to do; the same state and nothing when the pair is not in the table."""
    return TABLE.get((state, trigger), (state, ()))


def diagram() -> str:
    """The table as a Mermaid state diagram, one line per row, in the table's order."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    lines += [f"    {state} --> {target}: {trigger}" for (state, trigger), (target, _) in TABLE.items()]
    return "\n".join([*lines, f"    {State.CLOSED} --> [*]"])


if __name__ == "__main__":
    print(diagram())  # noqa: T201 - the picture for docs/ARCHITECTURE.md
