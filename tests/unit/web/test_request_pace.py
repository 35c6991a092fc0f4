"""Turns: some at once, then evenly."""

import pytest

from callrec.web.request_pace import Pace


def test_after_a_pause_some_go_at_once_and_the_others_wait_for_one_turn_more_each() -> None:
    pace = Pace(per_s=10.0, burst=2)
    assert [pace.wait_s(100.0) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert pace.wait_s(100.1) == pytest.approx(0.2)
    assert pace.wait_s(100.4) == 0.0


def test_a_long_pause_saves_no_more_than_the_burst() -> None:
    pace = Pace(per_s=10.0, burst=2)
    pace.wait_s(0.0)
    assert [pace.wait_s(1e6) for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])
