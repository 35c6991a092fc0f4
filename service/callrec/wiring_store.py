"""The part of the daemon that holds the store and the copy of its tables, and what an operator is told of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callrec.adapters.disk.mark_file import DiskMark
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.call_actor import Observer
from callrec.app.store_watch import StoreWatch
from callrec.config import Settings
from callrec.domain import messages as m
from callrec.domain.vocabulary import AlarmCause
from callrec.observe.health import Readiness


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of the store."""

    store: RedisStore
    tables: DirectoryFeed
    watch: StoreWatch


@asynccontextmanager
async def hold_store(settings: Settings, observer: Observer, readiness: Readiness) -> AsyncIterator["Held"]:
    """The store, and the copy that follows it. Raises Misconfigured, Unavailable, Corrupt."""

    def ended(code: str) -> None:
        observer.alarmed(m.Alarm(f"{AlarmCause.STORE}: {code}", None), "")

    def corrupt(code: str) -> None:
        observer.alarmed(m.Alarm(f"{AlarmCause.TABLES}: {code}", None), "")

    async with (
        open_store(settings.redis_url, settings.state_dir, on_trouble=ended) as store,
        DirectoryFeed(store, DiskMark(settings.state_dir), corrupt) as tables,
    ):
        watch = StoreWatch(store.probe, observer)
        readiness.add("tables", lambda: (tables.fresh, tables.why_stale))
        readiness.add("store", lambda: (not watch.why_not, watch.why_not))
        yield Held(store, tables, watch)
