"""The FastAGI door: Asterisk asks, a script decides, the leg gets its variables and goes on.

FastAGI has no read timeout: while we are silent, the leg hears nothing (res_agi.c: launch_netscript). So this server answers
within `answer_timeout_s`, whatever the script does, and its answer is always one word in the leg's CALLREC_RESULT, set last:

    the script returned an Answer     its result
    it raised Refused                 `refused`; the code is in CALLREC_REASON
    it raised anything else           `unavailable`: nothing is under way, the dialplan may do it itself
    it has not returned in time       `pending`: it may still succeed, so the dialplan must not do it a second time
    who asks is not proven in time    `unavailable`: the script has not begun, and never will
    nobody has that name              `unknown-script`
    we broke off or are dead          not set: the same as `unavailable`

A script that is late, or whose leg has gone, is not cancelled, for it may be in the middle of changing a call. It stays one of
the server's own tasks, of which there are at most `max_connections`; beyond that a request is `unavailable` at once. close()
waits for them, and cancels what is still at work after its grace. (A set and not a TaskGroup: no script may end its siblings.)

One connection is one asyncio.Protocol, moved on by four things: bytes, the script's end, a deadline, the end of the connection.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from typing import Final, cast

import structlog

from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.protocols.agi import Answer, Dialogue, Reply, Request, State
from callrec.protocols.agi_commands import Command, get_full_variable, get_variable

Script = Callable[[Request, "Channel"], Coroutine[object, object, Answer]]
"""Decides on one request: a coroutine function. Its errors are part of its answer, see above."""

Proof = Callable[[Request, "Channel"], Coroutine[object, object, Answer | None]]
"""None when the request comes from the leg that it names; else what is answered without its script. May raise Unavailable."""


class Outcome(StrEnum):
    """How a dialogue ended: the values of the metric's label. The label `script` is a registered name or empty."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    PENDING = "pending"
    UNKNOWN_SCRIPT = "unknown-script"
    UNHEARD = "unheard"  # the leg left, or would not take a variable, before it had the whole answer
    CORRUPT = "corrupt"  # what came was no FastAGI
    SILENT = "silent"  # no whole request: it closed, or its time was over
    FULL = "full"  # refused, because there were max_connections already


ANOTHER_PORT: Final = (
    "FreePBX, for example, has a FastAGI of its own on 4573: set CALLREC_AGI_BIND to a free port, and the global CALLREC_AGI in"
    " extensions.conf to the same"
)
OnOutcome = Callable[[str, Outcome, float], None]
"""Called once for each connection: script, outcome, seconds from the request (or the connection) to the end."""

_UNAVAILABLE: Final = Answer("unavailable")
_PENDING: Final = Answer("pending")
_UNKNOWN_SCRIPT: Final = Answer("unknown-script")


