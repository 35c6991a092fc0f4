"""The recording state machine: its whole table, once more, as one reads it aloud."""

import re
import runpy
from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import product

import pytest

from callrec.domain.calls import transitions
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Instant, Pause, Recording
from callrec.domain.calls.policy import Announcement, Terms
from callrec.domain.calls.session import ACTIVE, Change, Session, State
from callrec.domain.calls.states import TABLE, Branch, Row, Trigger, apply, branch_for, diagram
from callrec.domain.rules import Rule

# state, what happens, condition (- none, else: none of those above), next state, effects in order
ROWS = """
idle       START        told_first            announcing begin_recording begin_announcing open_capture
idle       START        else                  starting   begin_recording open_capture
failed     START        told_first            announcing end_failure begin_recording begin_announcing open_capture
failed     START        else                  starting   end_failure begin_recording open_capture
stopping   START        told_first            announcing hand_over_when_closed begin_recording begin_announcing open_capture
stopping   START        else                  starting   hand_over_when_closed begin_recording open_capture

announcing TOLD         -                     starting   end_announcing open_capture
announcing MOVED        -                     announcing open_capture
announcing PAUSE        -                     paused     end_announcing begin_pause mute journal_change await_end_of_pause

starting   OPENED       capture_grows         recording  confirm_start confirm_recording
starting   OPENED       else                  opened     confirm_start
opened     GREW         -                     recording  confirm_recording
suspect    OPENED       capture_grows         recording  await_growth confirm_recording
suspect    OPENED       else                  suspect    await_growth
suspect    GREW         -                     recording  confirm_recording

starting   FAULT        -                     starting   raise_alarm tell_failure stop_capture open_capture
starting   FAULT_AGAIN  -                     failed     raise_alarm tell_failure stop_capture retry_later hand_over_when_closed
opened     FAULT        -                     starting   raise_alarm tell_failure stop_capture open_capture
opened     FAULT_AGAIN  -                     suspect    raise_alarm tell_failure
recording  STALLED      -                     suspect    raise_alarm stop_capture open_capture
recording  FAULT        -                     suspect    raise_alarm stop_capture open_capture
recording  FAULT_AGAIN  -                     suspect    raise_alarm reopen_later
suspect    FAULT        -                     suspect    raise_alarm stop_capture open_capture
suspect    FAULT_AGAIN  -                     suspect    raise_alarm reopen_later
opened     LOST         -                     suspect    raise_alarm open_capture
recording  LOST         -                     suspect    raise_alarm open_capture
suspect    LOST         -                     suspect    raise_alarm open_capture

starting   UNDECODABLE       recording_goes_on     suspect    raise_alarm answer_failure stop_capture
starting   UNDECODABLE       else                  failed     raise_alarm answer_failure stop_capture hand_over_when_closed
opened     UNDECODABLE       -                     suspect    raise_alarm stop_capture journal_change
recording  UNDECODABLE       -                     suspect    raise_alarm stop_capture journal_change
suspect    UNDECODABLE       -                     suspect    raise_alarm stop_capture journal_change
suspect    CLEAR        -                     starting   open_capture

starting   MOVED        -                     starting   stop_capture open_capture
opened     MOVED        -                     starting   stop_capture open_capture
recording  MOVED        -                     starting   stop_capture open_capture
suspect    MOVED        -                     starting   stop_capture open_capture
starting   LEFT         -                     suspect
opened     LEFT         -                     suspect
recording  LEFT         -                     suspect

announcing ALL_LEFT     -                     absent     set_end begin_absence stop_capture journal_change
starting   ALL_LEFT     -                     absent     set_end begin_absence stop_capture journal_change
opened     ALL_LEFT     -                     absent     set_end begin_absence stop_capture journal_change
recording  ALL_LEFT     -                     absent     set_end begin_absence stop_capture journal_change
paused     ALL_LEFT     -                     absent     set_end begin_absence stop_capture journal_change
suspect    ALL_LEFT     -                     absent     set_end begin_absence stop_capture journal_change
absent     MOVED        recording_is_paused   paused     end_absence open_capture await_end_of_pause
absent     MOVED        announcement_is_due   announcing end_absence begin_announcing open_capture
absent     MOVED        else                  starting   end_absence open_capture
absent     START        told_first            announcing hand_over_when_closed begin_recording begin_announcing open_capture
absent     START        else                  starting   hand_over_when_closed begin_recording open_capture

absent     STOP         -                     idle       confirm_stop hand_over_when_closed

starting   PAUSE        -                     paused     begin_pause mute journal_change await_end_of_pause
suspect    PAUSE        -                     paused     begin_pause mute journal_change await_end_of_pause
opened     PAUSE        -                     paused     begin_pause mute journal_change await_end_of_pause
recording  PAUSE        -                     paused     begin_pause mute journal_change await_end_of_pause
paused     OPENED       -                     paused     mute
paused     FAULT        -                     paused     raise_alarm stop_capture open_capture
paused     FAULT_AGAIN  -                     paused     raise_alarm stop_capture
paused     LOST         -                     paused     raise_alarm open_capture
paused     MOVED        -                     paused     stop_capture open_capture
paused     RESUME       announcement_is_due   announcing end_pause begin_announcing open_capture journal_change
paused     RESUME       capture_is_closed     starting   end_pause open_capture journal_change
paused     RESUME       capture_is_requested  starting   end_pause unmute await_opening journal_change
paused     RESUME       else                  opened     end_pause unmute journal_change
opened     UNMUTED      capture_grows         recording  confirm_start confirm_recording
opened     UNMUTED      else                  opened     confirm_start

announcing STOP         capture_is_open       stopping   set_end stop_capture journal_change
announcing STOP         else                  idle       set_end confirm_stop hand_over_when_closed
starting   STOP         capture_is_open       stopping   set_end stop_capture journal_change
starting   STOP         else                  idle       set_end confirm_stop hand_over_when_closed
opened     STOP         capture_is_open       stopping   set_end stop_capture journal_change
opened     STOP         else                  idle       set_end confirm_stop hand_over_when_closed
recording  STOP         capture_is_open       stopping   set_end stop_capture journal_change
recording  STOP         else                  idle       set_end confirm_stop hand_over_when_closed
paused     STOP         capture_is_open       stopping   set_end stop_capture journal_change
paused     STOP         else                  idle       set_end confirm_stop hand_over_when_closed
suspect    STOP         capture_is_open       stopping   set_end stop_capture journal_change
suspect    STOP         else                  idle       set_end confirm_stop hand_over_when_closed
stopping   CLOSED       -                     idle       confirm_stop hand_over_when_closed
stopping   FAULT        captured_leg_moved    idle       raise_alarm tell_failure hand_over_when_closed
stopping   FAULT        capture_is_open       stopping   raise_alarm stop_capture
stopping   FAULT        else                  idle       raise_alarm confirm_stop hand_over_when_closed
stopping   FAULT_AGAIN  captured_leg_moved    idle       raise_alarm tell_failure hand_over_when_closed
stopping   FAULT_AGAIN  recording_must_end    stopping   raise_alarm answer_failure stop_capture
stopping   FAULT_AGAIN  recording_is_paused   paused     raise_alarm tell_failure withdraw_stop await_end_of_pause mute
stopping   FAULT_AGAIN  capture_is_requested  suspect    raise_alarm tell_failure withdraw_stop await_opening
stopping   FAULT_AGAIN  capture_grows         recording  raise_alarm tell_failure withdraw_stop confirm_recording
stopping   FAULT_AGAIN  else                  suspect    raise_alarm tell_failure withdraw_stop

idle       ENDED        -                     closed     hand_over_when_closed
announcing ENDED        -                     closed     hand_over_when_closed
starting   ENDED        -                     closed     hand_over_when_closed
opened     ENDED        -                     closed     hand_over_when_closed
recording  ENDED        -                     closed     hand_over_when_closed
paused     ENDED        -                     closed     hand_over_when_closed
suspect    ENDED        -                     closed     hand_over_when_closed
stopping   ENDED        -                     closed     hand_over_when_closed
absent     ENDED        -                     closed     hand_over_when_closed
failed     ENDED        -                     closed     end_failure hand_over_when_closed
"""


