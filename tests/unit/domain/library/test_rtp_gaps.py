"""What of a time without RTP lies beside the waits."""

import pytest

from callrec.domain.calls.model import RtpGap
from callrec.domain.library.rtp_gaps import StillTime, outside_waits
from callrec.domain.library.spans import Span

GAP = RtpGap(10.0, 14.0, 9.9, 14.1)
WITHIN = (0.0, 30.0)


@pytest.mark.parametrize(
    ("gap", "waits", "still"),
    [
        pytest.param(GAP, [], [StillTime(9.9, 10.0, 14.0, 14.1)], id="no wait"),
        pytest.param(GAP, [(5.0, 9.95), (14.05, 20.0)], [StillTime(9.95, 10.0, 14.0, 14.05)], id="waits at its edges"),
        pytest.param(
            GAP, [(11.0, 13.0)], [StillTime(9.9, 10.0, 11.0, 11.0), StillTime(13.0, 13.0, 14.0, 14.1)], id="in it"
        ),
        pytest.param(GAP, [(9.0, 15.0)], [], id="all of it is a wait"),
        pytest.param(GAP, [(9.0, 12.0)], [StillTime(12.0, 12.0, 14.0, 14.1)], id="its beginning"),
        pytest.param(GAP, [(12.0, float("inf"))], [StillTime(9.9, 10.0, 12.0, 12.0)], id="its end"),
        pytest.param(RtpGap(10.0, 14.0), [], [StillTime(0.0, 10.0, 14.0, 30.0)], id="edges that are not known"),
        pytest.param(RtpGap(-5.0, -1.0), [], [], id="before that time"),
        pytest.param(RtpGap(31.0, 32.0, 30.5, 33.0), [], [], id="after it"),
    ],
)
def test_what_lies_beside_the_waits(gap: RtpGap, waits: list[Span], still: list[StillTime]) -> None:
    assert outside_waits([gap], waits, *WITHIN) == still


def test_the_edges_of_two_do_not_overlap() -> None:
    """A packet came between them: the second begins where the first has ended at the latest."""
    first, second = outside_waits([GAP, RtpGap(15.0, 16.0, 14.0, 16.1)], [], *WITHIN)
    assert (first.until_s, second.since_s) == (14.1, 14.1)
    assert second.edges_s == pytest.approx(1.0)
