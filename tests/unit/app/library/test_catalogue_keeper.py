"""The keeper fills a new catalogue from the disk, removes the former index once, and says when the catalogue takes nothing."""
# ruff: noqa: D102 - the stand-ins keep the promises of the ports that they stand for

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
from callrec.app.library import catalogue_keeper
from callrec.app.library.catalogue_keeper import CatalogueKeeper
from callrec.domain.calls.commands import Alarm
from callrec.domain.calls.ids import CallId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Recording
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.library.search import ALL
from callrec.domain.library.search_pages import Count
from callrec.domain.rules import Rule

FILLED = ["filled 2", "lacks c3-1: sidecar-unreadable, damaged"]


@dataclass
class Around:
    """The library with three sidecars, one of them damaged; Redis; and all that was told."""

    said: list[str] = field(default_factory=list)
    former: int = 7
    is_redis_down: bool = False

    def annotations(self, _path: str) -> None:
        return None

    def sidecars(self) -> Iterator[tuple[str, Manifest | Corrupt]]:
        for nth in (1, 2):
            recording = Recording(
                RecordingId(f"c{nth}-1"), CallId(f"c{nth}"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 1.0
            )
            yield f"c{nth}-1", Manifest(SCHEMA, StoredState.FAILED, recording)
        yield "c3-1", Corrupt("sidecar-unreadable", "damaged")

    async def drop_former_index(self) -> int:
        if self.is_redis_down:
            raise Unavailable("store-unavailable", "down")
        removed, self.former = self.former, 0
        return removed

    async def publish(self, event: Mapping[str, str]) -> None:
        if self.is_redis_down:
            raise Unavailable("store-unavailable", "down")
        self.said.append(f"{event['type']} {event['recordings']}")

    def alarmed(self, alarm: Alarm, _call: str) -> None:
        self.said.append(alarm.cause)

    def catalogue_filled(self, recordings: int) -> None:
        self.said.append(f"filled {recordings}")

    def catalogue_lacks(self, path: str, code: ErrorCode, reason: str) -> None:
        self.said.append(f"lacks {path}: {code}, {reason}")

    def former_index_removed(self, keys: int) -> None:
        self.said.append(f"removed {keys}")


@pytest_asyncio.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[SqliteCatalogue]:
    """A new one."""
    async with open_catalogue("sqlite:", tmp_path) as opened:
        yield opened


@asynccontextmanager
async def kept(catalogue: SqliteCatalogue, around: Around) -> AsyncIterator[CatalogueKeeper]:
    """A running keeper."""
    keeper = CatalogueKeeper(catalogue, around, around, around, observer=around, notices=around)  # type: ignore[arg-type] # what it uses
    task = asyncio.create_task(keeper.run())
    yield keeper
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(keeper: CatalogueKeeper, says: str) -> None:
    """Wait until the reason begins like this."""
    async with asyncio.timeout(10):
        while not (keeper.why_not.startswith(says) if says else not keeper.why_not):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_keeper, "LOOK_S", 0.01)


async def test_a_new_catalogue_is_filled_once_and_the_former_index_goes(catalogue: SqliteCatalogue) -> None:
    around = Around()
    async with kept(catalogue, around) as keeper:
        assert (keeper.why_not, keeper.accepts) == ("not checked yet whether the catalogue accepts changes", False)
        await until(keeper, "")
        assert keeper.accepts
    assert around.said == [*FILLED, "recordings-rebuilt 2", "removed 7"]
    assert await catalogue.count(ALL) == Count(2, True)
    async with kept(catalogue, again := Around(former=0)) as keeper:
        await until(keeper, "")
    assert again.said == []


async def test_without_redis_it_is_filled_and_the_former_index_goes_later(catalogue: SqliteCatalogue) -> None:
    around = Around(is_redis_down=True)
    async with kept(catalogue, around) as keeper:
        await until(keeper, "")
        assert around.said == FILLED
        around.is_redis_down = False
        async with asyncio.timeout(10):
            while around.former:  # noqa: ASYNC110 - the keeper tells nobody
                await asyncio.sleep(0.01)
        await asyncio.sleep(0)
    assert around.said == [*FILLED, "removed 7"]


async def test_a_catalogue_that_takes_nothing_is_one_alarm_until_it_works_again(
    catalogue: SqliteCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    around, probe = Around(former=0), catalogue.probe

    async def full() -> None:
        raise Unavailable("catalogue-disk", "the disk is full")

    async with kept(catalogue, around) as keeper:
        await until(keeper, "")
        around.said.clear()
        for _ in range(2):
            monkeypatch.setattr(catalogue, "probe", full)
            await until(keeper, "the disk is full")
            await asyncio.sleep(0.05)
            assert not keeper.accepts
            monkeypatch.setattr(catalogue, "probe", probe)
            await until(keeper, "")
    assert around.said == ["catalogue: catalogue-disk"] * 2