def _expected() -> dict[tuple[State, Trigger], Row]:
    table: dict[tuple[State, Trigger], Row] = {}
    for line in filter(None, ROWS.splitlines()):
        state, trigger, condition, target, *effects = line.split()
        key = (State(state), Trigger[trigger])
        asked = None if condition in {"-", "else"} else getattr(transitions, condition)
        branch = Branch(State(target), tuple(getattr(transitions, name) for name in effects), asked)
        assert (condition == "-") == (key not in table and asked is None), line
        table[key] = (*table.get(key, ()), branch)
    return table


EXPECTED = _expected()


def branches() -> Iterable[tuple[State, Trigger, Branch]]:
    """Every way in the table."""
    return ((state, trigger, branch) for (state, trigger), row in TABLE.items() for branch in row)


def a_session(state: State, *, opened: bool, closed: bool, grows: bool, paused: bool, first: bool = False) -> Session:
    """A call with one capture, which only keeps a place where the participants are told first and nothing is opened."""
    is_place = first and not opened
    capture = Capture(
        CaptureId("c-1-1"), LegId("a"), "PJSIP/a-1", 8000, 1.0, 1.0 if is_place else None, "0x1" if opened else ""
    )
    pauses = (Pause(2.0, None if paused else 3.0),)
    recording = Recording(
        RecordingId("c-1"),
        CallId("c"),
        "c.1",
        NodeId("n"),
        Rule.ALWAYS,
        POLICY,
        1.0,
        captures=(capture,),
        pauses=pauses,
    )
    return Session(
        CallId("c"),
        "c.1",
        NodeId("n"),
        Terms(announce=Announcement.PROMPT_FIRST if first else Announcement.NONE),
        state=state,
        recording=recording,
        open_captures=frozenset(() if closed else (capture.id,)),
        proven=capture.id if grows else None,
    )


