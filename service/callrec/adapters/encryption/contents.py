"""Files as their content, whether they are encrypted or not: the one way by which the sound of the library is read and written.

An encrypted file begins with a mark, and there is a key for it. Every other file is read as it is. Nothing is decrypted but the
chunks that are asked for, and nothing decrypted is written to a disk.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import SEEK_CUR, SEEK_END, SEEK_SET
from pathlib import Path
from typing import Protocol

from callrec.adapters.disk.fsync import write_all
from callrec.adapters.disk.reading import opened
from callrec.adapters.encryption.ciphers import ChunkCipher, new_salt
from callrec.protocols.encrypted_file import (
    CHUNK_BYTES,
    HEADER_BYTES,
    MARK,
    STORED_CHUNK_BYTES,
    chunks_of,
    content_bytes,
    place_of,
    salt_of,
)

_MODE = 0o640
_READ_BYTES = 1 << 20


class FileKeys(Protocol):
    """Who knows the keys of encrypted files."""

    def for_reading(self, path: Path, salt: bytes) -> bytes | None:
        """The recording key of the file at this path, which begins with this salt; None when none of its keys is for this file,
        which then only begins like an encrypted one. Raises Corrupt, Unavailable."""
        ...

    def for_writing(self, path: Path) -> bytes | None:
        """The key to encrypt the new file at this path with; None: it is written as it is."""
        ...


class NoKeys:
    """Nothing is encrypted."""

    def for_reading(self, _path: Path, _salt: bytes) -> bytes | None:
        """See FileKeys."""
        return None

    def for_writing(self, _path: Path) -> bytes | None:
        """See FileKeys."""
        return None


class KeysOfFolder:
    """One key, which is in no file, for all files of a folder."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder.absolute(), key

    def for_reading(self, path: Path, _salt: bytes) -> bytes | None:
        """See FileKeys."""
        return self.for_writing(path)

    def for_writing(self, path: Path) -> bytes | None:
        """See FileKeys."""
        return self._key if path.absolute().parent == self._folder else None


class Content(Protocol):
    """An open file. Threads may read it side by side."""

    size_bytes: int
    """Of its content."""

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes from there on, fewer only at the end. Raises Corrupt (`media-changed`), OSError."""
        ...

    def again(self, descriptor: int) -> "Content":
        """The same by another descriptor of the file."""
        ...


class PlainContent:
    """A file that is not encrypted."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = os.fstat(descriptor).st_size

    def read(self, offset: int, count: int) -> bytes:
        """See Content."""
        return os.pread(self._descriptor, count, offset)

    def again(self, descriptor: int) -> "PlainContent":
        """See Content."""
        return PlainContent(descriptor)


class EncryptedContent:
    """An encrypted file. Raises Corrupt (`media-changed`) for a size that none has."""

    def __init__(self, descriptor: int, cipher: ChunkCipher) -> None:
        self._descriptor, self._cipher = descriptor, cipher
        self.size_bytes = content_bytes(os.fstat(descriptor).st_size)
        self._last = chunks_of(self.size_bytes) - 1
        self._at_hand = -1, b""
        """The chunk that was read last: who reads in small pieces does not decrypt it again."""

    def read(self, offset: int, count: int) -> bytes:
        """See Content."""
        end = min(offset + count, self.size_bytes)
        if end <= offset:
            return b""
        first, last = offset // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        content = b"".join(self._chunks(first, last))
        start = offset - first * CHUNK_BYTES
        return content[start : start + end - offset]

    def again(self, descriptor: int) -> "EncryptedContent":
        """See Content."""
        return EncryptedContent(descriptor, self._cipher)

    def _chunks(self, first: int, last: int) -> Iterator[bytes]:
        at_hand, content = self._at_hand
        if at_hand == first:
            yield content
            first += 1
        if first > last:
            return
        wanted = (last - first + 1) * STORED_CHUNK_BYTES
        stored = memoryview(os.pread(self._descriptor, wanted, place_of(first)))
        for chunk in range(first, last + 1):
            at = (chunk - first) * STORED_CHUNK_BYTES
            content = self._cipher.decrypted(chunk, stored[at : at + STORED_CHUNK_BYTES], is_last=chunk == self._last)
            self._at_hand = chunk, content
            yield content


class ContentStream:
    """An encrypted file's content as a stream that PyAV reads. `error`: what has ended it."""

    def __init__(self, content: Content) -> None:
        self._content, self._at = content, 0
        self.error: Exception | None = None

    def read(self, count: int = -1) -> bytes:
        """So many bytes, or all that are left."""
        try:
            found = self._content.read(self._at, self._content.size_bytes if count < 0 else count)
        except Exception as error:
            self.error = error
            raise
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """As a file's."""
        start = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._content.size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """As a file's."""
        return self._at


class Sink(Protocol):
    """A new file that is being written in order."""

    def write(self, content: bytes | memoryview) -> int:
        """Append. Raises OSError."""
        ...


