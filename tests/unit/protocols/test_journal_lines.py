"""Journal lines in their order: a long recording's line tells only what has changed."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Capture, Party, Presence, Recording, Waiting, WaitingKind
from callrec.domain.errors import Corrupt
from callrec.domain.rules import Rule
from callrec.protocols.journal_lines import LineReader, LineWriter
from callrec.protocols.json_documents import encode_entry

HOLDS = 100
BARE = Recording(RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, 1.0)


def capture(nth: int, to_s: float | None = None) -> Capture:
    return Capture(CaptureId(f"c-1-{nth}"), LegId("b"), "PJSIP/b-1", 8000, float(nth), to_s, is_partner=nth > 1)


PARTIES = tuple(Party(LegId(leg), None, "100", "A name", 1.0) for leg in "ab")
WHOLE = replace(BARE, captures=(capture(1),), parties=PARTIES)


def held(times: int) -> list[Entry]:
    """A call with so many holds: each begins and ends, and the partner is captured for a while behind it."""
    recording, entries = WHOLE, [Entry(Step.OPENED, WHOLE)]
    for nth in range(times):
        before, partners = recording.waiting, recording.partner_captures
        held_s, number = 10.0 * nth, nth + 2
        for waiting, captures in (
            ((*before, Waiting(held_s, None, WaitingKind.HOLD)), partners),
            ((*before, Waiting(held_s, held_s + 1, WaitingKind.HOLD)), partners),
            ((*before, Waiting(held_s, held_s + 1, WaitingKind.HOLD)), (*partners, capture(number))),
            ((*before, Waiting(held_s, held_s + 1, WaitingKind.HOLD)), (*partners, capture(number, held_s + 4))),
        ):
            recording = replace(recording, waiting=waiting, partner_captures=captures)
            entries.append(Entry(Step.CHANGED, recording))
    return [*entries, Entry(Step.ENDED, recording), Entry(Step.FINISHED, recording)]


def lines(entries: Sequence[Entry], writer: LineWriter | None = None) -> list[bytes]:
    return list(map((writer or LineWriter()).line, entries))


@cache
def many_holds() -> tuple[list[Entry], list[bytes]]:
    """A long call's entries, and their lines."""
    entries = held(HOLDS)
    return entries, lines(entries)


def test_a_hundred_holds_write_little() -> None:
    """Whole lines would be ten times as long."""
    entries, written = many_holds()
    assert list(map(LineReader().entry, written)) == entries
    assert sum(map(len, written)) < 450_000
    assert sum(map(len, map(encode_entry, entries))) > 4_500_000


def test_a_short_recording_has_whole_lines() -> None:
    """Those that each version reads."""
    entries = held(3)
    assert lines(entries) == list(map(encode_entry, entries))


def test_the_last_lines_of_a_long_one_are_whole() -> None:
    entries, written = many_holds()
    assert written[-2:] == list(map(encode_entry, entries[-2:]))


PRESENCES = (Presence(LegId("a"), 1.0), Presence(LegId("b"), 2.0, 3.0))
FIELDS = st.fixed_dictionaries(
    {
        "to_s": st.one_of(st.none(), st.floats(0, 9)),
        "cause": st.sampled_from(["", "stalled", '"since": "half \ud800 of a pair']),
        "waiting": st.lists(st.sampled_from([Waiting(1.0, None, kind) for kind in WaitingKind]), max_size=4).map(tuple),
        "partner_captures": st.lists(st.integers(2, 5).map(capture), max_size=4).map(tuple),
        "announcements": st.lists(st.floats(0, 9), max_size=3).map(tuple),
        "presences": st.one_of(st.none(), st.lists(st.sampled_from(PRESENCES), max_size=2).map(tuple)),
        "is_place_unknown": st.booleans(),
    }
)


@given(st.lists(st.tuples(st.sampled_from(list(Step)), st.sampled_from("cd"), FIELDS), max_size=12))
def test_what_was_written_is_read(changes: list[tuple[Step, str, dict[str, object]]]) -> None:
    """Of several recordings, whatever became more, less, or other in them; each line as if all of them had been whole."""
    entries = [
        Entry(step, replace(WHOLE, id=RecordingId(f"{call}-1"), **fields))  # type: ignore[arg-type] # by its name
        for step, call, fields in changes
    ]
    whole = [LineReader().entry(encode_entry(one)) for one in entries]
    assert list(map(LineReader().entry, lines(entries, LineWriter(whole_bytes=0)))) == whole


def changed(line: bytes, **fields: object) -> bytes:
    """The line with other fields, and a checksum that fits."""
    body = json.dumps(json.loads(line.partition(b" ")[2]) | fields).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def test_a_change_does_not_fit_without_the_line_before_it() -> None:
    """That was damaged: what the recording was then is not known. With the next whole line it is."""
    entries = held(2)
    first, second, third, *_, last, _ = lines(entries, LineWriter(whole_bytes=0))
    reader = LineReader()
    reader.entry(first)
    with pytest.raises(Corrupt, match="the line that it changes is not there"):
        reader.entry(third)
    assert reader.entry(second) == entries[1]
    assert reader.entry(last) == entries[-2]
    with pytest.raises(Corrupt, match="the line that it changes is not there"):
        LineReader().entry(second)


@pytest.mark.parametrize(
    "fields",
    [
        {"recording": {"id": "c-1", "takes": 7}},
        {"kept": {"takes": -1}, "recording": {"id": "c-1", "takes": "none"}},
        {"recording": {"id": "c-1", "waiting": [{"kind": "none"}]}},
        {"since": 7},
        {"recording": {}},
    ],
)
def test_a_change_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    """Whatever made its checksum fit."""
    first, second, *_ = lines(held(1), LineWriter(whole_bytes=0))
    reader = LineReader()
    reader.entry(first)
    with pytest.raises(Corrupt):
        reader.entry(changed(second, **fields))


def test_half_of_a_change_is_damaged() -> None:
    first, second, *_ = lines(held(1), LineWriter(whole_bytes=0))
    reader = LineReader()
    reader.entry(first)
    with pytest.raises(Corrupt, match="checksum"):
        reader.entry(second[:-5])


def test_what_has_no_line_leaves_no_trace() -> None:
    """A time that is no number: the next line is whole."""
    writer = LineWriter(whole_bytes=0)
    writer.line(Entry(Step.OPENED, WHOLE))
    with pytest.raises(ValueError, match="JSON"):
        writer.line(Entry(Step.CHANGED, replace(WHOLE, to_s=float("nan"))))
    later = Entry(Step.CHANGED, replace(WHOLE, to_s=9.0))
    assert writer.line(later) == encode_entry(later)
