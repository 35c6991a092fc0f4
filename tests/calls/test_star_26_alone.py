"""`*26` when nobody of ours can do it: Asterisk turns the flag over by itself, by what was mirrored into AstDB, and notes it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from laboratory import NEAR_S, Laboratory, connect, daemon, fallback_files, finish, mirror, talked_s
from listening import said

from callrec_lab.phones import Answer, Forward, PhoneCall

TALK_S = 1.2
DEVICE_STATE = "*7351***226"


@pytest_asyncio.fixture(loop_scope="session")
async def mirrored(lab: Laboratory) -> AsyncIterator[Laboratory]:
    """As a daemon left it that has just died: the code is on, 1000 and 1001 are two phones of user 1, 1002 is user 3's."""
    await lab.pbx.cli("database deltree callrec")
    await mirror(lab, "1000")
    await mirror(lab, "1001", user="1")
    await mirror(lab, "1002")
    await lab.pbx.cli("database put callrec code/call_record *26")
    yield lab
    await lab.pbx.cli("database deltree callrec")


async def dial(lab: Laboratory, name: str, number: str = "*26") -> PhoneCall:
    """A call of the code, listened to until the PBX hangs up."""
    call = await lab.bank.phone(name).call(number, tone_hz=0)
    await call.answered()
    await call.ended()
    return call


async def word(lab: Laboratory, name: str) -> tuple[str, str]:
    """Language and name of the prompt that this phone hears after `*26`."""
    call = await dial(lab, name)
    return await asyncio.to_thread(said, call.heard())


async def astdb(lab: Laboratory) -> dict[str, str]:
    """Everything of ours in AstDB."""
    return dict(re.findall(r"/callrec/(\S+)\s*: (\S*)", await lab.pbx.cli("database show callrec")))


async def notes(lab: Laboratory) -> dict[str, str]:
    """What waits for the daemon: user and instant (ms), and what was said."""
    rows = await astdb(lab)
    found = (re.fullmatch(r"intent/(\d+/\d{13})-[\d.]+", key) for key in rows)
    return {match[1]: rows[match[0]] for match in found if match}


async def is_lit(lab: Laboratory) -> bool:
    """The lamp of user 1."""
    return f"'Custom:{DEVICE_STATE}'  State: 'INUSE'" in await lab.pbx.cli("devstate list")


async def test_a_user_with_two_phones_turns_one_flag_over(mirrored: Laboratory) -> None:
    """On from one phone, recorded on the other, off from the other: prompt, flag and lamp agree, and only the last word waits."""
    before_ms = time.time() * 1000
    assert await word(mirrored, "1000") == ("en", "on")
    assert (await astdb(mirrored))["always/1"] == "1"
    assert await is_lit(mirrored)
    first = await notes(mirrored)
    assert list(first.values()) == ["1|"]
    assert before_ms <= int(next(iter(first)).removeprefix("1/")) <= time.time() * 1000

    call, other = await connect(mirrored.bank.phone("1001"), "1002", mirrored.bank.phone("1002"))
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await finish(call, other)
    recorded, _ = await fallback_files(mirrored, "always", "1001")
    assert recorded.length_s == pytest.approx(talked_s(call), abs=NEAR_S)

    assert await word(mirrored, "1001") == ("fr", "off")
    assert (await astdb(mirrored))["always/1"] == "0"
    assert not await is_lit(mirrored)
    last = await notes(mirrored)
    assert list(last.values()) == ["0|"]
    assert min(last) > min(first)


async def _switched_off(lab: Laboratory) -> None:
    await lab.pbx.cli("database put callrec code/call_record off")


async def _never_mirrored(lab: Laboratory) -> None:
    await lab.pbx.cli("database deltree callrec")


@pytest.mark.parametrize(("change", "expected"), [(_switched_off, "deactivated"), (_never_mirrored, "unavailable")])
async def test_a_code_that_is_off_or_was_never_heard_of_says_so(
    mirrored: Laboratory, change: Callable[[Laboratory], Awaitable[None]], expected: str
) -> None:
    await change(mirrored)
    before = await astdb(mirrored)
    assert await word(mirrored, "1000") == ("en", expected)
    assert await astdb(mirrored) == before


async def test_a_phone_that_is_nobodys_changes_nothing(mirrored: Laboratory) -> None:
    """Neither one that has lost its user nor one that never had any."""
    await mirrored.pbx.cli("database put callrec user/1000 0")
    await mirrored.pbx.cli("database del callrec user/1002")
    before = await astdb(mirrored)
    heard = await asyncio.gather(word(mirrored, "1000"), word(mirrored, "1002"))
    assert [name for _, name in heard] == ["unknown", "unknown"]
    assert await astdb(mirrored) == before


async def test_a_forwarded_call_is_refused(mirrored: Laboratory) -> None:
    """A caller cannot turn over the flag of one who forwards the phone to `*26`, nor their own."""
    phone, before = mirrored.bank.phone("1002"), await astdb(mirrored)
    await phone.behave(Forward("*26"))
    call = await dial(mirrored, "1000", "1002")
    await phone.behave(Answer(tone_hz=1400))
    assert said(call.heard())[1] == "refused"
    assert await astdb(mirrored) == before


async def test_a_daemon_without_its_store_leaves_it_to_asterisk(mirrored: Laboratory) -> None:
    """It changed nothing, and says so: Asterisk does it, in the language that the daemon knows."""
    said_by_it = {"CALLREC_SOUND": "callrec/call-recording-unavailable", "CALLREC_LANGUAGE": "de"}
    async with daemon(mirrored, CALLREC_RESULT="unavailable", **said_by_it):
        assert await word(mirrored, "1000") == ("de", "on")
    assert (await astdb(mirrored))["always/1"] == "1"
    assert list((await notes(mirrored)).values()) == ["1|"]


@pytest.mark.parametrize(
    "answer",
    [{}, {"CALLREC_RESULT": "pending"}, {"CALLREC_RESULT": "error"}],
    ids=lambda answer: answer.get("CALLREC_RESULT", "it dies"),
)
async def test_what_may_have_been_done_is_not_done_twice(mirrored: Laboratory, answer: dict[str, str]) -> None:
    """A daemon that had the question and gave no clear word may have turned the flag over."""
    before = await astdb(mirrored)
    async with daemon(mirrored, **answer) as played:
        assert await word(mirrored, "1000") == ("en", "unconfirmed")
    assert [script for script, *_ in played.scripts()] == ["always-record"]
    assert await astdb(mirrored) == before
