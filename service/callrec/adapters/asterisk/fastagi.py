"""The FastAGI server: Asterisk sends a request, a script decides, the leg gets its variables and continues in the dialplan.

Asterisk has no read timeout for FastAGI: until the answer the leg is silent (res_agi.c: launch_netscript). So this server answers
within `answer_timeout_s` in any case. The answer is one word in the leg's variable CALLREC_RESULT, which is set last:

    the script returned an Answer         its result
    the script raised Refused             `refused`; the error's code is in CALLREC_REASON
    the script raised another error       `unavailable`: the daemon did nothing, the dialplan may act itself
    the script has not returned in time   `pending`: it may still succeed, so the dialplan must not act
    the leg is not proven in time         `unavailable`: the script has not begun, and will not begin
    no script has the requested name      `unknown-script`
    the connection broke                  not set: the dialplan treats it as `unavailable`

A late script, or one whose leg has hung up, is not cancelled, since it may be changing a call. It stays one of the server's
tasks, of which at most `max_connections` exist; beyond that a request is `unavailable` at once. close() waits for them, and
cancels them after its grace time. (A set and not a TaskGroup: a failing script must not cancel the others.)

One connection is one asyncio.Protocol. Four things move it on: bytes, the script's end, a time limit, the connection's end.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from typing import Final, cast

import structlog

from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.protocols.agi import Answer, Dialogue, DialogueState, Reply, Request
from callrec.protocols.agi_commands import Command, get_full_variable, get_variable

Script = Callable[[Request, "Channel"], Coroutine[object, object, Answer]]
"""A coroutine function that decides on one request. Its errors become answers, see above."""

Proof = Callable[[Request, "Channel"], Coroutine[object, object, Answer | None]]
"""None when the request comes from the leg that it names; else the answer, without the script. May raise Unavailable."""


class DialogueEnd(StrEnum):
    """How a dialogue ended: the values of the metric's label. The label `script` is a registered name or empty."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    PENDING = "pending"
    UNKNOWN_SCRIPT = "unknown-script"
    UNHEARD = "unheard"  # the leg hung up, or refused a variable, before it had the whole answer
    CORRUPT = "corrupt"  # the bytes were not FastAGI
    SILENT = "silent"  # no complete request before the connection closed or the time limit
    FULL = "full"  # refused: max_connections were open already


ANOTHER_PORT: Final = (
    "FreePBX, for example, has its own FastAGI server on 4573: set CALLREC_AGI_BIND to a free port, and the global CALLREC_AGI in"
    " extensions.conf to the same address"
)
OnDialogueEnd = Callable[[str, DialogueEnd, float], None]
"""Called once for each connection: script, outcome, seconds from the request (or the connection) to the end."""

_UNAVAILABLE: Final = Answer("unavailable")
_PENDING: Final = Answer("pending")
_UNKNOWN_SCRIPT: Final = Answer("unknown-script")


