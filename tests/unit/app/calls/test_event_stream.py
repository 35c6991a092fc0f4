"""When an event happened, by its stamp and two clocks."""

import math

import pytest

from callrec.app.calls import event_stream
from callrec.app.calls.event_stream import EventTimes, HeldEvents
from callrec.domain.calls.model import Instant
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
        times.resynced()
        clock.passes(1.0)
        times.happened(stamped(""))
        clock.passes(read_s_ago)
    made_s = None if made_s_ago is None else clock.utc_s - made_s_ago
    assert times.answered(made_s, duration) == pytest.approx(clock.mono_s - answered_s_ago)


def test_an_event_from_before_a_stop_says_nothing_of_what_happened_in_it() -> None:
    """The daemon was stopped (SIGSTOP) when it had read an event and not handled it: an answer in the stop was dated at its end,
    and 3 s of the conversation were missing untold."""
    clock = SetClock()
    times = EventTimes(clock)
    times.resynced()
    clock.passes(1.0)
    rings = stamped(f"{clock.utc_s:.6f}")
    clock.passes(3.0)
    times.happened(rings)
    times.lost()
    assert times.answered(clock.utc_s - 2.5, "00:00:10") == pytest.approx(clock.mono_s - 2.5)


def test_events_after_a_gap_say_nothing_of_what_was_missed_in_it() -> None:
    """On a busy PBX other calls' events come before the comparison: a conversation that was missed for 11 s was said to have just
    begun, and the loss was not told. A resync knows all again."""
    clock = SetClock()
    clock.passes(10_000)
    times = EventTimes(clock)
    times.happened(stamped(""))
    assert times.answered(None, "") == clock.mono_s
    times.resynced()
    clock.passes(2.0)
    times.lost()
    clock.passes(11.0)
    times.happened(stamped(""))
    assert times.answered(clock.utc_s - 10.0, "00:01:00") == pytest.approx(clock.mono_s - 10.0)
    assert times.answered(None, "00:01:00") == pytest.approx(clock.mono_s - 13.0)
    times.resynced()
    assert times.answered(clock.utc_s - 10.0, "00:01:00") == clock.mono_s


# -- events that are held ----------------------------------------------------------------------------------------------


def held(name: str, text: str = "") -> Message:
    return Message((("Event", name), ("X", text)))


def test_the_oldest_give_way_to_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MAX_HELD", 2)
    waiting = HeldEvents()
    assert [waiting.add(held(name), at_s) for at_s, name in enumerate("abc")] == [0, 0, 1]
    assert [(message.event, at_s) for message, at_s in waiting] == [("b", 1), ("c", 2)]


def test_long_ones_are_counted_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 messages of 64 KiB would be 6 GiB."""
    monkeypatch.setattr(event_stream, "MAX_HELD_BYTES", 5000)
    waiting = HeldEvents()
    assert [waiting.add(held(name, "x" * 1000), 0.0) for name in "abcd"] == [0, 0, 0, 1]
    assert waiting.add(held("e", "x" * 4000), 0.0) == 3
    assert [message.event for message, _ in waiting] == ["e"]
