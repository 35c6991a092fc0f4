"""That the daemon lives, told four times a second: to the dialplan, which goes its fallback way without it, and to systemd.

FastAGI has no time limit for reading (res_agi.c: launch_netscript), and a stopped process keeps its port open: a leg that asks
one waits until it goes on. So the dialplan looks first whether the daemon has beaten within the last second or two.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from callrec.domain.errors import CallrecError

BEAT_S: Final = 0.25
LIMIT_S: Final = 1.0
"""After so long without a beat the dialplan may have gone its own way: what Asterisk told meanwhile is old news."""


class Heartbeat:
    """`mark` is what the dialplan reads; `tell` runs at each beat. A disk that hangs stops the mark, and nothing else."""

    def __init__(
        self, mark: Callable[[], Awaitable[None]], tell: Callable[[], None], monotonic: Callable[[], float]
    ) -> None:
        self._mark, self._tell, self._monotonic = mark, tell, monotonic
        self._last_s: float | None = None
        self._found = False
        self.why_not = "the daemon has not told the dialplan yet that it lives"
        """Why the dialplan does not know that the daemon lives; empty when it does."""

    async def run(self) -> None:
        """Beat for ever."""
        marking: asyncio.Task[None] | None = None
        try:
            while True:
                self._look()
                self._last_s = self._monotonic()
                self._tell()
                if marking is None or marking.done():
                    marking = asyncio.create_task(self._note())
                await asyncio.sleep(BEAT_S)
        finally:
            if marking is not None:
                marking.cancel()
                await asyncio.gather(marking, return_exceptions=True)

    def stood_still(self) -> bool:
        """Whether this process stood still, since this was asked last, for so long that the dialplan may have gone its own way.

        To be asked before news of Asterisk are read: after a stop they may come before the next beat, or behind it.
        """
        self._look()
        found, self._found = self._found, False
        return found

    def _look(self) -> None:
        now_s = self._monotonic()
        self._found = self._found or (self._last_s is not None and now_s - self._last_s > LIMIT_S)
        if self._found:
            self._last_s = now_s

    async def _note(self) -> None:
        try:
            await self._mark()
            self.why_not = ""
        except CallrecError as error:
            self.why_not = str(error)
