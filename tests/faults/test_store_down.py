"""The store dies, hangs, is empty or was never there: recordings go on, what is said is true, and the index is mended."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from soundness import assert_sound
from trouble import (
    KEYS_S,
    TALK_S,
    TOLD_S,
    aftermath,
    begin,
    catalogue,
    connect,
    dial,
    emptied,
    is_flagged,
    one,
    says,
    settled,
    stored,
    unready,
    until,
    until_lamp,
    valkey,
)

from callrec.domain.rules import Rule
from callrec_lab.asterisk import free_port
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def frozen_store(stack: Stack) -> AsyncIterator[None]:
    """The store takes connections, and answers nothing."""
    pid = await valkey(stack)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        if not stack.daemon.pid:
            await stack.daemon.start()
        await stack.daemon.ready()


async def test_the_store_is_killed_in_the_middle_of_calls_and_nobody_notices(whole: Stack) -> None:
    """`*3` starts and stops, policy records, and the catalogue is complete."""
    pressed, always = await asyncio.gather(
        begin(whole, "1000", "1001", press=True), begin(whole, "1005", "1002", press=False)
    )
    os.kill(await valkey(whole), signal.SIGKILL)
    late = await begin(whole, "1003", "1004", press=True)
    await until_lamp(whole, "1003", "INUSE")
    await pressed.press()
    await asyncio.gather(pressed.hangup(), always.hangup(), late.hangup())
    await settled(whole)
    one(whole, "1000", "1001").holds("1000", "1001", pressed.length_s, keys_s=KEYS_S)
    one(whole, "1005", "1002").holds("1005", "1002", always.length_s)
    one(whole, "1003", "1004").holds("1003", "1004", late.length_s)


async def test_p11_what_a_phone_was_told_outlives_the_death_of_store_and_daemon(whole: Stack) -> None:
    """*on* was said; then both die by SIGKILL. It is still on, and the lamp shows it."""
    call = await dial(whole, "1006")  # it was on
    assert says(call, "call-recording-off")
    call = await dial(whole, "1006")
    assert says(call, "call-recording-on")
    pid = await valkey(whole)
    os.kill(pid, signal.SIGKILL)
    await whole.daemon.kill()
    await whole.daemon.start()
    await whole.daemon.ready()
    assert await is_flagged(whole, "1006")
    await until_lamp(whole, "1006", "INUSE", "26")


async def test_p11_with_a_frozen_store_star_26_is_done_by_asterisk_and_star_3_works(whole: Stack) -> None:
    """At first nobody knows what came of a change: that is said. Later Asterisk does it by itself, and the daemon catches up."""
    there, _ = await connect(whole, "1007", "1008")
    async with frozen_store(whole):
        unknown, _ = await asyncio.gather(dial(whole, "1009"), there.press("*3"))
        await until_lamp(whole, "1007", "INUSE")
        await until(lambda: _has_stale_tables(whole))
        done = await dial(whole, "1010")
        await until_lamp(whole, "1010", "INUSE", "26")
        talk = await begin(whole, "1011", "1005")  # policy, by the copy of the tables
        await there.press("*3")
        await asyncio.sleep(TALK_S)
        await talk.hangup()
        await there.hangup()
        await until(lambda: bool(stored(whole, "1007", "1008")) and bool(stored(whole, "1011", "1005")))
    assert says(unknown, "call-recording-unconfirmed")
    assert says(done, "call-recording-on")
    await until(lambda: is_flagged(whole, "1010"), hint="the daemon has caught up")
    await until(lambda: _is_caught_up(whole))
    await until_lamp(whole, "1010", "INUSE", "26")
    await until_lamp(whole, "1009", "INUSE" if await is_flagged(whole, "1009") else "NOT_INUSE", "26")
    assert_sound(one(whole, "1007", "1008").manifest)
    one(whole, "1011", "1005").holds("1005", "1011", talk.length_s)


async def test_p1_an_index_that_missed_a_recording_learns_of_it_after_the_next_start(whole: Stack) -> None:
    """Stored while the store was frozen, and then the daemon died: the journal still knows whom the index has not."""
    async with frozen_store(whole):
        talk = await begin(whole, "1001", "1013")
        await asyncio.sleep(TALK_S)
        await talk.hangup()
        await until(lambda: bool(stored(whole, "1001", "1013")))
        await whole.daemon.kill()
    recording = one(whole, "1001", "1013")
    await until(lambda: _is_listed(whole, recording.id))


async def test_p11_a_daemon_that_never_met_its_store_leaves_recording_to_the_dialplan(whole: Stack) -> None:
    """Whom it does not know it does not refuse: the dialplan knows. When the store is there, users are in the entries."""
    await whole.daemon.stop()
    whole.daemon.settings["redis_url"] = f"redis://127.0.0.1:{free_port()}/0"
    await whole.daemon.start()
    await until(lambda: _is_only_without_tables(whole))
    pressed, always = await asyncio.gather(
        begin(whole, "1002", "1003", press=True), begin(whole, "1006", "1004", press=False)
    )
    await asyncio.sleep(TALK_S)
    await pressed.press()
    await asyncio.gather(pressed.hangup(), always.hangup())
    await whole.daemon.stop()
    del whole.daemon.settings["redis_url"]
    await whole.daemon.start()
    await whole.daemon.ready()
    await settled(whole)
    on_demand, policy = one(whole, "1002", "1003"), one(whole, "1006", "1004")
    on_demand.holds("1002", "1003", pressed.length_s, keys_s=KEYS_S, told_s=TOLD_S)
    policy.holds("1006", "1004", always.length_s)
    assert (on_demand.manifest.recording.rule, policy.manifest.recording.rule) == (Rule.ON_DEMAND, Rule.ALWAYS)


async def test_p4_after_a_lost_catalogue_rebuild_gives_the_same_export_byte_for_byte(whole: Stack) -> None:
    """All recordings of this file. A flushed store has nothing to do with it; the daemon goes on with the new catalogue."""
    before = await catalogue(whole)
    assert len(before.splitlines()) == len(stored(whole)) > 0
    async with emptied(whole):
        assert await catalogue(whole) == before
        await until(lambda: _has_stale_tables(whole))
    await whole.daemon.stop()
    for path in whole.daemon.state.glob("catalogue.db*"):
        path.unlink()
    assert await catalogue(whole) == b""
    code, said = await whole.daemon.callrec("rebuild")
    assert code == 0, said
    assert await catalogue(whole) == before
    await whole.daemon.start()
    await aftermath(whole)


async def _has_stale_tables(stack: Stack) -> bool:
    return '"tables": {"ok": false' in await unready(stack)


async def _is_caught_up(stack: Stack) -> bool:
    return "0 results" in await stack.pbx.cli("database show callrec/intent")


async def _is_only_without_tables(stack: Stack) -> bool:
    """Asterisk's files follow from the tables, so they cannot be compared either, and a store that is away takes no changes."""
    said = await unready(stack)
    named = all(f'"{name}": {{"ok": false' in said for name in ("tables", "store", "confgen"))
    return named and said.count('"ok": false') == 4  # the last one is the whole


async def _is_listed(stack: Stack, recording: str) -> bool:
    return recording.encode() in await catalogue(stack)
