"""`make demo` fails for what is lost unseen, and tells what a recording says itself that it lacks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stored_library import RATE_HZ, StoredLibrary, recorded, tone

from callrec.domain.calls.model import Heard, Missing
from callrec.domain.library.manifest import Manifest, StoredState
from callrec_lab.demo import Expected, judge

ASKED = [Expected("a call", 440, 1000, 3.0)]


@pytest.fixture
def shelf(tmp_path: Path) -> StoredLibrary:
    """A library."""
    return StoredLibrary(tmp_path)


def stored(shelf: StoredLibrary, *, silent_s: float = 0.0, told_s: float = 0.0) -> list[tuple[Path, Manifest]]:
    """A recording whose left side is silent from its first second on, and says it of so much."""
    said = recorded(1)
    left = tone(440, 3)
    left[RATE_HZ : RATE_HZ + round(silent_s * RATE_HZ)] = np.int16(0)
    if told_s:
        begin_s = said.from_s + 1
        said = replace(said, missing=(Missing(begin_s, begin_s + told_s, "late-packets", Heard.SAYS),))
    manifest = shelf.store(1, left=left, recording=said)
    if told_s:
        manifest = replace(manifest, state=StoredState.PARTIAL)
    (media,) = shelf.settings.monitor_dir.glob("**/*.wav")
    return [(media, manifest)]


def test_a_recording_with_all_that_was_said_has_no_fault(shelf: StoredLibrary) -> None:
    assert judge(ASKED, stored(shelf)) == ([], [])


def test_a_loss_that_the_recording_tells_is_told_and_is_no_fault(shelf: StoredLibrary) -> None:
    faults, told = judge(ASKED, stored(shelf, silent_s=0.5, told_s=0.5))
    assert (faults, told) == ([], ["c1-1.wav: late-packets from 1.00 s to 1.50 s, left"])


@pytest.mark.parametrize(("silent_s", "told_s"), [(0.5, 0.0), (1.5, 0.5)], ids=["nothing told", "too little told"])
def test_a_loss_that_is_not_told_is_a_fault(shelf: StoredLibrary, silent_s: float, told_s: float) -> None:
    faults, _ = judge(ASKED, stored(shelf, silent_s=silent_s, told_s=told_s))
    assert faults == ["c1-1.wav: 440 Hz must be on the left, alone"]


def test_silence_that_nothing_tells_from_a_phones_own_is_told(shelf: StoredLibrary) -> None:
    ((media, manifest),) = stored(shelf, silent_s=0.5)
    unsure = replace(manifest, recording=replace(manifest.recording, may_lack_s=0.5))
    assert judge(ASKED, [(media, unsure)]) == ([], ["c1-1.wav: 0.50 s of silence more, a phone's own or missing"])


def test_the_silence_of_pressed_keys_is_the_phones_own(shelf: StoredLibrary) -> None:
    """They are pressed at the end."""
    ((media, manifest),) = stored(shelf, silent_s=2.0)
    unsure = replace(manifest, recording=replace(manifest.recording, may_lack_s=2.0))
    faults, told = judge([replace(ASKED[0], keys_s=2.0)], [(media, unsure)])
    assert told == []
    assert faults == []


def test_sides_that_are_exchanged_and_a_file_that_is_too_short_are_faults(shelf: StoredLibrary) -> None:
    exchanged = [Expected("a call", 1000, 440, 3.0)]
    assert len(judge(exchanged, stored(shelf))[0]) == 2
    faults, _ = judge([Expected("a call", 440, 1000, 4.0)], stored_again(shelf))
    assert faults == ["c1-1.wav: lasts 3.00 s, 4.00 s were said"]


def stored_again(shelf: StoredLibrary) -> list[tuple[Path, Manifest]]:
    """The recording that is there."""
    (media,) = shelf.settings.monitor_dir.glob("**/*.wav")
    ((_, manifest),) = shelf.library.sidecars()
    assert isinstance(manifest, Manifest)
    return [(media, manifest)]


def test_a_recording_that_is_missing_or_failed_is_a_fault(shelf: StoredLibrary) -> None:
    assert judge(ASKED, [])[0] == ["0 recordings have a file, 1 were made"]
    ((media, manifest),) = stored(shelf)
    failed = replace(manifest, state=StoredState.FAILED, recording=replace(manifest.recording, cause="gone"))
    assert judge(ASKED, [(media, failed)])[0] == ["c1-1.wav: it is failed (gone)"]