SITUATIONS = [
    dict(zip(("opened", "closed", "grows", "paused", "first"), flags, strict=True))
    for flags in product((False, True), repeat=5)
]


def test_the_table_is_this_one() -> None:
    """No row more, no row less, nothing else in any row."""
    assert EXPECTED == TABLE


@pytest.mark.parametrize(("state", "trigger"), sorted(EXPECTED))
def test_a_row_is_obeyed(state: State, trigger: Trigger) -> None:
    """In every situation the first way is taken whose condition holds, and the state is the one that it names."""
    for situation in SITUATIONS:
        session = a_session(state, **situation)
        row = EXPECTED[state, trigger]
        expected = next(one for one in row if one.condition is None or one.condition(session))
        assert expected == branch_for(session, trigger)
        apply(Change(session, Instant(5.0, 5.0), Instant(5.0, 5.0)), trigger)
        assert expected.state is session.state


@pytest.mark.parametrize(("state", "trigger"), sorted(set(product(State, Trigger)) - set(EXPECTED)))
def test_late_news_change_nothing(state: State, trigger: Trigger) -> None:
    """A pair that is not in the table leaves all as it is and asks for nothing."""
    session = a_session(state, opened=True, closed=False, grows=True, paused=True)
    before = replace(session)
    change = Change(session, Instant(5.0, 5.0), Instant(5.0, 5.0))
    apply(change, trigger)
    assert (before, []) == (session, change.commands)


@pytest.mark.parametrize(
    "effect", sorted({one for _, _, way in branches() for one in way.effects}, key=lambda one: one.__name__)
)
def test_an_effect_never_changes_the_state(effect: transitions.Effect) -> None:
    """The table alone says what state comes next."""
    for state, situation in product(State, SITUATIONS):
        session = a_session(state, **situation)
        effect(Change(session, Instant(5.0, 5.0), Instant(5.0, 5.0)), transitions.NO_CAUSE)
        assert session.state is state


def test_conditions_are_asked_before_the_first_effect() -> None:
    """A condition is about the call as it was; it changes nothing."""
    for state, situation in product(State, SITUATIONS):
        session = a_session(state, **situation)
        before = replace(session)
        for condition in {way.condition for _, _, way in branches() if way.condition}:
            condition(session)
        assert all(getattr(session, one.name) == getattr(before, one.name) for one in fields(Session))


def test_the_last_way_of_a_row_has_no_condition() -> None:
    """And only the last."""
    for row in TABLE.values():
        assert [True] * (len(row) - 1) + [False] == [branch.condition is not None for branch in row]


def test_every_state_can_be_reached_and_left() -> None:
    """From idle there is a way to each state, and from each but closed a way to closed; from closed there is none."""

    def reach(start: State) -> set[State]:
        found: set[State] = set()
        ahead = {start}
        while ahead:
            found |= ahead
            ahead = {branch.state for state, _, branch in branches() if state in ahead} - found
        return found

    assert set(State) == reach(State.IDLE)
    assert all(State.CLOSED in reach(state) for state in State)
    assert {State.CLOSED} == reach(State.CLOSED)


def test_recording_is_entered_by_growth_alone() -> None:
    """By the news of it, or where it is known that the capture grows."""
    ways = {
        branch.condition or trigger
        for state, trigger, branch in branches()
        if branch.state is State.RECORDING and state is not State.RECORDING
    }

    assert {Trigger.GREW, transitions.capture_grows} == ways


def test_every_trigger_is_used() -> None:
    """Words that the table does not use would be believed to mean something."""
    assert set(Trigger) == {trigger for _, trigger in TABLE}


def test_whatever_is_active_can_be_stopped() -> None:
    """There is no state in which a capture is open and a stop would be lost."""
    for state in ACTIVE:
        way = branch_for(a_session(state, opened=True, closed=False, grows=False, paused=False), Trigger.STOP)
        assert transitions.stop_capture in way.effects


def test_the_diagram_shows_each_way_once() -> None:
    """The picture in the documentation is the whole table."""
    first, start, *arrows, last = diagram().splitlines()
    shown = [re.fullmatch(r" {4}(\w+) --> (\w+): ([\w ,]+?)( \[[\w ]+\])?", arrow) for arrow in arrows]
    conditions = [
        f" [{branch.condition.__name__.replace('_', ' ')}]" if branch.condition else " [else]" if len(row) > 1 else None
        for row in TABLE.values()
        for branch in row
    ]

    assert (first, start, last) == ("stateDiagram-v2", "    [*] --> idle", "    closed --> [*]")
    assert [
        (state, branch.state, trigger, condition)
        for (state, trigger, branch), condition in zip(branches(), conditions, strict=True)
    ] == [found.groups() for found in shown if found]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_module_prints_its_diagram(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m callrec.domain.calls.states` is how the picture is made."""
    runpy.run_module("callrec.domain.calls.states", run_name="__main__")

    assert diagram() + "\n" == capsys.readouterr().out
