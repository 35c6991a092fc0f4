"""The monitor directory: one media file and one sidecar per recording. This folder, and no database, is the truth.

`<path>.json` claims a path; `<path>.<ext>` is its media. Both appear whole: written under a name in `.incoming/` on the same
file system, flushed, and then linked, which the kernel refuses when the name is taken. So a crash anywhere leaves either
nothing, or a sidecar whose media is still missing, and the next run of the same recording completes exactly that.
"""

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from callrec.adapters.disk.durable import on_disk, sync_folder, write_all
from callrec.app.ports import Room
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.lifecycle import Format, Manifest, Media
from callrec.domain.model import RecordingId
from callrec.domain.naming import is_recording_id, is_stored_path
from callrec.protocols.documents import decode_manifest, encode_manifest

_INCOMING = ".incoming"
_SIDECAR = ".json"
_SIDECAR_BYTES = 4 << 20
"""A sidecar is a few kilobytes; whatever is larger than this is not one of ours."""


class MonitorLibrary:
    """Keeps the promises of `app.ports.Library` in one folder. `checkpoint` is told each step that a crash could follow."""

    def __init__(
        self, folder: Path, *, file_mode: int = 0o640, checkpoint: Callable[[str], None] = lambda _step: None
    ) -> None:
        self._folder = folder
        self._incoming = folder / _INCOMING
        self._file_mode = file_mode
        self._checkpoint = checkpoint

    def find(self, recording: RecordingId, paths: Sequence[str]) -> tuple[str, Manifest] | None:
        """See ports.Library. Complete means: the sidecar is this recording's, and its media lies there with its size."""
        for path in paths:
            manifest = self._sidecar(path)
            if isinstance(manifest, Manifest) and manifest.recording.id == recording:
                return (path, manifest) if self._is_complete(path, manifest) else None
        return None

    def room(self) -> Room:
        """See ports.Library."""
        with on_disk(f"monitor directory {self._folder}"):
            self._make_folders(self._folder)
            found = os.statvfs(self._folder)
        return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    def temporary(self, recording: RecordingId, media_format: Format) -> str:
        """See ports.Library."""
        with on_disk(f"monitor directory {self._folder}"):
            descriptor, name = self._new_file(recording, f".{media_format.value}")
            os.close(descriptor)
        return name

    def place(self, manifest: Manifest, path: str, media_from: str | None) -> Manifest:
        """See ports.Library."""
        if not is_stored_path(path):
            raise Corrupt("stored-path", f"{path!r} is not a path for a recording")
        with on_disk(f"monitor directory {self._folder}"):
            self._make_folders((self._folder / path).parent)
            stored, is_new = self._claim(manifest, path)
            self._checkpoint("sidecar")
            if not self._is_complete(path, stored):
                self._link_media(stored, path, media_from, is_new=is_new)
            sync_folder((self._folder / path).parent)
        self._checkpoint("placed")
        return stored

    def tidy(self, recording: RecordingId) -> None:
        """See ports.Library."""
        with on_disk(f"monitor directory {self._folder}"):
            for leftover in self._incoming.glob(f"{recording}.*"):
                leftover.unlink(missing_ok=True)

    def sidecars(self) -> Iterator[tuple[str, Manifest | Corrupt]]:
        """See ports.Library."""
        for name, fault in self._walk():
            if fault is not None:
                yield name, fault
            elif name.endswith(_SIDECAR):
                path = name.removesuffix(_SIDECAR)
                try:
                    found = self._sidecar(path)
                except Unavailable as error:
                    found = Corrupt("file-unreadable", error.message, hint=error.hint)
                if found is not None:  # None: removed since the folder was listed
                    yield path, found

    def files(self) -> Iterator[str]:
        """See ports.Library."""
        return (name for name, fault in self._walk() if fault is None and not name.endswith(_SIDECAR))

    def leftovers(self, older_than_s: float) -> Iterator[str]:
        """See ports.Library."""
        oldest_s = time.time() - older_than_s
        with on_disk(f"monitor directory {self._folder}"):
            for leftover in sorted(self._incoming.glob("*")):
                if _changed_s(leftover) < oldest_s:
                    yield f"{_INCOMING}/{leftover.name}"

    def measure(self, path: str) -> tuple[int, str] | None:
        """See ports.Library."""
        with on_disk(f"media file {path}"):
            try:
                return _digest(self._folder / path)
            except FileNotFoundError:
                return None

    def absolute(self, path: str) -> str:
        """See ports.Library."""
        return str(self._folder / path)

    def _claim(self, manifest: Manifest, path: str) -> tuple[Manifest, bool]:
        """The path's sidecar becomes this recording's, unless it is another's or the media name is taken; and whether that
        is new."""
        present = self._sidecar(path)
        if present is None:
            if manifest.media is not None and os.path.lexists(self._media(path, manifest.media)):
                raise _taken(path)
            return self._write_sidecar(manifest, path, replaces=False), True
        if not isinstance(present, Manifest) or present.recording.id != manifest.recording.id:
            raise _taken(path)
        if self._is_complete(path, present):
            return present, False
        return self._write_sidecar(manifest, path, replaces=True), False  # a crashed run's: its media never came to be

    def _write_sidecar(self, manifest: Manifest, path: str, *, replaces: bool) -> Manifest:
        content = encode_manifest(manifest)
        descriptor, temporary = self._new_file(manifest.recording.id, _SIDECAR)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._checkpoint("sidecar-written")
        sidecar = self._folder / f"{path}{_SIDECAR}"
        if replaces:
            Path(temporary).rename(sidecar)
        else:
            _link(temporary, sidecar, path)
        sync_folder(sidecar.parent)
        return decode_manifest(content)

    def _link_media(self, manifest: Manifest, path: str, media_from: str | None, *, is_new: bool) -> None:
        if manifest.media is None or media_from is None:
            raise Corrupt("media-missing", f"the media of {path} is not there, and nothing was given to put there")
        try:
            _link(media_from, self._media(path, manifest.media), path)
        except Refused:
            if is_new:  # somebody else's file came between: our claim was in vain
                (self._folder / f"{path}{_SIDECAR}").unlink()
            raise
        self._checkpoint("media")

    def _new_file(self, recording: RecordingId, extension: str) -> tuple[int, str]:
        """An open descriptor and the path of a new temporary file. Raises OSError."""
        self._make_folders(self._folder)
        self._incoming.mkdir(mode=0o700, exist_ok=True)
        descriptor, name = tempfile.mkstemp(extension, f"{recording}.", self._incoming)
        os.fchmod(descriptor, self._file_mode)
        return descriptor, name

    def _is_complete(self, path: str, manifest: Manifest) -> bool:
        if manifest.media is None:
            return True
        try:
            found = self._media(path, manifest.media).lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == manifest.media.bytes

    def _media(self, path: str, media: Media) -> Path:
        return self._folder / f"{path}.{media.format.value}"

    def _sidecar(self, path: str) -> Manifest | Corrupt | None:
        """What stands at this path: a manifest, what is wrong with it, or nothing. Raises Unavailable."""
        if not is_stored_path(path):
            return Corrupt("sidecar-name", f"{path!a}{_SIDECAR} has a name that callrec gives to no recording")
        with on_disk(f"sidecar {path}"):
            try:
                content = _read_bounded(self._folder / f"{path}{_SIDECAR}", _SIDECAR_BYTES)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except Corrupt as error:
                return error
        try:
            manifest = decode_manifest(content)
        except Corrupt as error:
            return error
        name = path.rpartition("/")[2]
        if manifest.media is not None and manifest.media.name != f"{name}.{manifest.media.format.value}":
            return Corrupt("sidecar-media", f"{path}{_SIDECAR} names a media file that is not its own")
        if not is_recording_id(manifest.recording.id):
            return Corrupt("sidecar-id", f"{path}{_SIDECAR} has an id that callrec gives to no recording")
        return manifest

    def _walk(self) -> Iterator[tuple[str, Corrupt | None]]:
        """Every file, and each folder that cannot be walked with its error. Raises Unavailable for the directory itself."""
        faults: list[tuple[str, Corrupt]] = []

        def unread(error: OSError) -> None:
            below = os.path.relpath(error.filename or self._folder, self._folder)
            if below == ".":
                raise error
            if not isinstance(error, FileNotFoundError):  # gone since its parent was listed: nothing is hidden
                faults.append((below, Corrupt("folder-unreadable", f"folder {below}: {error.strerror}")))

        with on_disk(f"monitor directory {self._folder}"):
            for folder, folders, names in os.walk(self._folder, onerror=unread):
                yield from faults
                faults.clear()
                below = Path(folder).relative_to(self._folder)
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in folders:
                    if (Path(folder) / name).is_symlink():
                        yield (
                            str(below / name),
                            Corrupt("folder-link", f"{below / name} is a link, which is not followed"),
                        )
                yield from ((str(below / name), None) for name in sorted(names) if not name.startswith("."))
            yield from faults

    def _make_folders(self, folder: Path) -> None:
        """Like mkdir -p, but each new name is on disk before anything is put below it."""
        if folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(mode=0o750, exist_ok=True)
        sync_folder(folder.parent)


