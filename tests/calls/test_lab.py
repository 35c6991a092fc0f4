"""The laboratory itself, and the dialplan with nobody or a bare player behind FastAGI: real calls, listened to."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from laboratory import (
    NEAR_S,
    PACKETS_S,
    Laboratory,
    connect,
    daemon,
    example_tables,
    fallback_files,
    finish,
    mirror,
    talked_s,
    until,
)
from listening import assert_heard

from callrec.domain.directory.model import Line, Tables, User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId
from callrec_lab.asterisk import AsteriskServer
from callrec_lab.audio_checks import NOTHING, presence, silence
from callrec_lab.installation import Installation
from callrec_lab.pbx import MUSIC_HZ, Pbx
from callrec_lab.phones import Answer, Busy, RingForever

TALK_S = 1.2
SPEAKS_S = 0.3
"""So soon after its answer a phone speaks."""
CLICK = 0.1
"""Of so much of the time the edge of a packet that came late may sound like any tone."""


def _lives(pid: int | None) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_the_small_pbx_loads_without_a_complaint(lab: Laboratory) -> None:
    assert lab.boot_complaints == []
    assert lab.bank.complaints() == []
    shown = await lab.pbx.cli("dialplan show default")
    assert "'*26' =>" in await lab.pbx.cli("dialplan show callrec-codes")
    assert "Custom:${EXTEN}" in shown
    assert re.search(r"callrec\s+no def\s+\*3", await lab.pbx.cli("features show"))


async def test_two_phones_hear_each_other(lab: Laboratory) -> None:
    """Each side hears the other's tone and not its own, over mu-law here and G.722 there."""
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    assert other.number == "1000"
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(call, other)
    for heard, there, own in ((call.heard(), 1000, 440), (other.heard(), 440, 1000)):
        assert heard.length_s == pytest.approx(talked_s(call), abs=NEAR_S)
        assert_heard(heard.between(SPEAKS_S, TALK_S), there)
        assert presence(heard, own) <= CLICK


async def test_a_call_from_outside_rings_the_users_phone(lab: Laboratory) -> None:
    call = await lab.bank.outside.call("2050", tone_hz=700, shown="0612345678")
    other = await lab.bank.phone("1000").rings()
    assert other.number == "0612345678"
    await call.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(other, call)
    assert_heard(other.heard().between(SPEAKS_S, TALK_S), 700)


async def test_a_call_leaves_the_house_through_the_trunk(lab: Laboratory) -> None:
    call, other = await connect(lab.bank.phone("1002"), "0123456789", lab.bank.outside)
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(call, other)
    assert_heard(call.heard().between(SPEAKS_S, TALK_S), 700)
    assert_heard(other.heard().between(SPEAKS_S, TALK_S), 1400)


async def test_strangers_reach_incoming_numbers_only(lab: Laboratory) -> None:
    for number in ("1001", "*26", "0123456789"):
        call = await lab.bank.outside.call(number)
        with pytest.raises(Unavailable):
            await call.answered()
        assert call.is_over


async def test_the_keys_of_both_users_reach_the_toggle(lab: Laboratory) -> None:
    """`*3` of the caller and of the callee each run the AGI script on the leg of the one who pressed."""
    async with daemon(lab, CALLREC_RESULT="ok") as played:
        call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
        await call.press("*3")
        await until(lambda: len(played.requests) == 2)
        await other.press("*3")
        await until(lambda: len(played.requests) == 3)
        await finish(call, other)
    assert played.scripts() == [
        ("call", "PJSIP/1000", "1001"),
        ("toggle", "PJSIP/1000", "(ulaw)"),
        ("toggle", "PJSIP/1001", "(g722)"),
    ]
    assert (call.digits, other.digits) == ("", "")


async def test_a_strangers_keys_pass_through(lab: Laboratory) -> None:
    async with daemon(lab, CALLREC_RESULT="ok") as played:
        call = await lab.bank.outside.call("2050")
        other = await lab.bank.phone("1000").rings()
        await call.answered()
        await call.press("*3")
        await until(lambda: other.digits == "*3")
        await finish(call, other)
    assert [script for script, *_ in played.scripts()] == ["lookup", "call"]


async def test_the_star_code_plays_what_the_daemon_says(lab: Laboratory) -> None:
    """`*26` asks before it answers, and plays the sound that it was told, in the channel's language."""
    async with daemon(lab, CALLREC_RESULT="on", CALLREC_SOUND="callrec/call-recording-on") as played:
        call = await lab.bank.phone("1000").call("*26", tone_hz=0)
        await call.answered()
        await call.ended()
    assert played.scripts() == [("always-record", "PJSIP/1000", "*26")]
    assert played.requests[0]["agi_arg_2"] == "0"
    assert silence(call.heard()) < 0.9


