"""The files follow the tables by themselves, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from test_astdb_sync import LocalCopy

from callrec.app.asterisk.config_files import Confgen, Generated
from callrec.app.asterisk.config_sync import AGAIN, AGAIN_REFUSED_S, ConfFollowing
from callrec.app.ports.directory import Source
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.tables_mark import Standing, TablesMark
from callrec.domain.errors import CallrecError, Refused
from callrec.protocols.asterisk_conf.validation import LeftOut
from callrec_lab.simulated_asterisk import ALICE, TABLES, Heard, away, virtual

if TYPE_CHECKING:
    from callrec.domain.directory.model import Tables


class Made(Confgen):
    """Notes what it was given, and when; `fault` is raised while it is set."""

    def __init__(self) -> None:
        self.given: list[tuple[float, Tables]] = []
        self.fault: CallrecError | None = None
        self.left_out: tuple[LeftOut, ...] = ()
        self.mark: TablesMark | None = None

    async def generate(self, tables: Source, *, accept: bool = False) -> Generated:
        """See Confgen."""
        assert not accept, "only an operator does"
        marked = await tables(self.mark)
        self.given.append((asyncio.get_running_loop().time(), marked.tables))
        if self.fault:
            raise self.fault
        return Generated({}, self.left_out)


class House:
    """A follower at work."""

    def __init__(self) -> None:
        self.tables, self.confgen, self.heard = LocalCopy(), Made(), Heard()
        self.following = ConfFollowing(self.confgen, self.tables, self.heard)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As a task, after its first run."""
        task = asyncio.create_task(self.following.run())
        try:
            await asyncio.sleep(0.01)
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def rename(self, name: str) -> None:
        """Change the tables."""
        self.tables.change(Directory(replace(TABLES, users=(replace(ALICE, lastname=name), *TABLES.users[1:]))))


@virtual
async def test_it_begins_by_itself_and_then_waits_for_changes() -> None:
    house = House()
    assert house.following.why_not
    async with house.running():
        await asyncio.sleep(3600)
        assert len(house.confgen.given) == 1
        assert house.following.why_not == ""


@virtual
async def test_changes_that_come_together_are_one_run_within_a_second() -> None:
    house = House()
    async with house.running():
        for number in range(100):
            house.rename(str(number))
            await asyncio.sleep(0.005)
        await asyncio.sleep(1)
        assert len(house.confgen.given) == 2
        at_s, tables = house.confgen.given[-1]
        assert at_s <= 1.01
        assert tables.users[0].lastname == "99"


@virtual
async def test_changes_that_never_pause_are_not_waited_for() -> None:
    house = House()
    async with house.running():
        for number in range(1000):
            house.rename(str(number))
            await asyncio.sleep(0.01)
        assert 8 <= len(house.confgen.given) <= 14


@virtual
async def test_while_asterisk_is_away_it_is_tried_again_and_told_once() -> None:
    house = House()
    house.confgen.fault = away()
    async with house.running():
        await asyncio.sleep(10 * AGAIN.limit_s)
        assert house.heard.alarms == ["confgen: ami-down"]
        assert house.following.why_not == "away"
        house.confgen.fault = None
        before = len(house.confgen.given)
        house.following.everything()
        await asyncio.sleep(1)
        assert (len(house.confgen.given), house.following.why_not) == (before + 1, "")


@virtual
async def test_what_asterisk_refuses_is_tried_again_seldom_and_after_a_change() -> None:
    house = House()
    house.confgen.fault = Refused("conf-refused", "no")
    async with house.running():
        await asyncio.sleep(AGAIN_REFUSED_S - 1)
        assert len(house.confgen.given) == 1
        house.rename("other")
        await asyncio.sleep(AGAIN_REFUSED_S / 2)
        assert len(house.confgen.given) == 2
        await asyncio.sleep(AGAIN_REFUSED_S)
        assert len(house.confgen.given) == 3
    assert house.heard.alarms == ["confgen: conf-refused"]


@virtual
async def test_tables_that_are_not_known_are_never_written() -> None:
    """They would look like a house without telephones. That they are not known has a check of its own."""
    house = House()
    house.tables.fresh = False
    async with house.running():
        await asyncio.sleep(60)
        assert (house.confgen.given, house.heard.alarms) == ([], [])
        house.tables.fresh = True
        await asyncio.sleep(AGAIN.limit_s)
        assert len(house.confgen.given) == 1


@virtual
async def test_a_record_that_is_left_out_is_an_alarm_once_that_shows_no_name_and_no_number() -> None:
    house = House()
    house.confgen.left_out = (LeftOut("lines", "PJSIP/alice", "linesecret", "value-unfit", "no", "", "1"),)
    async with house.running():
        house.rename("other")
        await asyncio.sleep(2)
        assert len(house.confgen.given) == 2
    assert house.heard.alarms == ["confgen-left-out: lines of user 1, linesecret: value-unfit"]


@virtual
async def test_files_that_were_written_from_other_tables_stay_until_an_operator_decides() -> None:
    house = House()
    house.tables.now = Standing(2, follows=False)
    house.confgen.mark = TablesMark(1, "1-0")
    async with house.running():
        await asyncio.sleep(2 * AGAIN.limit_s)
        assert (house.confgen.given, house.heard.alarms) == ([], ["confgen: store-other-history"])
        assert "--accept-store 2" in house.following.why_not
        house.confgen.mark = TablesMark(2)
        house.tables.now = Standing(2)
        await asyncio.sleep(AGAIN.limit_s)
        assert (len(house.confgen.given), house.following.why_not) == (1, "")
