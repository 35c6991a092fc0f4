"""The format of an encrypted file.

    callrec-aes-gcm1    a mark of 16 bytes
    salt                32 random bytes
    chunk ...           64 KiB of content each, the last one less; each with the 16 bytes of its tag

The file's own key is HKDF-SHA-256 of the recording key, with this salt. Each chunk is encrypted by AES-256-GCM under it. The
nonce of a chunk is its number (11 bytes, big-endian) and one byte that is 1 for the last chunk and else 0. So a chunk cannot
stand in another place or another file, and a file that is cut off has no last chunk. This is the STREAM construction
(Hoang, Reyhanitabar, Rogaway, Vizar 2015) as age uses it (age-encryption.org/v1, Payload). An empty file has one empty chunk;
no other chunk is empty.
"""

from callrec.domain.errors import Corrupt

MARK = b"callrec-aes-gcm1"
SALT_BYTES = 32
HEADER_BYTES = len(MARK) + SALT_BYTES
CHUNK_BYTES = 1 << 16
TAG_BYTES = 16
STORED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
KEY_BYTES = 32


def salt_of(header: bytes) -> bytes | None:
    """The salt, of the first `HEADER_BYTES` of a file; None when it is not encrypted."""
    return header[len(MARK) :] if len(header) == HEADER_BYTES and header.startswith(MARK) else None


def chunks_of(content_bytes: int) -> int:
    """How many chunks so much content has."""
    return max(1, -(-content_bytes // CHUNK_BYTES))


def stored_bytes(content_bytes: int) -> int:
    """The size of the encrypted file of so much content."""
    return HEADER_BYTES + content_bytes + TAG_BYTES * chunks_of(content_bytes)


def content_bytes(stored: int) -> int:
    """How much content an encrypted file of this size has. Raises Corrupt (`media-changed`) for a size that none has."""
    body = stored - HEADER_BYTES
    chunks = -(-body // STORED_CHUNK_BYTES)
    content = body - chunks * TAG_BYTES
    if chunks < 1 or content < 0 or chunks_of(content) != chunks:
        raise Corrupt("media-changed", f"no encrypted file has {stored} bytes: it was cut off, or something was added")
    return content


def place_of(chunk: int) -> int:
    """Where this chunk begins in the file."""
    return HEADER_BYTES + chunk * STORED_CHUNK_BYTES


def nonce(chunk: int, *, is_last: bool) -> bytes:
    """The nonce of a chunk."""
    return chunk.to_bytes(11, "big") + (b"\1" if is_last else b"\0")
