"""The monitor directory: one media file and one sidecar per recording, and its tracks if it has any. It is the authoritative
store; the index is built from it.

`<path>.json` (the sidecar) claims a path; `<path>.<ext>` is its media, `<path>.track-<n>.<ext>` its n-th track, `<path>.key` the
key file when they are encrypted; `beside_files` has files of which the sidecar says nothing. All appear complete: they are
written under a temporary name in `.incoming/` on the same file system, flushed, and then linked, which the kernel refuses when
the name exists. A crash at any point leaves either nothing, or a sidecar some of whose files are missing, which the next run of
the same recording completes. The key file is there before the files that it is for.
"""

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from callrec.adapters.disk.beside_files import BesideFiles
from callrec.adapters.disk.fsync import on_disk, sync_folder, write_all
from callrec.adapters.disk.reading import opened, read_bounded
from callrec.adapters.disk.shredding import removed
from callrec.adapters.encryption.contents import Contents, digest_of
from callrec.adapters.encryption.library_keys import LibraryKeys
from callrec.domain.calls.ids import RecordingId, is_recording_id
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.library.captures import Room
from callrec.domain.library.encryption import EncryptedFile, Encryption, KeyFile
from callrec.domain.library.file_names import is_annotations, is_stored_path, key_path, media_name, track_path
from callrec.domain.library.manifest import AnyFormat, Manifest, Media
from callrec.protocols.encrypted_file import HEADER_BYTES, salt_of
from callrec.protocols.json_documents import decode_manifest, encode_manifest

INCOMING = ".incoming"
_SIDECAR = ".json"
_SIDECAR_BYTES = 4 << 20
"""A sidecar has a few kilobytes; a larger file than this is not a sidecar."""


