"""What is done when Asterisk can be asked again: our calls are compared with its channels, remains are taken care of."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from callrec.app import reconcile
from callrec.app.call_actor import Observer
from callrec.app.engine import Engine
from callrec.app.ports import Clock, FileClosed, FileCreated, Journal, Rescanned, Spool, SpoolEvent
from callrec.app.translation import Endpoints
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import LegId, NodeId, Recording
from callrec.domain.naming import DegradedFile, Side
from callrec.protocols.ami import Message

TRIES = 5
RETRY_S = 1.0
SETTLE_S = 3.0
"""How long after the call a captured file is left alone: its closing may not have been seen."""


class Asking(Protocol):
    """What Asterisk is asked after a reconnect."""

    async def channels(self) -> Sequence[Message]:
        """All its channels, as one listing of CoreShowChannel events."""
        ...


class Homecoming:
    """`unfinished` is what the journal held at the start of this daemon."""

    def __init__(
        self,
        *,
        engine: Engine,
        asking: Asking,
        spool: Spool,
        journal: Journal,
        clock: Clock,
        observer: Observer,
        endpoints: Endpoints,
        node: NodeId,
        unfinished: Sequence[Entry],
        hand_over: Callable[[Recording], None],
        always_after: Callable[[], None],
    ) -> None:
        self._engine, self._asking = engine, asking
        self._spool, self._journal, self._clock, self._observer = spool, journal, clock, observer
        self._endpoints, self._node = endpoints, node
        self._unfinished = list(unfinished)
        self._known: list[Recording] | None = [entry.recording for entry in unfinished]
        self._hand_over, self._always_after = hand_over, always_after
        self.is_home = False
        """Whether our calls were compared with Asterisk's channels since this daemon began."""
        self._since_s = 0.0
        self._restarted = False
        self._closed: dict[str, set[Side]] = {}

    def begin(self) -> None:
        """What had ended before this daemon began needs no Asterisk: to intake, also when Asterisk never comes back."""
        for entry in [entry for entry in self._unfinished if entry.step is Step.ENDED]:
            self._unfinished.remove(entry)
            self._hand_over(entry.recording)

    def booted(self, message: Message) -> None:
        """FullyBooted: since when this Asterisk runs tells whether it is the one that we knew."""
        uptime = message.get("Uptime")
        since_s = self._clock.now().utc_s - (float(uptime) if uptime.isdecimal() else 0.0)
        self._restarted = self._restarted or (self._since_s > 0 and since_s > self._since_s + SETTLE_S)
        self._since_s = since_s

    async def on_up(self) -> None:
        """The link is up: hold back the news, look at what is there, make ours the same, let the news in."""
        self._engine.hold_back()
        channels: Sequence[Message] | None = None
        try:
            channels = await self._channels()
        finally:
            if channels is None:
                self._engine.let_in()
        living = {LegId(channel.get("Uniqueid")) for channel in channels}
        plan = reconcile.plan(self._unfinished, living, self._spool, self._since_s)
        restarted, self._restarted, self._unfinished = self._restarted, False, []
        self._engine.resync(channels, plan.adopt, asterisk_restarted=restarted)
        for recording in plan.finish:
            await self._end(recording)
        await self._take_in_orphans()
        await self._take_in_degraded([file for file in self._spool.degraded() if LegId(file.uniqueid) not in living])
        self._always_after()
        self.is_home = True

    def spool_event(self, event: SpoolEvent) -> None:
        """The spool's news: of takes to the engine, of files that the dialplan made to us."""
        match event:
            case FileCreated(file) if not isinstance(file, DegradedFile):
                self._engine.takes.file_created(file)
            case FileClosed(file) if not isinstance(file, DegradedFile):
                self._engine.takes.file_closed(file)
            case FileClosed(DegradedFile() as file):
                sides = self._closed.setdefault(file.call, set())
                sides.add(file.side)
                if sides == {Side.READ, Side.WRITE}:
                    del self._closed[file.call]
                    self._engine.background(self._take_in_degraded([file]), "degraded")
            case Rescanned():
                self._engine.takes.rescanned()
            case _:
                pass

    async def _channels(self) -> Sequence[Message]:
        for left in reversed(range(TRIES)):
            try:
                return await self._asking.channels()
            except CallrecError as error:
                self._observer.alarmed(m.Alarm(f"resync: {error.code}", None), "")
                if not left:
                    raise
                await asyncio.sleep(RETRY_S)
        raise AssertionError("the last try returns or raises")

    async def _end(self, recording: Recording) -> None:
        """Journal that it ended, and give it to intake. Without a journal it is given all the same: it is found again."""
        try:
            await self._journal.append(Entry(Step.ENDED, recording))
        except CallrecError as error:
            self._observer.alarmed(m.Alarm(f"journal: {error.code}", None), recording.call)
        self._hand_over(recording)

    async def _take_in_orphans(self) -> None:
        """Once, at the first sight of Asterisk: afterwards every take is known."""
        if self._known is None:
            return
        live = [session.recording for session in self._engine.live() if session.recording]
        known, self._known = [*self._known, *live], None
        for recording in reconcile.orphans(self._spool, known, self._node, self._clock.now().utc_s):
            await self._end(recording)

    async def _take_in_degraded(self, files: Sequence[DegradedFile]) -> None:
        """Give what the dialplan captured its place: intent first, then the files' new names, then intake."""
        for recording in reconcile.degraded(files, self._endpoints, self._node):
            await self._journal.append(Entry(Step.INTENT, recording))
        every = self._spool.degraded()
        calls = {file.call for file in files}
        for file in [file for file in every if file.call in calls]:
            self._spool.adopt(file, reconcile.degraded_take(file))
        for recording in reconcile.degraded(files, self._endpoints, self._node):
            await self._end(reconcile.ended(recording, self._spool, ""))
