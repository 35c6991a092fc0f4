"""When an event happened, by its stamp and two clocks."""

import math

import pytest

from callrec.app.event_times import EventTimes
from callrec.domain.model import Instant
from callrec.protocols.ami import Message


class SetClock:
    """Both clocks of a machine, set by hand."""

    def __init__(self) -> None:
        self.utc_s, self.mono_s = 1_795_341_600.0, 100.0

    def now(self) -> Instant:
        """See ports.Clock."""
        return Instant(self.utc_s, self.mono_s)

    def passes(self, seconds: float) -> None:
        """As time does."""
        self.utc_s, self.mono_s = self.utc_s + seconds, self.mono_s + seconds


def stamped(stamp: str) -> Message:
    return Message((("Event", "BridgeEnter"), ("Timestamp", stamp)))


def test_a_daemon_that_was_stopped_learns_when_it_was() -> None:
    clock = SetClock()
    times = EventTimes(clock)
    answered = stamped(f"{clock.utc_s + 1:.6f}")
    times.happened(stamped(f"{clock.utc_s:.6f}"))
    clock.passes(6.0)
    assert times.happened(answered) == pytest.approx(101.0)


@pytest.mark.parametrize("stamp", ["", "soon", "nan", "inf", "-inf", "99999999999", "-1e300", "0"])
def test_without_a_stamp_of_use_it_happened_now(stamp: str) -> None:
    clock = SetClock()
    assert EventTimes(clock).happened(stamped(stamp)) == clock.mono_s


@pytest.mark.parametrize("stamp", ["-1e300", "0", "1795341000"])
def test_no_event_happened_before_the_one_that_was_read_before_it(stamp: str) -> None:
    """A stamp of no use made a recording that was due for years."""
    clock = SetClock()
    times = EventTimes(clock)
    assert times.happened(stamped(f"{clock.utc_s:.6f}")) == 100.0
    clock.passes(1.0)
    assert times.happened(stamped(stamp)) >= 100.0


@pytest.mark.parametrize("step_s", [-300.0, -3600.0, 7200.0])
def test_while_the_clock_is_set_a_stamp_says_nothing(step_s: float) -> None:
    """And from the next event on it counts again."""
    clock = SetClock()
    times = EventTimes(clock)
    times.happened(stamped(f"{clock.utc_s:.6f}"))
    before = stamped(f"{clock.utc_s:.6f}")
    clock.utc_s += step_s
    clock.passes(0.5)
    assert times.happened(before) == clock.mono_s
    assert times.happened(before) == clock.mono_s, "another one that waited here while the clock was set"
    clock.passes(0.5)
    assert times.happened(stamped(f"{clock.utc_s - 0.25:.6f}")) == pytest.approx(clock.mono_s - 0.25)


@pytest.mark.parametrize(
    ("made_s_ago", "duration", "read_s_ago", "answered_s_ago"),
    [
        (11.3, "00:00:14", 20.0, 11.3),
        (11.3, "00:00:08", 20.0, 9.0),
        (11.3, "00:00:14", 7.0, 7.0),
        (None, "00:00:14", 20.0, 15.0),
        (None, "01:00:00", None, 3601.0),
        (None, "", None, 0.0),
        (-5.0, "", None, 0.0),
        (6e10, "", None, 10_100.0),  # a date before the machine was there
        (-6e10, "", None, 0.0),
        (math.inf, "", None, 10_100.0),
    ],
)
def test_a_conversation_of_which_no_event_told_began_when_it_can_have(
    made_s_ago: float | None, duration: str, read_s_ago: float | None, answered_s_ago: float
) -> None:
    """With its bridge, not before its youngest leg, and not before the last event that was read."""
    clock = SetClock()
    clock.passes(10_000)
    times = EventTimes(clock)
    if read_s_ago is not None:
        times.happened(stamped(""))
        clock.passes(read_s_ago)
    made_s = None if made_s_ago is None else clock.utc_s - made_s_ago
    assert times.answered(made_s, duration) == pytest.approx(clock.mono_s - answered_s_ago)
