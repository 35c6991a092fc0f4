"""Subscribers get events in order, each at its own pace, and nothing of them piles up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from event_stream import Stream, T

from callrec.app.events import hub
from callrec.app.events.hub import MOST_SUBSCRIBERS, REPLAY_MS, EventHub
from callrec.domain.backoff import Backoff
from callrec.domain.calls.model import Instant
from callrec.domain.errors import Unavailable
from callrec.domain.vocabulary import DropReason

if TYPE_CHECKING:
    from callrec.protocols.event_messages import EventMessage


class Outcomes:
    """What the observer is told."""

    def __init__(self) -> None:
        self.dropped_here: list[DropReason] = []
        self.broken: list[str] = []

    def dropped(self, what: DropReason) -> None:
        """See Observer."""
        self.dropped_here.append(what)

    def broke(self, where: str, error: BaseException) -> None:
        """See Observer."""
        self.broken.append(f"{where}: {error}")


class StoppedClock:
    """Stands still."""

    def now(self) -> Instant:
        """See Clock."""
        return Instant(T / 1000, 0.0)


class House:
    """A hub and what is around it."""

    def __init__(self) -> None:
        self.stream, self.told = Stream(), Outcomes()
        backoff = Backoff(0.001, 0.001)
        self.hub = EventHub(self.stream, StoppedClock(), self.told, backoff)  # type: ignore[arg-type] # two of its methods


@asynccontextmanager
async def running() -> AsyncIterator[House]:
    """A hub that follows a stream with one old event."""
    house = House()
    house.stream.add(0)
    task = asyncio.create_task(house.hub.run())
    await house.hub.ready(5)
    yield house
    task.cancel()
    await asyncio.wait([task])


async def past(house: House, last: str, *types: str) -> list[tuple[str, str]]:
    with house.hub.subscribed(types) as one:
        return [(event.id, event.type) async for event in house.hub.replay(last, one)]


async def test_each_subscriber_gets_each_new_event_in_order() -> None:
    async with running() as house:
        with house.hub.subscribed() as one, house.hub.subscribed() as other:
            added = [house.stream.add(ms) for ms in (1, 2)]
            for each in (one, other):
                found: list[EventMessage] = []
                while len(found) < len(added):
                    found += await each.next(5)
                assert found == added
        assert house.hub.subscribers == 0


async def test_a_subscriber_gets_the_types_that_it_wants() -> None:
    async with running() as house:
        with house.hub.subscribed({"alarm"}) as one:
            house.stream.add(1)
            alarm = house.stream.add(2, "alarm")
            assert await one.next(5) == [alarm]


async def test_without_an_event_the_wait_ends() -> None:
    async with running() as house:
        with house.hub.subscribed() as one:
            assert await one.next(0.01) == []
            assert not one.over


async def test_events_reach_a_quick_one_while_a_slow_one_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_WAITING", 50)
    async with running() as house:
        with house.hub.subscribed() as slow, house.hub.subscribed() as quick:
            for ms in range(1, 52):
                event = house.stream.add(ms)
                assert await quick.next(5) == [event]
            assert (slow.over, quick.over) == (True, False)
            assert await slow.next(5) == []
            assert house.told.dropped_here == [DropReason.SUBSCRIBER]


async def test_there_are_so_many_and_no_more() -> None:
    house = House()
    subscriptions = [house.hub.subscribed() for _ in range(MOST_SUBSCRIBERS)]
    for one in subscriptions:
        one.__enter__()
    with pytest.raises(Unavailable) as found, house.hub.subscribed():
        pass
    assert found.value.code == "too-many-subscribers"
    subscriptions[0].__exit__(None, None, None)
    with house.hub.subscribed():
        assert house.hub.subscribers == MOST_SUBSCRIBERS


async def test_who_comes_before_the_stream_was_read_is_told_so() -> None:
    with pytest.raises(Unavailable) as found:
        await House().hub.ready(0.01)
    assert found.value.code == "store-unavailable"


async def test_the_end_of_the_daemon_ends_every_subscription() -> None:
    async with running() as house:
        context = house.hub.subscribed()
        one = context.__enter__()
    assert one.over
    assert await one.next(5) == []


@pytest.mark.parametrize("fault", [Unavailable("store-unavailable", "down"), ZeroDivisionError("a defect")])
async def test_after_a_fault_the_next_events_come(fault: Exception) -> None:
    async with running() as house:
        with house.hub.subscribed() as one:
            house.stream.fault = fault
            await asyncio.sleep(0.05)
            house.stream.fault = None
            event = house.stream.add(1)
            assert await one.next(5) == [event]
        assert house.told.broken[:1] == ([] if isinstance(fault, Unavailable) else ["events: a defect"])


async def test_a_flushed_stream_whose_clock_was_set_back_is_followed_again() -> None:
    async with running() as house:
        with house.hub.subscribed() as one:
            house.stream.entries = []
            async with asyncio.timeout(5):
                while house.hub._cursor != "0-0":  # noqa: ASYNC110 - the hub tells nobody how far it is
                    await asyncio.sleep(0.001)
            event = house.stream.add(-5000)
            assert await one.next(5) == [event]


async def test_a_replay_has_all_since_the_last_event() -> None:
    async with running() as house:
        events = [house.stream.add(ms) for ms in (1, 2, 3)]
        assert await past(house, events[0].id) == [(one.id, "recording") for one in events[1:]]
        assert await past(house, events[-1].id) == []


async def test_a_replay_has_the_types_that_are_wanted() -> None:
    async with running() as house:
        first, alarm = house.stream.add(1), house.stream.add(2, "alarm")
        house.stream.add(3)
        assert await past(house, first.id, "alarm") == [(alarm.id, "alarm")]


async def test_a_replay_goes_on_over_many_events() -> None:
    async with running() as house:
        events = [house.stream.add(ms) for ms in range(1, 1201)]
        assert len(await past(house, events[0].id)) == 1199


async def test_a_replay_has_at_most_a_minute_and_says_that_events_are_missed() -> None:
    async with running() as house:
        first = house.stream.add(1)
        house.stream.add(2)
        late = [house.stream.add(REPLAY_MS + 100), house.stream.add(REPLAY_MS + 101)]
        assert await past(house, first.id) == [("", "events-missed"), *((one.id, "recording") for one in late)]


async def test_nothing_is_missed_where_nothing_was() -> None:
    async with running() as house:
        first = house.stream.add(1)
        late = house.stream.add(5 * REPLAY_MS)
        assert await past(house, first.id) == [(late.id, "recording")]


async def test_an_id_of_another_store_misses_events() -> None:
    async with running() as house:
        assert await past(house, f"{T + 99_999}-0") == [("", "events-missed")]
