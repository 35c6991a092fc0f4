"""Tells programs at Asterisk's manager which services users have turned on or off, as XiVO did: `UserEvent: Feature`.

Every writer's change is told: feature codes, keys, the API, commands, imports. While Asterisk is away, the last state of each
service waits; what changed and changed back is told once.
"""

import asyncio
from typing import TYPE_CHECKING

from callrec.app.ports.asterisk import UserEventSink
from callrec.app.ports.directory import DirectorySource
from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.directory.service_changes import ServiceChange, Services, changed, services_of
from callrec.domain.directory.table_changes import Difference
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.throttle import LastTold
from callrec.domain.vocabulary import AlarmCause

if TYPE_CHECKING:
    from callrec.domain.rules import UserId

PAUSE_S = 2.0
"""Between attempts while Asterisk does not answer."""


class UserEvents:
    """One task. A user who is new to this daemon, also after its start, is not told of: nothing has changed."""

    def __init__(self, tables: DirectorySource, sink: UserEventSink, observer: Observer) -> None:
        self._tables, self._sink, self._observer = tables, sink, observer
        self._known: dict[UserId, Services] = {}
        self._waiting: dict[tuple[UserId, str], ServiceChange] = {}
        self._wake = asyncio.Event()
        tables.on_change(self._changed)

    def _changed(self, difference: Difference) -> None:
        for identity in difference.users:
            before, user = self._known.pop(identity, None), self._tables.directory.user(identity)
            if user is None:
                continue
            self._known[identity] = now = services_of(user)
            for one in changed(before, now) if before else ():
                self._waiting[identity, one.function] = one
                self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        told = LastTold()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                place, one = next(iter(self._waiting.items()))
                del self._waiting[place]
                try:
                    await self._sink.feature(one)
                    told.over()
                except CallrecError as error:
                    if told.is_news(error.code):
                        self._observer.alarmed(Alarm(f"{AlarmCause.USER_EVENT}: {error.code}", None), "")
                    if isinstance(error, Refused):
                        continue  # no right to send it: the next one is refused, too
                    self._waiting.setdefault(place, one)
                    await asyncio.sleep(PAUSE_S)
