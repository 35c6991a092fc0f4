"""The key file: what is written is read, and nothing else is taken for one."""

import hashlib

import pytest

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.encryption import EncryptedFile, Encryption, WrappedKey
from callrec.protocols.key_file import decode_key_file, encode_key_file, encode_record

FILES = (
    EncryptedFile("media", 96_124, "ab" * 32, bytes(range(32))),
    EncryptedFile("track-12", 48_108, "cd" * 32, bytes(range(1, 33))),
)
ENCRYPTION = Encryption(RecordingId("c1-1"), FILES)
KEY = WrappedKey("2026-a.b_c", bytes(range(2, 34)), bytes(range(48)))


def whole(first: bytes, second: bytes) -> bytes:
    """Two lines with a checksum that fits."""
    lines = first + b"\n" + second + b"\n"
    return lines + hashlib.sha256(lines).hexdigest().encode() + b"\n"


def test_what_is_written_is_read() -> None:
    record = encode_record(ENCRYPTION)
    found = decode_key_file(encode_key_file(record, KEY))
    assert (found.record, found.encryption, found.key) == (record, ENCRYPTION, KEY)
    assert found.encryption.file("track-12") == FILES[1]
    assert found.encryption.file("track-1") is None


def test_another_wrapping_leaves_the_record() -> None:
    record = encode_record(ENCRYPTION)
    other = WrappedKey("2027", bytes(32), bytes(48))
    first, second = (encode_key_file(record, key).splitlines() for key in (KEY, other))
    assert first[0] == second[0]
    assert first[1:] != second[1:]


SOUND = encode_key_file(encode_record(ENCRYPTION), KEY)
FIRST, SECOND, _ = SOUND.splitlines()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SOUND[:-1],
        SOUND + b"\n",
        SOUND.replace(b"ab", b"ba", 1),
        SOUND.replace(SOUND.splitlines()[2], b"0" * 64),
        whole(FIRST.replace(b'"v":1', b'"v":2'), SECOND),
        whole(FIRST.replace(b"callrec-aes-gcm1", b"callrec-rot13"), SECOND),
        whole(FIRST.replace(b"track-12", b"../other"), SECOND),
        whole(FIRST.replace(b"c1-1", b"../1"), SECOND),
        whole(FIRST, SECOND.replace(b"2026-a.b_c", b"../../key")),
        whole(FIRST, SECOND.replace(b"2f", b"")),
        whole(b"[]", SECOND),
        whole(FIRST, b"not json"),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        decode_key_file(content)
    assert caught.value.code == "key-file-damaged"