class Channel:
    """The leg, for a script that needs a value of it before it can decide. One command at a time.

    Every method raises Unavailable once the leg has hung up or the answer is being sent.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection

    @property
    def has_hung_up(self) -> bool:
        """Whether the leg has hung up: it accepts variables, but neither sounds nor most applications."""
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
    """A proof that accepts every request as that of the leg that it names (for tests and trusted networks)."""


def _over() -> Unavailable:
    return Unavailable("agi-over", "the FastAGI dialogue is over")


def _value(reply: Reply) -> str | None:
    return reply.text if reply.result == "1" else None


class AgiServer:
    """Serves `scripts` by the path of `AGI(agi://host/path)`. A script begins only after `proof` has accepted its request.

    A script has `answer_timeout_s` from its request. A connection is closed after `dialogue_timeout_s`, also when its request is
    not complete, or the leg does not accept the answer. A connection beyond `max_connections` is closed at once.
    """

    def __init__(
        self,
        scripts: Mapping[str, Script],
        *,
        proof: Proof = believed,
        answer_timeout_s: float = 0.45,
        dialogue_timeout_s: float = 5.0,
        max_connections: int = 256,
        on_outcome: OnDialogueEnd = lambda _script, _outcome, _seconds: None,
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
        """Listen, and return host and port; port 0 chooses a free one. Raises Unavailable when the port is in use."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self, loop), host, port)
        except OSError as error:
            message = f"cannot listen for FastAGI on {host}:{port}: {error.strerror}"
            raise Unavailable("agi-bind", message, hint=ANOTHER_PORT) from error
        address = self._server.sockets[0].getsockname()
        return str(address[0]), int(address[1])

    async def close(self, grace_s: float = 2.0) -> None:
        """Stop listening, let open dialogues and late scripts finish for `grace_s`, then end the rest."""
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
        """Add a connection; False when `max_connections` are open already."""
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
        self._outcome = DialogueEnd.SILENT

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._since_s = self._loop.time()
        self._timers = [self._loop.call_later(self._server.dialogue_timeout_s, self._end_early)]
        if not self._server.opened(self):
            self._end(DialogueEnd.FULL)

    def data_received(self, data: bytes) -> None:
        try:
            events = self._dialogue.receive_data(data)
        except CallrecError as error:
            self._server.log.warning("agi-corrupt", code=error.code, script=self._script)
            self._end(DialogueEnd.CORRUPT)
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
        if self._dialogue.state is DialogueState.WAITING:
            raise Unavailable("agi-busy", "the leg has not yet replied to the script's last question")
        self._transport.write(self._dialogue.send(command))
        self._question = self._loop.create_future()
        return await self._question

    def end_if_no_request(self) -> None:
        if self._dialogue.state is DialogueState.REQUEST:
            self._end_early()

    def abort(self) -> None:
        self._end_early()
        self._transport.abort()

    def _requested(self, request: Request) -> None:
        self._since_s = self._loop.time()
        script = self._server.scripts.get(request.script)
        if script is None:
            self._answer(DialogueEnd.UNKNOWN_SCRIPT, _UNKNOWN_SCRIPT)
            return
        self._script = request.script
        if len(self._server.working) >= self._server.max_connections:
            self._answer(DialogueEnd.UNAVAILABLE, _UNAVAILABLE)
            return
        timeout_s = self._server.answer_timeout_s
        self._timers.append(self._loop.call_later(timeout_s, self._be_late))
        self._server.begin(self._prove_and_run(script, request)).add_done_callback(self._decided)

    async def _prove_and_run(self, script: Script, request: Request) -> Answer:
        channel = Channel(self)
        if (unproven := await self._server.proof(request, channel)) is not None:
            return unproven
        if self._is_over or self._outbox is not None:
            raise _over()  # the answer `unavailable` was sent already: the script must not begin
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
            self._answer(DialogueEnd.PENDING, _PENDING)
        else:
            self._answer(DialogueEnd.UNAVAILABLE, _UNAVAILABLE)

    def _judge(self, task: asyncio.Task[Answer]) -> tuple[DialogueEnd, Answer]:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Refused):
            return DialogueEnd.REFUSED, Answer("refused", (("CALLREC_REASON", error.code),))
        if isinstance(error, Unavailable):
            self._server.log.warning("agi-unavailable", script=self._script, code=error.code)
        elif error is not None:
            self._server.log.error("agi-script-failed", script=self._script, exc_info=error)
        elif not task.cancelled():
            return DialogueEnd.ANSWERED, task.result()
        return DialogueEnd.UNAVAILABLE, _UNAVAILABLE

    def _answer(self, outcome: DialogueEnd, answer: Answer) -> None:
        try:
            commands = answer.commands()
        except Exception:  # a task boundary: a script may return an answer that cannot be sent, and the leg waits
            self._server.log.exception("agi-unsayable", script=self._script)
            outcome, commands = DialogueEnd.UNAVAILABLE, _UNAVAILABLE.commands()
        self._outcome = outcome
        self._outbox = list(reversed(commands))
        self._stop_question()
        self._say_next()

    def _say_next(self) -> None:
        """Send the answer's next command, unless the reply to a script's own command is still outstanding."""
        if self._outbox is None or self._dialogue.state is DialogueState.WAITING:
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
            self._end(DialogueEnd.UNHEARD)

    def _stop_question(self) -> None:
        """Release a script that waits for a reply; the reply itself may still arrive, see _replied."""
        if self._question is not None and not self._question.done():
            self._question.set_exception(_over())

    def _end_early(self) -> None:
        self._end(DialogueEnd.SILENT if self._dialogue.state is DialogueState.REQUEST else DialogueEnd.UNHEARD)

    def _end(self, outcome: DialogueEnd) -> None:
        if self._is_over:
            return
        self._is_over = True
        for timer in self._timers:
            timer.cancel()
        self._stop_question()
        self._transport.close()
        self._server.on_outcome(self._script, outcome, self._loop.time() - self._since_s)