async def test_without_the_daemon_the_keys_still_record(lab: Laboratory) -> None:
    """`*3` starts a capture on the presser's leg and the next `*3` ends it; both sides are in it, each in its file."""
    await mirror(lab, "1001", online=True)
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await other.press("*3")
    await asyncio.sleep(2.5)  # the announcement, and some conversation
    await other.press("*3")
    said, heard = await fallback_files(lab, "on_demand", "1001")
    await finish(call, other)
    await mirror(lab, "1001")
    assert said.rate == heard.rate == 16000
    assert said.length_s == pytest.approx(heard.length_s, abs=PACKETS_S)
    assert said.length_s == pytest.approx(other.pressed_s[1] - other.pressed_s[0], abs=0.5)
    assert presence(said.between(1.8, 2.3), 1000) >= 0.95
    assert presence(heard.between(1.0, 2.3), 440) >= 0.95
    assert max(presence(said, 440), presence(heard, 1000)) <= 0.01


async def test_without_the_daemon_who_may_not_record_does_not(lab: Laboratory) -> None:
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await call.press("*3")
    await asyncio.sleep(TALK_S)  # the error tone
    await finish(call, other)
    assert list(lab.spool.glob("degraded-on_demand-*")) == []


@pytest.mark.parametrize(("flagged", "own", "far"), [("1000", 440, 1000), ("1001", 1000, 440)])
async def test_without_the_daemon_flagged_users_are_still_recorded(
    lab: Laboratory, flagged: str, own: int, far: int
) -> None:
    """Caller or called: the capture starts at the answer, not at the ring, and `read` is what the flagged user says."""
    await mirror(lab, flagged, always=True)
    await lab.bank.phone("1001").behave(Answer(after_s=1.0, tone_hz=1000))
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(call, other)
    await lab.bank.phone("1001").behave(Answer(tone_hz=1000))
    await mirror(lab, flagged)
    said, heard = await fallback_files(lab, "always", flagged)
    assert said.length_s == pytest.approx(talked_s(call), abs=NEAR_S)
    assert presence(said.between(SPEAKS_S, TALK_S), own) >= 0.95
    assert presence(heard.between(SPEAKS_S, TALK_S), far) >= 0.95


@pytest.mark.parametrize(
    ("caller", "called"),
    [
        ({"rules": "nnnn", "always": True}, {}),
        ({"rules": "--n-"}, {"always": True}),
        ({"always": True}, {"rules": "n---"}),
    ],
    ids=["who said never", "of calls to users", "who is called"],
)
async def test_without_the_daemon_never_goes_before_every_flag(
    lab: Laboratory, caller: dict[str, Any], called: dict[str, Any]
) -> None:
    await mirror(lab, "1000", **caller)
    await mirror(lab, "1001", **called)
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await asyncio.sleep(TALK_S)  # the length of the conversation
    assert list(lab.spool.glob("degraded-*")) == []
    await finish(call, other)
    for name in ("1000", "1001"):
        await mirror(lab, name)


@pytest.mark.parametrize(("caller", "called", "recorded"), [("--a-", "-a--", "1000"), ("---a", "a---", "1001")])
async def test_without_the_daemon_standing_rules_hold_for_their_kind_of_call(
    lab: Laboratory, caller: str, called: str, recorded: str
) -> None:
    """The call is from a user to a user: what is said of calls from outside, or to it, does not count."""
    await mirror(lab, "1000", rules=caller)
    await mirror(lab, "1001", rules=called)
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(call, other)
    said, _ = await fallback_files(lab, "always", recorded)
    assert said.length_s == pytest.approx(talked_s(call), abs=NEAR_S)
    assert list(lab.spool.glob("degraded-*")) == []
    for name in ("1000", "1001"):
        await mirror(lab, name)


async def test_without_the_daemon_a_call_from_outside_is_one_to_a_users_rules(lab: Laboratory) -> None:
    await mirror(lab, "1000", rules="n---", always=True)
    call = await lab.bank.outside.call("2050", tone_hz=700)
    other = await lab.bank.phone("1000").rings()
    await call.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(other, call)
    await mirror(lab, "1000")
    said, _ = await fallback_files(lab, "always", "1000")
    assert said.length_s == pytest.approx(talked_s(call), abs=NEAR_S)


