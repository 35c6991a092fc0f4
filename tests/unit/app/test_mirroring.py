"""Lamps and AstDB follow the tables and the live calls, whoever is away, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from stage import ALICE, BOB, EVER, TABLES, Asterisk, FragileSpool, Heard, away, virtual

from callrec.app.mirroring import PAUSE_S, Mirroring
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.provisioning.directory import Difference, Directory, UserChanged
from callrec.domain.provisioning.model import Tables, User, UserId


class LocalCopy:
    """The local copy of the tables, which its owner changes."""

    fresh = True

    def __init__(self) -> None:
        self.directory = Directory(TABLES)
        self.callbacks: list[Callable[[Difference], None]] = []

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """See DirectorySource."""
        self.callbacks.append(callback)

    def change(self, directory: Directory) -> None:
        """From now on these."""
        difference, self.directory = directory.difference(self.directory), directory
        for callback in self.callbacks:
            callback(difference)


class AstDb:
    """What the dialplan would read; `fault` may refuse an endpoint."""

    def __init__(self) -> None:
        self.flags: dict[str, tuple[bool, bool]] = {}
        self.faults: dict[str, CallrecError] = {}
        self.writes = 0

    async def put(self, endpoint: str, user: User | None) -> None:
        """See Mirror."""
        self.writes += 1
        if endpoint in self.faults:
            raise self.faults[endpoint]
        self.flags[endpoint] = (bool(user and user.call_record), bool(user and user.online_record))


class House:
    """A mirror at work."""

    def __init__(self, folder: Path) -> None:
        self.tables, self.astdb, self.heard = LocalCopy(), AstDb(), Heard()
        self.lamps = Asterisk(FragileSpool(folder))
        self.lit: set[UserId] = set()
        self.mirroring = Mirroring(self.tables, self.lamps, self.astdb, self.heard, lambda: self.lit)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As a task."""
        task = asyncio.create_task(self.mirroring.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@virtual
async def test_everything_is_mirrored_when_asterisk_is_back(tmp_path: Path) -> None:
    """Flags of each endpoint, both lamps of each user; a `*3` lamp that no call has lit goes dark."""
    house = House(tmp_path)
    house.lit = {BOB.id}
    async with house.running():
        house.mirroring.everything()
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"alice": (False, True), "bob": (False, True), "ever": (True, True)}
    assert house.lamps.always_lit == {ALICE.id: False, BOB.id: False, EVER.id: True}
    assert house.lamps.lit == {ALICE.id: False, BOB.id: True, EVER.id: False}


@virtual
async def test_a_change_of_one_user_writes_that_user_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.running():
        house.mirroring.changed(house.tables.directory.apply(UserChanged(replace(ALICE, call_record=True))))
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"alice": (True, True)}
    assert house.lamps.always_lit == {ALICE.id: True}


@virtual
async def test_who_is_gone_loses_flags_and_lamps_unless_they_came_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.tables.change(Directory(Tables(users=TABLES.users[:1], lines=TABLES.lines[:1])))
    house.tables.change(Directory(Tables(users=TABLES.users[:2], lines=TABLES.lines[:2])))
    async with house.running():
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"bob": (False, True), "ever": (False, False)}
    assert house.lamps.always_lit == {BOB.id: False, EVER.id: False}


@virtual
async def test_what_cannot_be_written_now_is_kept_and_told_once(tmp_path: Path) -> None:
    """A minute without Asterisk is one alarm; then it is all written, and the next outage is told again."""
    house = House(tmp_path)
    house.lamps.faults["always"] = away()
    async with house.running():
        house.mirroring.everything()
        await asyncio.sleep(60)
        assert house.heard.alarms == ["mirror: ami-down"]
        house.lamps.faults.clear()
        await asyncio.sleep(2 * PAUSE_S)
        assert len(house.lamps.always_lit) == 3
        house.lamps.faults["always"] = away()
        house.mirroring.everything()
        await asyncio.sleep(PAUSE_S)
    assert house.heard.alarms == ["mirror: ami-down"] * 2


@virtual
async def test_what_asterisk_refuses_for_ever_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Neither an endpoint that is gone nor one that is there."""
    house = House(tmp_path)
    house.astdb.faults = {name: Refused("ami-error", "no") for name in ("alice", "ever")}
    house.tables.change(Directory(Tables(users=TABLES.users[:2], lines=TABLES.lines[:2])))
    house.mirroring.everything()
    async with house.running():
        await asyncio.sleep(PAUSE_S / 2)
        assert house.astdb.flags == {"bob": (False, True)}
        house.astdb.faults.clear()
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"alice": (False, True), "bob": (False, True), "ever": (False, False)}
    assert house.heard.alarms == ["mirror: ami-error"]
