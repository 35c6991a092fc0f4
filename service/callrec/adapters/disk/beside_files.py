"""Files beside a recording's sidecar, of which that says nothing: they are made or changed after it was sealed.

`<path>.key` is there when the recording is encrypted (`protocols.key_file`). `<path>.peaks` and `<path>.track-<n>.peaks` are made
of the media files (`protocols.peaks_file`), and made again when they are missing; of an encrypted recording they are encrypted,
too. `<path>.annotations.json` is what people have added (`protocols.annotations_file`): a file like any other, not to be lost.
Each appears complete: written under a temporary name, flushed, and renamed.

The daemon and commands change annotations side by side: a lock of the whole directory is held while one is read, compared with
the revision that the change was made for, and written.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_all
from callrec.adapters.disk.reading import read_bounded
from callrec.adapters.disk.shredding import removed
from callrec.adapters.encryption.contents import Contents, encrypted
from callrec.adapters.encryption.library_keys import LibraryKeys
from callrec.adapters.lock import FileLock
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Conflict, Corrupt, Refused, Unavailable
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.encryption import KeyFile
from callrec.domain.library.file_names import (
    annotations_path,
    is_file_of,
    is_stored_path,
    key_path,
    peaks_path,
    track_path,
)
from callrec.domain.library.manifest import Manifest
from callrec.domain.library.waveform import Waveform
from callrec.protocols.annotations_file import decode_annotations, encode_annotations
from callrec.protocols.peaks_file import decode_peaks, encode_peaks

_LOCK = ".annotations-lock"
_SIDECAR = ".json"
_TRIES, _TRY_S = 500, 0.01
"""How often the lock is tried, and how long is waited in between: 5 s together, a thousand times as long as a change takes."""
_ANNOTATIONS_BYTES = 4 << 20
"""The largest that `domain.library.annotations` allows has 1.7 MB."""
_PEAKS_BYTES = 1 << 28
"""A larger file is none of peaks: a week of a call has 50 MB."""


class BesideFiles:
    """Part of the monitor directory."""

    folder: Path
    keys: LibraryKeys
    contents: Contents
    """Of the files in it."""

    def manifest(self, path: str) -> Manifest | None:
        """The sidecar at this path; None when there is none. Raises Corrupt, Unavailable."""
        raise NotImplementedError

    def new_file(self, recording: RecordingId, extension: str) -> tuple[int, str]:
        """An open descriptor and the path of a new temporary file on the same file system. Raises OSError."""
        raise NotImplementedError

    def waveform(self, path: str, track: int | None = None) -> Waveform | None:
        """See ports.Library."""
        name = _peaks_of(path, track)
        with on_disk(f"file {name}"):
            try:
                with self.contents.reading(self.folder / name) as file:
                    content = file.read(0, min(file.size_bytes, _PEAKS_BYTES))  # what is larger has another checksum
            except (FileNotFoundError, NotADirectoryError):
                return None
            except Corrupt as error:
                raise Corrupt("peaks-damaged", error.message) from error
        return decode_peaks(content)

    def keep_waveform(self, recording: RecordingId, path: str, waveform: Waveform, track: int | None = None) -> None:
        """See ports.Library."""
        with self.locked():
            if self._has_sidecar(path):  # else it was erased while this was measured
                key = self.key_file(path)
                content = encode_peaks(waveform)
                if key is not None:
                    content = encrypted(content, self.keys.key_of(key))
                self.replaced(recording, _peaks_of(path, track), content)

    def key_file(self, path: str) -> KeyFile | None:
        """See ports.Library."""
        if not is_stored_path(path):
            raise Corrupt("stored-path", f"{path!r} is not a path for a recording")
        with on_disk(f"key file of {path}"):
            return self.keys.read(self.folder / key_path(path))

    def annotations(self, path: str) -> Annotations | None:
        """See ports.Library."""
        name = _annotations_of(path)
        with on_disk(f"file {name}"):
            try:
                content = read_bounded(f"{self.folder}/{name}", _ANNOTATIONS_BYTES)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except Corrupt as error:
                raise Corrupt("annotations-unreadable", error.message) from error
        return decode_annotations(content)

    def annotate(self, path: str, before: Annotations, after: Annotations) -> None:
        """See ports.Library."""
        name = _annotations_of(path)
        with self.locked():
            present = self.annotations(path)
            if (present.revision if present else 0) != before.revision:
                says = f"the annotations of {before.recording} have changed since they were read"
                raise Conflict("annotations-changed", says, hint="read them again")
            if not self._has_sidecar(path):
                raise Refused("no-such-recording", f"there is no recording {before.recording}: it was erased")
            self.replaced(after.recording, name, encode_annotations(after))

    def erase(self, recording: RecordingId, files: Sequence[str]) -> int:
        """See ports.Library."""
        path = files[-1].removesuffix(_SIDECAR)
        if not is_stored_path(path) or not all(is_file_of(path, name) for name in files):
            raise Corrupt("stored-path", f"{path!r} is not a path for a recording")
        with self.locked(), on_disk(f"files of {recording}"):
            found = self.manifest(path) if self._has_sidecar(path) else None
            if found is not None and found.recording.id != recording:
                return 0  # the path belongs to another one by now
            freed = sum(removed(self.folder / name) for name in files)
            folder = (self.folder / path).parent
            if folder.is_dir():
                sync_folder(folder)
        return freed

    def _has_sidecar(self, path: str) -> bool:
        return (self.folder / f"{path}{_SIDECAR}").exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of all annotations. Raises Unavailable (`annotations-busy`)."""
        with on_disk(f"folder {self.folder}"):
            lock = FileLock(self.folder / _LOCK)
            for _ in range(_TRIES):
                if lock.take():
                    break
                time.sleep(_TRY_S)
            else:
                raise Unavailable("annotations-busy", "other annotations are being written", hint="try again")
        with lock:
            yield

    def replaced(self, recording: RecordingId, name: str, content: bytes) -> None:
        """Put this content in the place of the file, as a whole; flushed to disk. Raises Unavailable."""
        with on_disk(f"file {name}"):
            descriptor, temporary = self.new_file(recording, ".beside")
            try:
                try:
                    write_all(descriptor, content)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                Path(temporary).rename(self.folder / name)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
            sync_folder((self.folder / name).parent)


def _annotations_of(path: str) -> str:
    if not is_stored_path(path):
        raise Corrupt("stored-path", f"{path!r} is not a path for a recording")
    return annotations_path(path)


def _peaks_of(path: str, track: int | None) -> str:
    if not is_stored_path(path):
        raise Corrupt("stored-path", f"{path!r} is not a path for a recording")
    return peaks_path(path if track is None else track_path(path, track))
