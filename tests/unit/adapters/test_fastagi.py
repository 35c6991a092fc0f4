"""The FastAGI server over real sockets: every answer, its deadline, and what outlives it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest

from callrec.adapters.asterisk.fastagi import AgiServer, Channel, DialogueEnd, Proof, Script, believed
from callrec.domain.errors import Refused, Unavailable
from callrec.protocols.agi import Answer, Request
from callrec.protocols.agi_commands import exec_

HEADERS = """agi_network: yes
agi_network_script: {script}
agi_request: agi://127.0.0.1/{script}
agi_channel: PJSIP/1000-00000001
agi_language: en
agi_uniqueid: 1.2
agi_callerid: 1000
agi_calleridname: John Doe
agi_dnid: unknown
agi_rdnis: unknown
agi_context: callrec
agi_extension: s

"""
BOUND_S = 5


class Leg:
    """Asterisk's side of one dialogue, a little slower than a person can read it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, text: str) -> None:
        """Send what Asterisk would."""
        self.writer.write(text.encode())

    async def hear(self) -> str:
        """One line, empty when the server has closed."""
        async with asyncio.timeout(BOUND_S):
            return (await self.reader.readline()).decode()

    async def obey(self, reply: str = "200 result=1") -> list[str]:
        """All commands until the server closes, each done."""
        heard = []
        while line := await self.hear():
            heard.append(line.rstrip())
            self.say(f"{reply}\n")
        return heard


class House:
    """A server with its outcomes, and legs that call it."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[tuple[str, DialogueEnd]] = asyncio.Queue()
        self.servers: list[AgiServer] = []
        self.legs: list[Leg] = []

    async def serve(self, script: Script, *, proof: Proof = believed, **settings: float) -> AgiServer:
        """A server whose only script is `toggle`."""
        server = AgiServer(
            {"toggle": script},
            proof=proof,
            on_outcome=lambda name, outcome, _seconds: self.outcomes.put_nowait((name, outcome)),
            **settings,  # type: ignore[arg-type] - the test names what it sets
        )
        self.servers.append(server)
        _, self.port = await server.start("127.0.0.1", 0)
        return server

    async def leg(self, script: str | None = "toggle?who=self") -> Leg:
        """A connected leg, which has asked for the script if there is one."""
        leg = Leg(*await asyncio.open_connection("127.0.0.1", self.port))
        self.legs.append(leg)
        if script is not None:
            leg.say(HEADERS.format(script=script))
        return leg

    async def outcome(self) -> tuple[str, DialogueEnd]:
        """The next outcome that the server reports."""
        async with asyncio.timeout(BOUND_S):
            return await self.outcomes.get()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Legs and servers that are gone after the test, with every task."""
    house = House()
    yield house
    for server in house.servers:
        await server.close(grace_s=0.2)
        assert (server.connections, server.working) == (set(), set())
    for leg in house.legs:
        leg.writer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def result(word: str) -> str:
    return f'SET VARIABLE "CALLREC_RESULT" "{word}"'


def raising(error: BaseException) -> Script:
    async def script(_request: Request, _channel: Channel) -> Answer:
        raise error

    return script


def waiting(event: asyncio.Event, then: Callable[[], None] = lambda: None) -> Script:
    async def script(_request: Request, _channel: Channel) -> Answer:
        await event.wait()
        then()
        return Answer("on")

    return script


async def echo(request: Request, _channel: Channel) -> Answer:
    return Answer("on", (("CALLREC_WHO", request.query["who"]), ("CALLREC_NAME", request.caller_name)))


async def test_answer_is_set_and_its_result_last(house: House) -> None:
    """The leg gets each variable, then CALLREC_RESULT, then the end."""
    await house.serve(echo)

    heard = await (await house.leg()).obey()

    assert heard == ['SET VARIABLE "CALLREC_WHO" "self"', 'SET VARIABLE "CALLREC_NAME" "John Doe"', result("on")]
    assert await house.outcome() == ("toggle", DialogueEnd.ANSWERED)


@pytest.mark.parametrize(
    ("error", "heard", "outcome"),
    [
        (
            Refused("not-permitted", "no"),
            ['SET VARIABLE "CALLREC_REASON" "not-permitted"', result("refused")],
            DialogueEnd.REFUSED,
        ),
        (Unavailable("redis", "no"), [result("unavailable")], DialogueEnd.UNAVAILABLE),
        (ZeroDivisionError(), [result("unavailable")], DialogueEnd.UNAVAILABLE),
        (asyncio.CancelledError(), [result("unavailable")], DialogueEnd.UNAVAILABLE),
    ],
)
async def test_error_is_an_answer(house: House, error: BaseException, heard: list[str], outcome: DialogueEnd) -> None:
    """Whatever a script raises, the leg gets one word."""
    await house.serve(raising(error))

    assert await (await house.leg()).obey() == heard
    assert await house.outcome() == ("toggle", outcome)


