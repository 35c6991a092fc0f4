"""One AMI connection: panoramisk's Manager and AMIProtocol, without their parts that could send an action twice.

panoramisk provides the connecting (`Manager.connect`, `protocol_factory`), the `Action` with its future, and the table of open
actions. Reading, encoding, matching and closing are callrec's own: docs/decisions/0002-panoramisk-hardened.md has the reasons.

A wire is one connection. It is lost exactly once, with a reason; the next connection is a new wire.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from callrec.domain.errors import Corrupt, Unavailable
from callrec.protocols.ami import Decoder, Message, encode_action

MAX_OPEN_ACTIONS: Final = 1000
MAX_UNSENT_BYTES: Final = 256 * 1024
SLICE_BYTES: Final = 8 * 1024
"""So much is read at once, some fifty events. In between everything else has its turn (FastAGI, the heartbeat). With asyncio's
own 256 KiB a storm of events kept the loop of a busy machine for more than a second, and the daemon took itself for stopped."""
MAX_LISTING: Final = 20_000
"""Lines of one listing; 500 calls make about 1,500 channels."""
MAX_LISTING_BYTES: Final = 64 << 20
"""Memory of one listing: the event of one channel takes some 5 KB, so this is more than 10,000 channels."""


class Question(Action):
    """panoramisk's Action for one request: a future, and the messages of the answer so far."""

    future: asyncio.Future[list[Message] | None]
    """Resolves to the whole answer; None when the connection was lost with the answer outstanding."""
    responses: list[Message]

    def __init__(self, name: str, headers: Sequence[tuple[str, str]], action_id: str, *, listing: bool) -> None:
        super().__init__({"Action": name, "ActionID": action_id}, as_list=listing)  # type: ignore[no-untyped-call] # panoramisk's own
        self.name = name
        self.headers = tuple(headers)
        self.listing = listing
        self.is_too_long = False
        self._taken_bytes = 0

    def take(self, message: Message) -> bool:
        """Add one message of the answer; True when the answer is complete.

        A listing is complete at `EventList: Complete` (or Cancelled), or when its response starts no list. (panoramisk
        decides by the response's text, and waits without end when a listing is answered by an error.)
        """
        self.responses.append(message)
        if not self.listing:
            return True
        self._taken_bytes += message.memory_bytes
        if len(self.responses) > MAX_LISTING or self._taken_bytes > MAX_LISTING_BYTES:
            self.is_too_long = True
            del self.responses[1:]
            return True
        started = message.get("EventList").lower() == "start"
        ended = message.event != "" and message.get("EventList").lower() in {"complete", "cancelled"}
        return ended or (message.response != "" and not started)


class Wire(AMIProtocol, asyncio.BufferedProtocol):
    """The protocol of one connection. `deliver` gets each wanted event, in order, as it is read; it must not raise."""

    responses: dict[str, Question]
    transport: asyncio.Transport

    def __init__(
        self,
        *,
        wanted_events: Iterable[str],
        id_prefix: str,
        deliver: Callable[[Message], None],
        clock: Callable[[], float],
        stood_still: Callable[[], bool] = lambda: False,
    ) -> None:
        self._wanted = frozenset(wanted_events)
        self._decoder = Decoder(self._wanted | {"FullyBooted"}, id_prefix=id_prefix)
        self._deliver = deliver
        self._clock = clock
        self._stood_still = stood_still
        self.greeted = asyncio.Event()
        self.booted = asyncio.Event()
        """Both are also set when the wire is lost: look at `lost` first."""
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.last_heard_s = clock()
        self._slice = bytearray(SLICE_BYTES)

    def send(self, data: Question, as_list: object = False) -> asyncio.Future[list[Message] | None]:  # noqa: ARG002 - panoramisk's signature
        """Write one action, once. Raises, without writing, Refused for wrong headers, Unavailable for a lost or congested wire.

        All actions pass here, those of `Manager.send_action` too.
        """
        encoded = encode_action(data.name, data.headers, data["ActionID"])
        if self.lost.done():
            raise Unavailable("ami-down", f"AMI is down: {self.lost.result()}", hint="nothing was sent")
        if len(self.responses) >= MAX_OPEN_ACTIONS or self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise Unavailable(
                "ami-congested", "Asterisk reads actions too slowly: too many wait already", hint="nothing was sent"
            )
        self.responses[data["ActionID"]] = data
        self.transport.write(encoded)
        return data.future

    def forget(self, question: Question) -> None:
        """Drop a question without a waiter; a late answer to it is then ignored."""
        self.responses.pop(question["ActionID"], None)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """Where the event loop puts what it reads next (`asyncio.BufferedProtocol`)."""
        return self._slice

    def buffer_updated(self, nbytes: int) -> None:
        """The event loop has read so much."""
        self.data_received(bytes(self._slice[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Decode bytes from the socket, and handle their messages."""
        if self.lost.done():
            return
        if self._stood_still():
            self.lose("this process was stopped for a while: the events that wait are too old")
            return
        self.last_heard_s = self._clock()
        try:
            messages = self._decoder.feed(data)
        except Corrupt as error:
            self.lose(str(error))
            return
        if self._decoder.greeting is not None:
            self.greeted.set()
        for message in messages:
            self.handle_message(message)

    def handle_message(self, message: Message) -> None:
        """Pass a message to the question that it answers, or an event to `deliver`; drop a late answer."""
        question = self.responses.get(message.action_id)
        if question is not None and (question.listing or not message.event):
            if question.take(message):
                self.forget(question)
                if not question.future.done():
                    question.future.set_result(question.responses)
            return
        if message.event == "FullyBooted":
            self.booted.set()
        if message.event in self._wanted:
            self._deliver(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The event loop reports the end of the socket."""
        self.lose(f"connection lost: {exc}" if exc else "Asterisk closed the connection")

    def lose(self, reason: str) -> None:
        """End this connection: nothing more is read or sent, and the outcome of each open question is unknown."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self.closed = True
        self.greeted.set()  # release the tasks that wait for a stage
        self.booted.set()
        for question in self.responses.values():
            if not question.future.done():
                question.future.set_result(None)
        self.responses.clear()
        # Not close(): that would wait for a peer that may never read again.
        self.transport.abort()

    def close(self) -> None:
        """Replaces panoramisk's close, which would keep unanswered actions to send them again."""
        self.lose("closed")


class Dialler(Manager):
    """panoramisk's Manager for one connection: it only connects.

    Its timers for login, ping and reconnect are switched off (AmiLink has its own, with limits and jitter), and so is the
    repetition of unanswered actions.
    """

    protocol: Wire | None

    def connection_made(self, f: asyncio.Task[tuple[asyncio.Transport, Wire]]) -> None:
        """Keep the wire of a successful connection; a failed one raises in `connect()`."""
        if not f.cancelled() and f.exception() is None:
            _, self.protocol = f.result()

    async def send_awaiting_actions(self, *_: object) -> None:
        """Send nothing: an action whose answer was lost may have been executed."""

    def close(self) -> None:
        """Close the wire, if there is one."""
        if self.protocol is not None:
            self.protocol.close()


def dialler(host: str, port: int, make_wire: Callable[[], Wire]) -> Dialler:
    """Return a Dialler; its `connect()` must be called with a running loop."""
    return Dialler(host=host, port=port, protocol_factory=make_wire, loop=asyncio.get_running_loop())  # type: ignore[no-untyped-call] # panoramisk's own