class MonitorLibrary(BesideFiles):
    """Implements `app.ports.library.Library` in one folder. `checkpoint` is called after each step, for tests of crashes.
    `keys`: those of encrypted recordings; without any, none can be read."""

    def __init__(
        self,
        folder: Path,
        *,
        file_mode: int = 0o640,
        checkpoint: Callable[[str], None] = lambda _step: None,
        keys: LibraryKeys | None = None,
    ) -> None:
        self.folder = folder
        self.keys = keys or LibraryKeys(folder / INCOMING)
        self.contents = Contents(self.keys)
        self._incoming = folder / INCOMING
        self._file_mode = file_mode
        self._checkpoint = checkpoint

    def find(self, recording: RecordingId, paths: Sequence[str]) -> tuple[str, Manifest] | None:
        """The path and sidecar of this recording, if one of these paths has them complete: the sidecar is this recording's, and
        its media exists with the right size."""
        for path in paths:
            manifest = self._sidecar(path)
            if isinstance(manifest, Manifest) and manifest.recording.id == recording:
                return (path, manifest) if self._is_complete(path, manifest) else None
        return None

    def manifest(self, path: str) -> Manifest | None:
        """The sidecar at this path; None when there is none. Raises Corrupt, Unavailable."""
        found = self._sidecar(path)
        if isinstance(found, Corrupt):
            raise found
        return found

    def room(self) -> Room:
        """The size of the disk and its free space. Raises Unavailable."""
        with on_disk(f"monitor directory {self.folder}"):
            self._make_folders(self.folder)
            found = os.statvfs(self.folder)
        return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    def temporary(self, recording: RecordingId, media_format: AnyFormat) -> str:
        """The path of a new empty file to encode into. Raises Unavailable."""
        self.keys.begin(recording)
        with on_disk(f"monitor directory {self.folder}"):
            descriptor, name = self.new_file(recording, f".{media_format.value}")
            os.close(descriptor)
        return name

    def place(self, manifest: Manifest, path: str, files_from: Sequence[str]) -> Manifest:
        """Store the recording, as the module says; returns its sidecar. Raises Refused (`path-taken`), Unavailable, Corrupt."""
        if not is_stored_path(path):
            raise Corrupt("stored-path", f"{path!r} is not a path for a recording")
        with on_disk(f"monitor directory {self.folder}"):
            key = self._key_of_new(manifest, files_from)
            self._make_folders((self.folder / path).parent)
            stored, is_new = self._claim(manifest, path)
            self._checkpoint("sidecar")
            if not self._is_complete(path, stored):
                self._store_files(stored, path, files_from, key, is_new=is_new)
            sync_folder((self.folder / path).parent)
        self._checkpoint("placed")
        return stored

    def tidy(self, recording: RecordingId) -> None:
        """Remove this recording's temporary files. Raises Unavailable."""
        with on_disk(f"monitor directory {self.folder}"):
            for leftover in self._incoming.glob(f"{recording}.*"):
                removed(leftover)
        self.keys.forget(recording)

    def sidecars(self) -> Iterator[tuple[str, Manifest | Corrupt]]:
        """Every sidecar, or the fault of its file, by its path without extension; also each unreadable folder. Raises
        Unavailable."""
        for name, fault in self._walk():
            if fault is not None:
                yield name, fault
            elif name.endswith(_SIDECAR) and not is_annotations(name):
                path = name.removesuffix(_SIDECAR)
                try:
                    found = self._sidecar(path)
                except Unavailable as error:
                    found = Corrupt("file-unreadable", error.message, hint=error.hint)
                if found is not None:  # None: removed since the folder was listed
                    yield path, found

    def files(self) -> Iterator[str]:
        """Every file except sidecars and temporary files, relative to the directory. Raises Unavailable."""
        found = (name for name, fault in self._walk() if fault is None)
        return (name for name in found if not name.endswith(_SIDECAR) or is_annotations(name))

    def leftovers(self, older_than_s: float) -> Iterator[str]:
        """Temporary files that were last written longer ago than this. Raises Unavailable."""
        oldest_s = time.time() - older_than_s
        with on_disk(f"monitor directory {self.folder}"):
            for leftover in sorted(self._incoming.glob("*")):
                if _changed_s(leftover) < oldest_s:
                    yield f"{INCOMING}/{leftover.name}"

    def measure(self, path: str) -> tuple[int, str] | None:
        """See ports.Library."""
        with on_disk(f"media file {path}"):
            try:
                with self.contents.reading(self.folder / path) as content:
                    return content.size_bytes, digest_of(content)
            except FileNotFoundError:
                return None

    def measure_stored(self, path: str) -> tuple[int, str] | None:
        """See ports.Library."""
        with on_disk(f"media file {path}"):
            try:
                return _stored_digest(self.folder / path)
            except FileNotFoundError:
                return None

    def absolute(self, path: str) -> str:
        """The absolute path of a file of the library."""
        return str(self.folder / path)

    def has_other_name(self, path: str) -> bool:
        """See ports.Library."""
        with on_disk(f"media file {path}"):
            try:
                return (self.folder / path).lstat().st_nlink > 1
            except FileNotFoundError:
                return False

    def _claim(self, manifest: Manifest, path: str) -> tuple[Manifest, bool]:
        """Claim the path for this recording with its sidecar; returns the sidecar, and whether it is new. Raises Refused when the
        path or the media file's name belongs to another recording."""
        present = self._sidecar(path)
        if present is None:
            names = [self._media(path, one) for one in manifest.files]
            if any(map(os.path.lexists, [*names, self.folder / key_path(path)])):
                raise _taken(path)
            return self._write_sidecar(manifest, path, replaces=False), True
        if not isinstance(present, Manifest) or present.recording.id != manifest.recording.id:
            raise _taken(path)
        if self._is_complete(path, present):
            return present, False
        return self._write_sidecar(manifest, path, replaces=True), False  # from a run that crashed before its media

    def _write_sidecar(self, manifest: Manifest, path: str, *, replaces: bool) -> Manifest:
        content = encode_manifest(manifest)
        descriptor, temporary = self.new_file(manifest.recording.id, _SIDECAR)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._checkpoint("sidecar-written")
        sidecar = self.folder / f"{path}{_SIDECAR}"
        if replaces:
            Path(temporary).rename(sidecar)
        else:
            _link(temporary, sidecar, path)
        sync_folder(sidecar.parent)
        return decode_manifest(content)

    def _key_of_new(self, manifest: Manifest, files_from: Sequence[str]) -> bytes | None:
        """The bytes of the key file for these temporary files; None when they are not encrypted. Raises Unavailable."""
        key = self.keys.begun(manifest.recording.id)
        if key is None or not files_from:
            return None
        parts = zip((part for part, _ in manifest.parts), files_from, strict=False)
        files = tuple(encrypted_file(part, Path(file)) for part, file in parts)
        return self.keys.file_of(Encryption(manifest.recording.id, files), key)

    def _store_files(
        self, manifest: Manifest, path: str, files_from: Sequence[str], key: bytes | None, *, is_new: bool
    ) -> None:
        """Put key file and media there, what a crashed run has not put there yet. Raises Refused (`path-taken`)."""
        if not manifest.files or len(files_from) != len(manifest.files):
            raise Corrupt("media-missing", f"the audio file of {path} is missing, and its captures are gone")
        if not is_new:
            self._make_way(manifest, path, is_encrypted=key is not None)
        if key is not None:
            self.replaced(manifest.recording.id, key_path(path), key)
            self._checkpoint("key")
        linked: list[Path] = []
        for media, temporary in zip(manifest.files, files_from, strict=True):
            target = self._media(path, media)
            if not is_new and self._has_content(target, media):
                continue
            try:
                _link(temporary, target, path)
            except Refused:
                if is_new:  # another file with this name appeared meanwhile: withdraw the claim
                    for one in (*linked, self.folder / key_path(path), self.folder / f"{path}{_SIDECAR}"):
                        removed(one)
                raise
            linked.append(target)
            self._checkpoint("media")

    def _make_way(self, manifest: Manifest, path: str, *, is_encrypted: bool) -> None:
        """Remove what a crashed run of this recording has left of encrypted files, and of files that are to be encrypted now:
        this run writes all of them again, with another key. The key goes last."""
        former = self._key_or_none(path)
        if former is None and not is_encrypted:
            return
        for part, media in manifest.parts:
            target = self._media(path, media)
            named = former.encryption.file(part) if former else None
            if (named and salt_in(target) == named.salt) or (is_encrypted and self._has_content(target, media)):
                target.unlink()
        sync_folder((self.folder / path).parent)
        if not is_encrypted:
            removed(self.folder / key_path(path))

    def _has_content(self, file: Path, media: Media) -> bool:
        """Whether this is the file, not encrypted."""
        return self._is_there(file, media, None) and _stored_digest(file) == (media.bytes, media.sha256)

    def _key_or_none(self, path: str) -> KeyFile | None:
        """The key file at this path, if there is one that can be read."""
        try:
            return self.key_file(path)
        except Corrupt:
            return None

    def new_file(self, recording: RecordingId, extension: str) -> tuple[int, str]:
        """An open descriptor and the path of a new temporary file. Raises OSError."""
        self._make_folders(self.folder)
        self._incoming.mkdir(mode=0o700, exist_ok=True)
        descriptor, name = tempfile.mkstemp(extension, f"{recording}.", self._incoming)
        os.fchmod(descriptor, self._file_mode)
        return descriptor, name

    def _is_complete(self, path: str, manifest: Manifest) -> bool:
        key = self._key_or_none(path)
        return all(
            self._is_there(self._media(path, one), one, key.encryption.file(part) if key else None)
            for part, one in manifest.parts
        )

    def _is_there(self, file: Path, media: Media, named: EncryptedFile | None) -> bool:
        """Whether this is a file of the right size; when it is encrypted, whether it is the `named` one."""
        try:
            found = file.lstat()
        except OSError:
            return False
        if not stat.S_ISREG(found.st_mode):
            return False
        if named is not None and salt_in(file) == named.salt:
            return found.st_size == named.size_bytes
        return found.st_size == media.bytes

    def _media(self, path: str, media: Media) -> Path:
        """Where this file of the recording lies. `_sidecar` has checked that its name belongs to the path."""
        return (self.folder / path).parent / media.name

    def _sidecar(self, path: str) -> Manifest | Corrupt | None:
        """The manifest at this path, or the fault of its file, or None without a file. Raises Unavailable."""
        if not is_stored_path(path):
            return Corrupt("sidecar-name", f"{path!a}{_SIDECAR} does not have the name of a recording")
        with on_disk(f"sidecar {path}"):
            try:
                content = read_bounded(f"{self.folder}/{path}{_SIDECAR}", _SIDECAR_BYTES)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except Corrupt as error:
                return error
        try:
            manifest = decode_manifest(content)
        except Corrupt as error:
            return error
        if not _names_its_own(manifest, path):
            return Corrupt("sidecar-media", f"{path}{_SIDECAR} names another recording's media file")
        if not is_recording_id(manifest.recording.id):
            return Corrupt("sidecar-id", f"{path}{_SIDECAR} does not have the id of a recording")
        return manifest

    def _walk(self) -> Iterator[tuple[str, Corrupt | None]]:
        """Every file, and each subfolder that cannot be read with its error. Raises Unavailable for the directory itself."""
        faults: list[tuple[str, Corrupt]] = []

        def unread(error: OSError) -> None:
            below = os.path.relpath(error.filename or self.folder, self.folder)
            if below == ".":
                raise error
            if not isinstance(error, FileNotFoundError):  # gone since its parent was listed: nothing is hidden
                faults.append((below, Corrupt("folder-unreadable", f"folder {below}: {error.strerror}")))

        with on_disk(f"monitor directory {self.folder}"):
            for folder, folders, names in os.walk(self.folder, onerror=unread):
                yield from faults
                faults.clear()
                below = Path(folder).relative_to(self.folder)
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
        """Like mkdir -p, but each new folder is on disk before anything is created in it."""
        if folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(mode=0o750, exist_ok=True)
        sync_folder(folder.parent)


