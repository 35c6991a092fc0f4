"""From the stream to the receivers: in order, again after a failure, and each webhook by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from event_stream import Stream

from callrec.adapters.database.outbox import SqliteOutbox
from callrec.app.webhooks.delivery import FAILING, DeliveryPorts, WebhookDelivery
from callrec.domain.backoff import Backoff
from callrec.domain.calls.commands import Alarm
from callrec.domain.calls.model import Instant
from callrec.domain.errors import Unavailable
from callrec.domain.webhooks.model import Attempt, Result, Standing, Webhook
from callrec.protocols.event_messages import EventMessage

CRM, DEAD = Webhook("crm", "https://crm", "s", "m"), Webhook("dead", "https://dead", "s", "d")
DAY_S = 86400.0


class House:
    """A delivery with a stream and receivers that a test plays. Its clock runs to whatever is waited for."""

    def __init__(self, folder: Path) -> None:
        self.stream = Stream()
        self.stream.add(0)
        self.outbox = SqliteOutbox(folder, 10_000)
        self.got: list[tuple[str, str]] = []
        self.answers: Callable[[str, str], int | None] = lambda _webhook, _message: 204
        self.alarms: list[str] = []
        self.broken: list[BaseException] = []
        self.results: list[Result] = []
        self.now_s = 1000.0
        self.hangs: set[str] = set()
        ports = DeliveryPorts(self.stream, self.outbox, self, self, self, self.results.append)  # type: ignore[arg-type]
        self.delivery = WebhookDelivery(ports, keep_s=3 * DAY_S, backoff=Backoff(0.001, 0.001))

    def now(self) -> Instant:
        """See Clock."""
        return Instant(self.now_s, 0.0)

    async def send(self, webhook: Webhook, message_id: str, _body: str) -> Attempt:
        """See Sender."""
        if webhook.id in self.hangs:
            await asyncio.Event().wait()
        self.got.append((webhook.id, message_id))
        status = self.answers(webhook.id, message_id)
        return Attempt(status, f"HTTP {status}")

    def alarmed(self, alarm: Alarm, _call: str) -> None:
        """See Observer."""
        self.alarms.append(alarm.cause)

    def broke(self, _where: str, error: BaseException) -> None:
        """See Observer."""
        self.broken.append(error)

    async def until(self, what: Callable[[], bool], *, step_s: float = 0.0) -> None:
        """Wait for it; the clock runs by steps meanwhile."""
        async with asyncio.timeout(20):
            while not what():
                self.now_s += step_s
                self.delivery.wake()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(folder: Path, *webhooks: Webhook) -> AsyncIterator[House]:
    house = House(folder)
    for one in webhooks:
        await house.outbox.put(one)
    task = asyncio.create_task(house.delivery.run())
    if webhooks:
        async with asyncio.timeout(5):
            while not await house.outbox.cursor():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.005)
    yield house
    task.cancel()
    await asyncio.wait([task])
    await house.outbox.close()


def messages(events: list[EventMessage], sender: str = "m") -> list[str]:
    return [f"{sender}_{one.id}" for one in events]


async def test_events_reach_the_receiver_in_order_and_once(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        events = [house.stream.add(ms) for ms in range(1, 21)]
        await house.until(lambda: len(house.results) >= 20)
        assert [message for _, message in house.got] == messages(events)
        assert house.results == [Result.DELIVERED] * 20


async def test_a_receiver_that_hangs_costs_the_others_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, CRM, DEAD) as house:
        house.hangs.add("dead")
        events = [house.stream.add(ms) for ms in range(1, 11)]
        await house.until(lambda: len(house.got) >= 10)
        assert house.got == [("crm", message) for message in messages(events)]


async def test_a_receiver_that_fails_for_a_day_gets_everything_in_order(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        up_s = house.now_s + DAY_S
        house.answers = lambda _webhook, _message: 204 if house.now_s >= up_s else 500
        events = [house.stream.add(ms) for ms in (1, 2, 3)]
        await house.until(lambda: house.results.count(Result.DELIVERED) == 3, step_s=600)
        tried = [message for _, message in house.got]
        assert tried[-3:] == messages(events)
        assert set(tried[:-2]) == {messages(events)[0]}, "the others waited behind it"
        assert len(tried) < 300
        assert house.alarms == ["webhook: webhook-failing"]


async def test_a_message_that_is_refused_holds_no_other_up_and_is_given_up_in_the_end(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        events = [house.stream.add(ms) for ms in (1, 2)]
        poison, good = messages(events)
        house.answers = lambda _webhook, message: 422 if message == poison else 204
        await house.until(lambda: ("crm", good) in house.got)
        await house.until(lambda: bool(house.alarms), step_s=1000)
        assert house.alarms == ["webhook: webhook-given-up"]
        (_, standing), *_ = await house.outbox.webhooks()
        assert (standing.given_up, standing.delivered) == (1, 1)
        house.answers = lambda _webhook, _message: 204
        assert await house.outbox.resend("crm", None, house.now_s) == 1
        await house.until(lambda: house.results.count(Result.DELIVERED) == 2)
        assert house.got[-1] == ("crm", poison), "with the same id"


async def test_an_alarm_comes_once_and_again_after_a_success(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        house.answers = lambda _webhook, _message: None
        house.stream.add(1)
        await house.until(lambda: len(house.got) >= 3 * FAILING, step_s=60)
        assert house.alarms == ["webhook: webhook-failing"]
        house.answers = lambda _webhook, _message: 200
        await house.until(lambda: Result.DELIVERED in house.results, step_s=60)
        house.answers = lambda _webhook, _message: 500
        house.stream.add(2)
        await house.until(lambda: len(house.alarms) == 2, step_s=60)


async def test_an_alarm_of_webhooks_is_sent_to_none(tmp_path: Path) -> None:
    """A receiver that fails would make the next alarm with each."""
    async with running(tmp_path, CRM) as house:
        for ms, cause in ((1, "webhook: webhook-failing"), (2, "store")):
            event = house.stream.add(ms, "alarm")
            house.stream.entries[-1] = EventMessage(event.id, "alarm", f'{{"data": {{"cause": "{cause}"}}}}')
        await house.until(lambda: bool(house.got))
        await asyncio.sleep(0.05)
        assert [message for _, message in house.got] == messages(house.stream.entries[2:])


async def test_a_webhook_gets_the_events_from_when_it_was_added(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.stream.add(1)
        await house.outbox.put(CRM)
        house.delivery.wake()
        async with asyncio.timeout(5):
            while not await house.outbox.cursor():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.005)
        event = house.stream.add(2)
        await house.until(lambda: bool(house.got))
        assert house.got == [("crm", f"m_{event.id}")]
        await house.outbox.remove("crm")
        house.delivery.wake()
        await asyncio.sleep(0.3)
        house.stream.add(3)
        await asyncio.sleep(0.1)
        assert len(house.got) == 1


async def test_after_a_crash_each_event_is_sent_under_the_same_id(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        house.answers = lambda _webhook, _message: 500
        event = house.stream.add(1)
        await house.until(lambda: bool(house.got))
    next_day = House(tmp_path)
    next_day.stream.entries = [*house.stream.entries]
    missed = next_day.stream.add(2)  # while no daemon ran
    task = asyncio.create_task(next_day.delivery.run())
    await next_day.until(lambda: len(next_day.got) >= 2, step_s=1)
    task.cancel()
    await asyncio.wait([task])
    await next_day.outbox.close()
    assert next_day.got == [("crm", f"m_{event.id}"), ("crm", f"m_{missed.id}")]
    assert house.got[0] == next_day.got[0]


async def test_faults_of_the_store_and_defects_end_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        house.stream.fault = Unavailable("store-unavailable", "down")
        await asyncio.sleep(0.05)
        house.stream.fault = ZeroDivisionError("a defect")
        await house.until(lambda: bool(house.broken))
        house.stream.fault = None
        event = house.stream.add(1)
        await house.until(lambda: bool(house.got))
        assert house.got == [("crm", f"m_{event.id}")]
        assert house.alarms == []


async def test_a_file_that_cannot_be_read_is_an_alarm(tmp_path: Path) -> None:
    (tmp_path / "webhooks.db").write_bytes(b"no database " * 1000)
    async with running(tmp_path) as house:
        await house.until(lambda: bool(house.alarms))
        await asyncio.sleep(0.05)
        assert house.alarms == ["webhook: webhooks-file"]


async def test_more_than_the_disk_may_hold_is_an_alarm(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        house.hangs.add("crm")
        for ms in range(1, 4):
            event = house.stream.add(ms)
            house.stream.entries[-1] = EventMessage(event.id, "recording", "x" * 6000)
        await house.until(lambda: bool(house.alarms))
        assert house.alarms == ["webhook: webhook-overflow"]


async def test_a_flushed_stream_whose_clock_was_set_back_is_followed_again(tmp_path: Path) -> None:
    async with running(tmp_path, CRM) as house:
        house.stream.entries = []
        await asyncio.sleep(0.1)
        event = house.stream.add(-5000)
        await house.until(lambda: bool(house.got))
        assert house.got == [("crm", f"m_{event.id}")]


async def standing(house: House) -> Standing:
    """Of the only webhook."""
    ((_, found),) = await house.outbox.webhooks()
    return found


async def read_on(
    folder: Path, prepare: Callable[[Stream], object]
) -> tuple[Standing, list[str], list[tuple[str, str]]]:
    """A daemon reads event 0, is away while this happens to the stream, and another one reads on."""
    async with running(folder, CRM) as house:
        stream = house.stream
    prepare(stream)
    last = stream.add(1000)
    after = House(folder)
    after.stream = stream
    ports = DeliveryPorts(stream, after.outbox, after, after, after, after.results.append)  # type: ignore[arg-type]
    after.delivery = WebhookDelivery(ports, keep_s=3 * DAY_S, backoff=Backoff(0.001, 0.001))
    task = asyncio.create_task(after.delivery.run())
    await after.until(lambda: ("crm", f"m_{last.id}") in after.got)
    found = await standing(after)
    task.cancel()
    await asyncio.wait([task])
    await after.outbox.close()
    return found, after.alarms, after.got


def trim(stream: Stream) -> None:
    """Many events came, and the stream keeps the last ones."""
    for ms in range(1, 21):
        stream.add(ms)
    del stream.entries[:15]


async def test_events_that_the_stream_has_lost_are_told(tmp_path: Path) -> None:
    """When, and how often; the rest is delivered."""
    found, alarms, got = await read_on(tmp_path, trim)
    assert (found.missed, found.missed_s, alarms) == (1, 1000.0, ["webhook: webhook-missed"])
    assert len(got) == 7


async def test_a_store_that_was_emptied_may_have_lost_events(tmp_path: Path) -> None:
    """Its new stream begins behind what was read last."""
    found, alarms, _ = await read_on(tmp_path, lambda stream: stream.entries.clear())
    assert (found.missed, alarms) == (1, ["webhook: webhook-missed"])


async def test_a_daemon_that_was_away_for_a_moment_has_missed_nothing(tmp_path: Path) -> None:
    found, alarms, _ = await read_on(tmp_path, lambda stream: stream.add(1))
    assert (found.missed, found.missed_s, alarms) == (0, 0.0, [])


async def test_a_stream_that_was_empty_has_lost_nothing_that_is_known(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.stream.entries.clear()
    await house.outbox.put(CRM)
    task = asyncio.create_task(house.delivery.run())
    async with asyncio.timeout(5):
        while await house.outbox.cursor() != "0-0":  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)
    house.stream.add(1)
    await house.until(lambda: len(house.got) == 1)
    assert house.alarms == []
    task.cancel()
    await asyncio.wait([task])
    await house.outbox.close()


async def test_a_stream_that_goes_back_has_lost_events(tmp_path: Path) -> None:
    """The store was emptied, and its clock set back: what came since is skipped."""
    async with running(tmp_path, CRM) as house:
        house.stream.add(100)
        await house.until(lambda: len(house.got) == 1)
        house.stream.entries.clear()
        house.stream.add(-5)
        await house.until(lambda: bool(house.alarms))
        assert ((await standing(house)).missed, house.alarms) == (1, ["webhook: webhook-missed"])
