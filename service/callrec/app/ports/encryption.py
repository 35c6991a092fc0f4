"""Encryption at rest: the master keys, and what is done with the files of recordings that are there already."""

from typing import Protocol

from callrec.domain.errors import CallrecError
from callrec.domain.library.manifest import Manifest


class MasterKeyRing(Protocol):
    """The master keys that the settings lead to. Blocking; called in a worker thread."""

    def look(self) -> None:
        """Read them when that is due. Raises Misconfigured (`encryption-keys`) when they cannot be used, Unavailable
        (`encryption-keys-away`) when they cannot be had now."""
        ...

    def ids(self) -> tuple[str, ...]:
        """Their ids, first that of the one for new recordings. Raises as `look`."""
        ...


class EncryptableLibrary(Protocol):
    """Encrypts the files of stored recordings in place. Blocking. It may be killed at any moment, and run again."""

    def encrypt(self, path: str, manifest: Manifest) -> bool:
        """Encrypt what is not encrypted yet of the recording at this path. Before a plain file goes, what was encrypted has been
        read back and compared. False when there was nothing to do, or the recording was erased meanwhile. Raises Corrupt
        (`media-changed`, `media-missing`), Unavailable."""
        ...

    def rewrap(self, path: str) -> bool:
        """Wrap the key of the recording at this path with the current master key; its files stay as they are. False when it has
        that one already, or is not encrypted. Raises Corrupt (`key-file-damaged`), Unavailable."""
        ...


class EncryptionNotices(Protocol):
    """The observer of master keys: metrics, alarms, logs. Must not raise."""

    def master_keys_away(self, error: CallrecError) -> None:
        """Nothing can be encrypted or read; recordings wait in the spool."""
        ...

    def master_keys_back(self) -> None:
        """They can be had again."""
        ...
