"""Keeps lamps and Asterisk's own copy of the flags (AstDB) in line with the tables, whoever changed them.

A change is mirrored within milliseconds; after a reconnect everything is mirrored again, since Asterisk may have missed
any part of it. What waits is a set of users: a thousand changes of one user are one write of the last state.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from callrec.app.call_actor import Observer
from callrec.app.ports import Lamps
from callrec.app.store_port import DirectorySource
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.provisioning.directory import Difference
from callrec.domain.provisioning.model import User, UserId

PAUSE_S = 1.0


class Mirror(Protocol):
    """What the dialplan's degraded mode knows."""

    async def put(self, endpoint: str, user: User | None) -> None:
        """Mirror one endpoint; None: nobody has it any more."""
        ...


@dataclass(frozen=True, slots=True)
class _Gone:
    """An endpoint that nobody has any more."""

    endpoint: str


class Mirroring:
    """One task; `changed` and `everything` tell it what to do. `lit` says whose `*3` lamps live calls have lit."""

    def __init__(
        self,
        tables: DirectorySource,
        lamps: Lamps,
        mirror: Mirror,
        observer: Observer,
        lit: Callable[[], Collection[UserId]],
    ) -> None:
        self._tables, self._lamps, self._mirror, self._observer = tables, lamps, mirror, observer
        self._lit = lit
        self._waiting: dict[UserId | _Gone, None] = {}
        self._wake = asyncio.Event()
        tables.on_change(self.changed)

    def changed(self, difference: Difference) -> None:
        """The tables changed."""
        self._waiting.update(dict.fromkeys(_Gone(endpoint) for endpoint in difference.endpoints_gone))
        self._waiting.update(dict.fromkeys(difference.users))
        self._wake.set()

    def everything(self) -> None:
        """Asterisk is back: it may have missed anything, and keep a `*3` lamp lit of a call that ended without us."""
        self._waiting.update(dict.fromkeys(user.id for user in self._tables.directory.users()))
        self._wake.set()

    async def run(self) -> None:
        """Mirror for ever. While Asterisk is away, what is to be done is kept, and that is told once."""
        told = ""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._work_off()
                told = ""
            except CallrecError as error:
                if error.code != told:
                    self._observer.alarmed(m.Alarm(f"mirror: {error.code}", None), "")
                told = error.code
                await asyncio.sleep(PAUSE_S)
                self._wake.set()

    async def _work_off(self) -> None:
        """Each one once. What fails goes to the end, so that what Asterisk refuses keeps nothing else waiting."""
        failed: Refused | None = None
        for _ in range(len(self._waiting)):
            work = next(iter(self._waiting))
            del self._waiting[work]
            try:
                await self._put(work)
            except CallrecError as error:
                self._waiting[work] = None
                if not isinstance(error, Refused):
                    raise
                failed = error
        if failed:
            raise failed

    async def _put(self, work: UserId | _Gone) -> None:
        if isinstance(work, _Gone):
            if self._tables.directory.by_endpoint(work.endpoint) is None:
                await self._mirror.put(work.endpoint.partition("/")[2], None)
            return
        user, lines = self._tables.directory.standing(work)
        for line in lines:
            await self._mirror.put(line.name, user)
        await self._lamps.always(work, lit=user is not None and user.call_record)
        await self._lamps.online(work, lit=work in self._lit())
