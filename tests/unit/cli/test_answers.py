"""Standard output that cannot be written is an error of ours, and one that has nobody to read it another."""

import os
import sys
from typing import TextIO

import pytest

from callrec.cli.output import answers
from callrec.domain.errors import Unavailable


def lost(to: TextIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """The code of what comes of writing there."""
    monkeypatch.setattr(sys, "stdout", to)
    with pytest.raises(Unavailable) as told, answers():
        sys.stdout.write("an answer")
    assert "it may have done so" in told.value.hint
    return told.value.code


def test_a_full_disk_and_a_reader_that_is_gone_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        assert lost(full, monkeypatch) == "output-lost"
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        assert lost(pipe, monkeypatch) == "output-reader-gone"
