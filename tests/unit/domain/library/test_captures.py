"""How long a capture is, by its files."""

import pytest

from callrec.domain.calls.ids import CaptureId
from callrec.domain.library.captures import CaptureFiles

ID = CaptureId("c1-1-1")


@pytest.mark.parametrize(
    ("files", "length_s", "size_bytes"),
    [
        (CaptureFiles(ID, 8000, None, None), 0.0, 0),
        (CaptureFiles(ID, 8000, 16000, None), 1.0, 16000),
        (CaptureFiles(ID, 16000, None, 16000), 0.5, 16000),
        (CaptureFiles(ID, 8000, 16000, 8000), 1.0, 24000),
        (CaptureFiles(ID, 8000, 16001, 3), 1.0, 16004),
        (CaptureFiles(ID, 8000, 16000, 16000, "sparse-file: 1 of 2 blocks"), 0.0, 32000),
    ],
    ids=["no files", "one side", "the other side", "unequal sides", "half a sample", "impossible"],
)
def test_a_capture_is_as_long_as_its_longer_side(files: CaptureFiles, length_s: float, size_bytes: int) -> None:
    """Files that Asterisk cannot have written have no length."""
    assert (files.length_s, files.bytes) == (length_s, size_bytes)
