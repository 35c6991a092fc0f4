"""The arithmetic of encrypted files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.errors import Corrupt
from callrec.protocols.encrypted_file import (
    CHUNK_BYTES,
    HEADER_BYTES,
    MARK,
    STORED_CHUNK_BYTES,
    TAG_BYTES,
    chunks_of,
    content_bytes,
    nonce,
    place_of,
    salt_of,
    stored_bytes,
)

SIZES = st.one_of(st.integers(0, 5 * CHUNK_BYTES), st.integers(1, 4).map(lambda nth: nth * CHUNK_BYTES))


@given(SIZES)
def test_the_size_on_disk_tells_the_size_of_the_content(size: int) -> None:
    assert content_bytes(stored_bytes(size)) == size
    assert place_of(chunks_of(size)) - (CHUNK_BYTES * chunks_of(size) - size) == stored_bytes(size)


@pytest.mark.parametrize(
    "stored",
    [
        0,
        HEADER_BYTES,
        HEADER_BYTES + TAG_BYTES - 1,
        HEADER_BYTES + STORED_CHUNK_BYTES + 1,
        HEADER_BYTES + STORED_CHUNK_BYTES + TAG_BYTES,
    ],
)
def test_a_size_that_no_encrypted_file_has_is_refused(stored: int) -> None:
    with pytest.raises(Corrupt) as caught:
        content_bytes(stored)
    assert caught.value.code == "media-changed"


def test_each_chunk_has_its_own_nonce_and_the_last_one_another() -> None:
    nonces = [nonce(chunk, is_last=is_last) for chunk in (0, 1, 255, 256, 1 << 40) for is_last in (False, True)]
    assert len(set(nonces)) == len(nonces)
    assert {len(one) for one in nonces} == {12}


def test_only_a_whole_header_with_the_mark_has_a_salt() -> None:
    assert len(MARK) == 16
    assert salt_of(MARK + bytes(range(32))) == bytes(range(32))
    assert salt_of(MARK + bytes(31)) is None
    assert salt_of(b"RIFF" + bytes(44)) is None
    assert salt_of(b"") is None
