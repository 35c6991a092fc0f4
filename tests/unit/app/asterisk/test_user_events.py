"""UserEvents follow the tables, also while Asterisk is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from callrec.app.asterisk import user_events
from callrec.app.asterisk.user_events import UserEvents
from callrec.domain.calls.commands import Alarm
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Tables, User
from callrec.domain.directory.service_changes import ServiceChange
from callrec.domain.directory.table_changes import Difference
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.rules import UserId

ADA, BOB = User(UserId("7"), "Ada"), User(UserId("8"), "Bob")


class House:
    """The tables, an Asterisk that a test plays, and what was told."""

    def __init__(self) -> None:
        self.directory = Directory(Tables((ADA, BOB)))
        self.callbacks: list[Callable[[Difference], None]] = []
        self.told: list[ServiceChange] = []
        self.alarms: list[str] = []
        self.fault: CallrecError | None = None
        self.tried = asyncio.Event()
        self.events = UserEvents(self, self, self)  # type: ignore[arg-type] # the methods that are used

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """See DirectorySource."""
        self.callbacks.append(callback)

    def change(self, *users: User, gone: tuple[UserId, ...] = ()) -> None:
        """The tables change."""
        others = [one for one in self.directory.users() if one.id not in {*(user.id for user in users), *gone}]
        self.directory = Directory(Tables((*others, *users)))
        for callback in self.callbacks:
            callback(Difference(frozenset({*(user.id for user in users), *gone})))

    async def feature(self, change: ServiceChange) -> None:
        """See UserEventSink."""
        self.tried.set()
        if self.fault:
            raise self.fault
        self.told.append(change)

    def alarmed(self, alarm: Alarm, _call: str) -> None:
        """See Observer."""
        self.alarms.append(alarm.cause)


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(user_events, "PAUSE_S", 0.001)
    house = House()
    house.change(ADA, BOB)  # the first load
    task = asyncio.create_task(house.events.run())
    yield house
    task.cancel()
    await asyncio.wait([task])


async def told(house: House, count: int) -> list[tuple[str, str, bool]]:
    async with asyncio.timeout(5):
        while len(house.told) < count:  # noqa: ASYNC110 - a test waits with a limit
            await asyncio.sleep(0)
    return [(one.user, one.function, one.on) for one in house.told]


async def test_each_change_is_told_and_the_first_load_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        house.change(replace(ADA, call_record=True))
        assert await told(house, 1) == [("7", "callrecord", True)]
        house.change(replace(ADA, call_record=True, lastname="L"), replace(BOB, dnd=True))
        assert (await told(house, 2))[1:] == [("8", "dnd", True)]
        house.change(replace(ADA, lastname="L"))
        assert (await told(house, 3))[2:] == [("7", "callrecord", False)]


async def test_a_user_who_is_new_or_gone_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        house.change(User(UserId("9"), "Eve", dnd=True), gone=(BOB.id,))
        house.change(User(UserId("9"), "Eve"))
        assert await told(house, 1) == [("9", "dnd", False)]


async def test_while_asterisk_is_away_the_last_state_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        house.fault = Unavailable("ami-down", "away")
        house.change(replace(ADA, forward_busy="1001"))
        await house.tried.wait()
        house.change(replace(ADA, forward_busy="1002"))
        await asyncio.sleep(0.01)
        house.fault = None
        await told(house, 1)
        await asyncio.sleep(0.01)
        assert [one.value for one in house.told] == ["1002"]
        assert house.alarms == ["user-event: ami-down"]


async def test_without_the_right_there_is_one_alarm_and_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        house.fault = Refused("ami-error", "Permission denied")
        house.change(replace(ADA, dnd=True, call_record=True))
        await house.tried.wait()
        await asyncio.sleep(0.01)
        house.fault = None
        await asyncio.sleep(0.01)
        assert (house.told, house.alarms) == ([], ["user-event: ami-error"])
