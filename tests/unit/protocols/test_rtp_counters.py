"""What Asterisk says of a leg's RTP, read."""

import pytest

from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.ids import LegId
from callrec.protocols.ami import Message
from callrec.protocols.rtp_counters import (
    LastCounts,
    Packets,
    largest_delay_of,
    last_counts_of,
    packets_of,
    rtp_count_of,
)

COUNTS = "ssrc=1574595998;themssrc=712213928;lp=3;rxjitter=0.000000;rxcount=347;txjitter=0.002500;txcount=349;rlp=0;rtt=0.000000"
JITTER = "minrxjitter=000.000000;maxrxjitter=000.012500;avgrxjitter=000.000707;stdevrxjitter=000.001187"
COUNTED = RtpCount(712213928, 347, 3, 2.5)


def test_what_was_received_and_sent() -> None:
    assert packets_of(COUNTS) == Packets(347, 349)
    assert packets_of("") is None
    assert Packets(347, 349).since(Packets(300, 340)) == Packets(47, 9)
    assert Packets(5, 349).since(Packets(300, 340)) == Packets(5, 349), "it began again"


@pytest.mark.parametrize(
    ("said", "lost", "expected"),
    [
        ("lp=3", "lp=3", COUNTED),
        ("lp=3", "lp=4294967293", RtpCount(712213928, 347, -3, 2.5)),
        ("lp=3", "lp=", None),
        ("rxcount=347", "rxcount=-1", None),
        ("txjitter=0.002500", "txjitter=60.5", None),
    ],
    ids=["as it is", "below zero", "no number", "cannot be", "no jitter can be"],
)
def test_a_count_that_cannot_be_is_none(said: str, lost: str, expected: RtpCount | None) -> None:
    assert rtp_count_of(COUNTS.replace(said, lost)) == expected
    assert rtp_count_of("") is None


@pytest.mark.parametrize(
    ("said", "expected"), [(JITTER, 0.2), ("", None), ("maxrxjitter=-1", None), ("maxrxjitter=x", None)]
)
def test_the_largest_delay_is_sixteen_times_the_largest_jitter(said: str, expected: float | None) -> None:
    """RFC 3550, 6.4.1."""
    assert largest_delay_of(said) == expected


def told(**headers: str) -> Message:
    """The dialplan's event."""
    said = {"Event": "UserEvent", "Uniqueid": "1.1", "UserEvent": "CallrecCounts", "Counts": COUNTS, "Jitter": JITTER}
    return Message(tuple((said | headers).items()))


def test_the_dialplan_tells_the_last_counts_of_a_leg() -> None:
    assert last_counts_of(told()) == LastCounts(LegId("1.1"), COUNTED, 0.2)
    assert last_counts_of(told(Jitter="")) == LastCounts(LegId("1.1"), COUNTED, None)


@pytest.mark.parametrize("other", [{"Event": "Hangup"}, {"UserEvent": "Other"}, {"Counts": ""}])
def test_other_events_tell_none(other: dict[str, str]) -> None:
    """Nor does a leg of which nothing was counted."""
    assert last_counts_of(told(**other)) is None
