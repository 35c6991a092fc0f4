"""`*26`: what the phone's user hears is compared with the prompts, and what was said with what the store has."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from arrangement import OUTSIDE, STRANGERS_CODE, phone, set_user, until_lamp, user_id
from conversing import News, Scenes, together
from listening import said

from callrec.adapters.redis.store import open_store
from callrec_lab.phones import Forward, PhoneCall
from callrec_lab.stack import Stack

LANGUAGES = {"1000": "en", "1001": "fr", "1002": "de", "1003": "es"}


async def dial(stack: Stack, number: str, code: str = "*26", shown: str = "") -> PhoneCall:
    """A call of a star code, listened to until the PBX hangs up."""
    call = await phone(stack, number).call(code, tone_hz=0, shown=shown)
    await call.answered()
    await call.ended()
    return call


async def flag(stack: Stack, number: str) -> bool:
    """The user's flag as it is in the store, not in any copy."""
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        tables = await store.tables()
    return next(user.call_record for user in tables.users if user.id == user_id(stack, number))


async def mirrored(stack: Stack, number: str) -> str:
    """What AstDB holds for the degraded mode."""
    shown = await stack.pbx.cli("database show callrec")
    assert re.search(rf"/callrec/user/{stack.line(number)}\s*: {user_id(stack, number)}\s", shown)
    found = re.search(rf"/callrec/always/{user_id(stack, number)}\s*: (\S*)", shown)
    return found[1] if found else ""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[PhoneCall]]:
    """The calls that do not disturb each other, at the same time: prompts take their time."""
    await phone(stack, "1053").behave(Forward("*26"))
    playing = Scenes(
        **{number: _on_and_off(stack, number, language) for number, language in LANGUAGES.items()},
        stranger=dial(stack, OUTSIDE, STRANGERS_CODE, shown="0612345678"),
        forwarded=dial(stack, "1007", "1053"),
    )
    yield playing
    await playing.ended()


async def _on_and_off(stack: Stack, number: str, language: str) -> PhoneCall:
    user = user_id(stack, number)
    async with News(stack) as news:
        for word in ("on", "off"):
            call = await dial(stack, number)
            assert await asyncio.to_thread(said, call.heard()) == (language, word)
            assert await flag(stack, number) is (word == "on")
            event = await news.event("user-changed", user=user, status=word)
            assert (event["function"], event["actor"]) == ("call_record", f"user:{user}")
            assert json.loads(event["record"])["call_record"] is (word == "on")
            await until_lamp(stack, number, "26", "INUSE" if word == "on" else "NOT_INUSE")
            assert await mirrored(stack, number) == ("1" if word == "on" else "0")
    return call


@pytest.mark.parametrize("number", LANGUAGES)
async def test_on_and_off(scenes: Scenes[PhoneCall], number: str) -> None:
    """Each call turns the flag over, in the user's language: prompt, store, event, lamp and AstDB agree."""
    await scenes.assert_played(number)


async def test_strangers_change_nothing(scenes: Scenes[PhoneCall]) -> None:
    """A caller who is no user, let in by mistake, hears that."""
    call = await scenes.of("stranger")
    assert said(call.heard()) == ("en", "unknown")


async def test_a_forwarded_call_is_refused(stack: Stack, scenes: Scenes[PhoneCall]) -> None:
    """Who forwards the phone to `*26` cannot have callers turn a flag over: they hear that, and both flags stay."""
    call = await scenes.of("forwarded")
    assert said(call.heard()) == ("en", "refused")
    assert not await flag(stack, "1053")
    assert not await flag(stack, "1007")


async def test_a_deactivated_code_says_so(stack: Stack, scenes: Scenes[PhoneCall]) -> None:
    """Switched off among the extensions: the caller hears that, and the flag stays; switched on again it works."""
    await scenes.ended()
    for switch, expected in (("--disable", "deactivated"), ("--enable", "on")):
        code, text = await stack.daemon.callrec("extensions", "set", "call_record", switch)
        assert code == 0, text
        call = await phone(stack, "1054").call("*26", tone_hz=0)
        await call.answered()
        if expected == "deactivated":
            await call.ended()
            assert said(call.heard()) == ("en", expected)
        assert await flag(stack, "1054") is (expected == "on")
        await call.hangup()
    await set_user(stack, "1054", "--call-record", "off")


async def test_a_store_that_hangs_is_not_waited_for(stack: Stack, scenes: Scenes[PhoneCall]) -> None:
    """Until the daemon has noticed nobody knows, then Asterisk does it. What was said is in the store when that is back."""
    await scenes.ended()
    before = await flag(stack, "1055")
    async with frozen_store(stack):
        unnoticed, noticed = await together(dial(stack, "1055"), _dial_when_noticed(stack, "1054"))
    await stack.daemon.ready()
    assert said(noticed.heard()) == ("en", "on")
    await until_flag(stack, "1054", on=True)
    await until_lamp(stack, "1054", "26", "INUSE")
    await until_flag(stack, "1055", on=_meant(unnoticed, before))
    await set_user(stack, "1054", "--call-record", "off")


def _meant(call: PhoneCall, before: bool) -> bool:
    """What the flag has to be after these words."""
    return {"on": True, "off": False, "unavailable": before, "unconfirmed": before}[said(call.heard())[1]]


async def until_flag(stack: Stack, number: str, *, on: bool) -> None:
    """What Asterisk did by itself reaches the store within seconds."""
    async with asyncio.timeout(15):
        while await flag(stack, number) is not on:  # noqa: ASYNC110 - the store sends no event to us
            await asyncio.sleep(0.1)


async def _dial_when_noticed(stack: Stack, number: str) -> PhoneCall:
    """By the tables: the check `store` notices by itself, and may be first."""
    async with asyncio.timeout(10):
        while '"tables": {"ok": false' not in (await stack.daemon.get("/readyz"))[1]:  # noqa: ASYNC110 - it sends nothing
            await asyncio.sleep(0.1)
    return await dial(stack, number)


@asynccontextmanager
async def frozen_store(stack: Stack) -> AsyncIterator[None]:
    """The store's process neither answers nor ends until the block does."""
    pid = store_pid(stack)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def store_pid(stack: Stack) -> int:
    """The embedded store: the daemon's only child."""
    process = Path(f"/proc/{stack.daemon.pid}/task/{stack.daemon.pid}/children")
    return int(process.read_text().split()[0])


async def test_a_store_that_dies_makes_no_false_promise(stack: Stack, scenes: Scenes[PhoneCall]) -> None:
    """Killed hard just before the call: whatever the caller hears, the store says the same when it is back."""
    await scenes.ended()
    before = await flag(stack, "1055")
    os.kill(store_pid(stack), signal.SIGKILL)
    call = await dial(stack, "1055")
    await stack.daemon.ready()
    await until_flag(stack, "1055", on=_meant(call, before))
