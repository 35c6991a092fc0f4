"""News that wait: as many as memory has room for, the newest of them."""

import pytest

from callrec.app import held_back
from callrec.app.held_back import HeldBack
from callrec.protocols.ami import Message


def news(name: str, text: str = "") -> Message:
    return Message((("Event", name), ("X", text)))


def test_the_oldest_give_way_to_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "MOST", 2)
    waiting = HeldBack()
    assert [waiting.add(news(name), at_s) for at_s, name in enumerate("abc")] == [0, 0, 1]
    assert [(message.event, at_s) for message, at_s in waiting] == [("b", 1), ("c", 2)]


def test_long_ones_are_counted_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 messages of 64 KiB would be 6 GiB."""
    monkeypatch.setattr(held_back, "MOST_BYTES", 5000)
    waiting = HeldBack()
    assert [waiting.add(news(name, "x" * 1000), 0.0) for name in "abcd"] == [0, 0, 0, 1]
    assert waiting.add(news("e", "x" * 4000), 0.0) == 3
    assert [message.event for message, _ in waiting] == ["e"]
