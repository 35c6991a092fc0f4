"""The part of the daemon that holds the store and the copy of its tables, and what an operator is told of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callrec.adapters.disk.mark_file import DiskMark
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.call_actor import Observer
from callrec.config import Settings
from callrec.domain import messages as m


@asynccontextmanager
async def hold_store(settings: Settings, observer: Observer) -> AsyncIterator[tuple[RedisStore, DirectoryFeed]]:
    """The store, and the copy that follows it. Raises Misconfigured, Unavailable, Corrupt."""

    def ended(code: str) -> None:
        observer.alarmed(m.Alarm(f"store: {code}", None), "")

    def corrupt(code: str) -> None:
        observer.alarmed(m.Alarm(f"tables: {code}", None), "")

    async with (
        open_store(settings.redis_url, settings.state_dir, on_trouble=ended) as store,
        DirectoryFeed(store, DiskMark(settings.state_dir), corrupt) as tables,
    ):
        yield store, tables
