"""Keeps Asterisk's files in line with the tables, whoever changed them: confgen, by itself."""

import asyncio
import contextlib

from callrec.app.call_actor import Observer
from callrec.app.confgen import Confgen, Generated
from callrec.app.store_port import DirectorySource
from callrec.app.tables_mark import WRITTEN_FROM, Marked, TablesMark, judge
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.provisioning.difference import Difference
from callrec.domain.vocabulary import AlarmCause

QUIET_S, MOST_S = 0.3, 0.8
"""After a change we wait until there was none for so long, but no longer than that: an import is one reload."""
AGAIN_S, AGAIN_MOST_S = 1.0, 30.0
"""What cannot be done now is tried again after so long, and then twice as long each time. Asterisk's return ends the waiting."""
AGAIN_REFUSED_S = 60.0
"""What Asterisk has refused it will refuse again, until somebody mends its own files."""


class ConfFollowing:
    """One task; `changed` and `everything` tell it that there may be something to do. `why_not`: a sentence for readiness."""

    def __init__(self, confgen: Confgen, tables: DirectorySource, observer: Observer) -> None:
        self._confgen, self._tables, self._observer = confgen, tables, observer
        self._wake = asyncio.Event()
        self.why_not = "the files have not been compared with the tables yet"
        self._told = ""
        tables.on_change(self.changed)

    def changed(self, _difference: Difference) -> None:
        """The tables changed."""
        self._wake.set()

    def everything(self) -> None:
        """Asterisk is back: it may run anything."""
        self._wake.set()

    async def run(self) -> None:
        """Generate for ever. While Asterisk or the disk is away, it is tried again, and that is told once."""
        left_out: tuple[str, ...] = ()
        again_s = AGAIN_S
        while True:
            await self._settled()
            wait_s: float | None = None
            try:
                left_out = self._tell_left_out(await self._confgen.generate(self._now), left_out)
            except CallrecError as error:
                self._failed(error)
                wait_s = AGAIN_REFUSED_S if isinstance(error, Refused) else again_s
                again_s = min(2 * again_s, AGAIN_MOST_S)
            else:
                self.why_not = self._told = ""
                again_s = AGAIN_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _now(self, written_from: TablesMark | None) -> Marked:
        if not self._tables.fresh:  # tables that were never loaded would look like a house without telephones
            raise Unavailable("tables-stale", "The tables are not known now")
        if written_from:
            judge(written_from, await self._tables.standing(written_from.event), WRITTEN_FROM)
        return Marked(self._tables.directory.tables(), self._tables.mark)

    async def _settled(self) -> None:
        """Take the changes as they come, until they pause."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOST_S):
                while self._wake.is_set():
                    self._wake.clear()
                    await asyncio.sleep(QUIET_S)
        self._wake.clear()

    def _failed(self, error: CallrecError) -> None:
        self.why_not = str(error)
        if error.code not in {self._told, "tables-stale"}:  # which has its own check
            self._observer.alarmed(m.Alarm(f"{AlarmCause.CONFGEN}: {error.code}", None), "")
        self._told = error.code

    def _tell_left_out(self, generated: Generated, before: tuple[str, ...]) -> tuple[str, ...]:
        """An alarm for each record that is newly left out: whose it is and which column, no name and no number."""
        now = tuple(f"{one.table} of user {one.user}, {one.column}: {one.code}" for one in generated.left_out)
        for words in now:
            if words not in before:
                self._observer.alarmed(m.Alarm(f"{AlarmCause.CONFGEN_LEFT_OUT}: {words}", None), "")
        return now
