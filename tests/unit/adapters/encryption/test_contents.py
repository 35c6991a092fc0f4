"""Files as their content: any range of an encrypted file is the plain slice, and nothing that was changed is handed out."""

import io
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callrec.adapters.encryption import ciphers
from callrec.adapters.encryption.contents import (
    PLAIN,
    Contents,
    ContentStream,
    EncryptedContent,
    EncryptingSink,
    KeysOfFolder,
    PlainContent,
    digest_of,
    encrypted,
)
from callrec.domain.errors import Corrupt
from callrec.protocols.encrypted_file import (
    CHUNK_BYTES,
    HEADER_BYTES,
    MARK,
    STORED_CHUNK_BYTES,
    TAG_BYTES,
    place_of,
    stored_bytes,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 12_345)
AUDIO = os.urandom(max(SIZES))


def keyed(folder: Path, key: bytes = KEY) -> Contents:
    """All files of this folder are encrypted with this key."""
    return Contents(KeysOfFolder(folder, key))


def written(folder: Path, content: bytes, pieces: int = 10_007) -> Path:
    """An encrypted file, written piece by piece."""
    path = folder / "media"
    with keyed(folder).writing(path) as sink:
        for at in range(0, len(content), pieces):
            sink.write(content[at : at + pieces])
    return path


def read_all(path: Path, key: bytes = KEY) -> bytes:
    with keyed(path.parent, key).reading(path) as content:
        return content.read(0, content.size_bytes)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read_and_is_not_on_the_disk(tmp_path: Path, size: int) -> None:
    path = written(tmp_path, AUDIO[:size])
    stored = path.read_bytes()
    assert read_all(path) == AUDIO[:size]
    assert len(stored) == stored_bytes(size)
    assert stored.startswith(MARK)
    assert size < 16 or not any(AUDIO[at : at + 16] in stored for at in range(0, size - 16, 997))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SIZES),
    st.lists(st.tuples(st.integers(0, max(SIZES) + 10), st.integers(0, max(SIZES))), min_size=1, max_size=6),
)
def test_any_range_equals_the_plain_slice(
    tmp_path_factory: pytest.TempPathFactory, size: int, ranges: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"of-{size}"
    if not path.exists():
        path.write_bytes(encrypted(AUDIO[:size], KEY))
    with keyed(path.parent).reading(path) as content:
        assert isinstance(content, EncryptedContent)
        for offset, count in ranges:
            assert content.read(offset, count) == AUDIO[:size][offset : offset + count]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40_000), max_size=8), st.binary(max_size=64), st.integers(0, 200))
def test_a_writer_may_go_back_into_the_first_chunk(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], head: bytes, at: int
) -> None:
    """As the muxers of FLAC and MP3 do: they write their length into the header at last."""
    folder = tmp_path_factory.getbasetemp()
    expected = io.BytesIO()
    with keyed(folder).writing(folder / "back") as sink:
        assert isinstance(sink, EncryptingSink)
        for file in (expected, sink):
            for piece in pieces:
                file.write(piece)
            end = file.tell()
            if at + len(head) <= end:
                file.seek(at)
                file.write(head)
                file.seek(0, io.SEEK_END)
            assert file.tell() == end
    assert read_all(folder / "back") == expected.getvalue()


def test_a_writer_that_goes_elsewhere_is_refused_and_leaves_no_file_that_can_be_read(tmp_path: Path) -> None:
    def write() -> None:
        with keyed(tmp_path).writing(tmp_path / "media") as sink:
            assert isinstance(sink, EncryptingSink)
            sinks.append(sink)
            sink.write(AUDIO[: 3 * CHUNK_BYTES])
            sink.seek(2 * CHUNK_BYTES)
            sink.write(b"x")

    sinks: list[EncryptingSink] = []
    with pytest.raises(OSError, match="in order"):
        write()
    assert isinstance(sinks[0].error, OSError)
    assert not (tmp_path / "media").read_bytes().startswith(MARK), "the header comes last"


def test_each_encryption_of_a_file_is_another_one() -> None:
    assert encrypted(AUDIO[:100], KEY) != encrypted(AUDIO[:100], KEY)


def assert_refused(path: Path, key: bytes = KEY) -> None:
    """No reader gets all of it, and none of what it gets is wrong."""

    def read() -> None:
        with keyed(path.parent, key).reading(path) as content:
            for at in range(0, max(content.size_bytes, 1), 50_000):
                assert content.read(at, 50_000) == AUDIO[: SIZES[-1]][at : at + 50_000]

    with pytest.raises(Corrupt) as caught:
        read()
    assert caught.value.code == "media-changed"


