"""The time by which recordings grow old: no clock that is set makes one due that is not."""

from dataclasses import replace

import pytest

from callrec.domain.library.known_time import (
    MOST_DOUBTS,
    STEP_S,
    Clocks,
    Doubt,
    KnownTime,
    aged_from_s,
    believed,
    known_now,
    off_s,
    usable_s,
)

HOUR, YEAR = 3600.0, 365 * 86400.0
T = 1_800_000_000.0


def clocks(wall_s: float, mono_s: float, *, boot: str = "b", kept: bool = False) -> Clocks:
    return Clocks(wall_s, mono_s, boot, kept)


def test_at_first_the_wall_clock_is_believed() -> None:
    known = known_now(None, clocks(T, 50))
    assert known == KnownTime(T, 50, "b")
    assert usable_s(known, clocks(T, 50)) == T


def test_a_clock_that_goes_on_is_followed_with_its_drift() -> None:
    known = known_now(None, clocks(T, 0))
    for minute in range(1, 100):
        now = clocks(T + minute * 61, minute * 60)
        known = known_now(known, now)
        assert (usable_s(known, now), off_s(known, now)) == (T + minute * 61, 0.0)


@pytest.mark.parametrize("jump_s", [HOUR, YEAR])
def test_a_clock_set_forward_is_not_believed_until_somebody_says_so(jump_s: float) -> None:
    known = known_now(None, clocks(T, 0))
    now = clocks(T + jump_s + 10, 10)
    known = known_now(known, now)
    assert (usable_s(known, now), off_s(known, now)) == (T + 10, jump_s)
    later = clocks(T + jump_s + 100, 100)
    known = known_now(known, later)
    assert usable_s(known, later) == T + 100
    assert usable_s(believed(known, later), later) == T + jump_s + 100
    back = clocks(T + 200, 200)
    known = known_now(known, back)
    assert (usable_s(known, back), known.doubts) == (T + 200, ())


def test_a_time_server_is_believed() -> None:
    known = known_now(None, clocks(T, 0))
    now = clocks(T + YEAR, 10, kept=True)
    assert usable_s(known_now(known, now), now) == T + YEAR


@pytest.mark.parametrize(("boot", "passed_s"), [("b", 500.0), ("another", 0.0)])
def test_after_a_restart_only_what_certainly_passed_is_counted(boot: str, passed_s: float) -> None:
    known = known_now(None, clocks(T, 1000))
    now = clocks(T + YEAR, 1500 if boot == "b" else 20, boot=boot)
    assert usable_s(known_now(known, now), now) == T + passed_s


def test_a_monotonic_clock_that_went_back_counts_nothing() -> None:
    known = known_now(KnownTime(T, 1000, "b"), clocks(T + YEAR, 900))
    assert known.utc_s == T


@pytest.mark.parametrize("back_s", [HOUR, YEAR])
def test_what_was_recorded_while_the_clock_was_behind_counts_from_the_end_of_that(back_s: float) -> None:
    known = known_now(None, clocks(T, 0))
    for second in range(100, 1000, 100):
        now = clocks(T - back_s + second, second)
        known = known_now(known, now)
        assert (usable_s(known, now), off_s(known, now)) == (T - back_s + second, -back_s)
    now = clocks(T + 1000, 1000)
    known = known_now(known, now)
    assert known.doubts == (Doubt(T - back_s + 100, T - back_s + 900, T + 900),)
    assert aged_from_s(known, T - back_s + 500) == T + 900
    assert aged_from_s(known, T - back_s + 100 - STEP_S - 1) == T - back_s + 100 - STEP_S - 1
    assert aged_from_s(known, T + 950) == T + 950
    ahead = clocks(T + YEAR, 1100)
    assert known_now(replace(known, doubts=(replace(known.doubts[0], is_open=True),)), ahead).doubts == known.doubts


def test_of_too_many_doubts_the_oldest_become_one() -> None:
    doubts = tuple(Doubt(nth * 1000.0, nth * 1000.0 + 5, T + nth) for nth in range(MOST_DOUBTS))
    known = known_now(KnownTime(T, 0, "b", doubts), clocks(T - YEAR, 10))
    assert len(known.doubts) == MOST_DOUBTS
    assert known.doubts[0] == Doubt(0.0, 1005.0, T + 1)
    assert known.doubts[-1] == Doubt(T - YEAR, T - YEAR, T + 10, is_open=True)
