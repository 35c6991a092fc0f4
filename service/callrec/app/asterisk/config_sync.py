"""Keeps Asterisk's files up to date with the tables: runs confgen after every change."""

import asyncio
import contextlib

from callrec.app.asterisk.config_files import Confgen, Generated
from callrec.app.ports.directory import DirectorySource
from callrec.app.ports.observer import Observer
from callrec.domain.backoff import Backoff
from callrec.domain.calls.commands import Alarm
from callrec.domain.directory.table_changes import Difference
from callrec.domain.directory.tables_mark import WRITTEN_FROM, Marked, TablesMark, judge
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.throttle import LastTold
from callrec.domain.vocabulary import AlarmCause

QUIET_S, MOST_S = 0.3, 0.8
"""After a change confgen waits for a pause of QUIET_S, but at most MOST_S, so that an import causes one reload."""
AGAIN = Backoff(first_s=1.0, limit_s=30.0)
"""The delays before another try. A new connection to Asterisk ends the waiting."""
AGAIN_REFUSED_S = 60.0
"""The delay after a refusal, which lasts until an administrator corrects Asterisk's own files."""


class ConfFollowing:
    """One task; `changed` and `everything` wake it. `why_not`: the reason for `/readyz`, empty when all is up to date."""

    def __init__(self, confgen: Confgen, tables: DirectorySource, observer: Observer) -> None:
        self._confgen, self._tables, self._observer = confgen, tables, observer
        self._wake = asyncio.Event()
        self.why_not = "the files have not been compared with the tables yet"
        self._told = LastTold()
        tables.on_change(self.changed)

    def changed(self, _difference: Difference) -> None:
        """The tables changed."""
        self._wake.set()

    def everything(self) -> None:
        """Asterisk is connected again: it may run other files."""
        self._wake.set()

    async def run(self) -> None:
        """Generate files until cancelled. While Asterisk or the disk is unavailable it tries again, with one alarm."""
        left_out: tuple[str, ...] = ()
        failures = 0
        while True:
            await self._settled()
            wait_s: float | None = None
            try:
                left_out = self._tell_left_out(await self._confgen.generate(self._now), left_out)
            except CallrecError as error:
                self._failed(error)
                failures += 1
                wait_s = AGAIN_REFUSED_S if isinstance(error, Refused) else AGAIN.delay_s(failures)
            else:
                self.why_not = ""
                self._told.over()
                failures = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _now(self, written_from: TablesMark | None) -> Marked:
        if not self._tables.fresh:  # tables that are not loaded yet would give files without phones
            raise Unavailable("tables-stale", "the tables are not known now")
        if written_from:
            judge(written_from, await self._tables.standing(written_from.event), WRITTEN_FROM)
        return Marked(self._tables.directory.tables(), self._tables.mark)

    async def _settled(self) -> None:
        """Wait until the changes pause."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOST_S):
                while self._wake.is_set():
                    self._wake.clear()
                    await asyncio.sleep(QUIET_S)
        self._wake.clear()

    def _failed(self, error: CallrecError) -> None:
        self.why_not = str(error)
        if self._told.is_news(error.code) and error.code != "tables-stale":  # which has its own check
            self._observer.alarmed(Alarm(f"{AlarmCause.CONFGEN}: {error.code}", None), "")

    def _tell_left_out(self, generated: Generated, before: tuple[str, ...]) -> tuple[str, ...]:
        """An alarm for each newly left-out record: its user's id and the column, without name and number."""
        now = tuple(f"{one.table} of user {one.user}, {one.column}: {one.code}" for one in generated.left_out)
        for words in now:
            if words not in before:
                self._observer.alarmed(Alarm(f"{AlarmCause.CONFGEN_LEFT_OUT}: {words}", None), "")
        return now