class PlainSink:
    """A file that is not encrypted."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes | memoryview) -> int:
        """See Sink."""
        write_all(self._descriptor, content)
        return len(content)


class EncryptingSink:
    """Encrypts what is written. The first chunk waits in memory until the end, because containers write their length into it at
    last; every other one is written once it is full. `error`: what has ended it; PyAV, which may write to it, says of that only
    that there was something."""

    def __init__(self, descriptor: int, key: bytes) -> None:
        self._descriptor, self._salt = descriptor, new_salt()
        self._cipher = ChunkCipher(key, self._salt)
        self._first, self._open = bytearray(), bytearray()
        self._chunk = 1
        """The number of the open one."""
        self._at = 0
        self.error: Exception | None = None

    def write(self, content: bytes | memoryview) -> int:
        """See Sink."""
        rest = memoryview(content).cast("B")
        count = len(rest)
        try:
            while rest:
                rest = rest[self._written(rest) :]
        except Exception as error:
            self.error = error
            raise
        return count

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """As a file's; to where nothing can be written any more it leads only to read the position."""
        self._at = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._size}[whence] + offset
        return self._at

    def tell(self) -> int:
        """As a file's."""
        return self._at

    def close(self) -> None:
        """Write the first chunk and the last one. Raises OSError."""
        is_short = not self._open and self._chunk == 1
        if self._open:
            self._put(self._chunk, bytes(self._open), is_last=True)
        first = self._cipher.encrypted(0, bytes(self._first), is_last=is_short)
        self._put_bytes(MARK + self._salt + first, 0)

    @property
    def _size(self) -> int:
        begun = (self._chunk - 1) * CHUNK_BYTES
        return len(self._first) + begun + len(self._open)

    def _written(self, rest: memoryview) -> int:
        """Take the beginning of this; how many bytes."""
        if self._at < CHUNK_BYTES:
            part = rest[: CHUNK_BYTES - self._at]
            if self._at > len(self._first):
                raise _elsewhere()
            self._first[self._at : self._at + len(part)] = part
        elif self._at != self._size:
            raise _elsewhere()
        else:
            if len(self._open) == CHUNK_BYTES:  # only now: the last chunk must not be empty
                self._put(self._chunk, bytes(self._open), is_last=False)
                self._open.clear()
                self._chunk += 1
            part = rest[: CHUNK_BYTES - len(self._open)]
            self._open += part
        self._at += len(part)
        return len(part)

    def _put(self, chunk: int, content: bytes, *, is_last: bool) -> None:
        self._put_bytes(self._cipher.encrypted(chunk, content, is_last=is_last), place_of(chunk))

    def _put_bytes(self, stored: bytes, at: int) -> None:
        rest = memoryview(stored)
        while rest:
            count = os.pwrite(self._descriptor, rest, at)
            rest, at = rest[count:], at + count


def _elsewhere() -> OSError:
    return OSError(errno.ESPIPE, "an encrypted file is written in order")


def for_av_to_read(content: Content, path: str) -> str | ContentStream:
    """What PyAV opens to read this content, which was opened by this path."""
    return path if isinstance(content, PlainContent) else ContentStream(content)


def for_av_to_write(sink: Sink, path: str) -> str | EncryptingSink:
    """What PyAV opens to write this file."""
    return sink if isinstance(sink, EncryptingSink) else path


class Contents:
    """Opens files by their paths."""

    def __init__(self, *keys: FileKeys) -> None:
        """`keys`: asked one after the other. Without any nothing is encrypted."""
        self._keys: Sequence[FileKeys] = keys or (NoKeys(),)

    def of(self, descriptor: int, path: Path) -> Content:
        """The content of this open file, which was opened by this path. Raises Corrupt, Unavailable, OSError."""
        salt = salt_of(os.pread(descriptor, HEADER_BYTES, 0))
        if salt is not None:
            for one in self._keys:
                if (key := one.for_reading(path, salt)) is not None:
                    return EncryptedContent(descriptor, ChunkCipher(key, salt))
        return PlainContent(descriptor)

    @contextmanager
    def reading(self, path: str | Path) -> Iterator[Content]:
        """The content of a regular file; links are not followed. Raises Corrupt (`file-odd`, ...), Unavailable, OSError."""
        with opened(Path(path)) as file:
            yield self.of(file.fileno(), Path(path))

    @contextmanager
    def writing(self, path: str | Path) -> Iterator[Sink]:
        """A sink for the content of this file, which is empty; flushed to disk at the end of the block. Raises Unavailable,
        OSError."""
        key = next((key for one in self._keys if (key := one.for_writing(Path(path))) is not None), None)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            if key is None:
                yield PlainSink(descriptor)
            else:
                sink = EncryptingSink(descriptor, key)
                yield sink
                sink.close()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def encrypted(content: bytes, key: bytes) -> bytes:
    """The bytes of an encrypted file with this content."""
    salt = new_salt()
    cipher, last = ChunkCipher(key, salt), chunks_of(len(content)) - 1
    chunks = (
        cipher.encrypted(nth, content[nth * CHUNK_BYTES : (nth + 1) * CHUNK_BYTES], is_last=nth == last)
        for nth in range(last + 1)
    )
    return MARK + salt + b"".join(chunks)


def digest_of(content: Content) -> str:
    """The SHA-256 of all of it, in hexadecimal digits. Raises Corrupt, OSError."""
    digest, at = hashlib.sha256(), 0
    while at < content.size_bytes and (part := content.read(at, _READ_BYTES)):
        digest.update(part)
        at += len(part)
    return digest.hexdigest()


PLAIN = Contents()
"""Without any keys."""