def _taken(path: str) -> Refused:
    return Refused("path-taken", f"{path} belongs to another recording")


def _link(temporary: str, target: Path, path: str) -> None:
    """The second name of a finished file. Raises Refused (`path-taken`) and never overwrites."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise _taken(path) from None


def _changed_s(path: Path) -> float:
    """When it was changed last; now when it is gone, and long ago when the disk does not say."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return time.time()
    except OSError:
        return 0.0


def _digest(path: Path) -> tuple[int, str]:
    """Bytes and sha-256 of a regular file. Raises OSError, Corrupt."""
    with _opened(path) as media:
        return os.fstat(media.fileno()).st_size, hashlib.file_digest(media, "sha256").hexdigest()


def _read_bounded(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file of a sidecar's size. Raises OSError, Corrupt."""
    with _opened(path) as sidecar:
        if os.fstat(sidecar.fileno()).st_size > most_bytes:
            raise Corrupt("sidecar-unreadable", f"{path.name} is not a file of a sidecar's size")
        return sidecar.read()


def _opened(path: Path) -> BufferedReader:
    """Open a regular file. A pipe does not block this, a link is not followed. Raises OSError, Corrupt."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Corrupt("file-odd", f"{path.name} is a link, a pipe, a socket or a device, and no file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb")