@pytest.mark.parametrize("answer", [Answer("a\nb"), Answer("on", (("X Y", ""),)), None])
async def test_answer_that_cannot_be_said(house: House, answer: Answer) -> None:
    """An answer that no command can carry is unavailable, and nothing of it is set."""

    async def script(_request: Request, _channel: Channel) -> Answer:
        return answer

    await house.serve(script)

    assert await (await house.leg()).obey() == [result("unavailable")]
    assert await house.outcome() == ("toggle", DialogueEnd.UNAVAILABLE)


async def test_unknown_script(house: House) -> None:
    """A script that nobody has is said so; its name is no label of a metric."""
    await house.serve(echo)

    assert await (await house.leg("else")).obey() == [result("unknown-script")]
    assert await house.outcome() == ("", DialogueEnd.UNKNOWN_SCRIPT)


async def test_late_script_is_pending_and_finishes(house: House) -> None:
    """A script that is not back in time answers pending, and its work is not cut."""
    release, finished = asyncio.Event(), asyncio.Event()
    server = await house.serve(waiting(release, finished.set), answer_timeout_s=0.02)

    assert await (await house.leg()).obey() == [result("pending")]
    assert await house.outcome() == ("toggle", DialogueEnd.PENDING)
    assert len(server.working) == 1
    release.set()
    async with asyncio.timeout(BOUND_S):
        await finished.wait()


async def test_late_scripts_are_bounded(house: House) -> None:
    """As long as max_connections late scripts are at work, no other is begun."""
    release = asyncio.Event()
    server = await house.serve(waiting(release), answer_timeout_s=0.02, max_connections=2)

    heard = [await (await house.leg()).obey() for _ in range(3)]

    assert heard == [[result("pending")], [result("pending")], [result("unavailable")]]
    assert len(server.working) == 2
    release.set()


async def test_script_outlives_its_leg(house: House) -> None:
    """When the leg goes, the script's work goes on, and its questions are Unavailable."""
    begun, release, told = asyncio.Event(), asyncio.Event(), asyncio.Queue[str]()

    async def script(_request: Request, channel: Channel) -> Answer:
        begun.set()
        await release.wait()
        try:
            await channel.get_variable("X")
        except Unavailable as error:
            told.put_nowait(error.code)
        return Answer("on")

    await house.serve(script)
    leg = await house.leg()
    await begun.wait()
    leg.writer.close()

    assert await house.outcome() == ("toggle", DialogueEnd.UNHEARD)
    release.set()
    async with asyncio.timeout(BOUND_S):
        assert await told.get() == "agi-over"


def asking(ask: Callable[[Channel], Coroutine[object, object, object]]) -> Script:
    async def script(_request: Request, channel: Channel) -> Answer:
        return Answer(str(await ask(channel)))

    return script


@pytest.mark.parametrize(
    ("ask", "command", "reply", "word"),
    [
        (lambda leg: leg.get_variable("X"), 'GET VARIABLE "X"', "200 result=1 (a(b)c\nd)", "a(b)c|d"),
        (lambda leg: leg.get_variable("X"), 'GET VARIABLE "X"', "200 result=0", "None"),
        (lambda leg: leg.get_full_variable("CHANNEL(endpoint)"), "GET FULL", "200 result=1 (1000)", "1000"),
        (lambda leg: leg.send(exec_("NoOp")), 'EXEC NoOp ""', "100 Trying\n520-a\n b\n520 c", "Reply(code=520"),
    ],
)
async def test_script_may_ask_its_leg(
    house: House, ask: Callable[[Channel], Coroutine[object, object, object]], command: str, reply: str, word: str
) -> None:
    """A script's question goes to the leg, and its answer follows on the reply."""

    async def script(_request: Request, channel: Channel) -> Answer:
        return Answer(str(await ask(channel)).replace("\n", "|"))

    await house.serve(script)
    leg = await house.leg()

    assert (await leg.hear()).startswith(command)
    leg.say(f"{reply}\n")
    (said,) = await leg.obey()
    assert said.startswith(f'SET VARIABLE "CALLREC_RESULT" "{word}')


async def test_question_without_reply(house: House) -> None:
    """A question that the leg does not answer ends at the deadline; the answer follows when its reply does."""
    errors = asyncio.Queue[Unavailable]()

    async def script(_request: Request, channel: Channel) -> Answer:
        try:
            await channel.get_variable("X")
        except Unavailable as error:
            errors.put_nowait(error)
        return Answer("on")

    await house.serve(script, answer_timeout_s=0.02)
    leg = await house.leg()

    assert await leg.hear() == 'GET VARIABLE "X"\n'
    async with asyncio.timeout(BOUND_S):
        assert (await errors.get()).code == "agi-over"
    leg.say("200 result=0\n")
    assert await leg.obey() == [result("pending")]


async def test_second_question_at_once(house: House) -> None:
    """A question while another waits for its reply is Unavailable, and disturbs neither that one nor the answer."""

    async def ask(channel: Channel) -> str:
        async with asyncio.TaskGroup() as questions:
            first = questions.create_task(channel.get_variable("X"))
            await asyncio.sleep(0)
            with pytest.raises(Unavailable, match="not yet replied") as refused:
                await channel.get_variable("Y")
            assert refused.value.code == "agi-busy"
        return first.result() or ""

    await house.serve(asking(ask))
    leg = await house.leg()

    assert await leg.hear() == 'GET VARIABLE "X"\n'
    leg.say("200 result=1 (x)\n")
    assert await leg.obey() == [result("x")]


