"""Orphan files: capture files that neither the journal nor a call explains. They become recordings of unknown origin.

They are looked for after a resync, and when a file is closed that belongs to no open capture. Most of these the finalizer has in
hand; the others are taken a little later.
"""

import asyncio
from collections.abc import Sequence

from callrec.app.background import Background
from callrec.app.calls.call_router import CallRouter
from callrec.app.recovery import plan as recovery_plan
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.domain.calls.model import Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.vocabulary import AlarmCause, DropReason

GROWS_S = 5.0
"""A file that changes in this time is still written: its closing will be told."""


class Orphans:
    """`take` is called after each resync; `closed` whenever a file of no open capture is closed."""

    def __init__(self, ports: RecoveryPorts, state: RecoveryState, calls: CallRouter, background: Background) -> None:
        self._ports, self._state = ports, state
        self._calls, self._background = calls, background
        self._one_at_a_time = asyncio.Lock()

    def closed(self) -> None:
        """A file of no open capture was closed."""
        if self._state.has_taken_orphans:
            self._state.has_taken_orphans = False
            self._background.start(self.take(), DropReason.ORPHAN)

    async def take(self) -> None:
        """Make recordings of all orphan files that no recorder writes to."""
        if self._state.has_taken_orphans:
            return
        self._state.has_taken_orphans = True  # a file that is closed from here on is looked for again
        try:
            async with self._one_at_a_time:
                for recording in await self._found():
                    await self._ports.end(recording)
        except CallrecError as error:
            self._state.has_taken_orphans = False
            self._ports.alarm(AlarmCause.ORPHANS, error)
        except asyncio.CancelledError:
            self._state.has_taken_orphans = False
            raise

    async def _found(self) -> Sequence[Recording]:
        """Only what does not grow: Asterisk may not have told of a recorder that is at work."""
        before = recovery_plan.unknown(await asyncio.to_thread(self._ports.spool.captured_files), self.known())
        if not before:
            return ()
        await asyncio.sleep(GROWS_S)
        known = self.known()
        now = [files for files in await asyncio.to_thread(self._ports.spool.captured_files) if files in before]
        return recovery_plan.orphans(now, [*known, *self.known()], self._ports.node, self._ports.clock.now().utc_s)

    async def unknown(self) -> Sequence[CaptureFiles]:
        """The files of captures that neither the journal nor a call knows; nothing while the spool cannot be read."""
        try:
            captured_files = await asyncio.to_thread(self._ports.spool.captured_files)
        except CallrecError as error:
            self._ports.alarm(AlarmCause.ORPHANS, error)
            return ()
        return recovery_plan.unknown(captured_files, self.known())

    def known(self) -> list[Recording]:
        """The recordings of the journal and of the calls, journaled or not."""
        known = [entry.recording for entry in (*self._ports.journal.live(), *self._state.unfinished)]
        for session in self._calls.live():
            known += [*session.set_aside, *([session.recording] if session.recording else [])]
        return known