@settings(max_examples=60, deadline=None)
@given(st.integers(len(MARK), stored_bytes(SIZES[-1]) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_noticed_anywhere(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    content = bytearray(encrypted(AUDIO[: SIZES[-1]], KEY))
    content[at] ^= 1 << bit
    path.write_bytes(content)
    assert_refused(path)


@pytest.mark.parametrize(
    "size",
    [
        HEADER_BYTES,
        HEADER_BYTES + 5,
        place_of(1),
        place_of(2),
        place_of(3),
        place_of(3) + TAG_BYTES,
        stored_bytes(SIZES[-1]) - 1,
    ],
)
def test_a_file_that_is_cut_off_is_noticed(tmp_path: Path, size: int) -> None:
    path = written(tmp_path, AUDIO[: SIZES[-1]])
    os.truncate(path, size)
    assert_refused(path)


def test_a_file_to_which_something_was_added_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, AUDIO[: SIZES[-1]])
    whole = path.read_bytes()
    for more in (b"x", whole[HEADER_BYTES:], bytes(STORED_CHUNK_BYTES)):
        path.write_bytes(whole + more)
        assert_refused(path)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2), (0, 2)])
def test_chunks_in_another_order_are_noticed(tmp_path: Path, one: int, other: int) -> None:
    path = written(tmp_path, AUDIO[: SIZES[-1]])
    whole = bytearray(path.read_bytes())
    first, second = (slice(place_of(nth), place_of(nth + 1)) for nth in (one, other))
    whole[first], whole[second] = whole[second], whole[first]
    path.write_bytes(whole)
    assert_refused(path)


def test_a_chunk_of_another_file_of_the_same_key_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, AUDIO[: SIZES[-1]])
    whole, other = path.read_bytes(), encrypted(AUDIO[: SIZES[-1]], KEY)
    path.write_bytes(whole[: place_of(1)] + other[place_of(1) : place_of(2)] + whole[place_of(2) :])
    assert_refused(path)


def test_another_key_reads_nothing(tmp_path: Path) -> None:
    assert_refused(written(tmp_path, AUDIO[: SIZES[-1]]), OTHER)


def test_a_plain_file_is_read_as_it_is_also_when_it_begins_like_an_encrypted_one(tmp_path: Path) -> None:
    for content in (b"", b"RIFF", MARK, MARK + bytes(100)):
        (tmp_path / "plain").write_bytes(content)
        with PLAIN.reading(tmp_path / "plain") as found:
            assert isinstance(found, PlainContent)
            assert found.read(0, 1000) == content


def test_the_folders_key_is_for_its_own_files_only(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with keyed(tmp_path).writing(tmp_path / "below" / "plain") as sink:
        sink.write(b"as it is")
    assert (tmp_path / "below" / "plain").read_bytes() == b"as it is"


def test_a_stream_is_read_as_a_file_and_keeps_what_ended_it(tmp_path: Path) -> None:
    path = written(tmp_path, AUDIO[: SIZES[-1]])
    whole = AUDIO[: SIZES[-1]]
    with keyed(tmp_path).reading(path) as content:
        stream = ContentStream(content)
        assert stream.read(10) == whole[:10]
        assert stream.seek(-5, io.SEEK_END) == len(whole) - 5
        assert stream.read() == whole[-5:]
        assert (stream.seek(100), stream.seek(5, io.SEEK_CUR), stream.tell()) == (100, 105, 105)
        assert digest_of(content) == digest_of(content)
    os.truncate(path, place_of(2))
    with keyed(tmp_path).reading(path) as content:
        stream = ContentStream(content)
        with suppress(Corrupt):
            stream.read()
        assert isinstance(stream.error, Corrupt)


def test_a_wrapped_key_is_opened_by_its_master_key_and_record_only() -> None:
    key = ciphers.new_key()
    one, again = (ciphers.wrapped(key, "2026", OTHER, b"record") for _ in range(2))
    assert one.wrapped != again.wrapped
    assert key not in one.wrapped
    assert ciphers.unwrapped(one, OTHER, b"record") == key
    assert ciphers.unwrapped(one, KEY, b"record") is None
    assert ciphers.unwrapped(one, OTHER, b"other record") is None


def test_a_check_value_tells_keys_apart() -> None:
    assert ciphers.check_value(KEY) == ciphers.check_value(KEY) != ciphers.check_value(OTHER)
    assert len(ciphers.check_value(KEY)) == 32
