"""The heartbeat: four times a second the daemon shows that it is alive, to the dialplan (which otherwise uses its fallback mode)
and to systemd.

Asterisk has no time limit for reading from FastAGI (res_agi.c: launch_netscript), and a stopped process keeps its port open: a
leg would wait until the process continues. So the dialplan first checks for a heartbeat within the last two seconds. A daemon
that ends in order takes its mark back: a call that is answered then is the dialplan's at once. One that lives and cannot do
anything for a call (it has no link to the manager, or knows no user) does not renew its mark: it would answer *unavailable*.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from callrec.domain.errors import CallrecError

BEAT_S: Final = 0.25
END_S: Final = 0.5
"""How long the end waits for the disk on which the mark is taken back."""
LIMIT_S: Final = 1.0
"""After so long without a heartbeat the dialplan may have used its fallback mode: waiting AMI events are then too old."""


class Heartbeat:
    """`mark` renews the dialplan's mark, `unmark` ends it; `tell` runs at each heartbeat. A hanging disk stops only the mark."""

    def __init__(
        self,
        mark: Callable[[], Awaitable[None]],
        unmark: Callable[[], Awaitable[None]],
        tell: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._mark, self._unmark, self._tell, self._monotonic = mark, unmark, tell, monotonic
        self._is_able: Callable[[], bool] = lambda: True
        self._soon = asyncio.Event()
        self._marked_s: float | None = None
        self._last_s: float | None = None
        self._found = False
        self.why_not = "the daemon has not told the dialplan yet that it lives"
        """Why the dialplan does not know that the daemon lives; empty when it does."""

    def mark_only_while(self, is_able: Callable[[], bool]) -> None:
        """Renew the dialplan's mark only while this is true."""
        self._is_able = is_able

    def beat_soon(self) -> None:
        """Send the next heartbeat at once: the daemon can record again, and the dialplan should know."""
        self._soon.set()

    async def run(self) -> None:
        """Send heartbeats until cancelled."""
        marking: asyncio.Task[None] | None = None
        try:
            while True:
                self._look()
                self._last_s = self._monotonic()
                self._tell()
                if not self._is_able():
                    self.why_not = ""  # other checks tell why
                elif marking is None or marking.done():
                    self._marked_s = self._monotonic()
                    marking = asyncio.create_task(self._note())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._soon.wait()
                self._soon.clear()
        finally:
            if marking is not None:
                marking.cancel()
                await asyncio.gather(marking, return_exceptions=True)
            # A mark that is over already stays: its time tells since when the dialplan records by itself
            if self._marked_s is not None and self._monotonic() - self._marked_s < LIMIT_S:
                with contextlib.suppress(CallrecError, TimeoutError):  # then it ends by itself
                    async with asyncio.timeout(END_S):
                        await self._unmark()

    def stood_still(self) -> bool:
        """Whether this process was stopped, since the last call of this method, for so long that the dialplan may have used its
        fallback mode.

        Call it before reading AMI events: after a stop they may arrive before or after the next heartbeat.
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
