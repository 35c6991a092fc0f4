"""Work beside the calls has a bound, and its errors are told."""

import asyncio
from pathlib import Path

import pytest

from callrec.app.background import MAX_AT_ONCE
from callrec.domain.vocabulary import DropReason
from callrec_lab.simulated_asterisk import Stage, away, virtual


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@virtual
async def test_too_much_work_is_dropped_and_counted_and_an_error_is_told(stage: Stage) -> None:
    """An expected error is an alarm, another a defect. Work before the router runs is dropped."""

    async def work(error: Exception | None = None) -> None:
        await asyncio.sleep(1)
        if error:
            raise error

    background = stage.background
    background.start(work(), DropReason.DEVICE_STATE)
    async with stage.running():
        for _ in range(MAX_AT_ONCE + 1):
            background.start(work(), DropReason.ANNOUNCE)
        await stage.passes(2)
        background.start(work(away("ari-down")), DropReason.ANNOUNCE)
        background.start(work(RuntimeError("a defect")), DropReason.ANNOUNCE)
        await stage.passes(2)
        for _ in range(MAX_AT_ONCE):  # all of the former work has ended
            background.start(work(), DropReason.EXAMINE)
        await stage.passes(2)
    assert stage.heard.lost == ["lamp", "announce"]
    assert stage.heard.alarms == ["announce: ari-down"]
    assert len(stage.heard.defects) == 1
