"""Keys and chunks: what `protocols.encrypted_file` and `protocols.key_file` describe, done by the package `cryptography`."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from callrec.domain.errors import Corrupt
from callrec.domain.library.encryption import WrappedKey
from callrec.protocols.encrypted_file import KEY_BYTES, MARK, SALT_BYTES, nonce

_WRAPPING, _CHECK = b"callrec-wrapped-key1", b"callrec-key-check1"
_CHECK_BYTES = 16
_ONCE = bytes(12)
"""The nonce under a key that encrypts one text only."""


def new_key() -> bytes:
    """A recording key."""
    return secrets.token_bytes(KEY_BYTES)


def new_salt() -> bytes:
    """For a file or a wrapped key."""
    return secrets.token_bytes(SALT_BYTES)


def wrapped(key: bytes, master: str, master_key: bytes, record: bytes) -> WrappedKey:
    """The recording key, encrypted with this master key, and bound to the record. Each time another one."""
    salt = new_salt()
    return WrappedKey(master, salt, AESGCM(_derived(master_key, salt, _WRAPPING)).encrypt(_ONCE, key, record))


def unwrapped(key: WrappedKey, master_key: bytes, record: bytes) -> bytes | None:
    """The recording key; None when this is not the master key, or not the record."""
    try:
        return AESGCM(_derived(master_key, key.salt, _WRAPPING)).decrypt(_ONCE, key.wrapped, record)
    except InvalidTag:
        return None


def check_value(master_key: bytes) -> str:
    """By which a master key is recognised, and which says nothing of it: 32 hexadecimal digits."""
    return _derived(master_key, b"", _CHECK, _CHECK_BYTES).hex()


class ChunkCipher:
    """Encrypts and decrypts the chunks of the file with this salt, of the recording with this key."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._cipher = AESGCM(_derived(key, salt, MARK))

    def encrypted(self, chunk: int, content: bytes | memoryview, *, is_last: bool) -> bytes:
        """A chunk as it is stored. Each number may be used for one content only."""
        return self._cipher.encrypt(nonce(chunk, is_last=is_last), content, None)

    def decrypted(self, chunk: int, stored: bytes | memoryview, *, is_last: bool) -> bytes:
        """Its content. Raises Corrupt (`media-changed`) for another chunk, another key, and changed bytes."""
        try:
            return self._cipher.decrypt(nonce(chunk, is_last=is_last), stored, None)
        except InvalidTag:
            says = f"chunk {chunk} of an encrypted file is not the one that was written"
            raise Corrupt("media-changed", says, hint="restore the file from a backup") from None


def _derived(key: bytes, salt: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=purpose).derive(key)