async def test_hangup_is_told_and_the_answer_still_set(house: House) -> None:
    """A dead leg still takes its variables, and the script can see that it is dead."""

    async def ask(channel: Channel) -> bool:
        await channel.get_variable("X")
        return channel.has_hung_up

    await house.serve(asking(ask))
    leg = await house.leg()
    await leg.hear()
    leg.say("HANGUP\n200 result=0\n")

    assert await leg.obey() == [result("True")]


async def test_leg_that_takes_no_variable(house: House) -> None:
    """A refused SET VARIABLE ends the dialogue as unheard: the result is not claimed."""
    await house.serve(echo)

    assert await (await house.leg()).obey("511 Command Not Permitted") == ['SET VARIABLE "CALLREC_WHO" "self"']
    assert await house.outcome() == ("toggle", DialogueEnd.UNHEARD)


async def test_close_lets_dialogues_finish(house: House) -> None:
    """close() waits for a script and its answer, and ends connections that have not asked anything."""
    begun, release = asyncio.Event(), asyncio.Event()

    async def script(_request: Request, _channel: Channel) -> Answer:
        begun.set()
        await release.wait()
        return Answer("on")

    server = await house.serve(script)
    idle, leg = await house.leg(None), await house.leg()
    await begun.wait()
    closing = asyncio.create_task(server.close())
    assert await idle.hear() == ""
    release.set()

    assert await leg.obey() == [result("on")]
    await closing
    with pytest.raises(OSError, match="Connect call failed"):
        await house.leg()


async def test_close_ends_what_does_not_finish(house: House) -> None:
    """After its grace close() cancels scripts and drops legs, and leaves nothing."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def script(_request: Request, _channel: Channel) -> Answer:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Answer("on")

    server = await house.serve(script, answer_timeout_s=60)
    await house.leg()
    await begun.wait()
    await server.close(grace_s=0.01)

    assert cancelled.is_set()
    assert (server.connections, server.working) == (set(), set())
    assert await house.outcome() == ("toggle", DialogueEnd.UNHEARD)


async def test_taken_port(house: House) -> None:
    """A port that is taken is one sentence with its remedy; closing a server that never ran is nothing."""
    await house.serve(echo)
    second = AgiServer({})

    with pytest.raises(
        Unavailable, match=r"cannot listen for FastAGI on .* CALLREC_AGI_BIND .* CALLREC_AGI in extensions\.conf"
    ) as refused:
        await second.start("127.0.0.1", house.port)
    assert refused.value.code == "agi-bind"
    await second.close()


# -- who is believed ---------------------------------------------------------------------------------------------------


def never_begins(begun: list[str]) -> Script:
    async def script(_request: Request, _channel: Channel) -> Answer:
        begun.append("begun")
        return Answer("on")

    return script


async def test_a_script_begins_only_when_its_leg_is_proven(house: House) -> None:
    """The proof may ask the leg first; the script then asks it as if nothing had been."""

    async def proof(_request: Request, channel: Channel) -> None:
        if await channel.get_variable("WORD") != "secret":
            raise Unavailable("leg-unproven", "not the leg")

    begun: list[str] = []
    await house.serve(never_begins(begun), proof=proof)
    for value, word, outcome in (
        ("secret", "on", DialogueEnd.ANSWERED),
        ("guess", "unavailable", DialogueEnd.UNAVAILABLE),
    ):
        leg = await house.leg()
        assert await leg.hear() == 'GET VARIABLE "WORD"\n'
        leg.say(f"200 result=1 ({value})\n")
        assert await leg.obey() == [result(word)]
        assert await house.outcome() == ("toggle", outcome)
    assert begun == ["begun"]


async def test_a_proof_that_comes_too_late_is_unavailable_and_the_script_never_begins(house: House) -> None:
    """Not `pending`: the dialplan must do by itself what we shall not do."""
    begun: list[str] = []
    proven = asyncio.Event()

    async def proof(_request: Request, _channel: Channel) -> None:
        await proven.wait()

    server = await house.serve(never_begins(begun), proof=proof, answer_timeout_s=0.05)
    leg = await house.leg()
    assert await leg.obey() == [result("unavailable")]
    assert await house.outcome() == ("toggle", DialogueEnd.UNAVAILABLE)
    proven.set()
    async with asyncio.timeout(BOUND_S):
        while server.working:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
    assert begun == []


async def test_a_proof_may_answer_in_the_place_of_the_script(house: House) -> None:
    async def proof(_request: Request, _channel: Channel) -> Answer | None:
        return Answer("pending")

    begun: list[str] = []
    await house.serve(never_begins(begun), proof=proof)
    assert await (await house.leg()).obey() == [result("pending")]
    assert begun == []
