"""What is drawn of recordings is there from the beginning, and made again when it is missing, damaged, or of another file."""

import asyncio
from pathlib import Path

import pytest
from stored_library import StoredLibrary

from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.media.transcode import PyAvMeasurer
from callrec.adapters.threads import Threads
from callrec.app.library.catalog import verify
from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sources import Sources
from callrec.app.library.media.waveforms import Waveforms, make_missing
from callrec.domain.access.principals import DAEMON
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.library.manifest import Media
from callrec.domain.library.waveform import Waveform

ASKER = Asker(DAEMON)
AT = "2026/11/22/c1-1"


class Counting(PyAvMeasurer):
    """Counts what is measured."""

    count = 0

    def measured(self, source: str, media: Media, channels: int) -> Waveform:
        """As it is."""
        self.count += 1
        return super().measured(source, media, channels)


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    one.store(1, tracks=True)
    return one


def waveforms(stored: StoredLibrary, measurer: PyAvMeasurer) -> Waveforms:
    return Waveforms(Sources(stored, stored.library, Looks(stored)), measurer, Threads(1, "test"))


def peaks(stored: StoredLibrary, track: str = "") -> Path:
    return stored.folder / "monitor" / f"{AT}{track}.peaks"


def findings(stored: StoredLibrary) -> list[tuple[str, str]]:
    spool = DiskSpool(stored.folder / "spool")
    spool.prepare()
    return [(one.code, one.path) for one in verify(stored.library, spool, PyAvEncoder(), ()).findings]


async def test_what_was_measured_at_intake_is_not_measured_again(stored: StoredLibrary) -> None:
    measurer = Counting()
    both, first = (
        await waveforms(stored, measurer).of("c1-1", ASKER),
        await waveforms(stored, measurer).of("c1-1", ASKER, 1),
    )
    assert (both.channels, first.channels, both.samples, first.samples) == (2, 1, 24_000, 24_000)
    assert measurer.count == 0
    assert findings(stored) == []


@pytest.mark.parametrize("damage", ["removed", "cut", "another", "link"])
async def test_a_missing_or_damaged_file_is_made_again_once_for_all_who_ask(stored: StoredLibrary, damage: str) -> None:
    path, whole, measurer = peaks(stored), peaks(stored).read_bytes(), Counting()
    match damage:
        case "removed":
            path.unlink()
        case "cut":
            path.write_bytes(whole[:100])
        case "another":
            path.write_bytes(peaks(stored, ".track-1").read_bytes())
        case _:
            path.unlink()
            path.symlink_to("/etc/passwd")
    assert findings(stored) == ([] if damage == "removed" else [("peaks-damaged", f"{AT}.peaks")])
    one = waveforms(stored, measurer)
    found = await asyncio.gather(*(one.of("c1-1", ASKER) for _ in range(5)))
    assert measurer.count == 1
    assert path.read_bytes() == whole
    assert len(set(found)) == 1
    assert findings(stored) == []


async def test_an_audio_file_that_has_changed_is_not_measured(stored: StoredLibrary) -> None:
    peaks(stored).unlink()
    (stored.folder / "monitor" / f"{AT}.wav").write_bytes(b"RIFF")
    with pytest.raises(Corrupt) as found:
        await waveforms(stored, PyAvMeasurer()).of("c1-1", ASKER)
    assert found.value.code == "media-changed"
    assert not peaks(stored).exists()


async def test_what_is_not_there_is_told(stored: StoredLibrary) -> None:
    one = waveforms(stored, PyAvMeasurer())
    for recording, track, code in (("c9-1", None, "no-such-recording"), ("c1-1", 3, "no-such-track")):
        with pytest.raises(Refused) as found:
            await one.of(recording, ASKER, track)
        assert found.value.code == code


async def test_a_disk_that_takes_nothing_costs_no_waveform(
    stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Unavailable("disk", "full")

    peaks(stored).unlink()
    monkeypatch.setattr(stored.library, "keep_waveform", full)
    assert (await waveforms(stored, PyAvMeasurer()).of("c1-1", ASKER)).points == 60
    assert not peaks(stored).exists()


def test_rebuild_makes_all_that_are_missing_and_names_what_it_cannot_measure(stored: StoredLibrary) -> None:
    stored.store(2)
    stored.store(3)
    peaks(stored).unlink()
    peaks(stored, ".track-2").write_bytes(b"")
    (stored.folder / "monitor/2026/11/22/c2-1.peaks").unlink()
    (stored.folder / "monitor/2026/11/22/c2-1.wav").write_bytes(b"")
    measurer = Counting()
    found = list(make_missing(stored.library, measurer))
    assert measurer.count == 2
    assert [(one.code, one.path) for one in found if one] == [("media-changed", "2026/11/22/c2-1")]
    assert len(found) == 5
    assert [one.code for one in make_missing(stored.library, measurer) if one] == ["media-changed"]
    assert measurer.count == 2, "the second run had nothing to measure"


def test_a_file_of_peaks_without_its_recording_is_an_orphan(stored: StoredLibrary) -> None:
    stray = stored.folder / "monitor/2026/11/22/c9-1.peaks"
    stray.write_bytes(peaks(stored).read_bytes())
    assert findings(stored) == [("media-orphan", "2026/11/22/c9-1.peaks")]
