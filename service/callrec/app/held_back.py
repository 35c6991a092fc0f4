"""News that wait for a resync, in their order. The oldest give way: the listing that is asked for knows better than they do."""

from collections import deque
from collections.abc import Iterator

from callrec.protocols.ami import Message

MOST = 100_000
"""Many seconds of a busy Asterisk."""
MOST_BYTES = 64 << 20


class HeldBack:
    """Messages with the monotonic instant at which each happened."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Message, float]] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[tuple[Message, float]]:
        return iter(self._waiting)

    def add(self, message: Message, at_mono_s: float) -> int:
        """Keep one more; returns how many had to go for it."""
        self._waiting.append((message, at_mono_s))
        self._bytes += message.memory_bytes
        gone = 0
        while len(self._waiting) > MOST or self._bytes > MOST_BYTES:
            oldest, _ = self._waiting.popleft()
            self._bytes -= oldest.memory_bytes
            gone += 1
        return gone
