"""A text that only grows is kept small, and comes back as it was."""

from callrec.domain.library.packed_text import PackedText


def test_it_comes_back_as_it_was_in_pieces() -> None:
    text, lines = (
        PackedText(),
        [f"recording {nth},2026-11-22,always,+4930{nth % 7}\r\n".encode() for nth in range(50_000)],
    )
    for line in lines:
        text.add(line)
    pieces = list(text.pieces())
    assert b"".join(pieces) == b"".join(lines)
    assert (text.bytes, max(map(len, pieces))) == (sum(map(len, lines)), 64 << 10)
    assert sum(map(len, text._packed)) < text.bytes / 5, "kept packed"


def test_of_nothing_there_is_nothing() -> None:
    assert list(PackedText().pieces()) == []
