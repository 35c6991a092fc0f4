"""Retention on a real library: what is due goes, and nothing that a hold, a minimum, a wrong clock or a missing preview keeps."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from erasable_library import ASKER, ErasableLibrary, erasable
from stored_library import BEGAN_S

from callrec.app.access.audit_log.library_check import check_library
from callrec.app.library.lifetime import retention
from callrec.app.library.lifetime.retention import RetentionKeeper
from callrec.domain.access.audit import Action
from callrec.domain.errors import Conflict, Corrupt, Refused, Unavailable
from callrec.domain.library.annotations import edited, retagged
from callrec.domain.library.captures import Room
from callrec.domain.library.known_time import Clocks
from callrec.domain.library.retention import DAY_S, RetentionClass, Space

CLASS = RetentionClass("short", max_days=30)
ONE_BYTES = 96_044
"""Of the audio of one recording."""


@pytest_asyncio.fixture
async def lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ErasableLibrary]:
    monkeypatch.setattr(retention, "PAUSE", 0.0)
    async with erasable(tmp_path) as made:
        yield made


def at(lib: ErasableLibrary, days: float, *, wall_off_s: float = 0.0) -> None:
    """So many days after the first recording; the wall clock may be wrong."""
    lib.clock = Clocks(BEGAN_S + days * DAY_S + wall_off_s, days * DAY_S, "boot", is_kept=False)


async def enabled(lib: ErasableLibrary, *classes: RetentionClass) -> RetentionKeeper:
    """With these classes in effect, as if somebody had seen their previews."""
    keeper = lib.keeper()
    await keeper.status(ASKER)  # the time is known
    for one in classes:
        await keeper.put(one, ASKER)
        await keeper.enable(one.name, (await keeper.preview(one.name, ASKER)).recordings, ASKER)
    return keeper


async def kept(lib: ErasableLibrary) -> list[str]:
    return sorted([one["id"] async for one in retention.every(lib.catalogue)])


async def tag(lib: ErasableLibrary, recording: str, *tags: str) -> None:
    await lib.annotating().changed(recording, lambda _by, _s: retagged(tags, ()), ASKER, Action.CHANGED)


async def test_what_has_its_greatest_age_goes_and_each_is_in_the_audit_log(lib: ErasableLibrary) -> None:
    for nth in range(4):
        await lib.store(nth, later_s=nth * 10 * DAY_S)
    keeper = await enabled(lib, CLASS)
    at(lib, 29.9)
    assert (await keeper.run_now(ASKER)).by_age == 0
    at(lib, 40.5)
    run = await keeper.run_now(ASKER)
    assert (run.by_age, run.bytes > ONE_BYTES) == (2, True)
    assert await kept(lib) == ["c2-1", "c3-1"]
    assert ("retained", 2, True, "age") in lib.told
    await lib.audit.settle()
    report = check_library(lib.library, lib.reader, ())
    assert (report.findings, report.erased) == ((), 2)


async def test_a_run_between_looks_at_what_has_come_of_age_and_each_day_all_are_looked_at(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that was released is seen by the look at all; so are a changed table, and what a person asks for."""
    for nth in range(4):
        await lib.store(nth, later_s=nth * 10 * DAY_S)
    await lib.hold("c0-1")
    keeper = await enabled(lib, CLASS)
    at(lib, 32)
    assert ((await keeper._run_once()).held, (await keeper._run_once()).held) == (1, 1)
    at(lib, 42)
    assert (await keeper._run_once()).by_age == 1, "of age since the last run"
    await lib.release("c0-1")
    run = await keeper._run_once()
    assert (run.by_age, run.held) == (0, 1)
    monkeypatch.setattr(retention, "LOOK_S", 0.0)
    run = await keeper._run_once()
    assert (run.by_age, run.held) == (1, 0)
    assert await kept(lib) == ["c2-1", "c3-1"]
    monkeypatch.undo()
    await lib.hold("c2-1")
    at(lib, 55)
    assert (await keeper._run_once()).held == 1
    await lib.release("c2-1")
    await keeper.put(replace(CLASS, max_days=31), ASKER)
    await keeper.enable(CLASS.name, 1, ASKER)
    assert (await keeper._run_once()).by_age == 1, "the table has changed"


async def test_a_class_has_no_effect_before_it_is_enabled_with_its_preview(lib: ErasableLibrary) -> None:
    await lib.store(1)
    await lib.store(2)
    await lib.hold("c2-1")
    keeper = lib.keeper()
    await keeper.status(ASKER)
    at(lib, 31)
    await keeper.put(CLASS, ASKER)
    assert (await keeper.run_now(ASKER)).by_age == 0
    seen = await keeper.preview("short", ASKER)
    assert (seen.recordings, seen.bytes, seen.held, [name for _, name in seen.first]) == (1, ONE_BYTES, 1, ["c1-1"])
    with pytest.raises(Conflict):
        await keeper.enable("short", 0, ASKER)
    await keeper.enable("short", 1, ASKER)
    run = await keeper.run_now(ASKER)
    assert (run.by_age, run.held, await kept(lib)) == (1, 1, ["c2-1"])
    await keeper.disable("short", ASKER)
    await lib.release("c2-1")
    assert (await keeper.run_now(ASKER)).by_age == 0
    with pytest.raises(Refused):
        await keeper.preview("none", ASKER)


