"""What Asterisk's counters tell of a phone that restarts its RTP numbering."""

import pytest

from callrec.domain.calls.captures.rtp_counts import REPORT_S, Counted, RtpCount
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Quality, Renumbering

LEG = LegId("a")
FIRST = Counted.first(100.0, RtpCount(1, 500, 2, 1.5))


def then(
    *, at_s: float = 110.0, source: int = 1, received: int = 1000, lost: int = 2
) -> tuple[Counted, Renumbering | None]:
    """The next answer after FIRST."""
    return FIRST.then(LEG, at_s, at_s + 0.1, RtpCount(source, received, lost, 3.0))


def test_what_is_counted_is_the_quality() -> None:
    assert FIRST.quality == Quality(500, 2, 1.5)
    counted, renumbering = then(lost=12)
    assert (counted.quality, renumbering) == (Quality(1000, 12, 3.0), None)


@pytest.mark.parametrize(("lost", "counts"), [(70_000, 0), (-3, 0), (32_767, 32_767)])
def test_a_first_count_that_no_network_can_lose_is_none(lost: int, counts: int) -> None:
    """The daemon was started behind a renumbering."""
    assert Counted.first(0.0, RtpCount(1, 500, lost, 0.0)).lost == counts


@pytest.mark.parametrize(("source", "received"), [(2, 150), (1, 150), (2, 900)])
def test_a_new_source_is_counted_from_zero(source: int, received: int) -> None:
    """Which tells when its first packet came; also when it comes back. What was counted before still counts."""
    counted, renumbering = then(source=source, received=received, lost=0)
    began_s = [pytest.approx(max(100.0, at_s - received * 0.02)) for at_s in (110.0, 110.1)]
    assert renumbering == Renumbering(LEG, *began_s, is_new_source=True)
    assert counted.quality == Quality(500 + received, 2, 3.0)


def test_the_first_packets_of_a_phone_are_no_renumbering() -> None:
    """It was asked for before it had sent any, and had no source then."""
    before = Counted.first(100.0, RtpCount(0, 0, 0, 0.0))
    counted, renumbering = before.then(LEG, 102.0, 102.1, RtpCount(7, 60, 1, 1.0))
    assert (counted.quality, renumbering) == (Quality(60, 1, 1.0), None)
    again, _ = before.then(LEG, 102.0, 102.1, RtpCount(0, 0, 0, 0.0))
    _, renumbering = again.then(LEG, 104.0, 104.1, RtpCount(7, 60, 1, 1.0))
    assert renumbering is None


def test_lost_packets_of_a_new_source_have_taken_their_time_too() -> None:
    counted, renumbering = then(source=2, received=140, lost=10)
    assert renumbering is not None
    assert (renumbering.from_s, renumbering.to_s) == (pytest.approx(107.0), pytest.approx(107.1))
    assert counted.quality == Quality(640, 12, 3.0)
    assert then(source=2, received=140, lost=65_386)[0].quality == Quality(640, 2, 3.0)


def test_the_length_of_a_packet_is_learnt() -> None:
    """A phone may not send all the time, but never faster."""
    counted, _ = then(at_s=130.0, received=1000)
    _, renumbering = counted.then(LEG, 140.0, 140.0, RtpCount(2, 50, 0, 0.0))
    assert renumbering is not None
    assert renumbering.from_s == pytest.approx(137.0)
    steady, _ = counted.then(LEG, 140.0, 140.0, RtpCount(1, 1500, 2, 0.0))
    few, _ = steady.then(LEG, 150.0, 150.0, RtpCount(1, 1510, 2, 0.0))
    assert [one.packet_s for one in (FIRST, counted, steady, few)] == [
        None,
        0.06,
        pytest.approx(0.02),
        pytest.approx(0.02),
    ]


@pytest.mark.parametrize(
    ("lost", "behind_s"),
    [(2 + 65_386, 3.0), (2 + 65_536 - 600, 12.0), (2 - 30, 0.6), (2 + 32_769, 655.34)],
)
def test_a_step_back_of_the_same_source_shows_in_what_is_lost(lost: int, behind_s: float) -> None:
    """Asterisk reckons that at its reports, so that it may have happened a report before. Nothing of it was lost."""
    counted, renumbering = then(lost=lost)
    assert renumbering == Renumbering(LEG, 100.0 - REPORT_S, 110.1, behind_s=pytest.approx(behind_s))
    assert counted.quality == Quality(1000, 2, 3.0)


@pytest.mark.parametrize("lost", [2 + 500, 2 - 4])
def test_what_a_network_may_do_is_no_renumbering(lost: int) -> None:
    """It loses packets, and brings some twice or in another order."""
    counted, renumbering = then(lost=lost)
    assert renumbering is None
    assert counted.quality.lost == lost if lost > 0 else not counted.quality.lost


def test_a_step_ahead_leaves_nothing_behind() -> None:
    """And is no loss."""
    counted, renumbering = then(lost=2 + 20_000)
    assert (renumbering, counted.quality.lost) == (None, 2)


def test_what_has_not_come_is_away() -> None:
    """600 packets in 12 seconds are all of them."""
    steady, _ = FIRST.then(LEG, 112.0, 112.0, RtpCount(1, 1100, 2, 0.0))
    short, _ = steady.then(LEG, 122.0, 122.0, RtpCount(1, 1560, 22, 0.0))
    assert steady.away_since_s(FIRST) == pytest.approx(0.0)
    assert short.away_since_s(steady) == pytest.approx(0.4)
    assert FIRST.away_since_s(FIRST) == 0.0
