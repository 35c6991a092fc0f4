"""Whoever connects to the FastAGI port, the loop keeps its beat: a good dialogue completes beside each hostile one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from callrec.adapters.asterisk.fastagi import AgiServer, Channel, DialogueEnd
from callrec.protocols.agi import Answer, Request

HEADERS = """agi_network: yes
agi_network_script: {script}
agi_request: agi://127.0.0.1/{script}
agi_channel: PJSIP/1000-00000001
agi_language: en
agi_uniqueid: 1.2
agi_callerid: 1000
agi_calleridname: {name}
agi_dnid: unknown
agi_rdnis: unknown
agi_context: callrec
agi_extension: s

"""
BOUND_S = 5
DIALOGUE_TIMEOUT_S = 0.3
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def request(name: str = "John Doe", script: str = "name") -> bytes:
    return HEADERS.format(script=script, name=name).encode("utf-8", "surrogateescape")


class Street:
    """A server with room for four, and the ways in which strangers come to it."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[DialogueEnd] = asyncio.Queue()
        self.server = AgiServer(
            {"name": self.name, "forever": self.forever},
            answer_timeout_s=0.1,
            dialogue_timeout_s=DIALOGUE_TIMEOUT_S,
            max_connections=4,
            on_outcome=lambda _script, outcome, _seconds: self.outcomes.put_nowait(outcome),
        )
        self.writers: list[asyncio.StreamWriter] = []

    async def name(self, request: Request, _channel: Channel) -> Answer:
        """A script that says who called."""
        return Answer("on", (("NAME", request.caller_name[:100]),))

    async def forever(self, _request: Request, _channel: Channel) -> Answer:
        """A script that never decides."""
        await asyncio.Event().wait()
        return Answer("on")

    async def connect(self) -> Stream:
        """A connection that has said nothing yet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer

    async def good_dialogue(self, asked: bytes = request()) -> list[str]:
        """The lines of one whole dialogue."""
        reader, writer = await self.connect()
        writer.write(asked)
        heard = []
        while line := (await reader.readline()).decode():
            heard.append(line.rstrip())
            writer.write(b"200 result=1\n")
        writer.close()
        return heard

    async def outcome(self) -> DialogueEnd:
        """The next outcome that is not of a good dialogue."""
        async with asyncio.timeout(BOUND_S):
            while (outcome := await self.outcomes.get()) is DialogueEnd.ANSWERED:
                pass
            return outcome


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    """A server that holds nothing and has no task left when all is over."""
    street = Street()
    _, street.port = await street.server.start("127.0.0.1", 0)
    yield street
    await street.server.close(grace_s=0.05)
    assert (street.server.connections, street.server.working) == (set(), set())
    for writer in street.writers:
        writer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def closed(stream: Stream) -> bool:
    """Whether the server closes, within the bound, without a word."""
    async with asyncio.timeout(BOUND_S):
        try:
            return await stream[0].read() == b""
        except ConnectionError:
            return True


async def connect_and_close(street: Street) -> None:
    (await street.connect())[1].close()


async def half_a_header(street: Street) -> None:
    stream = await street.connect()
    stream[1].write(request()[:100])
    assert await closed(stream)


async def one_byte_at_a_time(street: Street) -> None:
    stream = await street.connect()
    ends = asyncio.create_task(closed(stream))
    for byte in request():
        stream[1].write(bytes([byte]))
        if (await asyncio.wait({ends}, timeout=0.01))[0]:
            break
    assert await ends


async def silence_after_the_request(street: Street) -> None:
    reader, writer = await street.connect()
    writer.write(request())
    assert (await reader.readline()).startswith(b"SET VARIABLE")
    assert await closed((reader, writer))


async def megabyte_of_garbage(street: Street) -> None:
    stream = await street.connect()
    stream[1].write(b"\xffgarbage" * 131072)
    assert await closed(stream)


async def header_too_long(street: Street) -> None:
    stream = await street.connect()
    stream[1].write(request(name="x" * 9000))
    assert await closed(stream)


async def web_browser(street: Street) -> None:
    stream = await street.connect()
    stream[1].write(b"GET / HTTP/1.1\r\nHost: x\n\n")
    assert await closed(stream)


async def garbage_for_a_reply(street: Street) -> None:
    reader, writer = await street.connect()
    writer.write(request())
    await reader.readline()
    writer.write(b"\x00\xff what?\n")
    assert await closed((reader, writer))


async def vanishes_before_the_answer(street: Street) -> None:
    _, writer = await street.connect()
    writer.write(request(script="forever"))
    await writer.drain()
    writer.transport.abort()


async def vanishes_in_the_answer(street: Street) -> None:
    reader, writer = await street.connect()
    writer.write(request())
    await reader.readline()
    writer.transport.abort()


@pytest.mark.parametrize(
    ("stranger", "outcomes"),
    [
        (connect_and_close, {DialogueEnd.SILENT}),
        (half_a_header, {DialogueEnd.SILENT}),
        (one_byte_at_a_time, {DialogueEnd.SILENT}),
        (silence_after_the_request, {DialogueEnd.UNHEARD}),
        (megabyte_of_garbage, {DialogueEnd.CORRUPT}),
        (header_too_long, {DialogueEnd.CORRUPT}),
        (web_browser, {DialogueEnd.CORRUPT}),
        (garbage_for_a_reply, {DialogueEnd.CORRUPT}),
        # A reset may arrive before the request has been read.
        (vanishes_before_the_answer, {DialogueEnd.UNHEARD, DialogueEnd.SILENT}),
        (vanishes_in_the_answer, {DialogueEnd.UNHEARD}),
    ],
)
async def test_a_stranger_disturbs_nobody(
    street: Street, stranger: Callable[[Street], Awaitable[None]], outcomes: set[DialogueEnd]
) -> None:
    """While the stranger is at it, good dialogues complete; then it is gone, counted, and has left nothing."""
    at_work = asyncio.ensure_future(stranger(street))
    async with asyncio.timeout(BOUND_S):
        dialogues = 0
        while dialogues < 3 or not at_work.done():
            assert len(await street.good_dialogue()) == 2
            dialogues += 1
    await at_work
    assert await street.outcome() in outcomes


async def test_newest_beyond_the_limit_is_closed_at_once(street: Street) -> None:
    """The connections that were there first stay; the one too many is closed, and counted."""
    early = [await street.connect() for _ in range(4)]

    assert await closed(await street.connect())
    assert await street.outcome() is DialogueEnd.FULL
    assert len(street.server.connections) == 4
    early[0][1].write(request())
    assert await early[0][0].readline() == b'SET VARIABLE "NAME" "John Doe"\n'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\rb", "a\ufffdb"),
        ("\udcff\udced\udca0\udc80", "\ufffd\ufffd\ufffd\ufffd"),
        ("\u202e\u05d0", "\u202e\u05d0"),
        ("x" * 4096, "x" * 100),
        ('${SHELL(id)} "; \\', '${SHELL(id)} \\"; \\\\'),
    ],
)
async def test_hostile_name_is_only_text(street: Street, name: str, said: str) -> None:
    """A hostile caller name goes through a dialogue as the text that it is."""
    heard = await street.good_dialogue(request(name))

    assert heard == [f'SET VARIABLE "NAME" "{said}"', 'SET VARIABLE "CALLREC_RESULT" "on"']


@pytest.mark.parametrize("name", ["a\nb", "a\n\n200 result=1", "a\0", "a\nagi_network_script: forever"])
async def test_name_that_is_more_than_text_ends_the_dialogue(street: Street, name: str) -> None:
    """A caller name with a newline or a NUL in it reaches no script: the leg is let go, without a result."""
    assert await street.good_dialogue(request(name)) == []
    assert await street.outcome() is DialogueEnd.CORRUPT
