"""What goes with a recording, what a preview tells, and which reasons may stay."""

from dataclasses import replace

import pytest
from stored_library import recorded

from callrec.domain.calls.model import Interval
from callrec.domain.errors import Refused
from callrec.domain.library.erasure import (
    FIRST,
    MOST_REASON,
    Candidate,
    Kept,
    Preview,
    checked_reason,
    files_of,
    mentioned,
)
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track


def media(name: str) -> Media:
    return Media(name, Format.WAV, 8000, 1, 1, "0" * 64)


def test_all_files_of_a_recording_are_named_the_key_first_and_the_sidecar_last() -> None:
    said = recorded(1)
    party = said.parties[0]
    track = Track(
        1, (party.leg,), party.user, party.number, party.name, (Interval(0, 1),), (), media("c1-1.track-1.wav")
    )
    manifest = Manifest(
        SCHEMA, StoredState.SOUND, said, media("c1-1.wav"), tracks=(track, replace(track, nth=2, media=None))
    )
    assert files_of("2026/c1-1", manifest) == (
        "2026/c1-1.key", "2026/c1-1.wav", "2026/c1-1.track-1.wav",
        "2026/c1-1.peaks", "2026/c1-1.track-1.peaks", "2026/c1-1.track-2.peaks",
        "2026/c1-1.annotations.json", "2026/c1-1.json",
    )  # fmt: skip
    assert files_of("user-1000-1001-1", replace(manifest, tracks=()))[:2] == ("user-1000-1001-1.key", "c1-1.wav")


def test_a_preview_counts_what_goes_and_what_is_kept() -> None:
    found = Preview()
    assert (found.recordings, found.oldest_s, found.newest_s, found.first) == (0, None, None, [])
    for nth in range(FIRST + 5):
        found.add(Candidate(f"c{nth}", 100.0 - nth, 10))
    found.add(Candidate("held", 1.0, 10, Kept.HELD))
    found.add(Candidate("held2", 1.0, 10, Kept.HELD))
    found.add(Candidate("late", 1.0, 10, Kept.UNFINISHED))
    assert (found.recordings, found.bytes, found.oldest_s, found.newest_s) == (25, 250, 76.0, 100.0)
    assert found.kept == {Kept.HELD: 2, Kept.UNFINISHED: 1}
    assert [one.start_s for one in found.first] == [76.0 + nth for nth in range(FIRST)]


@pytest.mark.parametrize(
    ("text", "word", "stands"),
    [
        ("number=1000", "1000", True),
        ("number=31000", "1000", False),
        ("number=10001", "1000", False),
        ("+33 1 and +33123", "+33123", True),
        ("of ÉLOÏSE, today", "eloise", True),
        ("Eloises", "eloise", False),
        ("x", "x", False),
        ("", "1000", False),
        ("a.c", "a?c", False),
        ("name=Smith %26 Sons&held=true", "smith & sons", True),
        ("name=100%", "100%", True),
        (r'["Zo\u00eb Doe"]', "ZOË", True),
        (r'["\ud83d\ude00 Doe"]', "\U0001f600 doe", True),
        (r'{"text": "to\nDoe, \"Joe\""}', 'doe, "joe"', True),
        (r'["Zo\u00ebs"]', "zoë", False),
        (r"a \u broken \ one", "broken", True),
    ],
)
def test_a_word_is_found_as_a_whole_without_regard_to_case_and_accents(text: str, word: str, stands: bool) -> None:
    assert (list(mentioned(text, [word])) == [word]) is stands


def test_a_reason_is_one_line_without_what_is_erased() -> None:
    assert checked_reason("  request 12 ", {"1000", "John Doe"}) == "request 12"
    for wrong in ("", " ", "x" * (MOST_REASON + 1), "a\tb", "for john doe", "1000?"):
        with pytest.raises(Refused) as refused:
            checked_reason(wrong, {"1000", "John Doe"})
        assert refused.value.code == "erasure-reason"
