"""What the judgement of a call that changes makes of an entry that says that something is missing: just that is excused."""

import pytest
from soundness import assert_explained, assert_not_more_told, told_away

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Heard, Missing, Recording
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.library.missing_time import LATE_PACKETS, LATE_START
from callrec.domain.library.spans import Span, length_s
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause

FROM_S, LATE_S, LENGTH_S = 1000.0, 0.5, 20.0
DEAF = AlarmCause.DEAF_LEG.value


def entry(*missing: Missing, state: StoredState = StoredState.PARTIAL) -> Manifest:
    """Of a recording whose file begins half a second late."""
    capture = Capture(CaptureId("c-1-1"), LegId("a"), "PJSIP/a-1", 8000, FROM_S + LATE_S, FROM_S + LENGTH_S)
    ids = RecordingId("c-1"), CallId("c"), "c.1", NodeId("n")
    cause = missing[0].cause if missing else ""
    recording = Recording(
        *ids, Rule.ALWAYS, POLICY, FROM_S, FROM_S + LENGTH_S, (capture,), missing=missing, cause=cause
    )
    return Manifest(SCHEMA, state, recording)


def missing(from_s: float, to_s: float, cause: str = DEAF, side: Heard = Heard.HEARS) -> Missing:
    return Missing(FROM_S + from_s, FROM_S + to_s, cause, side)


HELD: list[Span] = [(0.0, 4.5), (6.5, 19.5)]
"""In seconds of the file: the voice is away from 5 to 7 s of the recording."""


@pytest.mark.parametrize(
    ("told", "away_s"),
    [
        ((), 0.0),
        ((missing(5, 7),), 2.0),
        ((missing(5, 6),), 1.0),
        ((missing(4, 9),), 2.0),
        ((missing(9, 11),), 0.0),
        ((missing(5, 7, side=Heard.SAYS),), 0.0),
        ((missing(5, 7, side=Heard.BOTH),), 2.0),
        ((missing(5, 6), missing(5.5, 7, LATE_PACKETS)), 2.0),
        ((missing(0, LATE_S, LATE_START, Heard.BOTH),), LATE_S),
    ],
    ids=["nothing", "all", "half", "more", "elsewhere", "the other side", "both sides", "twice", "before the file"],
)
def test_what_is_told_excuses_only_what_is_away(told: tuple[Missing, ...], away_s: float) -> None:
    assert length_s(told_away(entry(*told), Heard.HEARS, HELD)) == pytest.approx(away_s)


def test_a_voice_that_is_there_may_not_be_told_as_missing() -> None:
    """An edge may; and where some of a time is missing, not all of it is."""
    for one in (missing(4.9, 7.1), missing(9, 11, LATE_PACKETS), missing(9, 11, side=Heard.SAYS)):
        assert_not_more_told(entry(one), Heard.HEARS, HELD)
    with pytest.raises(AssertionError):
        assert_not_more_told(entry(missing(5, 9)), Heard.HEARS, HELD)


@pytest.mark.parametrize("cause", [DEAF, LATE_START])
def test_only_on_a_busy_machine_something_may_be_missing(monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    partial, state = entry(missing(5, 7, cause)), StoredState.SOUND
    monkeypatch.setattr("soundness.calls_at_once", lambda: 4)
    assert_explained(partial)
    assert_explained(entry(state=state))
    for wrong in (entry(missing(5, 7, "asterisk-died")), entry(missing(5, 7, cause), state=state), entry()):
        with pytest.raises(AssertionError):
            assert_explained(wrong)
    monkeypatch.setattr("soundness.calls_at_once", lambda: 8)
    with pytest.raises(AssertionError):
        assert_explained(partial)
