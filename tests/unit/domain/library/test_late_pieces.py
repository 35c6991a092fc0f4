"""Which short silences of a side are told as a voice, and what nothing tells from one."""

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import LATE_PACKETS, POLICY, Capture, Heard, Missing, Party, Quality, Recording
from callrec.domain.calls.session import APPLICATION
from callrec.domain.library.late_pieces import PIECES, SideSilences, is_in_time, judge, largest_delays_s
from callrec.domain.library.spans import Span, length_s
from callrec.domain.rules import Rule


def party(leg: str, delay_ms: float | None, *, is_counted: bool = True) -> Party:
    quality = Quality(500, 0, 1.0, largest_delay_ms=delay_ms)
    return Party(LegId(leg), None, "", "", 0.0, quality=quality if is_counted else None)


@pytest.mark.parametrize(
    ("parties", "says_s", "hears_s"),
    [
        ((party("a", 40.0), party("b", 250.0), party("c", 30.0)), 0.04, 0.25),
        ((party("a", 40.0), party(f"{APPLICATION}9", None, is_counted=False)), 0.04, 0.0),
        ((party("a", 40.0), party("b", 250.0), party("c", None)), 0.04, None),
        ((party("a", None), party("b", 20.0)), None, 0.02),
        ((party("a", 40.0), party("b", None, is_counted=False)), 0.04, None),
        ((), None, None),
    ],
    ids=["the largest", "an application", "not known", "not of the recorded one", "not counted", "nobody"],
)
def test_the_largest_delay_of_a_side_is_known_when_it_is_of_each_participant_there(
    parties: tuple[Party, ...], says_s: float | None, hears_s: float | None
) -> None:
    ids = RecordingId("c-1"), CallId("c"), "c.1", NodeId("n")
    own = Capture(CaptureId("c-1-1"), LegId("a"), "PJSIP/a-1", 8000, 0.0)
    recording = Recording(*ids, Rule.ALWAYS, POLICY, 0.0, captures=(own,), parties=parties)
    assert largest_delays_s(recording) == {Heard.SAYS: says_s, Heard.HEARS: hears_s}


def said(*spans: Span, last_s: float = 0.0, delay_s: float | None = 0.2) -> tuple[list[Span], float]:
    """What is told of one side with these silences, and what may be missing beside it."""
    told, may_lack_s = judge([SideSilences(Heard.SAYS, spans, (last_s, 0.1))], {Heard.SAYS: delay_s})
    assert {(one.cause, one.side) for one in told} <= {(LATE_PACKETS, Heard.SAYS)}
    return [(one.from_s, one.to_s) for one in told], may_lack_s


@pytest.mark.parametrize("delay_s", [0.1, 0.28, None])
def test_short_silences_of_one_who_is_never_silent_for_longer_are_told(delay_s: float | None) -> None:
    """Also where it is not known how late packets came."""
    assert not is_in_time(delay_s)
    assert said((1.0, 1.08), (4.0, 4.1), delay_s=delay_s) == ([(1.0, 1.08), (4.0, 4.1)], 0.0)


def test_a_tenth_of_a_second_in_all_is_no_loss() -> None:
    """It counts as what may be missing."""
    assert said((1.0, 1.04), (4.0, 4.06)) == ([], 0.1)
    assert said() == ([], 0.0)


def test_where_all_packets_came_in_time_the_recorder_has_dropped_none() -> None:
    assert said((1.0, 1.08), (4.0, 4.1), delay_s=0.09) == ([], 0.0)


def test_of_one_who_is_silent_for_longer_nothing_tells_a_short_silence_from_a_voice() -> None:
    """Muted, or a phone with noise suppression: the entry says how much it is."""
    assert said((1.0, 1.08), (2.0, 2.4), (4.0, 4.1)) == ([], 0.18)


@pytest.mark.parametrize(("delay_s", "may_lack_s"), [(0.65, 0.56), (0.3, 0.0), (None, 0.0)])
def test_a_longer_silence_may_be_a_voice_where_packets_came_as_late(delay_s: float | None, may_lack_s: float) -> None:
    """One behind a later packet of the same call: its delay did not show in the largest one."""
    assert said((3.06, 3.62), (4.06, 5.24), delay_s=delay_s) == ([], may_lack_s)


@pytest.mark.parametrize(("last_s", "may_lack_s"), [(0.15, 0.0), (0.5, 0.5), (9.5, 9.5), (10.5, 0.0)])
@pytest.mark.parametrize("delay_s", [0.02, None])
def test_a_silence_to_the_end_may_be_a_voice_of_which_no_counter_tells(
    last_s: float, may_lack_s: float, delay_s: float | None
) -> None:
    """A phone stops sending a moment before its hangup is known. A longer one a report of RTCP would have told."""
    assert said(last_s=last_s, delay_s=delay_s) == ([], may_lack_s)


def test_each_side_is_judged_by_itself_and_told_in_the_order_of_time() -> None:
    sides = SideSilences(Heard.SAYS, ((3.0, 3.2),)), SideSilences(Heard.HEARS, ((1.0, 1.15), (5.0, 5.2)), (0.4,))
    assert judge(sides, dict.fromkeys(Heard)) == (
        (
            Missing(1.0, 1.15, LATE_PACKETS, Heard.HEARS),
            Missing(3.0, 3.2, LATE_PACKETS, Heard.SAYS),
            Missing(5.0, 5.2, LATE_PACKETS, Heard.HEARS),
        ),
        0.4,
    )


def test_beside_what_came_late_on_one_side_the_recorder_writes_silence_on_the_other() -> None:
    """Whose packets came in time: nothing is missing there."""
    sides = SideSilences(Heard.SAYS, ((3.0, 3.2),)), SideSilences(Heard.HEARS, ((3.2, 3.24), (3.4, 3.42)))
    told, may_lack_s = judge(sides, {Heard.SAYS: None, Heard.HEARS: 0.05})
    assert (told, may_lack_s) == ((Missing(3.0, 3.2, LATE_PACKETS, Heard.SAYS),), 0.0)


def test_many_pieces_are_told_as_a_few() -> None:
    """Those become one that lie nearest together."""
    near = [(100 + nth * 0.5, 100 + nth * 0.5 + 0.1) for nth in range(30)]
    far = [(200 + nth * 10.0, 200 + nth * 10.0 + 0.1) for nth in range(PIECES - 1)]
    told, _ = said(*near, *far)
    assert told == [(100.0, pytest.approx(114.6)), *((pytest.approx(a), pytest.approx(b)) for a, b in far)]
    assert length_s(told) > length_s([*near, *far])
    assert len(said(*far, (500.0, 500.1))[0]) == PIECES
