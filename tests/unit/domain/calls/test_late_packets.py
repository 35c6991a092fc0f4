"""A voice that a recorder dropped since its packets came late and then all at once."""

import pytest
from test_session import BOB, FLAGGED, T1, Call

from callrec.domain.calls.captures.late_packets import DELAYS, delays, is_delay
from callrec.domain.calls.commands import Write
from callrec.domain.calls.events import PacketsHeldBack
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Heard, Missing

A, B = LegId("a"), LegId("b")


@pytest.mark.parametrize(
    ("silence_s", "delay_s", "away_s", "expected"),
    [
        (0.58, 0.596, 0.0, True),
        (0.58, 0.73, 0.2, True),
        (0.58, 0.75, 0.0, False),
        (0.58, 0.3, 0.0, False),
        (0.29, 0.29, 0.0, False),
        (0.58, 0.6, 0.3, False),
        (5.0, 5.5, -0.5, True),
    ],
)
def test_a_silence_is_a_delay_when_both_are_as_long_and_all_packets_have_come(
    silence_s: float, delay_s: float, away_s: float, expected: bool
) -> None:
    assert is_delay(silence_s, delay_s, away_s) is expected


@pytest.mark.parametrize(
    ("delay_s", "away_s", "before_s", "told"),
    [
        pytest.param(0.746, 0.0, 0.3, [(3.12, 3.7)], id="later than before, and jitter beside it"),
        pytest.param(0.596, 0.0, None, [(3.12, 3.7)], id="as long as the delay"),
        pytest.param(0.4, 0.0, 0.0, [(2.0, 2.32)], id="as long as the other one"),
        pytest.param(0.746, 0.0, None, [], id="it is not known what was before"),
        pytest.param(0.746, 0.0, 0.7, [], id="no later than before"),
        pytest.param(0.746, 0.4, 0.3, [], id="they have not come"),
    ],
)
def test_of_a_legs_silences_that_is_a_delay_of_which_its_jitter_tells(
    delay_s: float, away_s: float, before_s: float | None, told: list[tuple[float, float]]
) -> None:
    """On a busy machine a packet that was late by 0.6 s was counted as 0.75 s, and the entry told nothing."""
    assert delays([(2.0, 2.32), (3.12, 3.7)], delay_s, away_s, before_s) == told


@pytest.mark.parametrize(("leg", "side"), [(A, Heard.SAYS), (B, Heard.HEARS)])
def test_the_entry_tells_it_by_the_calls_own_clock(leg: LegId, side: Heard) -> None:
    call = Call().recorded(FLAGGED, BOB).later(10)
    ahead_s = call.now.utc_s - call.now.mono_s
    call.on(PacketsHeldBack(T1, leg, 55.0, 55.5))
    assert call.recording.missing == (Missing(55.0 + ahead_s, 55.5 + ahead_s, "late-packets", side),)
    assert any(isinstance(one, Write) for one in call.commands)


def test_of_very_many_the_last_is_longer() -> None:
    call = Call().recorded(FLAGGED, BOB).later(10)
    call.later(DELAYS + 10)
    for nth in range(DELAYS + 10):
        call.on(PacketsHeldBack(T1, B, 51.0 + nth, 51.5 + nth))
    missing = call.recording.missing
    assert (len(missing), missing[-1].to_s - missing[-1].from_s, missing[-1].side) == (DELAYS, 10.5, Heard.BOTH)


def test_what_was_before_the_recording_is_none_of_it() -> None:
    """Late news."""
    call = Call().recorded(FLAGGED, BOB).later(10)
    call.on(PacketsHeldBack(T1, B, 49.0, 50.0))
    assert call.recording.missing == ()
    call.on(PacketsHeldBack(T1, B, 49.0, 50.4))
    assert call.recording.missing == (Missing(1000.0, 1000.4, "late-packets", Heard.HEARS),)


def test_news_of_another_capture_is_nothing() -> None:
    call = Call().recorded(FLAGGED, BOB).later(10)
    assert call.on(PacketsHeldBack(CaptureId("other-1-1"), A, 55.0, 55.5)) == []
    assert Call().on(PacketsHeldBack(T1, A, 55.0, 55.5)) == []
