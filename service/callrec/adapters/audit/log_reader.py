"""Reads the log of a folder while another process may write it: for checks, lists and evidence."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cryptography.x509 import Certificate

from callrec.adapters.audit.adoption_mark import FileMark
from callrec.adapters.audit.log_files import LogFiles
from callrec.adapters.audit.personal_texts import PersonalTexts
from callrec.adapters.audit.signing_key import CHANGES, key_changes, public_key
from callrec.adapters.audit.stamp_files import read_authorities, read_stamp, stamped_sizes
from callrec.adapters.audit.waiting_file import WaitingFile
from callrec.adapters.disk.fsync import on_disk
from callrec.app.ports.access import Stamp
from callrec.domain.access.audit import WaitingEntry
from callrec.protocols.checkpoints import VerifierKey, notes_in
from callrec.protocols.key_changes import KeyChange
from callrec.protocols.log_tiles import TileName


class DiskLogReader:
    """Implements `app.ports.access.LogReader`. Blocking."""

    def __init__(self, folder: Path, witness: Path | None = None, authorities: Path | None = None) -> None:
        self._folder, self._witness, self._authorities = folder, witness, authorities
        self._files = LogFiles(folder)

    def key(self) -> VerifierKey:
        """The log's public key. Raises Misconfigured when there is no log, Corrupt, Unavailable."""
        return public_key(self._folder)

    def key_changes(self) -> Sequence[KeyChange]:
        """The changes of the key, oldest first. Raises Corrupt, Unavailable."""
        return key_changes(self._folder)

    def key_notes(self) -> bytes:
        """The same as their signed notes. Raises Unavailable."""
        with on_disk(f"audit log {self._folder}"):
            path = self._folder / CHANGES
            return path.read_bytes() if path.exists() else b""

    def note(self) -> bytes | None:
        """The newest checkpoint with its signatures."""
        return self._files.note()

    def hashes(self, name: TileName) -> Sequence[bytes]:
        """A tile's hashes. Raises Corrupt, Unavailable."""
        return self._files.hashes(name)

    def entries(self, name: TileName) -> Sequence[bytes]:
        """A bundle's entries. Raises Corrupt, Unavailable."""
        return self._files.entries(name)

    def bundle(self, name: TileName) -> tuple[bytes, TileName]:
        """A bundle's bytes, and its name: that of the full one, when it is full meanwhile. Raises Corrupt, Unavailable."""
        return self._files.content(name)

    def names(self) -> Iterator[str]:
        """All files below `tile/`."""
        return self._files.names()

    def waiting(self) -> Sequence[WaitingEntry]:
        """The entries that no checkpoint spoke of when they were written. Raises Corrupt, Unavailable."""
        with on_disk(f"audit log {self._folder}"):
            return WaitingFile(self._folder).read()

    def adopted(self) -> bool:
        """Whether recordings from before the log have their entries. Raises Unavailable."""
        return FileMark(self._folder).is_set()

    def witnessed(self) -> Sequence[bytes]:
        """The checkpoints that the witness has, oldest first; none without a witness. Raises Unavailable."""
        if self._witness is None:
            return ()
        with on_disk(f"the audit log's witness {self._witness}"):
            return notes_in(self._witness.read_bytes()) if self._witness.exists() else ()

    def stamps(self) -> Sequence[int]:
        """Of how many entries each stamped checkpoint speaks. Raises Unavailable."""
        with on_disk(f"audit log {self._folder}"):
            return stamped_sizes(self._folder)

    def stamp(self, size: int) -> Stamp:
        """The stamped checkpoint of so many entries. Raises Corrupt, Unavailable."""
        return read_stamp(self._folder, size)

    def authorities(self) -> Sequence[Certificate]:
        """To which the certificates of stamps must lead. Raises Misconfigured, Unavailable."""
        return read_authorities(self._authorities)

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        """The texts of these digests, as far as they are still there. Raises Corrupt, Unavailable."""
        found = dict(PersonalTexts(self._folder).get(digests))
        wanted = set(digests)
        found.update((row.digest, row.text) for one in self.waiting() for row in one.texts if row.digest in wanted)
        return found
