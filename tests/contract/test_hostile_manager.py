"""A manager that is broken or hostile, and the memory of the real daemon that is logged in to it: bounded, and it goes on."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from free_cpu import is_starved
from lone_daemon import House
from scripted_ami import ScriptedAmi, answer, block, scripted_ami

from callrec.protocols.ami import Message

MOST_MORE_BYTES = 300 << 20
"""What the daemon may take above its usual memory."""
LISTED = 6000
LEGS = 20_000
FOLLOWED = 5000
AT_ONCE = 200


class Manager:
    """A daemon that is logged in to a scripted manager; `usual_bytes` is its memory before anything happens."""

    def __init__(self, asterisk: ScriptedAmi, house: House) -> None:
        self.asterisk, self.house = asterisk, house
        self.process = house.running[0]
        self.usual_bytes = self.most_bytes()

    def most_bytes(self) -> int:
        """The most that the daemon has had in memory so far (proc(5): VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index] # it is always there

    async def say(self, blocks: list[bytes]) -> None:
        """Send this as fast as the daemon reads. Now and then it is asked something, so that on a busy machine it does not look
        as if it had stood still: it would drop the link then."""
        writer = self.asterisk._writers[-1]
        for first in range(0, len(blocks), AT_ONCE):
            writer.write(b"".join(blocks[first : first + AT_ONCE]))
            await writer.drain()
            if first % (5 * AT_ONCE) == 0:
                await self.metric("callrec_calls")

    async def metric(self, name: str) -> float:
        """A number of the daemon, as its page says it; 0 when it says none."""
        page = await asyncio.to_thread(self._page)
        found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def until(self, name: str, value: float) -> None:
        """Wait for a number."""
        async with asyncio.timeout(60):
            while await self.metric(name) != value:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)

    def _page(self) -> str:
        port = self.house.started["http"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answered:
            return str(answered.read().decode())


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[Manager]:
    async with scripted_ami() as asterisk:
        house = House(tmp_path, ami=f"ami://callrec:secret@127.0.0.1:{asterisk.port}")
        asterisk.script["CoreShowChannels"] = nothing_listed
        await asyncio.to_thread(house.start)
        try:
            await asterisk.until(lambda: "CoreShowChannels" in asterisk.actions)
            yield Manager(asterisk, house)
        finally:
            await asyncio.to_thread(house.stop)


def nothing_listed(action: Message) -> bytes:
    end = block(("Event", "CoreShowChannelsComplete"), ("ActionID", action.action_id), ("EventList", "Complete"))
    return answer(action, ("EventList", "start")) + end


def leg(event: str, nth: int) -> bytes:
    names = ("Uniqueid", f"{nth}.{nth}"), ("Linkedid", f"{nth}.{nth}"), ("Channel", f"PJSIP/phone-{nth:08x}")
    return block(("Event", event), *names, ("CallerIDNum", str(nth)), ("CallerIDName", "Eve"))


async def test_p9_ten_thousand_channels_a_second_are_followed_as_far_as_there_is_room(manager: Manager) -> None:
    """Each took 7 kB for ever: 200,000 of them 1.5 GB. Too many are an alarm, and counted; later ones are followed again. Where
    programs wait for a core, the daemon may get none for a second: it takes itself for stopped then, and drops the link, as it
    should. It is tried again."""
    async with asyncio.timeout(300):
        while True:
            connections = manager.asterisk.connections
            try:
                await follows_as_far_as_there_is_room(manager)
            except (AssertionError, ConnectionError, TimeoutError):
                if manager.asterisk.connections == connections or not is_starved():
                    raise
            else:
                return
            await manager.until("callrec_calls", 0)


async def follows_as_far_as_there_is_room(manager: Manager) -> None:
    dropped, alarms = 'callrec_dropped_total{what="leg"}', 'callrec_alarms_total{cause="too-many-calls"}'
    dropped_before, alarms_before = await manager.metric(dropped), await manager.metric(alarms)
    await manager.say([leg("Newchannel", nth) for nth in range(1, LEGS + 1)])
    await manager.until(dropped, dropped_before + LEGS - FOLLOWED)
    assert await manager.metric(alarms) == alarms_before + 1
    assert await manager.metric("callrec_calls") == FOLLOWED
    assert manager.most_bytes() - manager.usual_bytes < MOST_MORE_BYTES
    await manager.say([leg("Hangup", nth) for nth in range(1, FOLLOWED + 1)])
    await manager.until("callrec_calls", 0)
    await manager.say([leg("Newchannel", LEGS + 1)])
    await manager.until("callrec_calls", 1)


async def test_p9_a_listing_of_hundreds_of_megabytes_is_no_answer(manager: Manager) -> None:
    """19,000 lines of 60 kB took 650 MB. The next listing, which is as it should be, is one."""
    asterisk = manager.asterisk
    line = ("Event", "CoreShowChannel"), ("Channel", "PJSIP/a-1"), ("Uniqueid", "1.1"), ("X", "x" * 60_000)
    sent: list[asyncio.Task[None]] = []

    def huge(action: Message) -> bytes:
        asterisk.script["CoreShowChannels"] = nothing_listed
        lines = [block(("ActionID", action.action_id), *line)] * LISTED
        sent.append(asyncio.create_task(manager.say(lines)))
        return answer(action, ("EventList", "start"))

    await manager.until('callrec_ready{check="resync"}', 1)
    asterisk.script["CoreShowChannels"] = huge
    asterisk.hang_up()
    await manager.until('callrec_alarms_total{cause="resync"}', 1)
    await sent[0]
    await manager.until('callrec_ready{check="resync"}', 1)
    assert manager.most_bytes() - manager.usual_bytes < MOST_MORE_BYTES
