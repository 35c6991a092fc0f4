"""Asterisk dies, or the line to its manager is cut, wedged or slow: what was captured is kept, what was missed is made up for."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from proxy import Proxy, proxied
from soundness import assert_sound
from trouble import (
    KEYS_S,
    NEAR_S,
    TOLD_S,
    TONES_HZ,
    aftermath,
    assert_lamps,
    begin,
    between_presses_s,
    connect,
    conversation,
    is_flagged,
    lamp,
    leg_files,
    one,
    phone,
    product,
    settled,
    stored,
    unready,
    until,
    until_lamp,
)

from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import presence
from callrec_lab.phones import RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TALK_S, SOON_S = 1.5, 0.6
LAPSES_S = 2.2
"""So long after the daemon has lost the manager its mark may be valid."""
LOST_S = 2.2
"""32 KiB per leg at 8 kHz is 2.05 s: what Asterisk holds back and loses when it is killed."""


@dataclass
class Line:
    """The product, whose daemon reaches the manager through a proxy."""

    stack: Stack
    proxy: Proxy

    async def cut(self) -> None:
        """No connection and no new one, until `mend`; returns when the daemon has noticed."""
        self.proxy.cut()
        await until(lambda: self._says("ami"))

    async def mend(self) -> None:
        """As it was; returns when the daemon has compared its calls with Asterisk's."""
        self.proxy.restore()
        await self.stack.daemon.ready()

    async def _says(self, name: str) -> bool:
        return f'"{name}": {{"ok": false' in await unready(self.stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    """The whole product behind a proxy."""
    async with proxied() as (proxy, wishes), product(tmp_path_factory.mktemp("line"), wishes) as stack:
        yield Line(stack, proxy)


@pytest_asyncio.fixture(loop_scope="module")
async def whole(line: Line) -> AsyncIterator[Line]:
    """The product, ready; after the test the checks that end every fault run."""
    await line.stack.daemon.ready()
    yield line
    line.proxy.restore()
    await aftermath(line.stack)


async def test_p1_what_was_said_before_asterisk_died_is_kept_as_partial_and_the_next_call_is_recorded(
    whole: Line,
) -> None:
    """At most 2.2 s are lost. The daemon stays up and says why it is not ready; nobody's lamp stays lit."""
    stack = whole.stack
    calls = await asyncio.gather(begin(stack, "1000", "1001", press=True), begin(stack, "1005", "1011"))
    for number in ("1000", "1001", "1005", "1011"):
        await until_lamp(stack, number, "INUSE")
    await asyncio.sleep(TALK_S)
    pid = stack.daemon.pid
    await stack.pbx.kill()
    for call in calls:
        call.ended()
    await until(lambda: whole._says("ami"))
    await asyncio.gather(*(call.hangup() for call in calls))
    await stack.pbx.start()
    assert stack.bank is not None
    await stack.bank.register()
    await stack.daemon.ready()
    await assert_lamps(stack, "NOT_INUSE", "1000", "1001", "1005", "1011")
    assert stack.daemon.pid == pid
    await settled(stack)
    for call, caller, called in ((calls[0], "1000", "1001"), (calls[1], "1005", "1011")):
        recording = one(stack, caller, called)
        assert (recording.manifest.state, recording.manifest.recording.cause) == (StoredState.PARTIAL, "asterisk-died")
        assert call.length_s - LOST_S - NEAR_S <= recording.length_s <= call.length_s + NEAR_S
        for side, number in ((recording.left, caller), (recording.right, called)):
            assert presence(side.between(0.1, side.length_s), TONES_HZ[number]) >= 0.99
    async with conversation(stack, "1000", "1003") as (there, _):
        await there.press("*3")
        await until_lamp(stack, "1000", "INUSE")
        await there.press("*3")
        await until_lamp(stack, "1000", "NOT_INUSE")
    await settled(stack)
    one(stack, "1000", "1003").holds("1000", "1003", between_presses_s(there), keys_s=KEYS_S)


async def test_p1_what_happens_while_the_manager_is_cut_off_is_made_up_for(whole: Line) -> None:
    """A hangup that nobody told, a press that only the dialplan heard, a flagged user's call that began unseen, one that
    began and ended unseen: each has its one recording, as long as it has to be."""
    stack = whole.stack
    missed, stopped, going_on = await asyncio.gather(
        begin(stack, "1002", "1003", press=True), begin(stack, "1004", "1007", press=True), begin(stack, "1013", "1012")
    )
    for number in ("1002", "1004", "1013"):
        await until_lamp(stack, number, "INUSE")
    await whole.cut()
    unseen, brief = await asyncio.gather(begin(stack, "1005", "1008"), begin(stack, "1006", "1009"))
    await asyncio.gather(missed.hangup(), stopped.press())
    await asyncio.sleep(TALK_S)
    await brief.hangup()
    await whole.mend()
    for number, state in (("1013", "INUSE"), ("1005", "INUSE"), ("1002", "NOT_INUSE"), ("1004", "NOT_INUSE")):
        await until_lamp(stack, number, state)
    await asyncio.gather(going_on.hangup(), unseen.hangup())
    await asyncio.sleep(TALK_S)  # the stopped call goes on, unrecorded
    await stopped.hangup()
    await settled(stack)
    one(stack, "1002", "1003").holds("1002", "1003", missed.length_s)
    one(stack, "1004", "1007").holds("1004", "1007", stopped.length_s, keys_s=KEYS_S)
    one(stack, "1013", "1012").holds("1013", "1012", going_on.length_s)
    one(stack, "1005", "1008").holds("1005", "1008", unseen.length_s)
    one(stack, "1006").holds("1006", "1009", brief.length_s)
    for each in stored(stack)[2:]:
        assert_sound(each.manifest)


async def test_p1_a_call_that_is_answered_as_the_manager_is_lost_has_one_entry(whole: Line) -> None:
    """The daemon knows that it rang, and it is over before the line is back."""
    stack = whole.stack
    await phone(stack, "1010").behave(RingForever())
    there = await phone(stack, "1013").call("1010", tone_hz=TONES_HZ["1013"])
    here = await phone(stack, "1010").rings()
    whole.proxy.cut()
    await here.answer(TONES_HZ["1010"])
    await there.answered()
    await asyncio.sleep(SOON_S)
    await there.hangup()
    await here.ended()
    await whole.mend()
    await settled(stack)
    found = one(stack, "1013", "1010")
    assert (found.manifest.state, found.manifest.recording.cause) == (StoredState.FAILED, "daemon-away")


async def test_p1_who_fetches_a_parked_caller_while_the_manager_is_cut_off_is_recorded(whole: Line) -> None:
    """The daemon lives and hears of nothing, no leg passes the hook here, and the call is over before the line is back."""
    stack = whole.stack
    there, here = await connect(stack, "1002", "1003")
    await whole.cut()
    await asyncio.sleep(LAPSES_S)
    await here.send_to("*70")
    slot = ""

    async def is_parked() -> bool:
        nonlocal slot
        found = re.search(r"Space\s*:\s*(\d+)", await stack.pbx.cli("parking show default"))
        slot = found[1] if found else ""
        return bool(found)

    await until(is_parked)
    fetching = await phone(stack, "1005").call(slot, tone_hz=TONES_HZ["1005"])
    await fetching.answered()
    await asyncio.sleep(2 * TALK_S)
    await fetching.hangup()
    await there.ended()
    await whole.mend()
    await settled(stack)
    found = one(stack, "1005")  # without the manager nothing tells who the other was
    assert_sound(found.manifest)
    for side, number in ((found.left, "1005"), (found.right, "1002")):
        assert presence(side, TONES_HZ[number]) * side.length_s >= 2 * TALK_S - NEAR_S, found.manifest.recording


async def test_p11_a_press_while_the_manager_is_cut_off_records_and_the_next_one_stops(whole: Line) -> None:
    """The dialplan begins, and the daemon, which knew the call before, goes on with it."""
    stack = whole.stack
    async with conversation(stack, "1001", "1000") as (there, _):
        await whole.cut()
        await there.press("*3")
        await asyncio.sleep(TALK_S)
        await whole.mend()
        await until_lamp(stack, "1001", "INUSE")
        await there.press("*3")
        await until_lamp(stack, "1001", "NOT_INUSE")
    await settled(stack)
    recording = one(stack, "1001", "1000")
    recording.holds("1001", "1000", between_presses_s(there), keys_s=KEYS_S, told_s=TOLD_S)
    assert recording.manifest.recording.rule is Rule.ON_DEMAND


async def test_p6_what_asterisk_begins_after_we_gave_it_up_records_nothing_and_is_explained(whole: Line) -> None:
    """The manager is wedged for longer than a press waits. Its presser hears that it failed, and then it is true: a recorder that
    begins late has no file."""
    stack = whole.stack
    async with conversation(stack, "1003", "1002") as (there, _):
        whole.proxy.wedge()
        await there.press("*3")
        await asyncio.sleep(3)
        whole.proxy.restore()
        await until(lambda: "Cannot open" in (stack.pbx.root / "log/messages.log").read_text("utf-8", "replace"))
        assert (leg_files(stack), stack_is_capturing(stack)) == ([], False)
        assert await lamp(stack, "1003") == "NOT_INUSE"
        await there.press("*3")
        await until_lamp(stack, "1003", "INUSE")
    await settled(stack)
    failed, recorded = stored(stack, "1003", "1002")
    assert (failed.manifest.state, failed.manifest.recording.cause) == (StoredState.FAILED, "ami-outcome-unknown")
    recorded.holds("1003", "1002", there.ended_s - there.pressed_s[-1])


async def test_a_slow_manager_costs_time_and_nothing_else(whole: Line) -> None:
    """200 ms each way: the dialplan hears "pending", the parties hear the tone, the recording is whole."""
    stack = whole.stack
    whole.proxy.delay_s = 0.2
    try:
        async with conversation(stack, "1007", "1004") as (there, _):
            await there.press("*3")
            await until_lamp(stack, "1007", "INUSE")
            grows_s = time.time()
            await asyncio.sleep(TALK_S)
            await there.press("*3")
            await until_lamp(stack, "1007", "NOT_INUSE")
    finally:
        whole.proxy.delay_s = 0.0
    await settled(stack)
    recording = one(stack, "1007", "1004")
    assert_sound(recording.manifest)
    assert recording.length_s >= there.pressed_s[-1] - grows_s


def stack_is_capturing(stack: Stack) -> bool:
    """Whether the PBX has a file of the spool open."""
    links = Path(f"/proc/{stack.pbx.pid}/fd").iterdir()
    return any(str(stack.daemon.spool) in str(link.readlink()) for link in links if link.is_symlink())


async def test_p11_what_star_26_said_without_a_daemon_outlives_the_death_of_asterisk(whole: Line) -> None:
    """Killed as soon as the caller hears the first of it: the word is in its database, and then in the store."""
    stack = whole.stack
    await until(lambda: _has_mirrored(stack), hint="what Asterisk has to know is in its database")
    await stack.daemon.kill()
    call = await phone(stack, "1009").call("*26", tone_hz=0)
    await call.answered()
    await stack.pbx.kill()
    await call.hangup()
    await stack.pbx.start()
    assert stack.bank is not None
    await stack.bank.register()
    await stack.daemon.start()
    await stack.daemon.ready()
    await assert_lamps(stack, "INUSE", "1009", code="26")
    await until(lambda: is_flagged(stack, "1009"), hint="the daemon has caught up")
    code, said = await stack.daemon.callrec("users", "set", "1009", "--call-record", "off")
    assert code == 0, said


async def _has_mirrored(stack: Stack) -> bool:
    return "Value: *26" in await stack.pbx.cli("database get callrec/code call_record")