async def test_a_change_that_makes_others_due_is_refused(lib: ErasableLibrary) -> None:
    """Without the class that keeps them, recordings would get the next one, without a preview."""
    await lib.store(1)
    await tag(lib, "c1-1", "vip")
    vip = RetentionClass("vip", tags=("vip",), max_days=3650)
    keeper = await enabled(lib, vip, CLASS)
    at(lib, 31)
    for change in (keeper.remove("vip", ASKER), keeper.put(replace(vip, tags=("other",)), ASKER)):
        with pytest.raises(Conflict) as conflict:
            await change
        assert conflict.value.code == "retention-preview"
    assert (await keeper.run_now(ASKER)).by_age == 0
    await keeper.disable("short", ASKER)
    assert [one.name for one in (await keeper.remove("vip", ASKER)).classes] == ["short"]


async def test_the_class_that_somebody_gave_it_counts_though_the_catalogue_is_behind(lib: ErasableLibrary) -> None:
    await lib.store(1)
    await lib.store(2)
    keeper = await enabled(lib, CLASS, RetentionClass("long", tags=("never-given",), max_days=3650))
    before = await lib.catalogue.get("c1-1")
    await lib.annotating().changed(
        "c1-1", lambda by, length_s: edited(by=by, length_s=length_s, retention_class="long"), ASKER, Action.CHANGED
    )
    assert before is not None
    await lib.catalogue.put(before)
    at(lib, 31)
    assert ((await keeper.run_now(ASKER)).by_age, await kept(lib)) == (1, ["c1-1"])


@pytest.mark.parametrize("wrong_s", [3600.0, 365 * DAY_S, -3600.0, -365 * DAY_S])
async def test_a_clock_that_is_set_erases_nothing_that_is_not_due(lib: ErasableLibrary, wrong_s: float) -> None:
    """Neither while it is wrong, nor when it is right again: also what was recorded meanwhile."""
    await lib.store(1)
    keeper = await enabled(lib, CLASS)
    at(lib, 29.99)
    await keeper.run_now(ASKER)
    at(lib, 29.991, wall_off_s=wrong_s)
    await lib.store(2, later_s=29.991 * DAY_S + wrong_s)
    assert (await keeper.run_now(ASKER)).by_age == 0
    again = lib.keeper()  # another process, which knows what the disk says
    at(lib, 29.992, wall_off_s=wrong_s)
    assert (await again.run_now(ASKER)).by_age == 0
    assert (await again.status(ASKER)).time.off_s == pytest.approx(wrong_s, abs=1)
    at(lib, 29.995)
    assert (await again.run_now(ASKER)).by_age == 0
    at(lib, 30.01)
    assert (await again.run_now(ASKER)).by_age == 1
    assert await kept(lib) == ["c2-1"]


async def test_a_clock_that_somebody_trusts_is_followed(lib: ErasableLibrary) -> None:
    await lib.store(1)
    keeper = await enabled(lib, CLASS)
    at(lib, 1, wall_off_s=40 * DAY_S)
    assert (await keeper.run_now(ASKER)).by_age == 0
    time = await keeper.trust_clock(ASKER)
    assert time.off_s == 0.0
    assert (await keeper.run_now(ASKER)).by_age == 1


async def test_a_damaged_note_of_the_time_makes_nothing_due(lib: ErasableLibrary) -> None:
    await lib.store(1)
    await enabled(lib, CLASS)
    (lib.folder / "state/retention-clock.json").write_text("{}")
    at(lib, 31)
    assert (await lib.keeper().run_now(ASKER)).by_age == 0


async def test_above_the_quota_the_oldest_of_the_lowest_class_go_first(lib: ErasableLibrary) -> None:
    for nth in range(6):
        await lib.store(nth, later_s=nth * DAY_S)
    await tag(lib, "c0-1", "vip")
    await lib.hold("c1-1")
    vip = RetentionClass("vip", tags=("vip",), rank=9)
    keeper = await enabled(lib, vip, RetentionClass("all", min_days=2))
    at(lib, 6)
    assert (await keeper.run_now(ASKER)).for_space == 0
    await keeper.limit(Space(quota_bytes=4 * ONE_BYTES), ASKER)
    run = await keeper.run_now(ASKER)
    assert (run.for_space, run.lacks_bytes, await kept(lib)) == (2, 0, ["c0-1", "c1-1", "c4-1", "c5-1"])
    assert ("retained", 2, True, "space") in lib.told


