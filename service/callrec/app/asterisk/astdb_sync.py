"""Keeps device states (BLF) and Asterisk's copy of the flags (AstDB) up to date with the tables, after every kind of change.

A change is copied within milliseconds; after a reconnect everything is copied again, since Asterisk may have missed a part. The
queue is a set of users: a thousand changes of one user become one write of the last state. A change goes before what is copied
again: the user has heard *on*, and the next call is to obey. The code goes first of all: the dialplan uses it for every key.

Before each write, and every few seconds, fallback changes (answers that the dialplan gave without the daemon) are read from
AstDB: they are not overwritten, but applied to the store.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from callrec.app.asterisk import service_states
from callrec.app.ports.asterisk import DeviceStates, FallbackCopy, ServiceCopy
from callrec.app.ports.directory import DirectorySource
from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.calls.policy import may_press_in_fallback
from callrec.domain.directory.model import Feature, FunctionKey
from callrec.domain.directory.table_changes import Difference
from callrec.domain.directory.unique_keys import TECHNOLOGY
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.rules import RecordRules, UserId
from callrec.domain.throttle import LastTold
from callrec.domain.vocabulary import AlarmCause

PAUSE_S = 1.0
LOOK_S = 5.0
"""How often fallback changes are read: the dialplan may add one just after the daemon or the store has returned."""
RECENT_S = 0.25
"""No user is copied by a look at the fallback changes that is older: a store that does not answer keeps each one waiting."""


@dataclass(frozen=True, slots=True)
class _Gone:
    """An endpoint that no user has any more."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class _Code:
    """The feature code."""


@dataclass(frozen=True, slots=True)
class _Places:
    """The rules of places. `afresh`: Asterisk may have others than those that were copied."""

    afresh: bool


_Work = UserId | FunctionKey | _Gone | _Code | _Places
"""One entry of the queue: a user, a removed function key, a removed endpoint, the feature code, or the places."""


class AstDbSync:
    """One task; `changed` and `everything` give it work. `lit`: the users whose `*3` lamps are lit by calls. `apply_changes`:
    `app.recovery.fallback_changes`; flags in fallback changes take precedence over those in the tables."""

    def __init__(
        self,
        tables: DirectorySource,
        device_states: DeviceStates,
        mirror: FallbackCopy,
        services: ServiceCopy,
        observer: Observer,
        *,
        lit: Callable[[], Collection[UserId]],
        blinking: Callable[[], Collection[UserId]] = frozenset,
        apply_changes: Callable[[], Awaitable[Mapping[UserId, bool]]],
    ) -> None:
        self._tables, self._device_states, self._mirror, self._observer = tables, device_states, mirror, observer
        self._services, self._lit, self._apply_changes = services, lit, apply_changes
        self._blinking = blinking
        self._waiting: dict[_Work, None] = {}
        self._changed_flags: Mapping[UserId, bool] = {}
        self._looked_s = 0.0
        self._wake = asyncio.Event()
        tables.on_change(self.changed)

    def changed(self, difference: Difference) -> None:
        """The tables changed."""
        tables = self._tables.directory
        changed: list[_Work] = [_Code(), *(_Gone(endpoint) for endpoint in difference.endpoints_gone)]
        changed += [_Places(afresh=False)] * difference.others
        changed += [*difference.keys_gone, *difference.users]
        changed += service_states.concerned(difference.users, difference.codes, tables)
        if Feature.CALL_RECORD in difference.codes:  # the names of all device states contain its digits
            changed += [user.id for user in tables.users()]
        self._waiting = dict.fromkeys(changed) | self._waiting
        self._wake.set()

    def everything(self) -> None:
        """Asterisk is connected again: it may have missed any change, and show the `*3` lamp of a call that has ended since."""
        if users := self._tables.directory.users():  # without users the tables are not loaded yet
            first: dict[_Work, None] = {_Code(): None, _Places(afresh=True): None}
            self._waiting = first | self._waiting | dict.fromkeys(user.id for user in users)
        self._wake.set()

    async def run(self) -> None:
        """Copy changes until cancelled. While Asterisk is unavailable, changes wait, and one alarm is raised."""
        told = LastTold()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._look()
                await self._work_off()
                told.over()
            except CallrecError as error:
                if not self._waiting:
                    continue
                if told.is_news(error.code):
                    self._observer.alarmed(Alarm(f"{AlarmCause.MIRROR}: {error.code}", None), "")
                await asyncio.sleep(PAUSE_S)
                self._wake.set()

    async def _look(self) -> None:
        """Read the fallback changes; copy the users again for which there are new ones."""
        before, self._changed_flags = self._changed_flags, await self._apply_changes()
        self._looked_s = asyncio.get_running_loop().time()
        for user in before.keys() | self._changed_flags.keys():
            if before.get(user) != self._changed_flags.get(user) and self._tables.directory.user(user):
                self._waiting[user] = None

    async def _work_off(self) -> None:
        """Copy each entry once. A failed entry goes to the end of the queue, so that it does not delay the others."""
        failed: Refused | None = None
        for _ in range(len(self._waiting)):
            if asyncio.get_running_loop().time() - self._looked_s > RECENT_S:
                await self._look()
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
                # AstDB has the endpoint by its name without technology, which another line may have by now
                if not any(self._tables.directory.by_endpoint(f"{one}/{name}") for one in TECHNOLOGY.values()):
                    await self._mirror.line(name, None, may_press=False)
            case _Code():
                await self._mirror.code()
            case _Places(afresh):
                await self._mirror.places(afresh=afresh)
            case FunctionKey():
                await service_states.darken(self._services, work, self._tables.directory)
            case _:
                await self._put_user(work)

    async def _put_user(self, id_: UserId) -> None:
        tables = self._tables.directory
        user, lines = tables.user(id_), tables.lines_of(id_)
        on = user is not None and self._changed_flags.get(id_, user.call_record)
        await self._mirror.always(id_, on=on, rules=user.rules if user else RecordRules())
        for line in lines:
            may_press = user is not None and may_press_in_fallback(user)
            await self._mirror.line(line.name, user.id if user else None, may_press=may_press)
        await service_states.put(self._services, id_, tables)
        await self._device_states.always(id_, lit=on)
        await self._device_states.online(id_, lit=id_ in self._lit(), blinks=id_ in self._blinking())
