"""The local copy of the tables: loaded as a whole, kept up to date by the stream of events; a look-up in it never waits."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import structlog

from callrec.adapters.backoff import jittered
from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import ask, let_go, within
from callrec.adapters.redis.events import table_event
from callrec.adapters.redis.mark_keeper import MarkKeeper
from callrec.adapters.redis.store import RedisStore
from callrec.app.ports.directory import MarkFile
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.last_changes import LastChange, LastChanges
from callrec.domain.directory.model import Tables
from callrec.domain.directory.table_changes import Difference
from callrec.domain.directory.tables_mark import SEEN_LAST, Standing, TablesMark, judge
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.throttle import LastTold

BLOCK_S = 1.0
"""How long one read waits for events; after each quiet second the revision is compared (a flushed server sends none)."""
BATCH = 500
SWITCH_S = 0.00005
"""How long a working thread may keep the event loop waiting, within `unhurried`."""
MANY_USERS = 5_000
"""From this number on a garbage collection that scans all users takes noticeably long."""
DROP_S = 0.5
BACKOFF = jittered(first_s=0.05, limit_s=5.0)

log = structlog.get_logger(__name__)


class _Missed(Exception):
    """The stream has a gap after the copy's last event: the tables have to be loaded again."""


@contextmanager
def unhurried() -> Iterator[None]:
    """For a thread that makes many objects while the event loop serves calls: the loop gets its turn sooner, and no full garbage
    collection stops both."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(usual_s)


async def _drop(former: Directory) -> None:
    """Free the former copy, after those who have just read it have had time to finish."""
    await asyncio.sleep(DROP_S)
    with unhurried():
        await asyncio.to_thread(former.dismantle)


class DirectoryFeed:
    """Implements `DirectorySource`. `async with DirectoryFeed(store) as feed`: one task keeps `feed.directory` up to date.

    It also starts while the store is down: then the copy is empty and not fresh until the store answers. Tables that do not come
    after those that were seen last (`marks` outlives this process) are refused: the copy stays as it is, and stale, until the
    store has the expected tables again, or an operator accepts the present ones. `on_corrupt` gets the error's code each time
    such a state begins.
    """

    def __init__(
        self,
        store: RedisStore,
        marks: MarkFile | None = None,
        on_corrupt: Callable[[ErrorCode], None] = lambda _code: None,
    ) -> None:
        self._store, self._on_corrupt = store, on_corrupt
        self._seen = MarkKeeper(marks)
        self._client = store.address.client()
        self._directory = Directory(Tables())
        self._mark: TablesMark | None = None
        self._edit_revision = -1
        self._cursor = "0-0"
        self._callbacks: list[Callable[[Difference], None]] = []
        self._fresh = asyncio.Event()
        self._news = asyncio.Event()
        self._since_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._dropping: asyncio.Task[None] | None = None
        self._told = LastTold()
        self._changes = LastChanges()
        self._fault: CallrecError | None = None
        self.reloads = 0
        """How often the whole copy was loaded, for metrics."""
        self.why_stale = "not loaded yet"
        """A sentence for readiness; "" while fresh."""

    async def __aenter__(self) -> "DirectoryFeed":
        self._since_s = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(), name="directory-feed")
        self._seen.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._dropping:
            self._dropping.cancel()
            await asyncio.wait([self._dropping])
        await self._seen.end()
        await self._client.aclose()

    @property
    def directory(self) -> Directory:
        """The copy as it is now."""
        return self._directory

    @property
    def _revision(self) -> int:
        return -1 if self._mark is None else self._mark.revision

    @property
    def fresh(self) -> bool:
        """True while the copy follows the stream."""
        return self._fresh.is_set()

    @property
    def since_s(self) -> float:
        """When the copy became fresh, or stale, by the loop's clock."""
        return self._since_s

    @property
    def edit_revision(self) -> int:
        """The number of the last edit in the copy; -1 before it was loaded."""
        return self._edit_revision

    @property
    def mark(self) -> TablesMark | None:
        """The mark of the copy's tables; None before they were loaded."""
        return self._mark

    def last_change(self, table: str, key: str) -> LastChange | None:
        """Who changed this record last, since the copy was loaded; None when it is not known."""
        return self._changes.of(table, key)

    async def standing(self, event: str) -> Standing:
        """The standing of the store's tables, compared with the mark that has this event. Raises Unavailable."""
        return await self._store.standing(event)

    async def catch_up(self, limit_s: float) -> bool:
        """Wait until the copy has the store's present revision; False after `limit_s`. Raises Unavailable when the store does not
        answer."""
        async with within(limit_s, self._store.address.shown):
            wanted = int(await ask(self._client, "GET", keys.REVISION) or 0)
        try:
            async with asyncio.timeout(limit_s):
                while self._revision < wanted or not self.fresh:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """Call this, which must not block, after every change of the copy."""
        self._callbacks.append(callback)

    async def until_loaded(self) -> None:
        """For a command: wait until the copy is fresh. Raises the error that prevents it: Unavailable, Corrupt."""
        while not self.fresh:
            self._news.clear()
            await self._news.wait()
            if self._fault:
                raise self._fault

    async def wait_fresh(self, limit_s: float) -> bool:
        """True as soon as the copy is fresh, False when it is not within `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._fresh.wait()
        except TimeoutError:
            return False
        return True

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._reload()
                failures = 0
                await self._follow()
            except _Missed:
                continue
            except CallrecError as error:
                self._now_stale(error)
            except Exception as error:  # a task boundary: a defect must not end the feed while the copy counts as fresh
                log.exception("directory-failed")
                self._now_stale(Corrupt("tables-unreadable", f"the tables cannot be followed: {type(error).__name__}"))
            await let_go(self._client)
            failures += 1
            await asyncio.sleep(BACKOFF.delay_s(failures))

    async def _reload(self) -> None:
        if self._dropping:
            await asyncio.wait([self._dropping])
        if not self.fresh:
            await self._seen.look()  # an operator may have accepted other tables meanwhile
        with unhurried():
            seen = self._seen.mark
            snapshot = await self._store.snapshot(seen.event if seen else "")
            judge(seen, snapshot.standing, SEEN_LAST)
            directory = await asyncio.to_thread(Directory, snapshot.tables)
            difference = await asyncio.to_thread(directory.difference, self._directory)
            if len(directory.users()) > MANY_USERS:
                gc.freeze()  # reference counting still frees the records that are dropped later
        former, self._directory = self._directory, directory
        self._dropping = asyncio.create_task(_drop(former), name="directory-drop")
        self._mark, self._edit_revision, self._cursor = snapshot.standing.mark, snapshot.edit_revision, snapshot.cursor
        self._seen.keep(self._mark)
        self.reloads += 1
        if not self.fresh:
            self._since_s = asyncio.get_running_loop().time()
            self.why_stale, self._fault = "", None
            self._told.over()
            self._fresh.set()
            log.info("directory-fresh", users=len(self._directory.users()), revision=self._revision)
        self._news.set()
        self._tell(difference)

    async def _follow(self) -> None:
        """Apply one event after the other; ends only with an error or with _Missed."""
        reading = ("COUNT", BATCH, "BLOCK", int(BLOCK_S * 1000), "STREAMS", keys.EVENTS)
        loop = asyncio.get_running_loop()
        compared_s, known = loop.time(), self._store.let_go
        while True:
            if known != self._store.let_go:
                known = self._store.let_go
                await let_go(self._client)
            async with within(3 * BLOCK_S, self._store.address.shown):
                found = await ask(self._client, "XREAD", *reading, self._cursor)
            for event_id, fields in found[0][1] if found else ():
                self._take(event_id, fields)
                self._cursor = event_id
            if not found or loop.time() - compared_s > BLOCK_S:
                await self._compare(is_quiet=not found)
                compared_s = loop.time()

    async def _compare(self, *, is_quiet: bool) -> None:
        """Compare the copy with the store, since a store that was flushed or lost a table sends no event. Raises _Missed,
        Corrupt."""
        seen = self._seen.mark
        standing = await self._store.standing(seen.event if seen else "")
        judge(seen, standing, SEEN_LAST)
        if is_quiet and standing.revision != self._revision:
            raise _Missed

    def _take(self, event_id: str, fields: dict[str, str]) -> None:
        event = table_event(fields)
        if event is None:
            return
        if event.revision != self._revision + 1 or event.change is None:
            raise _Missed
        difference = self._directory.apply(event.change)
        self._changes.note(event.change, fields.get("actor", ""), int(event_id.partition("-")[0]))
        self._mark = TablesMark(event.revision, event_id)
        self._seen.keep(self._mark)
        self._edit_revision = self._edit_revision if event.edit_revision is None else event.edit_revision
        self._news.set()
        self._tell(difference)

    def _now_stale(self, error: CallrecError) -> None:
        if self.fresh:
            self._since_s = asyncio.get_running_loop().time()
        if self.fresh or self.why_stale != str(error):
            log.warning("directory-stale", code=error.code, reason=error.message)
            if self._told.is_news(error.code) and isinstance(error, Corrupt):
                self._on_corrupt(error.code)
        self.why_stale, self._fault = str(error), error
        self._fresh.clear()
        self._news.set()

    def _tell(self, difference: Difference) -> None:
        for callback in self._callbacks if difference else ():
            try:
                callback(difference)
            except Exception:  # a task boundary: a defect in a listener must not end the feed
                log.exception("directory-listener-failed")
