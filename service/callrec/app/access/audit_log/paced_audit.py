"""The audit log as requests use it: refusals by one asker are logged at a pace, everything else at once."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from callrec.app.ports.access import AuditLog
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.refusal_pace import RefusalPace
from callrec.domain.errors import CallrecError

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""After so long a number that the log did not take is tried again."""


class PacedAudit:
    """Implements `app.ports.access.AuditLog` over another one; `close` before that one."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit, self._pace = audit, RefusalPace()
        self._owed: list[AuditEntry] = []
        """Numbers of refusals that the log has not taken yet."""
        self._waker: asyncio.Task[None] | None = None

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Return when all are on disk, but for refusals that are only counted. Raises as the other one does."""
        if not any(one.action is Action.REFUSED for one in entries):
            return await self._audit.append(entries)
        now_s, wanted = asyncio.get_running_loop().time(), list[AuditEntry]()
        for entry in entries:
            wanted += self._pace.entries_for(entry, now_s) if entry.action is Action.REFUSED else [entry]
        if self._waker is None:
            self._waker = asyncio.create_task(self._wake(), name="refusals")
        try:
            if wanted:
                await self._audit.append(wanted)
        except CallrecError:
            self._owed += [one for one in wanted if one not in entries]
            raise
        return None

    async def close(self) -> None:
        """Log the numbers of all that was only counted."""
        if self._waker is not None:
            self._waker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._waker
        self._owed += self._pace.rest()
        await self._log_owed()

    async def _wake(self) -> None:
        """Log the numbers of windows that are over, as long as there is a window."""
        clock = asyncio.get_running_loop().time
        while (at_s := self._pace.next_s()) is not None or self._owed:
            await asyncio.sleep(max(0.0, at_s - clock()) if at_s is not None and not self._owed else AGAIN_S)
            self._owed += self._pace.over(clock())
            await self._log_owed()
        self._waker = None

    async def _log_owed(self) -> None:
        owed = list(self._owed)
        try:
            if owed:
                await self._audit.append(owed)
        except CallrecError as error:
            log.warning("the number of refused requests is not in the audit log yet: %s", error)
        else:
            self._owed = self._owed[len(owed) :]
