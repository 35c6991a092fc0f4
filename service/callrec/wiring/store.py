"""Constructs the store and the copy of its tables, with their alarms and readiness checks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callrec.adapters.disk.mark_file import DiskMark
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.directory.store_watch import StoreWatch
from callrec.app.ports.observer import Observer
from callrec.config import Settings
from callrec.domain.calls.commands import Alarm
from callrec.domain.error_codes import ErrorCode
from callrec.domain.vocabulary import AlarmCause
from callrec.observe.health import Readiness


@dataclass(frozen=True, slots=True)
class Held:
    """The store, the copy of its tables, and the watch over it."""

    store: RedisStore
    tables: DirectoryFeed
    watch: StoreWatch


@asynccontextmanager
async def hold_store(settings: Settings, observer: Observer, readiness: Readiness) -> AsyncIterator["Held"]:
    """Open the store and the copy that follows it. Raises Misconfigured, Unavailable, Corrupt."""

    def ended(code: ErrorCode) -> None:
        observer.alarmed(Alarm(f"{AlarmCause.STORE}: {code}", None), "")

    def corrupt(code: ErrorCode) -> None:
        observer.alarmed(Alarm(f"{AlarmCause.TABLES}: {code}", None), "")

    async with (
        open_store(settings.redis_url, settings.state_dir, on_trouble=ended) as store,
        DirectoryFeed(store, DiskMark(settings.state_dir), corrupt) as tables,
    ):
        watch = StoreWatch(store.probe, observer)
        readiness.add("tables", lambda: (tables.fresh, tables.why_stale))
        readiness.add("store", lambda: (not watch.why_not, watch.why_not))
        yield Held(store, tables, watch)
