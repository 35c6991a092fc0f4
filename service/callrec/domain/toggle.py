"""The recording state machine of one call, as one table.

Theory. The state belongs to the call, not to a channel, so two parties who press are one toggle. Nothing is believed
because it was asked for: `STARTING` becomes `OPENED` when Asterisk has made the take's files, and only files that grow make
it `RECORDING`, the one state in which lamp, page and API say so (to the outside, `OPENED` is still *starting*). A stop is
true when the files are closed. What goes wrong leads to a new take of the same recording; takes already captured stay.
A new take begins without proof: after a transfer or a pause the way from `STARTING` is walked again. Lamps have no action
here: they are lit exactly while the state is `RECORDING`.
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
    LEFT = "leg gone, nobody left to record"
    ENDED = "call ended"


class Action(StrEnum):
    """What the session does about it, in this order."""

    SET_ASIDE = "hand the recording to intake as soon as its files are closed"
    BEGIN = "new recording, first take"
    RETAKE = "further take of the same recording"
    CLOSE = "stop the current take"
    CONFIRM = "say that it started"
    PROVEN = "tell that it is recorded"
    CATCH_UP = "go on from what is known of the take"
    GO_ON = "withdraw the stop"
    MUTE = "mute the take"
    UNMUTE = "unmute the take"
    STOPPED = "say that it stopped"
    ALARM = "alarm"
    ERROR_TONE = "say that it failed"


ACTIVE = (State.STARTING, State.OPENED, State.RECORDING, State.PAUSED, State.SUSPECT)
"""The states in which a take is open or being asked for."""

Row = tuple[State, tuple[Action, ...]]

TABLE: dict[tuple[State, Trigger], Row] = {
    (State.IDLE, Trigger.START): (State.STARTING, (Action.BEGIN,)),
    (State.FAILED, Trigger.START): (State.STARTING, (Action.BEGIN,)),
    (State.STOPPING, Trigger.START): (State.STARTING, (Action.SET_ASIDE, Action.BEGIN)),
    # The way to a proven recording.
    (State.STARTING, Trigger.SEEN): (State.OPENED, (Action.CONFIRM, Action.CATCH_UP)),
    (State.OPENED, Trigger.GREW): (State.RECORDING, (Action.PROVEN,)),
    (State.SUSPECT, Trigger.SEEN): (State.SUSPECT, (Action.CATCH_UP,)),
    (State.SUSPECT, Trigger.GREW): (State.RECORDING, (Action.PROVEN,)),
    # What goes wrong. The second take that does not grow is kept: a silent call may yet speak.
    (State.STARTING, Trigger.FAULT): (State.STARTING, (Action.ALARM, Action.ERROR_TONE, Action.CLOSE, Action.RETAKE)),
    (State.STARTING, Trigger.FAULT_AGAIN): (
        State.FAILED,
        (Action.ALARM, Action.ERROR_TONE, Action.CLOSE, Action.SET_ASIDE),
    ),
    (State.OPENED, Trigger.FAULT): (State.STARTING, (Action.ALARM, Action.ERROR_TONE, Action.CLOSE, Action.RETAKE)),
    (State.OPENED, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM, Action.ERROR_TONE)),
    (State.RECORDING, Trigger.STALLED): (State.SUSPECT, (Action.ALARM, Action.CLOSE, Action.RETAKE)),
    (State.RECORDING, Trigger.FAULT): (State.SUSPECT, (Action.ALARM, Action.CLOSE, Action.RETAKE)),
    (State.RECORDING, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM,)),
    (State.SUSPECT, Trigger.FAULT): (State.SUSPECT, (Action.ALARM, Action.CLOSE, Action.RETAKE)),
    (State.SUSPECT, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM,)),
    (State.STOPPING, Trigger.FAULT): (State.STOPPING, (Action.ALARM, Action.CLOSE)),
    (State.STOPPING, Trigger.FAULT_AGAIN): (State.SUSPECT, (Action.ALARM, Action.ERROR_TONE, Action.GO_ON)),
    # Pauses keep the timeline: muted, not stopped. A pause outlives its take, and a take that cannot be muted is closed.
    (State.OPENED, Trigger.PAUSE): (State.PAUSED, (Action.MUTE,)),
    (State.RECORDING, Trigger.PAUSE): (State.PAUSED, (Action.MUTE,)),
    (State.SUSPECT, Trigger.PAUSE): (State.PAUSED, (Action.MUTE,)),
    (State.PAUSED, Trigger.SEEN): (State.PAUSED, (Action.MUTE,)),
    (State.PAUSED, Trigger.FAULT): (State.PAUSED, (Action.ALARM, Action.CLOSE, Action.RETAKE)),
    (State.PAUSED, Trigger.FAULT_AGAIN): (State.PAUSED, (Action.ALARM, Action.CLOSE)),
    (State.PAUSED, Trigger.LOST): (State.PAUSED, (Action.ALARM, Action.RETAKE)),
    (State.PAUSED, Trigger.MOVED): (State.PAUSED, (Action.CLOSE, Action.RETAKE)),
    (State.PAUSED, Trigger.RESUME): (State.STARTING, (Action.UNMUTE, Action.CATCH_UP)),
    # The end.
    (State.STOPPING, Trigger.CLOSED): (State.IDLE, (Action.STOPPED, Action.SET_ASIDE)),
}
for _state in (State.OPENED, State.RECORDING, State.SUSPECT):
    TABLE[_state, Trigger.LOST] = (State.SUSPECT, (Action.ALARM, Action.RETAKE))
for _state in (State.STARTING, State.OPENED, State.RECORDING):
    TABLE[_state, Trigger.LEFT] = (State.SUSPECT, ())
for _state in (State.STARTING, State.OPENED, State.RECORDING, State.SUSPECT):
    TABLE[_state, Trigger.MOVED] = (State.STARTING, (Action.CLOSE, Action.RETAKE))
for _state in ACTIVE:
    TABLE[_state, Trigger.STOP] = (State.STOPPING, (Action.CLOSE,))
for _state in (*ACTIVE, State.IDLE, State.STOPPING, State.FAILED):
    TABLE[_state, Trigger.ENDED] = (State.CLOSED, (Action.SET_ASIDE,))


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
