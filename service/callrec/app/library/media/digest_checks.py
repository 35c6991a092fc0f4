"""Whether a file that is handed out is the one that was stored: its digest is computed once for each version of the file.

The bytes of a long file leave before its digest is known, the last one of an answer only after it: no client gets all of what it
asked for of a file that has changed, and what it did get ends with a broken connection.
"""

import asyncio
from collections import OrderedDict

from callrec.app.ports.media import MediaFile

_WORDS = 3
MOST_KNOWN = 4096
"""Versions of files whose result is kept."""
Key = tuple[str, str]
"""Version and expected digest."""


class DigestChecks:
    """The results, and the checks under way: one for each version, however many clients read it."""

    def __init__(self, most_known: int = MOST_KNOWN) -> None:
        self._most_known = most_known
        self._known: OrderedDict[Key, bool] = OrderedDict()
        self._running: dict[Key, asyncio.Task[str]] = {}

    def begun(self, file: MediaFile, expected: str) -> "DigestCheck":
        """Begin to check this open file, unless the result is known."""
        key = file.opened_version, expected
        if key in self._known:
            self._known.move_to_end(key)
            return DigestCheck(file, key, self._known[key])
        if key not in self._running:
            task = self._running[key] = asyncio.create_task(file.sha256(), name="digest")
            task.add_done_callback(lambda done: self._ended(key, done))
        return DigestCheck(file, key, None, self._running[key])

    def _ended(self, key: Key, task: asyncio.Task[str]) -> None:
        del self._running[key]
        if task.cancelled() or task.exception() is not None:
            return  # each waiting request gets the error, and the next check starts again
        self._known[key] = task.result() == key[1]
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)


class DigestCheck:
    """The check of one open file."""

    def __init__(self, file: MediaFile, key: Key, known: bool | None, running: asyncio.Task[str] | None = None) -> None:
        self._file, self._key, self._running = file, key, running
        self.known = known
        """The result, if it was known when this began."""

    async def holds(self) -> bool:
        """Whether the file has the expected digest, and has not been written since. Waits for the digest. Raises Unavailable."""
        version, expected = self._key
        if self.known is None and self._running is not None:
            self.known = await asyncio.shield(self._running) == expected
        now = await self._file.version()
        if self.known and now != version and _has_other_names(version, now):
            self._key, self.known = (now, expected), await self._file.sha256() == expected
            now = await self._file.version()
        return bool(self.known) and now == self._key[0]


def _has_other_names(before: str, after: str) -> bool:
    """Whether the file got a name more or less meanwhile, as by a backup on the same disk, or out of a full cache. That changes
    its time for the kernel, which then tells no more whether it was written: its digest does."""
    was, now = before.split(), after.split()
    return len(was) == len(now) == _WORDS and was[0] == now[0] and was[2] != now[2]
