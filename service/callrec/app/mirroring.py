"""Keeps lamps and Asterisk's own copy of the flags (AstDB) in line with the tables, whoever changed them.

A change is mirrored within milliseconds; after a reconnect everything is mirrored again, since Asterisk may have missed
any part of it. What waits is a set of users: a thousand changes of one user are one write of the last state.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from callrec.app.call_actor import Observer
from callrec.app.ports import Lamps
from callrec.app.store_port import DirectorySource
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.provisioning.directory import Difference
from callrec.domain.provisioning.model import User, UserId

PAUSE_S = 1.0


class Mirror(Protocol):
    """What the dialplan's degraded mode knows."""

    async def put(self, endpoint: str, user: User | None) -> None:
        """Mirror one endpoint; None: nobody has it any more."""
        ...


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
        self._users: dict[UserId, None] = {}
        self._gone: dict[str, None] = {}
        self._wake = asyncio.Event()
        tables.on_change(self.changed)

    def changed(self, difference: Difference) -> None:
        """The tables changed."""
        self._users.update(dict.fromkeys(difference.users))
        self._gone.update(dict.fromkeys(difference.endpoints_gone))
        self._wake.set()

    def everything(self) -> None:
        """Asterisk is back: it may have missed anything, and keep a `*3` lamp lit of a call that ended without us."""
        self._users.update(dict.fromkeys(user.id for user in self._tables.directory.users()))
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
        """One after the other; what fails goes to the end, so that it keeps nothing else waiting for ever."""
        while self._gone:
            endpoint = next(iter(self._gone))
            del self._gone[endpoint]
            try:
                if self._tables.directory.by_endpoint(endpoint) is None:
                    await self._mirror.put(endpoint.partition("/")[2], None)
            except CallrecError:
                self._gone[endpoint] = None
                raise
        while self._users:
            user = next(iter(self._users))
            del self._users[user]
            try:
                await self._put(user)
            except CallrecError:
                self._users[user] = None
                raise

    async def _put(self, user_id: UserId) -> None:
        user, lines = self._tables.directory.standing(user_id)
        for line in lines:
            await self._mirror.put(line.name, user)
        await self._lamps.always(user_id, lit=user is not None and user.call_record)
        await self._lamps.online(user_id, lit=user_id in self._lit())