def _names_its_own(manifest: Manifest, path: str) -> bool:
    """Whether each of its files has the name that a recording at this path gives it."""
    named = [(manifest.media, path), *((one.media, track_path(path, one.nth)) for one in manifest.tracks)]
    return all(one is None or one.name == media_name(path, one.format) for one, path in named)


def _taken(path: str) -> Refused:
    return Refused("path-taken", f"{path} belongs to another recording")


def _link(temporary: str, target: Path, path: str) -> None:
    """Link a finished file to its final name, without overwriting. Raises Refused (`path-taken`)."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise _taken(path) from None


def _changed_s(path: Path) -> float:
    """Time of the last change (Unix time); now for a file that is gone, 0 when it cannot be read."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return time.time()
    except OSError:
        return 0.0


def encrypted_file(part: str, file: Path) -> EncryptedFile:
    """What the record says of this encrypted file. Raises Corrupt when it is not encrypted, OSError."""
    size_bytes, digest = _stored_digest(file)
    salt = salt_in(file)
    if salt is None:
        raise Corrupt("media-unreadable", f"{file.name} was to be encrypted, and is not")
    return EncryptedFile(part, size_bytes, digest, salt)


def salt_in(file: Path) -> bytes | None:
    """What an encrypted file begins with; None for every other file, and for one that cannot be read."""
    try:
        with opened(file) as media:
            return salt_of(media.read(HEADER_BYTES))
    except (OSError, Corrupt):
        return None


def _stored_digest(path: Path) -> tuple[int, str]:
    """Bytes and sha-256 of a regular file as it lies on disk. Raises OSError, Corrupt."""
    with opened(path) as media:
        return os.fstat(media.fileno()).st_size, hashlib.file_digest(media, "sha256").hexdigest()
