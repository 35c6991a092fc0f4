"""Encrypts what lies in a library already, and wraps its keys again.

A recording: each plain file is compared with the sidecar, encrypted into a temporary file, flushed, read back and compared again
-> key file (flushed) -> the encrypted files take the places of the plain ones -> peaks. A run that is killed in between leaves
files that are plain or encrypted, each of which can be read; the next run goes on with the plain ones. Each encryption of a file
has a new salt, so that nothing is ever encrypted twice under one.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder
from callrec.adapters.disk.monitor_directory import INCOMING, MonitorLibrary, encrypted_file, salt_in
from callrec.adapters.disk.reading import opened
from callrec.adapters.disk.shredding import overwrite_open
from callrec.adapters.encryption import ciphers
from callrec.adapters.encryption.contents import digest_of
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.encryption import EncryptedFile, Encryption, KeyFile
from callrec.domain.library.file_names import key_path, peaks_path, track_path
from callrec.domain.library.manifest import Manifest, Media

_DRAFT = ".encrypting"
_CHUNK_BYTES = 1 << 20


class DiskEncryptableLibrary:
    """Implements `app.ports.library.EncryptableLibrary`. `checkpoint` is told each step, for tests of crashes."""

    def __init__(self, library: MonitorLibrary, *, checkpoint: Callable[[str], None] = lambda _step: None) -> None:
        self._library, self._checkpoint = library, checkpoint

    def encrypt(self, path: str, manifest: Manifest) -> bool:
        """See ports.EncryptableLibrary."""
        recording, library = manifest.recording.id, self._library
        found = library.key_file(path)
        plain = [(part, media) for part, media in manifest.parts if not self._is_encrypted(path, media, part, found)]
        if not plain:
            return self._peaks(path, manifest)
        key = library.keys.key_of(found) if found else ciphers.new_key()
        library.keys.current_master()
        library.keys.begin_with(recording, key)
        try:
            with on_disk(f"encrypting {path}"):
                self._remove_drafts(recording)
                drafts = {part: self._drafted(path, recording, media) for part, media in plain}
                named = {part: encrypted_file(part, draft) for part, draft in drafts.items()}
                self._checkpoint("drafted")
                is_done = self._exchange(path, manifest, drafts, named, key)
        finally:
            with suppress(OSError):
                self._remove_drafts(recording)
            library.keys.forget(recording)
        if is_done:
            self._peaks(path, manifest)
        return is_done

    def rewrap(self, path: str) -> bool:
        """See ports.EncryptableLibrary. The former wrapping is overwritten: the former master key opens nothing here."""
        library, file = self._library, self._library.folder / key_path(path)
        with library.locked(), on_disk(f"key file of {path}"):
            found = library.key_file(path)
            content = library.keys.rewrapped(found) if found and library.manifest(path) else None
            if found is None or content is None:
                return False
            former = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                library.replaced(found.encryption.recording, key_path(path), content)
                overwrite_open(former, most_names=0)
            finally:
                os.close(former)
        return True

    def _is_encrypted(self, path: str, media: Media, part: str, found: KeyFile | None) -> bool:
        named = found.encryption.file(part) if found else None
        return named is not None and salt_in(self._place(path, media)) == named.salt

    def _drafted(self, path: str, recording: RecordingId, media: Media) -> Path:
        """A temporary file with the encrypted content of this file: what it holds is what the sidecar says. Raises Corrupt,
        OSError."""
        descriptor, name = self._library.new_file(recording, _DRAFT)
        os.close(descriptor)
        digest = hashlib.sha256()
        try:
            with opened(self._place(path, media)) as source, self._library.contents.writing(name) as sink:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    sink.write(chunk)
        except FileNotFoundError:
            raise Corrupt("media-missing", f"{media.name} is missing", hint="run callrec verify") from None
        with self._library.contents.reading(name) as content:
            if (content.size_bytes, digest.hexdigest(), digest_of(content)) != (
                media.bytes,
                media.sha256,
                media.sha256,
            ):
                says = f"{media.name} is not the file that was stored"
                raise Corrupt("media-changed", says, hint="restore the file from a backup")
        return Path(name)

    def _exchange(
        self, path: str, manifest: Manifest, drafts: dict[str, Path], named: dict[str, EncryptedFile], key: bytes
    ) -> bool:
        """Put the key file there, then the encrypted files; False when the recording was erased meanwhile. Raises OSError."""
        library = self._library
        with library.locked():
            there = library.manifest(path)
            if there is None or there.recording.id != manifest.recording.id:
                return False
            before = library.key_file(path)
            files = [
                named.get(part) or (before.encryption.file(part) if before else None) for part, _ in manifest.parts
            ]
            encryption = Encryption(manifest.recording.id, tuple(one for one in files if one is not None))
            library.replaced(manifest.recording.id, key_path(path), library.keys.file_of(encryption, key))
            self._checkpoint("key")
            for part, media in manifest.parts:
                if part in drafts:
                    drafts[part].replace(self._place(path, media))
                    self._checkpoint("file")
            sync_folder((library.folder / path).parent)
        self._checkpoint("exchanged")
        return True

    def _peaks(self, path: str, manifest: Manifest) -> bool:
        """Encrypt the peaks that are not yet; damaged ones go, since they are made again."""
        changed, library = False, self._library
        for track in (None, *(one.nth for one in manifest.tracks)):
            file = library.folder / peaks_path(path if track is None else track_path(path, track))
            with on_disk(f"file {file.name}"):
                if not file.exists() or salt_in(file) is not None:
                    continue
                try:
                    kept = library.waveform(path, track)
                except Corrupt:
                    file.unlink(missing_ok=True)
                    continue
            if kept is not None:
                library.keep_waveform(manifest.recording.id, path, kept, track)
                changed = True
        return changed

    def _remove_drafts(self, recording: RecordingId) -> None:
        for draft in self._drafts(recording):
            draft.unlink(missing_ok=True)

    def _drafts(self, recording: RecordingId) -> Iterator[Path]:
        return (self._library.folder / INCOMING).glob(f"{recording}.*{_DRAFT}")

    def _place(self, path: str, media: Media) -> Path:
        return (self._library.folder / path).parent / media.name
