"""Fallback captures become recordings: those that have ended after one another, those that go on when a call adopts them.

A daemon that comes back after a busy hour finds thousands of them. A capture that is told of several times is done once. Disks
are waited for in a worker thread, so that the loop answers calls meanwhile. What cannot be done now goes to the end and is tried
again: neither a full disk nor tables that come late may cost a recording, or its user.
"""

import asyncio
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress

from callrec.app.recovery import fallback_recordings
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.file_names import FallbackFile, Side
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause

LATER_S = 5.0
"""Between tries, while the journal or the spool refuses."""


class FallbackCaptures:
    """`ended` and `closed` tell of captures, `run` makes recordings of those that have ended, `adopt` of one that goes on."""

    def __init__(self, ports: RecoveryPorts, state: RecoveryState) -> None:
        self._ports, self._state = ports, state
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()

    def ended(self, files: Iterable[FallbackFile]) -> None:
        """These captures have ended; one file of each is enough."""
        self._state.fallback_ended.update({file.call: file for file in files})
        self._wake.set()

    def closed(self, file: FallbackFile) -> None:
        """Asterisk has closed this file. With the second file of a capture, the capture has ended."""
        sides = self._state.fallback_closed.setdefault(file.call, set())
        sides.add(file.side)
        if sides == {Side.READ, Side.WRITE}:
            self.ended([file])

    async def run(self) -> None:
        """Work until cancelled. Everything waits for the tables, which say whose phone it was."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._state.fallback_ended:
                while not await self._ports.tables_known(LATER_S):
                    pass
                if not await self._work_off():
                    await asyncio.sleep(LATER_S)

    async def _work_off(self) -> bool:
        """Each one once, up to the first that fails: what keeps this one from its place mostly keeps the others, too."""
        waiting = self._state.fallback_ended
        for _ in range(len(waiting)):
            call = next(iter(waiting))
            file = waiting.pop(call)
            try:
                await self._store(file)
            except CallrecError as error:
                self._ports.alarm(AlarmCause.FALLBACK, error)
            except Exception as error:  # noqa: BLE001 - the boundary of one capture: the others are stored all the same
                self._ports.observer.broke(AlarmCause.FALLBACK, error)
            else:
                continue
            waiting.setdefault(call, file)
            return False
        return True

    async def _store(self, file: FallbackFile) -> None:
        recording, note = await self._place(file)
        if recording is not None:
            spooled = await asyncio.to_thread(self._ports.spooled, [file.capture])
            since_s = self._state.asterisk_since_s if self._state.is_resynced else math.inf
            await self._ports.end(fallback_recordings.fallback_ended(recording, spooled, since_s, note))
            self._state.fallback_begun.discard(file.call)
            await self._forget_note(file)

    async def adopt(self, file: FallbackFile) -> tuple[Recording, CaptureNote | None] | None:
        """Make a recording of a capture that goes on: intent first, then the new names of its files. With what the dialplan noted
        of it. None: it is one already.

        Raises Unavailable; then it becomes a recording when it has ended.
        """
        recording, note = await self._place(file)
        self._state.fallback_begun.discard(file.call)
        await self._forget_note(file)  # Asterisk tells the participants
        return (recording, note) if recording else None

    async def found(self) -> Sequence[FallbackFile]:
        """The files with the dialplan's names; nothing while the spool cannot be read."""
        try:
            return await asyncio.to_thread(self._ports.spool.fallback)
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)
            return ()

    async def rename_known(self) -> None:
        """A former daemon may have died while it gave files their new names: a journaled capture must not end without them."""
        known = {one.id for entry in self._state.unfinished for one in entry.recording.all_captures}
        for file in {file.call: file for file in await self.found()}.values():
            if file.capture in known:
                try:
                    await asyncio.to_thread(self._ports.spool.adopt, file, file.capture)
                except CallrecError as error:
                    self._ports.alarm(AlarmCause.FALLBACK, error)

    async def _place(self, file: FallbackFile) -> tuple[Recording | None, CaptureNote | None]:
        """May run again, also when a try failed anywhere in between: until it is done, the capture counts as begun."""
        async with self._one_at_a_time:
            self._state.fallback_closed.pop(file.call, None)
            begun = self._state.fallback_begun
            if file.call not in begun and not await asyncio.to_thread(self._ports.spool.has, file):
                return None, None
            recording, note = (
                fallback_recordings.fallback(file, self._ports.endpoints, self._ports.node),
                await self._note(file),
            )
            if note:
                recording = fallback_recordings.with_other(recording, note, self._ports.endpoints)
            await self._ports.journal.append(Entry(Step.INTENT, recording))
            begun.add(file.call)
            if file.rule is Rule.ALWAYS:
                self._state.fallback_taken.add(LegId(file.uniqueid))
            await asyncio.to_thread(self._ports.spool.adopt, file, file.capture)
            return recording, note

    async def _note(self, file: FallbackFile) -> CaptureNote | None:
        """An Asterisk that cannot be asked costs the other participant's name, not the recording."""
        try:
            return await self._ports.notes.read(file)
        except CallrecError:
            return None

    async def _forget_note(self, file: FallbackFile) -> None:
        with suppress(CallrecError):  # a note that stays is of a capture that is never read again
            await self._ports.notes.forget(file)
