"""The file of peaks: read as it was written, and nothing else is taken for one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.errors import Corrupt
from callrec.domain.library.waveform import Waveform
from callrec.protocols.peaks_file import decode_peaks, encode_peaks

VOICE = (((0.0, 0.84), (1.2, 2.0)), ())
FULL = Waveform("a" * 64, 8000, 24_001, 2, bytes(range(244)), VOICE)


@pytest.mark.parametrize(
    "one", [FULL, Waveform("b" * 64, 16_000, 0, 1, b"", ((),)), Waveform("c" * 64, 8000, 1, 1, b"\xff\x01")]
)
def test_it_is_read_as_it_was_written(one) -> None:
    assert decode_peaks(encode_peaks(one)) == one


def sealed(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"callrec-peaks 1\n",
        encode_peaks(FULL)[:-1],
        encode_peaks(FULL) + b"x",
        sealed(b"callrec-peaks 2\n{}\n"),
        sealed(b"callrec-peaks 1\n"),
        sealed(b"callrec-peaks 1\n{}\n"),
        sealed(b"callrec-peaks 1\n" + b"[" * 100_000),
        sealed(encode_peaks(FULL)[:-32] + b"xx"),
        sealed(b'callrec-peaks 1\n{"media":"","rate_hz":0,"samples":1,"channels":1,"voice_ms":[]}\nxx'),
        sealed(b'callrec-peaks 1\n{"media":"","rate_hz":8000,"samples":-1,"channels":1,"voice_ms":[]}\n'),
        sealed(b'callrec-peaks 1\n{"media":"","rate_hz":8000,"samples":1,"channels":0,"voice_ms":[]}\n'),
    ],
)
def test_other_bytes_are_refused(content) -> None:
    with pytest.raises(Corrupt) as found:
        decode_peaks(content)
    assert found.value.code == "peaks-damaged"


@given(st.integers(0, len(encode_peaks(FULL)) - 1), st.integers(0, 7))
def test_one_flipped_bit_is_noticed(place, bit) -> None:
    content = bytearray(encode_peaks(FULL))
    content[place] ^= 1 << bit
    with pytest.raises(Corrupt):
        decode_peaks(bytes(content))
