"""Rows of live calls: what is offered in which state, and what changes a row."""

from dataclasses import replace

import pytest

from callrec.app.calls.live_calls import LiveState
from callrec.domain.calls.model import Control, Direction
from callrec.domain.rules import Rule
from callrec.web.pages.calls.rows import Person, Row, rounded
from callrec.web.pages.calls.words import DONE, KINDS, PROOFS, STATES, UNDER_WAY, offered

ROW = Row(
    "c1", 1000.0, LiveState.RECORDING, (Person("John Doe", "1000", Direction.OUT, 1001.0),), Rule.ALWAYS, ("incall", "2050"),
    True, 100_000, 0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("written_bytes", "shown_bytes"),
    [(0, 0), (99_999, 0), (150_000, 100_000), (999_999, 900_000), (1_900_000, 1_000_000), (32_500_000, 32_000_000)],
)
def test_the_size_of_what_is_written_changes_seldom(written_bytes: int, shown_bytes: int) -> None:
    assert rounded(written_bytes) == shown_bytes


def test_a_row_has_another_mark_when_anything_in_it_has_changed() -> None:
    changed = [
        replace(ROW, state=LiveState.PAUSED),
        replace(ROW, people=()),
        replace(ROW, pauses=1),
        replace(ROW, written_bytes=200_000),
    ]
    assert len({one.mark for one in (ROW, *changed)}) == 5
    assert replace(ROW).mark == ROW.mark


def test_a_hostile_name_has_a_mark() -> None:
    assert replace(ROW, people=(Person("\ud800<b>", "", Direction.IN, None),)).mark != ROW.mark


def test_what_is_offered_can_be_asked_for_in_that_state() -> None:
    """Nothing that is certain to be refused: no stop without a recording, nothing in calls that Asterisk records alone."""
    may = {state: offered(state) for state in LiveState}
    assert may[LiveState.IDLE] == (Control.START,)
    assert may[LiveState.RECORDING] == (Control.PAUSE, Control.STOP)
    assert may[LiveState.PAUSED] == (Control.RESUME, Control.STOP)
    assert may[LiveState.FALLBACK] == may[LiveState.ENDED] == may[LiveState.STOPPING] == ()


def test_every_state_and_every_request_has_its_words() -> None:
    assert set(STATES) == set(LiveState)
    assert set(DONE) == set(UNDER_WAY) == set(Control)
    assert set(KINDS) | set(PROOFS) <= set(LiveState)


def test_an_unknown_participant_is_called_by_the_number() -> None:
    assert Person("", "2050", Direction.IN, None).called == "2050"
    assert Person("John Doe", "1000", Direction.IN, None).called == "John Doe"
