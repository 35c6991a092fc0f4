"""Encryption at rest: what is known of the encrypted files of a recording.

Each encrypted recording has a random key of its own, the recording key. It is stored beside the recording only as the master key
has wrapped it. The sidecar is the same with and without encryption: what it says of a file (bytes, SHA-256) is of the sound. What
lies on disk has its own size and digest, which stand beside the wrapped key, and in the audit log.
"""

from dataclasses import dataclass

from callrec.domain.calls.ids import RecordingId
from callrec.domain.error_codes import ErrorCode

PART = "encryption"
"""What the audit log calls the digest of the record of a recording's encryption, among those of its files."""
KEY_AWAY: frozenset[ErrorCode] = frozenset({"encryption-keys", "encryption-keys-away", "encryption-key-unknown"})
"""Errors that tell of the master keys, and nothing of the recording."""


@dataclass(frozen=True, slots=True)
class EncryptedFile:
    """One file of a recording as it lies on disk."""

    part: str
    """`media`, `track-1`, ... as in the audit log."""
    size_bytes: int
    sha256: str
    salt: bytes
    """What the file begins with, after its mark: made at random each time a file is encrypted, so that it tells this file from
    every other."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """The record of a recording's encryption. It is never changed: another master key only wraps the recording key again."""

    recording: RecordingId
    files: tuple[EncryptedFile, ...]

    def file(self, part: str) -> EncryptedFile | None:
        """What it says of this part of the recording."""
        return next((one for one in self.files if one.part == part), None)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A recording key as it is stored: encrypted with a key that is derived of the master key with this id, and this salt."""

    master: str
    salt: bytes
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file says. `record`: the bytes of the record, which the wrapping binds to the key."""

    record: bytes
    encryption: Encryption
    key: WrappedKey
