"""The beat: what is told at each, and that it is known when this process stood still; in virtual time."""

import asyncio

from callrec.app.heartbeat import BEAT_S, LIMIT_S, Heartbeat
from callrec.domain.errors import Unavailable
from callrec_lab.simulated_asterisk import virtual


class House:
    """A heartbeat, what the dialplan and the service manager heard of it, and a clock that a stop moves."""

    def __init__(self) -> None:
        self.marks, self.tells = 0, 0
        self.stopped_s = 0.0
        self.fault: Unavailable | None = None
        self.hangs = False
        self.ends = 0
        self.heartbeat = Heartbeat(self._mark, self._unmark, self._tell, self._monotonic)

    async def _mark(self) -> None:
        self.marks += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault

    async def _unmark(self) -> None:
        self.ends += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault

    def _tell(self) -> None:
        self.tells += 1

    def _monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.stopped_s

    async def beats(self, seconds: float) -> None:
        """Beat for so long."""
        task = asyncio.create_task(self.heartbeat.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])


@virtual
async def test_four_times_a_second_both_are_told() -> None:
    house = House()
    await house.beats(10 * BEAT_S - 0.01)
    assert (house.marks, house.tells, house.heartbeat.why_not) == (10, 10, "")
    assert not house.heartbeat.stood_still()
    assert house.ends == 1


@virtual
async def test_before_the_first_beat_the_dialplan_does_not_know_and_nothing_stood_still() -> None:
    house = House()
    assert house.heartbeat.why_not
    await asyncio.sleep(10)
    assert not house.heartbeat.stood_still()


@virtual
async def test_a_stop_is_told_once_whether_it_is_asked_about_before_the_next_beat_or_after_it() -> None:
    for after_s in (0.0, BEAT_S, 3 * BEAT_S):
        house = House()
        task = asyncio.create_task(house.heartbeat.run())
        await asyncio.sleep(1.1)
        assert not house.heartbeat.stood_still()
        house.stopped_s = LIMIT_S
        await asyncio.sleep(after_s)
        assert [house.heartbeat.stood_still() for _ in range(3)] == [True, False, False]
        await asyncio.sleep(1)
        assert not house.heartbeat.stood_still()
        task.cancel()
        await asyncio.wait([task])


@virtual
async def test_a_disk_that_refuses_is_told_and_the_others_hear_of_the_beat() -> None:
    house = House()
    house.fault = Unavailable("disk", "mark /spool/.alive: Read-only file system")
    await house.beats(1)
    assert "Read-only" in house.heartbeat.why_not
    assert house.tells == 4
    house.fault = None
    await house.beats(1)
    assert house.heartbeat.why_not == ""


@virtual
async def test_a_disk_that_hangs_stops_the_mark_alone() -> None:
    house = House()
    house.hangs = True
    await house.beats(5)
    assert (house.marks, house.tells) == (1, 20)
    assert not house.heartbeat.stood_still()


@virtual
async def test_a_daemon_that_can_do_nothing_for_a_call_is_none_for_the_dialplan() -> None:
    """A new partner was not asked for: the daemon lived, and had no link to the manager. The service manager is still told."""
    house, is_able = House(), True
    house.heartbeat.mark_only_while(lambda: is_able)
    beating = asyncio.create_task(house.heartbeat.run())
    await asyncio.sleep(2 * BEAT_S - 0.01)
    is_able = False
    await asyncio.sleep(8 * BEAT_S)
    assert (house.marks, house.tells, house.heartbeat.why_not) == (2, 10, "")
    beating.cancel()
    await asyncio.wait([beating])
    assert house.ends == 0


@virtual
async def test_a_daemon_that_becomes_able_tells_it_at_once() -> None:
    house, is_able = House(), False
    house.heartbeat.mark_only_while(lambda: is_able)
    beating = asyncio.create_task(house.heartbeat.run())
    await asyncio.sleep(1.1 * BEAT_S)
    is_able = True
    house.heartbeat.beat_soon()
    await asyncio.sleep(0.1 * BEAT_S)
    assert house.marks == 1
    beating.cancel()
    await asyncio.wait([beating])
