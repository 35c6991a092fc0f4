"""The keys of the recordings of a library: one for each encrypted recording, in the key file beside it.

A key is made when the first file of a recording is about to be written, and kept in memory until the recording is placed: the
temporary files of a run that ends before are worth nothing without it.
"""

import threading
from pathlib import Path

from callrec.adapters.disk.reading import read_bounded
from callrec.adapters.encryption import ciphers
from callrec.adapters.encryption.master_keys import MasterKeys
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt, Misconfigured, Unavailable
from callrec.domain.library.encryption import Encryption, KeyFile
from callrec.domain.library.file_names import key_path, stem_and_part
from callrec.protocols.key_file import MOST_BYTES, decode_key_file, encode_key_file, encode_record


class LibraryKeys:
    """Implements `contents.FileKeys` for the files of a monitor directory. `incoming`: the folder of its temporary files, whose
    names begin with the id of their recording."""

    def __init__(self, incoming: Path, masters: MasterKeys | None = None, *, encrypts: bool = False) -> None:
        """`masters`: None when no keys are set. `encrypts`: whether new recordings are encrypted."""
        self._incoming, self._masters, self._encrypts = incoming.absolute(), masters, encrypts
        self._lock = threading.Lock()
        self._begun: dict[str, bytes] = {}

    def begin(self, recording: RecordingId) -> None:
        """Files of this recording are going to be written: if they are to be encrypted, it has a key from now on. Raises
        Unavailable when the key could not be wrapped now."""
        if not self._encrypts or self.begun(recording):
            return
        self.current_master()
        self.begin_with(recording, ciphers.new_key())

    def begin_with(self, recording: RecordingId, key: bytes) -> None:
        """The same with this key."""
        with self._lock:
            self._begun.setdefault(recording, key)

    def begun(self, recording: RecordingId) -> bytes | None:
        """The key of its temporary files."""
        with self._lock:
            return self._begun.get(recording)

    def forget(self, recording: RecordingId) -> None:
        """No temporary file of it is left."""
        with self._lock:
            self._begun.pop(recording, None)

    def for_writing(self, path: Path) -> bytes | None:
        """See FileKeys."""
        if path.absolute().parent != self._incoming:
            return None
        return self.begun(RecordingId(path.name.partition(".")[0]))

    def for_reading(self, path: Path, salt: bytes) -> bytes | None:
        """See FileKeys. Of the files that the record names, it has to be the named one. Raises Corrupt (`key-file-missing`,
        ...)."""
        if path.absolute().parent == self._incoming:
            return self.for_writing(path)
        stem, part = stem_and_part(path.name)
        found = self.read(path.with_name(key_path(stem)))
        if found is None:
            says = f"{path.name} is encrypted, and its key file is missing"
            raise Corrupt("key-file-missing", says, hint="restore the key file from a backup")
        if part and ((named := found.encryption.file(part)) is None or named.salt != salt):
            says = f"{path.name} is not the file that its key file names"
            raise Corrupt("media-changed", says, hint="restore the recording from a backup")
        return self.key_of(found)

    def read(self, path: Path) -> KeyFile | None:
        """The key file at this path; None when there is none. Raises Corrupt (`key-file-damaged`), OSError."""
        try:
            return decode_key_file(read_bounded(path, MOST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Corrupt as error:
            raise Corrupt("key-file-damaged", f"{path.name}: {error.message}", hint=error.hint) from error

    def key_of(self, found: KeyFile) -> bytes:
        """The recording key. Raises Unavailable without the master key, Corrupt (`key-file-damaged`)."""
        if self._masters is None:
            says = "the recording is encrypted, and CALLREC_ENCRYPTION_KEYS is not set"
            raise Unavailable("encryption-keys-away", says, hint="set it to where the master keys are")
        try:
            master = self._masters.named(found.key.master)
        except Misconfigured as error:
            raise Unavailable("encryption-keys-away", error.message, hint=error.hint) from error
        key = ciphers.unwrapped(found.key, master.key, found.record)
        if key is None:
            says = f"the key of {found.encryption.recording} is not one that the master key {master.id} has wrapped"
            raise Corrupt("key-file-damaged", says, hint="restore the key file from a backup")
        return key

    def file_of(self, encryption: Encryption, key: bytes) -> bytes:
        """The bytes of a key file with this recording key, wrapped with the current master key. Raises Unavailable."""
        name, master = self.current_master()
        record = encode_record(encryption)
        return encode_key_file(record, ciphers.wrapped(key, name, master, record))

    def rewrapped(self, found: KeyFile) -> bytes | None:
        """The bytes of the key file with the current master key; None when it has that already. Raises Unavailable, Corrupt."""
        name, master = self.current_master()
        if found.key.master == name:
            return None
        return encode_key_file(found.record, ciphers.wrapped(self.key_of(found), name, master, found.record))

    def current_master(self) -> tuple[str, bytes]:
        """Id and key of the master key for new recordings. Raises Unavailable."""
        if self._masters is None:
            says = "CALLREC_ENCRYPTION_KEYS is not set"
            raise Unavailable("encryption-keys-away", says, hint="set it to where the master keys are")
        try:
            master = self._masters.current()
        except Misconfigured as error:
            raise Unavailable("encryption-keys-away", error.message, hint=error.hint) from error
        return master.id, master.key
