"""ZIP files that other programs read, also beyond 4 GiB and 65,535 files."""

import io
import struct
import zipfile
import zlib

from callrec.protocols.zip_format import (
    Member,
    central_header,
    data_descriptor,
    end_records,
    local_header,
    member,
)

CONTENT = b"media"
CRC = zlib.crc32(CONTENT)


def small(name: str = "2026/11/22/c1-1.wav", changed_s: float = 1_795_341_600.0) -> bytes:
    """A whole ZIP of one file."""
    one = member(name, 0, changed_s)
    body = local_header(one) + CONTENT + data_descriptor(CRC, len(CONTENT))
    directory = central_header(one, CRC, len(CONTENT))
    return body + directory + end_records(1, len(directory), len(body))


def test_a_zip_is_read_by_others() -> None:
    with zipfile.ZipFile(io.BytesIO(small("Ä/b.wav"))) as found:
        (entry,) = found.infolist()
        assert (entry.filename, entry.date_time, entry.file_size) == ("Ä/b.wav", (2026, 11, 22, 10, 0, 0), len(CONTENT))
        assert (found.read(entry), entry.external_attr >> 16 & 0o777) == (CONTENT, 0o640)


def test_a_time_that_no_zip_has_is_the_nearest() -> None:
    for changed_s, year in ((0.0, 1980), (7e9, 2107)):
        with zipfile.ZipFile(io.BytesIO(small(changed_s=changed_s))) as found:
            assert found.infolist()[0].date_time[0] == year


def test_what_is_beyond_four_gigabytes_stands_in_the_64_bit_fields() -> None:
    """The directory of a ZIP whose content is left out: only the places and sizes are read."""
    far, large = 5 << 30, 6 << 30
    headers = [central_header(Member(b"a", far, 0, 33), CRC, 5), central_header(Member(b"b", 0, 0, 33), CRC, large)]
    directory = b"".join(headers)
    with zipfile.ZipFile(io.BytesIO(directory + end_records(2, len(directory), 0))) as found:
        first, second = found.infolist()
        assert (first.header_offset, first.file_size) == (far, 5)
        assert (second.header_offset, second.file_size, second.compress_size) == (0, large, large)


def test_more_files_than_sixteen_bits_count_are_counted_in_the_64_bit_record() -> None:
    end = end_records(100_000, 5_000_000, 7 << 30)
    assert struct.unpack("<4H2L", end[-18:-2]) == (0, 0, 0xFFFF, 0xFFFF, 5_000_000, 0xFFFFFFFF)
    assert struct.unpack("<4Q", end[24:56]) == (100_000, 100_000, 5_000_000, 7 << 30)