async def test_without_the_daemon_a_call_that_leaves_the_house_is_one_to_outside(lab: Laboratory) -> None:
    await mirror(lab, "1002", rules="nnna")
    call, other = await connect(lab.bank.phone("1002"), "0123456789", lab.bank.outside)
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(call, other)
    await mirror(lab, "1002")
    said, _ = await fallback_files(lab, "always", "1002")
    assert said.length_s == pytest.approx(talked_s(call), abs=NEAR_S)


@pytest.mark.parametrize("rules", ["nnnn", "---n"])
async def test_without_the_daemon_nobody_presses_on_somebody_who_said_never(lab: Laboratory, rules: str) -> None:
    """Of some calls, or of all: without the daemon it is not known which kind this one is."""
    await mirror(lab, "1000", rules=rules)
    await mirror(lab, "1001", online=True)
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await other.press("*3")
    await asyncio.sleep(2 * TALK_S)  # the error tone
    assert list(lab.spool.glob("degraded-*")) == []
    await finish(call, other)
    for name in ("1000", "1001"):
        await mirror(lab, name)


async def test_without_the_daemon_the_keys_do_not_stop_a_compulsory_take(lab: Laboratory) -> None:
    """`*3` on a leg that is recorded always says so, starts no second capture and stops nothing."""
    await mirror(lab, "1000", always=True, online=True)
    call, other = await connect(lab.bank.phone("1000"), "1001", lab.bank.phone("1001"))
    await call.press("*3")
    await asyncio.sleep(2 * TALK_S)  # what is said to the presser, and some conversation
    await finish(call, other)
    await mirror(lab, "1000")
    said, _ = await fallback_files(lab, "always", "1000")
    assert said.length_s >= 2 * TALK_S
    assert list(lab.spool.glob("degraded-*")) == []


async def test_busy_and_silent_phones_end_a_call_honestly(lab: Laboratory) -> None:
    phone = lab.bank.phone("1002")
    await phone.behave(Busy())
    call = await lab.bank.phone("1000").call("1002")
    with pytest.raises(Unavailable, match="User busy"):
        await call.answered()
    await phone.behave(RingForever())
    call = await lab.bank.phone("1000").call("1002")
    other = await phone.rings()
    await call.hangup()
    await other.ended()
    await phone.behave(Answer(tone_hz=1400))
    assert call.heard() is NOTHING


async def test_music_and_a_change_of_tone(lab: Laboratory) -> None:
    call = await lab.bank.phone("1000").call("*44", tone_hz=0)
    await call.answered()
    await call.hum(500)
    await asyncio.sleep(2 * TALK_S)  # listening to the music
    await call.hangup()
    assert presence(call.heard().between(0.9, 2 * TALK_S), MUSIC_HZ) >= 0.95


async def test_users_come_and_go_without_a_restart(lab: Laboratory) -> None:
    """New users can be called at once; values that do not fit change nothing."""
    tables = example_tables()
    more = Tables(
        users=(*tables.users, User(UserId("4"), "Ann", "Lee")),
        lines=(*tables.lines, Line("1003", UserId("4"), "1003", "default", "sip", "secret-of-1003")),
    )
    await lab.pbx.reload_users(more)
    assert "1003" in await lab.pbx.cli("pjsip show endpoint 1003")
    with pytest.raises(Refused):
        await lab.pbx.reload_users(replace(more, lines=(replace(more.lines[-1], name="1003\n[trunk]"),)))
    assert lab.pbx.tables is more
    await lab.pbx.reload_users(tables)
    assert "Unable to find object 1003" in await lab.pbx.cli("pjsip show endpoint 1003")


async def test_an_asterisk_can_be_killed_started_again_and_leaves_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    async with Pbx(installation, example_tables(), spool=tmp_path, name="mortal") as pbx:
        root, first = pbx.root, pbx.pid
        await pbx.kill()
        assert pbx.pid is None
        await pbx.start()
        with pytest.raises(Refused):
            await pbx.start()
        await pbx.cli("database put callrec always/1000 1")
        await pbx.restart()
        assert "Value: 1" in await pbx.cli("database get callrec always/1000")
        last = pbx.pid
    assert not await asyncio.to_thread(root.exists)
    assert not _lives(first)
    assert not _lives(last)


async def test_an_asterisk_that_cannot_start_says_why(installation: Installation) -> None:
    with pytest.raises(Unavailable, match=r"(?s)ended .*modules\.conf"):
        async with AsteriskServer(installation, {}, name="empty"):
            pass
