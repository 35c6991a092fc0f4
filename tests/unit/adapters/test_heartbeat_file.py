"""The mark that the dialplan reads: whole seconds, ahead of now, on a folder of our own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callrec.adapters.disk.heartbeat_file import NAME, AliveMark
from callrec.domain.errors import Unavailable

NOW_S = 1_795_341_600.9


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[AliveMark]:
    mark = AliveMark(tmp_path, lambda: NOW_S)
    yield mark
    mark.close()


async def test_the_folder_is_made_and_its_time_set_ahead(mark: AliveMark, tmp_path: Path) -> None:
    for _ in range(2):
        await mark.renew()
        assert (tmp_path / NAME).stat().st_mtime == pytest.approx(NOW_S + 1, abs=1e-3)


async def test_the_next_daemon_knows_when_it_was_renewed_last(mark: AliveMark) -> None:
    assert mark.last_s() == 0.0
    await mark.renew()
    assert mark.last_s() == pytest.approx(NOW_S, abs=1e-3)


async def test_at_its_end_the_mark_is_over(mark: AliveMark, tmp_path: Path) -> None:
    await mark.renew()
    await mark.end()
    assert (tmp_path / NAME).stat().st_mtime < int(NOW_S)


async def test_a_link_in_its_place_is_not_followed(mark: AliveMark, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    before = other.stat().st_mtime
    (tmp_path / NAME).symlink_to(other)
    with pytest.raises(Unavailable):
        await mark.renew()
    assert other.stat().st_mtime == before


async def test_without_a_spool_it_is_unavailable_and_works_again_when_the_spool_is_back(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    mark = AliveMark(spool)
    with pytest.raises(Unavailable):
        await mark.renew()
    spool.mkdir()
    await mark.renew()
    assert (spool / NAME).is_dir()
    mark.close()


async def test_other_work_on_a_disk_does_not_keep_it_waiting(mark: AliveMark) -> None:
    """The loop's own threads may all be busy."""
    loop, go = asyncio.get_running_loop(), asyncio.Event()
    busy = [
        loop.run_in_executor(None, lambda: asyncio.run_coroutine_threadsafe(go.wait(), loop).result())
        for _ in range(64)
    ]
    async with asyncio.timeout(5):
        await mark.renew()
    assert not any(one.done() for one in busy)
    go.set()
    await asyncio.gather(*busy)
