"""The store loses everything beside a PBX at work: its telephones stay, calls are recorded by the copy, an operator decides."""

import asyncio
import time
from pathlib import Path

import pytest
from trouble import (
    TALK_S,
    alarms,
    begin,
    emptied,
    one,
    settled,
    stored,
    unready,
    until,
    until_lamp,
)

from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

FILES = ("users_features.conf", "users_pjsip.conf", "users_extensions.conf", "users_voicemail.conf", "users_sccp.conf")
GONE_S = 10.0
"""Before, every telephone was off the PBX within 5 s."""


async def known(stack: Stack) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Asterisk's files, its endpoints, and what its own database knows of users."""
    folder = Path(stack.daemon.settings["confgen_dir"])
    files = {name: (folder / name).read_bytes() for name in FILES}
    said = await stack.pbx.cli("pjsip show endpoints")
    endpoints = [words[1] for words in map(str.split, said.splitlines()) if words[:1] == ["Endpoint:"]]
    # What the dialplan noted of a capture of its own is no user's; the daemon takes it when it has tables again.
    said = await stack.pbx.cli("database show callrec")
    own = ("/callrec/capture/", "/callrec/times/")
    database = [line for line in said.splitlines() if line.startswith("/callrec/") and not line.startswith(own)]
    return files, sorted(endpoints), database


async def says_stale(stack: Stack) -> bool:
    said = await unready(stack)
    return '"tables": {"ok": false' in said and "but revision" in said


async def test_p1_a_flushed_store_takes_no_telephone_off_the_pbx_and_calls_are_recorded(whole: Stack) -> None:
    """FLUSHALL under a call. The copy, Asterisk's files and its database stay, no file is reloaded; readiness, an alarm and the
    doctor say it; `confgen` refuses. Then the users are imported again and accepted: nobody has noticed."""
    going_on = await begin(whole, "1005", "1002")  # 1005 is always recorded
    await until_lamp(whole, "1005", "INUSE")
    before = await known(whole)
    assert len(before[1]) > len(whole.pbx.tables.lines)
    async with emptied(whole):
        flushed_s = time.monotonic()
        await until(lambda: says_stale(whole))
        # The line of its log is written behind what readiness says.
        await until(lambda: bool(alarms(whole, "tables: store-went-back")))
        assert len(alarms(whole, "tables: store-went-back")) == 1
        code, said = await whole.daemon.callrec("confgen")
        assert (code, "but revision" in said, "--accept-store 0" in said) == (1, True, True), said
        code, said = await whole.daemon.callrec("doctor")
        assert "redis tables: the store has revision 0 of the tables (users: 0)" in said
        await asyncio.sleep(max(0.0, flushed_s + GONE_S - time.monotonic()))
        talk = await begin(whole, "1011", "1005")
        await until_lamp(whole, "1005", "INUSE")
        await asyncio.sleep(TALK_S)
        await talk.hangup()
        await going_on.hangup()
        assert whole.bank is not None
        for line in whole.pbx.tables.lines[:3]:
            await whole.bank.register_one(line.name, line.secret)
        assert await known(whole) == before
    assert await known(whole) == before
    await settled(whole)
    one(whole, "1011", "1005").holds("1005", "1011", talk.length_s)
    one(whole, "1005", "1002").holds("1005", "1002", going_on.length_s)


async def test_p10_a_daemon_that_starts_beside_an_emptied_store_changes_nothing_and_the_dialplan_records(
    whole: Stack,
) -> None:
    """It has no copy. What it saw last stands in its state folder, so Asterisk's files and database stay, and serve."""
    before = await known(whole)
    async with emptied(whole):
        await whole.daemon.kill()
        await whole.daemon.start()
        await until(lambda: says_stale(whole), limit_s=20)
        talk = await begin(whole, "1006", "1009")  # 1006 is always recorded
        await asyncio.sleep(TALK_S)
        await talk.hangup()
        assert await known(whole) == before
    assert await known(whole) == before
    await settled(whole)
    code, said = await whole.daemon.callrec("rebuild")
    assert code == 0, said
    found = [each for each in stored(whole) if "1006" in [party.number for party in each.manifest.recording.parties]]
    assert len(found) == 1, [(each.id, each.manifest.state, each.manifest.recording) for each in found]
    found[0].holds("1006", "1009", talk.length_s)
