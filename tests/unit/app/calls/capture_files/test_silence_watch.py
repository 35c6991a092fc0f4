"""Since when a side of a growing capture is silent, and when that was found."""

from collections.abc import Sequence
from pathlib import Path

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.calls.capture_files.silence_watch import KEPT, SilenceWatch
from callrec.domain.calls.ids import CaptureId
from callrec.domain.errors import Unavailable
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side

CAPTURE, OTHER = CaptureId("c-1-1"), CaptureId("c-1-2")
RATE_HZ, NEVER_S = 8000, float("-inf")


class Spool(DiskSpool):
    """A real folder whose disk may refuse."""

    refuses = False

    def silences(
        self, file: CaptureFile, from_sample: int, to_sample: int, least_samples: int
    ) -> Sequence[tuple[int, int]]:
        """As on a disk."""
        if self.refuses:
            raise Unavailable("disk", "away")
        return super().silences(file, from_sample, to_sample, least_samples)


class Files:
    """A capture whose files grow by so many tenths of a second: sound is `x`, silence `.`."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.folder, self.bytes, self.now_s = Spool(folder), folder, 0, 1000.0
        self.watch = SilenceWatch(self.spool)

    def grow(self, says: str, hears: str) -> None:
        """Steady, by the clock."""
        for side, letters in ((Side.READ, says), (Side.WRITE, hears)):
            with (self.folder / CaptureFile(CAPTURE, side, RATE_HZ).name).open("ab") as file:
                file.write(b"".join((b"\1\2" if letter == "x" else b"\0\0") * (RATE_HZ // 10) for letter in letters))
        before, self.bytes = self.bytes, self.bytes + len(says) * RATE_HZ // 10 * 2
        self.now_s += len(says) / 10
        self.watch.grew(CaptureFiles(CAPTURE, RATE_HZ, self.bytes, self.bytes), before, self.now_s)

    @property
    def silent_s(self) -> tuple[float | None, float | None]:
        """Since when both sides are silent, from the beginning of the capture on."""
        sides = (self.watch.silent_s(CAPTURE, side) for side in (Side.READ, Side.WRITE))
        says, hears = (None if at_s is None else round(at_s - 1000.0, 3) for at_s in sides)
        return says, hears

    @property
    def found_s(self) -> float:
        """When a new silence was found."""
        return self.watch.found_s(CAPTURE) - 1000.0


def test_a_side_is_silent_since_its_last_sound(tmp_path: Path) -> None:
    """As long as it is: over several steps of the file."""
    files = Files(tmp_path)
    files.grow("xxxxxx....", "xxxxxxxxxx")
    assert (files.silent_s, files.found_s, files.watch.looked_s(CAPTURE)) == ((0.6, None), 1.0, 1001.0)
    files.grow("..........", "xxxxxxxxxx")
    assert (files.silent_s, files.found_s) == ((0.6, None), 1.0)
    files.grow("..xxxxx...", "xxxxxxxxx.")
    assert (files.silent_s, files.found_s) == ((2.7, 2.9), 3.0)
    files.grow("x", "x")
    assert files.silent_s == (None, None)


def test_a_silence_between_two_looks_is_found_too(tmp_path: Path) -> None:
    """It may have been a voice."""
    files = Files(tmp_path)
    files.grow("xxxxxxxxxx", "xxxxxxxxxx")
    assert files.found_s == NEVER_S
    files.grow("xxxxxxxxxx", "xxx..xxxxx")
    assert (files.silent_s, files.found_s) == ((None, None), 2.0)


def test_when_silences_began_and_ended_is_kept_over_steps(tmp_path: Path) -> None:
    """Short ones, one that ends with its step, and one that goes on in the next; the last ones of many."""
    files = Files(tmp_path)
    files.grow("xx...xxxxx", "xxxxxxxxxx")
    files.grow("x.....xx..", "xxxxx.....")
    files.grow("..xxxxxxxx", "xxxxxxxxxx")
    ended = [files.watch.ended(CAPTURE, side) for side in (Side.READ, Side.WRITE)]
    told = [[(round(from_s - 1000, 3), round(to_s - 1000, 3)) for from_s, to_s in one] for one in ended]
    assert told == [[(0.2, 0.5), (1.1, 1.6), (1.8, 2.2)], [(1.5, 2.0)]]
    files.grow("x..." * KEPT + "x", "xxxx" * KEPT + "x")
    assert len(files.watch.ended(CAPTURE, Side.READ)) == KEPT
    assert files.watch.ended(OTHER, Side.READ) == ()


def test_of_a_capture_that_ended_or_never_grew_nothing_is_known(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.grow(".....", ".....")
    files.watch.forget(CAPTURE)
    for capture in (CAPTURE, OTHER):
        assert (files.watch.looked_s(capture), files.watch.found_s(capture)) == (NEVER_S, NEVER_S)
        assert files.watch.silent_s(capture, Side.READ) is None


def test_a_disk_that_refuses_shows_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.spool.refuses = True
    files.grow(".....", ".....")
    assert (files.silent_s, files.found_s) == ((None, None), NEVER_S)
