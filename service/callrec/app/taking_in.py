"""Takes in what the dialplan captured without us: however many they are, one after the other, and none is left behind.

A daemon that comes back after a busy hour finds thousands of them. What waits is a dictionary by call: whatever tells of a
capture, and however often, it is done once. Disks are waited for in a worker thread, so that the loop answers whoever asks
meanwhile. What cannot be done now goes to the end and is tried again: neither a full disk nor tables that are late must cost a
recording, or its user.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from callrec.app import reconcile
from callrec.app.call_actor import Observer
from callrec.app.capture_notes import CaptureNotes, with_other
from callrec.app.ports import Journal, Spool
from callrec.app.translation import Endpoints
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import CallId, NodeId, Recording
from callrec.domain.naming import DegradedFile, Side
from callrec.domain.vocabulary import AlarmCause

LATER_S = 5.0
"""Between tries, while the journal or the spool refuses."""


class TakingIn:
    """One task; `take_in` and `closed` tell it what to do. It holds a name for each capture in the spool at most."""

    def __init__(
        self,
        *,
        spool: Spool,
        journal: Journal,
        observer: Observer,
        endpoints: Endpoints,
        node: NodeId,
        end: Callable[[Recording], Awaitable[None]],
        tables_known: Callable[[float], Awaitable[bool]],
        notes: CaptureNotes,
    ) -> None:
        self._spool, self._journal, self._observer = spool, journal, observer
        self._endpoints, self._node = endpoints, node
        self._end, self._tables_known = end, tables_known
        self._notes = notes
        self._waiting: dict[CallId, DegradedFile] = {}
        self._begun: set[CallId] = set()
        self._closed: dict[CallId, set[Side]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()

    def take_in(self, files: Iterable[DegradedFile]) -> None:
        """These captures have ended; one side of each is enough."""
        self._waiting.update({file.call: file for file in files})
        self._wake.set()

    def closed(self, file: DegradedFile) -> None:
        """Asterisk has closed this file. With the second one of a capture it has ended."""
        sides = self._closed.setdefault(file.call, set())
        sides.add(file.side)
        if sides == {Side.READ, Side.WRITE}:
            self.take_in([file])

    async def run(self) -> None:
        """Take in for ever. Without the tables, which say whose phone it was, everything waits."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                while not await self._tables_known(LATER_S):
                    pass
                if not await self._work_off():
                    await asyncio.sleep(LATER_S)

    async def _work_off(self) -> bool:
        """Each one once, up to the first that fails: what keeps this one from its place mostly keeps the others, too."""
        for _ in range(len(self._waiting)):
            call = next(iter(self._waiting))
            file = self._waiting.pop(call)
            try:
                await self._take_in_one(file)
            except CallrecError as error:
                self._observer.alarmed(m.Alarm(f"{AlarmCause.DEGRADED}: {error.code}", None), "")
            except Exception as error:  # noqa: BLE001 - the boundary of one capture: the others are taken in all the same
                self._observer.broke("degraded", error)
            else:
                continue
            self._waiting.setdefault(call, file)
            return False
        return True

    async def _take_in_one(self, file: DegradedFile) -> None:
        recording = await self._place(file)
        if recording is not None:
            await self._end(await asyncio.to_thread(reconcile.degraded_ended, recording, self._spool))
            self._begun.discard(file.call)
            await self._forget(file)

    async def place(self, file: DegradedFile) -> Recording | None:
        """Give a capture that goes on its place: intent first, then its files' new names. None: it has one already.

        Raises Unavailable; then it is taken in when it has ended.
        """
        recording = await self._place(file)
        self._begun.discard(file.call)
        await self._forget(file)  # Asterisk tells who talks
        return recording

    async def _with_other(self, recording: Recording, file: DegradedFile) -> Recording:
        """An Asterisk that cannot be asked costs the other participant's name, and not the recording."""
        try:
            note = await self._notes.read(file)
        except CallrecError:
            return recording
        return with_other(recording, note, self._endpoints) if note else recording

    async def _forget(self, file: DegradedFile) -> None:
        with suppress(CallrecError):  # a note that stays is of a capture that is never taken in again
            await self._notes.forget(file)

    async def _place(self, file: DegradedFile) -> Recording | None:
        """Twice is fine, also when the first try failed anywhere in between: until it is done, it counts as begun."""
        async with self._one_at_a_time:
            self._closed.pop(file.call, None)
            if file.call not in self._begun and not await asyncio.to_thread(self._spool.has, file):
                return None
            (recording,) = reconcile.degraded([file], self._endpoints, self._node)
            recording = await self._with_other(recording, file)
            await self._journal.append(Entry(Step.INTENT, recording))
            self._begun.add(file.call)
            await asyncio.to_thread(self._spool.adopt, file, reconcile.degraded_take(file))
            return recording