class Channel:
    """The leg, for a script that must ask it something before it can decide. One question at a time.

    Every method raises Unavailable once the leg has gone or the answer is on its way.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection

    @property
    def has_hung_up(self) -> bool:
        """Whether the leg is dead: it takes variables, but neither sounds nor most applications."""
        return self._connection.has_hung_up

    async def send(self, command: Command) -> Reply:
        """Send a command and return its reply, whatever its code."""
        return await self._connection.ask(command)

    async def get_variable(self, name: str) -> str | None:
        """Return a variable of the leg, None when it is not set."""
        return _value(await self.send(get_variable(name)))

    async def get_full_variable(self, name: str, channel: str = "") -> str | None:
        """Return a variable or function, `CHANNEL(endpoint)`, of the leg or of another channel."""
        return _value(await self.send(get_full_variable(name, channel)))


async def believed(_request: Request, _channel: Channel) -> None:
    """The proof where none is needed: each dialogue is taken for the leg that it names."""


def _over() -> Unavailable:
    return Unavailable("agi-over", "the FastAGI dialogue is over")


def _value(reply: Reply) -> str | None:
    return reply.text if reply.result == "1" else None


class AgiServer:
    """Serves `scripts`, by the path of `AGI(agi://host/path)`, to those who pass `proof`: before that, no script begins.

    A script has `answer_timeout_s` from its request. A connection has `dialogue_timeout_s` for everything: a request that does
    not become whole, or a leg that does not take its answer, is closed then. A connection beyond `max_connections` is closed
    at once.
    """

    def __init__(
        self,
        scripts: Mapping[str, Script],
        *,
        proof: Proof = believed,
        answer_timeout_s: float = 0.45,
        dialogue_timeout_s: float = 5.0,
        max_connections: int = 256,
        on_outcome: OnOutcome = lambda _script, _outcome, _seconds: None,
    ) -> None:
        self.scripts = dict(scripts)
        self.proof = proof
        self.answer_timeout_s = answer_timeout_s
        self.dialogue_timeout_s = dialogue_timeout_s
        self.max_connections = max_connections
        self.on_outcome = on_outcome
        self.connections: set[_Connection] = set()
        self.working: set[asyncio.Task[Answer]] = set()
        self.log = structlog.get_logger(__name__)
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address; port 0 takes a free one. Raises Unavailable when it is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self, loop), host, port)
        except OSError as error:
            message = f"cannot listen for FastAGI on {host}:{port}: {error.strerror}"
            raise Unavailable("agi-bind", message, hint=ANOTHER_PORT) from error
        address = self._server.sockets[0].getsockname()
        return str(address[0]), int(address[1])

    async def close(self, grace_s: float = 2.0) -> None:
        """Stop listening, let open dialogues and late scripts finish for `grace_s`, then end what is left."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self.connections):
            connection.end_if_no_request()
        try:
            async with asyncio.timeout(grace_s):
                await self._until_quiet()
        except TimeoutError:
            self.log.warning("agi-cut", connections=len(self.connections), scripts=len(self.working))
        for task in tuple(self.working):
            task.cancel()
        for connection in tuple(self.connections):
            connection.abort()
        await self._until_quiet()
        self._server = None

    async def _until_quiet(self) -> None:
        while self.connections or self.working:
            self._changed.clear()
            await self._changed.wait()

    def opened(self, connection: "_Connection") -> bool:
        """Whether there is room for one more connection."""
        if len(self.connections) >= self.max_connections:
            return False
        self.connections.add(connection)
        return True

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        self._changed.set()

    def begin(self, script: Coroutine[object, object, Answer]) -> asyncio.Task[Answer]:
        """Start a script as a task of this server, which outlives its connection."""
        task = asyncio.get_running_loop().create_task(script)
        self.working.add(task)
        return task

    def finished(self, task: asyncio.Task[Answer]) -> None:
        """Forget a script's task."""
        self.working.discard(task)
        self._changed.set()


