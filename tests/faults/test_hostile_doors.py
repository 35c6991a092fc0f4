"""Strangers at the FastAGI port of the running daemon, with hostile words or none: nobody is disturbed."""

import asyncio
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from corpus import HOSTILE
from trouble import conversation, one, settled

from callrec.domain.library.manifest import StoredState
from callrec.domain.library.missing_time import LATE_START, TIMELINE
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

ANSWER_S = 2.0
"""What a call may be delayed at most; this process, which attacks and asks at once, has its part in it."""
TALK_S = 1.2
"""Longer than a press is absorbed after another."""
HEADERS = tuple(
    f"agi_{name}"
    for name in ("channel", "language", "uniqueid", "callerid", "calleridname", "dnid", "rdnis", "context", "extension")
)
WORDS = {"ok", "unavailable", "refused", "unknown", "deactivated", "on", "off", "pending", "unknown-script", "failed"}
ANSWERED = re.compile(rb'SET VARIABLE "CALLREC_RESULT" "([a-z-]+)"\n')


@asynccontextmanager
async def door(stack: Stack) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the FastAGI port, closed however it ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.pbx.ports.agi)
    try:
        with suppress(OSError):
            yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def connects_and_closes(stack: Stack) -> None:
    """Again and again."""
    while True:
        async with door(stack):
            pass


async def sends_a_byte_a_second(stack: Stack) -> None:
    """Twenty of them at once."""

    async def drip() -> None:
        while True:
            async with door(stack) as (_, writer):
                for byte in b"agi_network: yes\n":
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)  # so slow is this stranger

    await asyncio.gather(*(drip() for _ in range(20)))


async def sends_a_megabyte_of_garbage(stack: Stack) -> None:
    """With and without line breaks."""
    for garbage in itertools.cycle((b"\xff\x00" * 500_000, b"agi_x: y\n" * 120_000)):
        async with door(stack) as (_, writer):
            writer.write(garbage)
            await writer.drain()


async def asks_for_unknown_scripts(stack: Stack) -> None:
    """By every hostile name."""
    while True:
        for text in HOSTILE.values():
            await ask(stack, text, {})


async def asks_for_pages(stack: Stack) -> None:
    """Over sixty connections that are kept, each as soon as it was answered: a press was mute for 1.1 s meanwhile."""

    async def pages() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", stack.daemon.http)
        try:
            while True:
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                assert length is not None, head
                await reader.readexactly(int(length[1]))
        finally:
            writer.transport.abort()

    await asyncio.gather(*(pages() for _ in range(60)))


async def ask(stack: Stack, script: str, headers: dict[str, str]) -> bytes:
    """One dialogue, in which everything that the daemon says is done; returns all that it said."""
    said = b""
    async with door(stack) as (reader, writer), asyncio.timeout(10):
        lines = {"agi_network": "yes", "agi_network_script": script, **dict.fromkeys(HEADERS, "1.1"), **headers}
        request = "".join(f"{name}: {value}\n" for name, value in lines.items())
        writer.write(request.encode("utf-8", "surrogatepass") + b"\n")
        while line := await reader.readline():
            said += line
            writer.write(b"200 result=1\n")
    return said


@pytest.mark.parametrize(
    "attack",
    [connects_and_closes, sends_a_byte_a_second, sends_a_megabyte_of_garbage, asks_for_unknown_scripts, asks_for_pages],
    ids=lambda attack: attack.__name__,
)
async def test_p9_whoever_knocks_at_fastagi_star_3_works_and_the_loop_beats(
    whole: Stack, attack: Callable[[Stack], Awaitable[None]]
) -> None:
    """While the stranger is at it: a press records, health answers at once, the next press stops."""
    number = {connects_and_closes: "1000", sends_a_byte_a_second: "1002", sends_a_megabyte_of_garbage: "1003"}.get(
        attack, "1008" if attack is asks_for_pages else "1004"
    )
    attacking = asyncio.ensure_future(attack(whole))
    try:
        async with conversation(whole, number, "1001") as (there, _):
            await there.press("*3")
            began = time.monotonic()
            while time.monotonic() - began < TALK_S:
                asked = time.monotonic()
                assert (await whole.daemon.get("/healthz"))[0] == 200
                assert time.monotonic() - asked < ANSWER_S
            await there.press("*3")
            assert not attacking.done(), attacking
    finally:
        attacking.cancel()
        await asyncio.wait({attacking})
    await settled(whole)
    manifest = one(whole, number, "1001").manifest
    missing = manifest.recording.missing
    assert manifest.state is (StoredState.PARTIAL if missing else StoredState.SOUND)
    assert {gap.cause for gap in missing} <= {TIMELINE, LATE_START}, "a press that took effect late, and says so"
    assert sum(gap.to_s - gap.from_s for gap in missing) < ANSWER_S


async def test_p8_every_word_of_a_request_may_be_hostile(whole: Stack) -> None:
    """In each header, as argument, as script: the daemon says its own few words, and its log stays whole."""
    scripts = ("toggle", "call", "always-record")
    words = [dict.fromkeys((*HEADERS, "agi_arg_1"), text) for text in HOSTILE.values()]
    asking = [ask(whole, script, headers) for headers in words for script in scripts]
    answered = 0
    for said in await asyncio.gather(*asking, *(ask(whole, text, {}) for text in HOSTILE.values())):
        heard = {word.decode() for word in ANSWERED.findall(said)}
        assert heard <= WORDS, said
        answered += len(heard)
        assert all(line.startswith(b'SET VARIABLE "CALLREC_') for line in said.splitlines()), said
    assert answered > len(HOSTILE), "hardly a request was understood: the test proves nothing"
    assert (await whole.daemon.get("/healthz"))[0] == 200
    assert all(json.loads(line)["event"] for line in whole.daemon.log.read_bytes().splitlines())