async def test_when_nothing_else_may_go_an_alarm_says_how_much_is_missing(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nth in range(4):
        await lib.store(nth, later_s=nth * DAY_S)
    await lib.hold("c0-1")
    monkeypatch.setattr(retention, "MOST_FOR_SPACE", 1)
    keeper = await enabled(lib, RetentionClass("all", min_days=2))
    at(lib, 4.5)
    await keeper.limit(Space(quota_bytes=0), ASKER)
    run = await keeper.run_now(ASKER)
    assert (run.for_space, run.lacks_bytes, await kept(lib)) == (2, 2 * ONE_BYTES, ["c0-1", "c3-1"])
    assert "nothing else may go" in keeper.why_not
    assert [one[1] for one in lib.told if one[0] == "stopped"] == ["space"]
    await keeper.run_now(ASKER)
    assert [one[1] for one in lib.told if one[0] == "stopped"] == ["space"], "told once"
    await keeper.limit(Space(), ASKER)
    await keeper.run_now(ASKER)
    assert keeper.why_not == ""


async def test_the_disk_gets_its_free_space_from_the_task(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as there is too little, not only with the next run by age."""
    await lib.store(1)
    await lib.store(2, later_s=DAY_S)
    monkeypatch.setattr(retention, "TICK_S", 0.01)
    monkeypatch.setattr(lib.library, "room", lambda: Room(10 * ONE_BYTES - sum(_sizes(lib)), 10 * ONE_BYTES))
    keeper = await enabled(lib, RetentionClass("all"))
    at(lib, 4)
    await keeper.limit(Space(least_free_bytes=10 * ONE_BYTES - sum(_sizes(lib)) + 10), ASKER)
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(20):
        while len(await kept(lib)) > 1:  # noqa: ASYNC110 - the task has no event for it
            await asyncio.sleep(0.02)
    task.cancel()
    assert await kept(lib) == ["c2-1"]


async def test_what_has_another_name_on_the_disk_does_not_go_for_free_space(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup on the same disk has hard links: to erase the recording would gain nothing. A quota counts it all the same."""
    for nth in range(4):
        await lib.store(nth, later_s=nth * DAY_S)
    (lib.folder / "backup").mkdir()
    for nth in (0, 1):
        (lib.folder / f"backup/c{nth}-1.wav").hardlink_to(lib.folder / f"monitor/2026/11/22/c{nth}-1.wav")

    def taken() -> int:
        return sum({found.st_ino: found.st_size for found in map(Path.stat, lib.folder.rglob("*.wav"))}.values())

    monkeypatch.setattr(lib.library, "room", lambda: Room(10 * ONE_BYTES - taken(), 10 * ONE_BYTES))
    keeper = await enabled(lib, RetentionClass("all"))
    at(lib, 5)
    await keeper.limit(Space(least_free_bytes=7 * ONE_BYTES), ASKER)
    run = await keeper.run_now(ASKER)
    assert (run.for_space, run.lacks_bytes, await kept(lib)) == (1, 0, ["c0-1", "c1-1", "c3-1"])
    await keeper.limit(Space(least_free_bytes=10 * ONE_BYTES), ASKER)
    run = await keeper.run_now(ASKER)
    assert (run.for_space, run.lacks_bytes, await kept(lib)) == (1, 2 * ONE_BYTES, ["c0-1", "c1-1"])
    assert "nothing else may go" in keeper.why_not
    await keeper.limit(Space(quota_bytes=ONE_BYTES), ASKER)
    assert ((await keeper.run_now(ASKER)).for_space, await kept(lib)) == (1, ["c1-1"])


def _sizes(lib: ErasableLibrary) -> list[int]:
    return [path.stat().st_size for path in (lib.folder / "monitor").rglob("*.wav")]


async def test_the_task_tells_what_keeps_it_and_goes_on(lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "TICK_S", 0.01)
    monkeypatch.setattr(retention, "RUN_S", 0.02)
    await lib.store(1)
    keeper = await enabled(lib, CLASS)
    at(lib, 31)
    table = (lib.folder / "state/retention.json").read_bytes()
    (lib.folder / "state/retention.json").write_text("[")
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(20):
        while not keeper.why_not:  # noqa: ASYNC110 - the task has no event for it
            await asyncio.sleep(0.02)
    assert [one[1] for one in lib.told if one[0] == "stopped"] == ["retention-unreadable"]
    assert await kept(lib) == ["c1-1"]
    (lib.folder / "state/retention.json").write_bytes(table)
    async with asyncio.timeout(20):
        while keeper.why_not or await kept(lib):  # noqa: ASYNC110 - the task has no event for it
            await asyncio.sleep(0.02)
    task.cancel()


async def test_without_the_audit_log_nothing_is_set_and_nothing_goes(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lib.store(1)
    keeper = await enabled(lib, CLASS)
    at(lib, 31)

    async def full(_: object) -> None:
        raise Unavailable("disk", "full")

    monkeypatch.setattr(lib.audit, "append", full)
    for work in (keeper.put(CLASS, ASKER), keeper.limit(Space(1), ASKER), keeper.run_now(ASKER), keeper.status(ASKER)):
        with pytest.raises(Unavailable):
            await work
    with pytest.raises(Unavailable):
        await keeper._run_once()
    assert (lib.folder / "state/retention.json").exists()
    assert await kept(lib) == ["c1-1"]


async def test_a_table_that_cannot_be_read_erases_nothing(lib: ErasableLibrary) -> None:
    (lib.folder / "state/retention.json").write_text('{"schema": 1}')
    with pytest.raises(Corrupt):
        await lib.keeper().run_now(ASKER)