class _Connection(asyncio.Protocol):
    """One dialogue with one leg."""

    def __init__(self, server: AgiServer, loop: asyncio.AbstractEventLoop) -> None:
        self.has_hung_up = False
        self._server = server
        self._loop = loop
        self._dialogue = Dialogue()
        self._script = ""
        self._is_over = False
        self._has_begun = False
        self._question: asyncio.Future[Reply] | None = None
        # The answer's commands, last one first; None until there is an answer.
        self._outbox: list[Command] | None = None
        self._outcome = Outcome.SILENT

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._since_s = self._loop.time()
        self._timers = [self._loop.call_later(self._server.dialogue_timeout_s, self._end_early)]
        if not self._server.opened(self):
            self._end(Outcome.FULL)

    def data_received(self, data: bytes) -> None:
        try:
            events = self._dialogue.receive_data(data)
        except CallrecError as error:
            self._server.log.warning("agi-corrupt", code=error.code, script=self._script)
            self._end(Outcome.CORRUPT)
            return
        for event in events:
            if isinstance(event, Reply):
                self._replied(event)
            elif isinstance(event, Request):
                self._requested(event)
            else:
                self.has_hung_up = True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it ended makes no difference
        self._end_early()
        self._server.closed(self)

    async def ask(self, command: Command) -> Reply:
        if self._is_over or self._outbox is not None:
            raise _over()
        if self._dialogue.state is State.WAITING:
            raise Unavailable("agi-busy", "the leg has not yet replied to the script's last question")
        self._transport.write(self._dialogue.send(command))
        self._question = self._loop.create_future()
        return await self._question

    def end_if_no_request(self) -> None:
        if self._dialogue.state is State.REQUEST:
            self._end_early()

    def abort(self) -> None:
        self._end_early()
        self._transport.abort()

    def _requested(self, request: Request) -> None:
        self._since_s = self._loop.time()
        script = self._server.scripts.get(request.script)
        if script is None:
            self._answer(Outcome.UNKNOWN_SCRIPT, _UNKNOWN_SCRIPT)
            return
        self._script = request.script
        if len(self._server.working) >= self._server.max_connections:
            self._answer(Outcome.UNAVAILABLE, _UNAVAILABLE)
            return
        timeout_s = self._server.answer_timeout_s
        self._timers.append(self._loop.call_later(timeout_s, self._be_late))
        self._server.begin(self._prove_and_run(script, request)).add_done_callback(self._decided)

    async def _prove_and_run(self, script: Script, request: Request) -> Answer:
        channel = Channel(self)
        if (unproven := await self._server.proof(request, channel)) is not None:
            return unproven
        if self._is_over or self._outbox is not None:
            raise _over()  # it was told `unavailable`: nothing may be done any more
        self._has_begun = True
        return await script(request, channel)

    def _decided(self, task: asyncio.Task[Answer]) -> None:
        self._server.finished(task)
        outcome, answer = self._judge(task)
        if self._outbox is not None or self._is_over:
            self._server.log.info("agi-late", script=self._script, outcome=outcome.value)
        else:
            self._answer(outcome, answer)

    def _be_late(self) -> None:
        if self._outbox is not None:
            return
        if self._has_begun:
            self._answer(Outcome.PENDING, _PENDING)
        else:
            self._answer(Outcome.UNAVAILABLE, _UNAVAILABLE)

    def _judge(self, task: asyncio.Task[Answer]) -> tuple[Outcome, Answer]:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Refused):
            return Outcome.REFUSED, Answer("refused", (("CALLREC_REASON", error.code),))
        if isinstance(error, Unavailable):
            self._server.log.warning("agi-unavailable", script=self._script, code=error.code)
        elif error is not None:
            self._server.log.error("agi-script-failed", script=self._script, exc_info=error)
        elif not task.cancelled():
            return Outcome.ANSWERED, task.result()
        return Outcome.UNAVAILABLE, _UNAVAILABLE

    def _answer(self, outcome: Outcome, answer: Answer) -> None:
        try:
            commands = answer.commands()
        except Exception:  # A task boundary: a script's answer is as foreign as its errors, and the leg waits
            self._server.log.exception("agi-unsayable", script=self._script)
            outcome, commands = Outcome.UNAVAILABLE, _UNAVAILABLE.commands()
        self._outcome = outcome
        self._outbox = list(reversed(commands))
        self._stop_question()
        self._say_next()

    def _say_next(self) -> None:
        """Send the answer's next command; while a script's question waits for its reply, that reply comes first."""
        if self._outbox is None or self._dialogue.state is State.WAITING:
            return
        if self._outbox:
            self._transport.write(self._dialogue.send(self._outbox.pop()))
        else:
            self._end(self._outcome)

    def _replied(self, reply: Reply) -> None:
        if reply.is_provisional:
            return
        question, self._question = self._question, None
        if question is not None:
            if not question.done():
                question.set_result(reply)
            self._say_next()
        elif reply.code == 200:  # noqa: PLR2004 - AGI's "done"
            self._say_next()
        else:
            self._end(Outcome.UNHEARD)

    def _stop_question(self) -> None:
        """Release a script that still waits for a reply; the reply itself may yet come, see _replied."""
        if self._question is not None and not self._question.done():
            self._question.set_exception(_over())

    def _end_early(self) -> None:
        self._end(Outcome.SILENT if self._dialogue.state is State.REQUEST else Outcome.UNHEARD)

    def _end(self, outcome: Outcome) -> None:
        if self._is_over:
            return
        self._is_over = True
        for timer in self._timers:
            timer.cancel()
        self._stop_question()
        self._transport.close()
        self._server.on_outcome(self._script, outcome, self._loop.time() - self._since_s)
