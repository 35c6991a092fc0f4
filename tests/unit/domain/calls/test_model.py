"""A recording that is closed has an end for everything in it."""

import pytest

from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Missing, Party, Pause, Quality, Recording, Waiting, WaitingKind
from callrec.domain.rules import Rule


def party(from_s: float, to_s: float | None) -> Party:
    return Party(LegId("1.1"), None, "1001", "Alice", from_s, to_s)


@pytest.mark.parametrize(
    ("quality", "is_lossy"),
    [
        (Quality(500, 0, 0.0), False),
        (Quality(95, 5, 0.0), False),
        (Quality(94, 6, 0.0), True),
        (Quality(179_100, 900, 0.0), True),
        (Quality(199, 1, 0.0, 60.0), False),
        (Quality(196, 4, 0.0, 60.0), True),
    ],
    ids=["none", "100 ms", "120 ms", "18 s of an hour", "60 ms", "240 ms"],
)
def test_more_than_100_ms_are_a_loss(quality: Quality, is_lossy: bool) -> None:
    """In a long call as in a short one, and however long a packet is."""
    assert quality.is_lossy is is_lossy


def test_nothing_in_a_closed_recording_is_open_or_outlasts_it() -> None:
    """News come late and in no order: what begins after the end is there for no time at all."""
    recording = Recording(
        RecordingId("c1-1"), CallId("c1"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, from_s=100.0,
        parties=(party(90, None), party(101, 102), party(105, 130), party(115, 120), party(115, None)),
        pauses=(Pause(95, 101), Pause(108, None), Pause(112, 113)),
        missing=(Missing(102, 104, "gap"), Missing(107, 107, "supervisor")),
        waiting=(Waiting(109, None, WaitingKind.HOLD),),
    )  # fmt: skip
    closed = recording.closed(110.0, ())
    assert closed.to_s == 110
    assert [(one.from_s, one.to_s) for one in closed.parties] == [
        (90, 110),
        (101, 102),
        (105, 110),
        (110, 110),
        (110, 110),
    ]
    assert closed.pauses == (Pause(100, 101), Pause(108, 110))
    assert closed.waiting == (Waiting(109, 110, WaitingKind.HOLD),)
    assert closed.missing == (Missing(102, 104, "gap"), Missing(107, 110, "supervisor"))
