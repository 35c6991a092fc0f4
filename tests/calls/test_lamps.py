"""The lamps of function keys, as phones see them: each is a real subscription that Asterisk tells of every change.

The keys are set with `callrec keys set`, and what they dial and which lamp shows them is what that prints.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from arrangement import phone, set_user, tone_of
from conversing import conversation

from callrec.domain.errors import Refused
from callrec_lab.dialog_info import DARK, LIT, RINGING
from callrec_lab.phones import Answer
from callrec_lab.stack import Stack
from callrec_lab.subscriber import Subscriber

GEORGE, WATCHED, CALLER = "1034", "1035", "1042"
ALWAYS, ONLINE, TALKER = "1056", "1057", "1058"
SHY = "1059"
RING_S = 0.7
GROWN_S = 5.0
"""A recording is one when its file has grown: after 2.05 s at 8 kHz."""
RELOADED_S = 5.0


def subscriber(stack: Stack, number: str, watched: str) -> Subscriber:
    """The phone of this number, watching something."""
    line = next(line for line in stack.pbx.tables.lines if line.number == number)
    return Subscriber(line.name, line.secret, pbx=stack.pbx.ports.sip, watched=watched)


@asynccontextmanager
async def key(stack: Stack, number: str, *what: str) -> AsyncIterator[tuple[str, Subscriber]]:
    """A supervised key of this number's phone: what it dials, and its lamp, subscribed to. Removed at the end."""
    code, said = await stack.daemon.callrec("keys", "set", number, "1", *what, "--supervised", "--json")
    assert code == 0, said
    (row,) = json.loads(said)
    try:
        async with subscriber(stack, number, row["lamp"]) as lamp:
            yield row["dials"], lamp
    finally:
        await stack.daemon.callrec("keys", "remove", number, "1")


@asynccontextmanager
async def unsupervised(stack: Stack, folder: Path, number: str) -> AsyncIterator[None]:
    """Inside, this user has `enablehint` 0, and Asterisk runs it; 1 at the end."""
    await _supervision(stack, folder, number, "0")
    try:
        yield
    finally:
        await _supervision(stack, folder, number, "1")


async def _supervision(stack: Stack, folder: Path, number: str, hint: str) -> None:
    file = folder / "users.csv"
    file.write_text(f"phonenumber|context|enablehint\n{number}|default|{hint}\n")
    for command in (("users", "import", "--mode", "update", str(file)), ("confgen",)):
        code, said = await stack.daemon.callrec(*command)
        assert code == 0, said


async def press(stack: Stack, number: str, dialled: str) -> None:
    """Dial, and hear it to the end."""
    call = await phone(stack, number).call(dialled, tone_hz=0)
    await call.ended()


async def test_the_key_of_a_user_shows_what_their_phone_does(stack: Stack) -> None:
    """Dark, blinking while it rings, lit while they talk, dark again. Asked for anew in between, it says the same."""
    await phone(stack, WATCHED).behave(Answer(after_s=RING_S, tone_hz=tone_of(WATCHED)))
    async with key(stack, GEORGE, "user", "--to", WATCHED) as (dials, lamp):
        assert dials == WATCHED
        async with conversation(stack, CALLER, WATCHED):
            await lamp.until(RINGING)
            await lamp.until(LIT)
            await lamp.refresh()
        await lamp.until(DARK)
        assert lamp.states == [DARK, RINGING, LIT, DARK]


async def test_who_has_no_supervision_cannot_be_watched(stack: Stack, tmp_path: Path) -> None:
    """As soon as `enablehint` is 0, who watched is told that it is over, and nobody else may begin. With 1 they may again."""
    async with subscriber(stack, GEORGE, SHY) as lamp, unsupervised(stack, tmp_path, SHY):
        await lamp.ended(RELOADED_S)
        with pytest.raises(Refused, match="404"):
            async with subscriber(stack, GEORGE, SHY):
                pass
    async with subscriber(stack, GEORGE, SHY) as lamp:
        assert lamp.states == [DARK]


async def test_who_has_another_secret_watches_nobody(stack: Stack) -> None:
    with pytest.raises(Refused, match=r"40[13]"):
        async with Subscriber(stack.line(GEORGE), "another", pbx=stack.pbx.ports.sip, watched=WATCHED):
            pass


async def test_the_lamp_of_always_record_shows_the_users_flag(stack: Stack) -> None:
    """Whoever turns it: an operator, `*26`, the key itself."""
    async with key(stack, ALWAYS, "call_record") as (dials, lamp):
        await set_user(stack, ALWAYS, "--call-record", "on")
        await lamp.until(LIT)
        await set_user(stack, ALWAYS, "--call-record", "off")
        await lamp.until(DARK)
        for dialled, state in (("*26", LIT), ("*26", DARK), (dials, LIT), (dials, DARK)):
            await press(stack, ALWAYS, dialled)
            await lamp.until(state)
        assert lamp.states == [DARK, LIT, DARK, LIT, DARK, LIT, DARK]


async def test_the_lamp_of_online_recording_is_lit_while_the_file_grows(stack: Stack) -> None:
    async with key(stack, ONLINE, "online_record") as (dials, lamp), conversation(stack, ONLINE, TALKER) as (there, _):
        await there.press(dials)
        await lamp.until(LIT, GROWN_S)
        assert [path.stat().st_size > 0 for path in stack.daemon.spool.glob("*.read.*")] == [True]
        await there.press(dials)
        await lamp.until(DARK)
        assert lamp.states == [DARK, LIT, DARK]


async def test_lamps_live_through_a_change_of_the_tables(stack: Stack, tmp_path: Path) -> None:
    """Asterisk reads its dialplan anew, and phones that watched before are still told: of a pattern's lamp, and of a user's."""
    async with key(stack, ALWAYS, "call_record") as (_, flag), subscriber(stack, GEORGE, TALKER) as talks:
        before = await stack.pbx.cli("dialplan show callrec-stamp")
        async with unsupervised(stack, tmp_path, SHY):
            assert await stack.pbx.cli("dialplan show callrec-stamp") != before
            await set_user(stack, ALWAYS, "--call-record", "on")
            await flag.until(LIT)
            async with conversation(stack, ONLINE, TALKER):
                await talks.until(LIT)
            await talks.until(DARK)
            await set_user(stack, ALWAYS, "--call-record", "off")
            await flag.until(DARK)
        assert (flag.states, talks.states[-2:]) == ([DARK, LIT, DARK], [LIT, DARK])
