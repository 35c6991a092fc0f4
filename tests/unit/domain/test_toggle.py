"""The recording state machine: its whole table, once more, as one reads it aloud."""

import re
import runpy
from itertools import product

import pytest

from callrec.domain.toggle import ACTIVE, TABLE, Action, State, Trigger, diagram, step

# state, what happens, next state, what is done (the Actions' names, in order)
ROWS = """
idle       START         starting    begin
failed     START         starting    begin
stopping   START         starting    set_aside begin

starting   SEEN          opened      confirm catch_up
opened     GREW          recording   proven
suspect    SEEN          suspect     catch_up
suspect    GREW          recording   proven

starting   FAULT         starting    alarm error_tone close retake
starting   FAULT_AGAIN   failed      alarm error_tone close set_aside
opened     FAULT         starting    alarm error_tone close retake
opened     FAULT_AGAIN   suspect     alarm error_tone
recording  STALLED       suspect     alarm close retake
recording  FAULT         suspect     alarm close retake
recording  FAULT_AGAIN   suspect     alarm
suspect    FAULT         suspect     alarm close retake
suspect    FAULT_AGAIN   suspect     alarm
stopping   FAULT         stopping    alarm close
stopping   FAULT_AGAIN   suspect     alarm error_tone go_on
opened     LOST          suspect     alarm retake
recording  LOST          suspect     alarm retake
suspect    LOST          suspect     alarm retake

opened     PAUSE         paused      mute
recording  PAUSE         paused      mute
suspect    PAUSE         paused      mute
paused     SEEN          paused      mute
paused     FAULT         paused      alarm close retake
paused     FAULT_AGAIN   paused      alarm close
paused     LOST          paused      alarm retake
paused     RESUME        starting    unmute catch_up

starting   MOVED         starting    close retake
opened     MOVED         starting    close retake
recording  MOVED         starting    close retake
suspect    MOVED         starting    close retake
paused     MOVED         paused      close retake
starting   LEFT          suspect     -
opened     LEFT          suspect     -
recording  LEFT          suspect     -

starting   STOP          stopping    close
opened     STOP          stopping    close
recording  STOP          stopping    close
paused     STOP          stopping    close
suspect    STOP          stopping    close
stopping   CLOSED        idle        stopped set_aside

idle       ENDED         closed      set_aside
starting   ENDED         closed      set_aside
opened     ENDED         closed      set_aside
recording  ENDED         closed      set_aside
paused     ENDED         closed      set_aside
suspect    ENDED         closed      set_aside
stopping   ENDED         closed      set_aside
failed     ENDED         closed      set_aside
"""


def _row(line: str) -> tuple[tuple[State, Trigger], tuple[State, tuple[Action, ...]]]:
    state, trigger, target, *actions = line.split()
    done = tuple(Action[name.upper()] for name in actions if name != "-")
    return (State(state), Trigger[trigger]), (State(target), done)


EXPECTED = dict(_row(line) for line in ROWS.splitlines() if line)


def test_the_table_is_this_one() -> None:
    """No row more, no row less, nothing else in any row."""
    assert EXPECTED == TABLE


@pytest.mark.parametrize(("state", "trigger"), sorted(EXPECTED))
def test_a_row_is_obeyed(state: State, trigger: Trigger) -> None:
    """A step goes where the table says and does what it says."""
    assert EXPECTED[state, trigger] == step(state, trigger)


@pytest.mark.parametrize(("state", "trigger"), sorted(set(product(State, Trigger)) - set(EXPECTED)))
def test_late_news_change_nothing(state: State, trigger: Trigger) -> None:
    """A pair that is not in the table leaves the state as it is and does nothing."""
    assert (state, ()) == step(state, trigger)


def test_every_state_can_be_reached_and_left() -> None:
    """From idle there is a way to each state, and from each but closed a way to closed; from closed there is none."""

    def reach(start: State) -> set[State]:
        found: set[State] = set()
        ahead = {start}
        while ahead:
            found |= ahead
            ahead = {target for (state, _), (target, _) in TABLE.items() if state in ahead} - found
        return found

    assert set(State) == reach(State.IDLE)
    assert all(State.CLOSED in reach(state) for state in State)
    assert {State.CLOSED} == reach(State.CLOSED)


def test_recording_is_entered_by_growth_alone() -> None:
    """No other news makes a call count as recorded."""
    ways = {
        trigger for (state, trigger), (target, _) in TABLE.items() if target is State.RECORDING and state is not target
    }

    assert {Trigger.GREW} == ways


def test_every_trigger_and_every_action_is_used() -> None:
    """Words that the table does not use would be believed to mean something."""
    assert set(Trigger) == {trigger for _, trigger in TABLE}
    assert set(Action) == {action for _, actions in TABLE.values() for action in actions}


def test_whatever_is_active_can_be_stopped() -> None:
    """There is no state in which a take is open and a stop would be lost."""
    assert all((state, Trigger.STOP) in TABLE for state in ACTIVE)
    assert all(Action.CLOSE in step(state, Trigger.STOP)[1] for state in ACTIVE)


def test_the_diagram_shows_each_row_once() -> None:
    """The picture in the documentation is the whole table."""
    first, start, *arrows, last = diagram().splitlines()
    shown = [re.fullmatch(r" {4}(\w+) --> (\w+): (.+)", arrow) for arrow in arrows]

    assert ("stateDiagram-v2", "    [*] --> idle", "    closed --> [*]") == (first, start, last)
    assert [(state, target, trigger) for (state, trigger), (target, _) in TABLE.items()] == [
        found.groups() for found in shown if found
    ]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_module_prints_its_diagram(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m callrec.domain.toggle` is how the picture is made."""
    runpy.run_module("callrec.domain.toggle", run_name="__main__")

    assert diagram() + "\n" == capsys.readouterr().out
