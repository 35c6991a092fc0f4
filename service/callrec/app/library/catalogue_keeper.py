"""Keeps the catalogue complete: fills it from the recordings on disk when it is new, and checks whether it can be written."""

import asyncio

from callrec.app.library.catalog import Rebuilt, rebuild
from callrec.app.ports.library import Catalogue, EventSink, FormerIndex, KeeperNotices, Library
from callrec.app.ports.lifetime import Erasures
from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.errors import CallrecError
from callrec.domain.throttle import LastTold
from callrec.domain.vocabulary import AlarmCause

LOOK_S = 2.0


class CatalogueKeeper:
    """One task. `why_not`: the reason for `/readyz`, empty while the catalogue has all recordings and accepts changes."""

    def __init__(
        self,
        catalogue: Catalogue,
        library: Library,
        events: EventSink,
        former: FormerIndex,
        *,
        observer: Observer,
        notices: KeeperNotices,
        erasures: Erasures | None = None,
    ) -> None:
        self._catalogue, self._library, self._events = catalogue, library, events
        self._former, self._observer, self._notices = former, observer, notices
        self._erasures = erasures
        self._is_former_gone = False
        self.why_not = "not checked yet whether the catalogue accepts changes"
        self.accepts = False
        """Whether the catalogue accepts changes; while it is filled it does."""

    async def run(self) -> None:
        """Check until cancelled. A catalogue that refuses changes raises an alarm."""
        told = LastTold()
        while True:
            try:
                await self._catalogue.probe()
                self.accepts = True
                await self._fill()
            except CallrecError as error:
                self.accepts = False
                self.why_not = str(error)
                if told.is_news(error.code):
                    self._observer.alarmed(Alarm(f"{AlarmCause.CATALOGUE}: {error.code}", None), "")
            else:
                self.why_not = ""
                told.over()
            await asyncio.sleep(LOOK_S)

    async def _fill(self) -> None:
        """Read all sidecars into a new catalogue: at the first start, or when its file was removed. Then remove the former index,
        when Redis answers."""
        if not await self._catalogue.is_filled():
            self.why_not = "the catalogue is being filled from the recordings on disk"
            done = await rebuild(self._library, self._catalogue, self._erasures)
            self._notices.catalogue_filled(done.recordings)
            for finding in done.findings:
                self._notices.catalogue_lacks(finding.path, finding.code, finding.message)
            await self._tell(done)
        if not self._is_former_gone:
            try:
                removed = await self._former.drop_former_index()
            except CallrecError:  # readiness tells of the store; it is tried again
                return
            self._is_former_gone = True
            if removed:
                self._notices.former_index_removed(removed)

    async def _tell(self, done: Rebuilt) -> None:
        try:
            await self._events.publish({"type": "recordings-rebuilt", "recordings": str(done.recordings)})
        except CallrecError:  # who follows the events sees that the stream ended, and reads the list again
            return
