"""Keeps lamps and Asterisk's own copy of the flags (AstDB) in line with the tables, whoever changed them.

A change is mirrored within milliseconds; after a reconnect everything is mirrored again, since Asterisk may have missed
any part of it. What waits is a set of users: a thousand changes of one user are one write of the last state.

Before anything is written, and every few seconds, we look at what the dialplan has told users by itself: it is not
overwritten, but brought to the store.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from callrec.app import service_mirroring
from callrec.app.call_actor import Observer
from callrec.app.ports import Lamps
from callrec.app.service_mirroring import ServiceCopy
from callrec.app.store_port import DirectorySource
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.provisioning.claims import TECHNOLOGY
from callrec.domain.provisioning.difference import Difference
from callrec.domain.provisioning.model import Feature, FunctionKey, RecordRules, User, UserId
from callrec.domain.vocabulary import AlarmCause

PAUSE_S = 1.0
LOOK_S = 5.0
"""So often it is looked whether the dialplan had to answer by itself. (It may have, a moment after we came or the store did.)"""


class Mirror(Protocol):
    """What the dialplan's degraded mode knows."""

    async def line(self, endpoint: str, user: User | None) -> None:
        """Whose endpoint it is, and whether they may press `*3` without us; None: nobody has it any more."""
        ...

    async def always(self, user: UserId, *, on: bool, rules: RecordRules) -> None:
        """Whether all calls of this user are recorded, which lamp shows it, and what is said of each kind of call."""
        ...

    async def code(self) -> None:
        """The digits of `*26`, or that they are switched off."""
        ...


@dataclass(frozen=True, slots=True)
class _Gone:
    """An endpoint that nobody has any more."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class _Code:
    """The feature code."""


_Work = UserId | FunctionKey | _Gone | _Code
"""A user to look at; a function key that is gone; an endpoint that is; the code."""


class Mirroring:
    """One task; `changed` and `everything` tell it what to do. `lit` says whose `*3` lamps live calls have lit, `catch_up` what
    users were told meanwhile (see catching_up)."""

    def __init__(
        self,
        tables: DirectorySource,
        lamps: Lamps,
        mirror: Mirror,
        services: ServiceCopy,
        observer: Observer,
        *,
        lit: Callable[[], Collection[UserId]],
        catch_up: Callable[[], Awaitable[Mapping[UserId, bool]]],
    ) -> None:
        self._tables, self._lamps, self._mirror, self._observer = tables, lamps, mirror, observer
        self._services, self._lit, self._catch_up = services, lit, catch_up
        self._waiting: dict[_Work, None] = {}
        self._words: Mapping[UserId, bool] = {}
        self._wake = asyncio.Event()
        tables.on_change(self.changed)

    def changed(self, difference: Difference) -> None:
        """The tables changed."""
        self._waiting.update(dict.fromkeys(_Gone(endpoint) for endpoint in difference.endpoints_gone))
        self._waiting.update(dict.fromkeys(difference.keys_gone))
        self._waiting.update(dict.fromkeys(difference.users))
        tables = self._tables.directory
        self._waiting.update(dict.fromkeys(service_mirroring.concerned(difference.users, difference.codes, tables)))
        if Feature.CALL_RECORD in difference.codes:  # every lamp is called after its digits
            self._waiting.update(dict.fromkeys(user.id for user in self._tables.directory.users()))
        self._waiting[_Code()] = None
        self._wake.set()

    def everything(self) -> None:
        """Asterisk is back: it may have missed anything, and keep a `*3` lamp lit of a call that ended without us."""
        if users := self._tables.directory.users():  # without any the tables were never loaded: nothing is known
            self._waiting.update(dict.fromkeys(user.id for user in users))
            self._waiting[_Code()] = None
        self._wake.set()

    async def run(self) -> None:
        """Mirror for ever. While Asterisk is away, what is to be done is kept, and that is told once."""
        told = ""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._look()
                await self._work_off()
                told = ""
            except CallrecError as error:
                if not self._waiting:
                    continue
                if error.code != told:
                    self._observer.alarmed(m.Alarm(f"{AlarmCause.MIRROR}: {error.code}", None), "")
                told = error.code
                await asyncio.sleep(PAUSE_S)
                self._wake.set()

    async def _look(self) -> None:
        """Learn what users were told without us; mirror those anew of whom that is news."""
        before, self._words = self._words, await self._catch_up()
        for user in before.keys() | self._words.keys():
            if before.get(user) != self._words.get(user) and self._tables.directory.user(user):
                self._waiting[user] = None

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

    async def _put(self, work: _Work) -> None:
        match work:
            case _Gone(endpoint):
                name = endpoint.partition("/")[2]
                # Asterisk's database knows it by its bare name, which another line may have by now
                if not any(self._tables.directory.by_endpoint(f"{one}/{name}") for one in TECHNOLOGY.values()):
                    await self._mirror.line(name, None)
            case _Code():
                await self._mirror.code()
            case FunctionKey():
                await service_mirroring.darken(self._services, work, self._tables.directory)
            case _:
                await self._put_user(work)

    async def _put_user(self, id_: UserId) -> None:
        tables = self._tables.directory
        user, lines = tables.user(id_), tables.lines_of(id_)
        on = user is not None and self._words.get(id_, user.call_record)
        await self._mirror.always(id_, on=on, rules=user.rules if user else RecordRules())
        for line in lines:
            await self._mirror.line(line.name, user)
        await service_mirroring.put(self._services, id_, tables)
        await self._lamps.always(id_, lit=on)
        await self._lamps.online(id_, lit=id_ in self._lit())
