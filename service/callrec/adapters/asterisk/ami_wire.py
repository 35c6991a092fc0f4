"""One AMI connection: panoramisk's Manager and AMIProtocol, with everything removed that could send twice or lose track.

panoramisk gives the dialling (`Manager.connect`, `protocol_factory`), the `Action` with its future, and the table of open
actions. Reading, encoding, matching and closing are ours; docs/decisions/0002-panoramisk-hardened.md says why.

A wire lives once. It is lost exactly once, with a reason, and then answers nobody; the next connection is a new wire.
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
MAX_LISTING: Final = 20_000
"""Lines of one listing; 500 calls make about 1,500 channels."""
MAX_LISTING_BYTES: Final = 64 << 20
"""And what they take in memory: a line about one channel takes some 5 KB, so this is more than 10,000 channels."""


class Question(Action):
    """panoramisk's Action for one question of ours: a future, and the messages that answered so far."""

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

        A listing is complete at `EventList: Complete` (or Cancelled), or when its first answer starts no list. (panoramisk
        guesses from the text, and waits for ever when a listing is answered by an error.)
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


class Wire(AMIProtocol):
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

    def send(self, data: Question, as_list: object = False) -> asyncio.Future[list[Message] | None]:  # noqa: ARG002 - panoramisk's signature
        """Write one action, once, or raise and write nothing: Refused for bad headers, Unavailable when it cannot go.

        This is the only way out; `Manager.send_action` ends here as well.
        """
        encoded = encode_action(data.name, data.headers, data["ActionID"])
        if self.lost.done():
            raise Unavailable("ami-down", f"AMI is down: {self.lost.result()}", hint="nothing was sent")
        if len(self.responses) >= MAX_OPEN_ACTIONS or self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise Unavailable("ami-congested", "Asterisk does not keep up with our actions", hint="nothing was sent")
        self.responses[data["ActionID"]] = data
        self.transport.write(encoded)
        return data.future

    def forget(self, question: Question) -> None:
        """Drop a question whose asker has left; a late answer to it is then ignored."""
        self.responses.pop(question["ActionID"], None)

    def data_received(self, data: bytes) -> None:
        """Take what the socket gave."""
        if self.lost.done():
            return
        if self._stood_still():
            self.lose("this process stood still: what Asterisk told meanwhile is old news")
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
        """Give a message to the question that it answers, else to the listener; drop a late answer."""
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
        """Note what the event loop says about the socket."""
        self.lose(f"connection lost: {exc}" if exc else "Asterisk closed the connection")

    def lose(self, reason: str) -> None:
        """Give up this connection: nothing more is read or sent, and every asker learns that its outcome is unknown."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self.closed = True
        self.greeted.set()  # who waits for a stage need not wait for what cannot come
        self.booted.set()
        for question in self.responses.values():
            if not question.future.done():
                question.future.set_result(None)
        self.responses.clear()
        # Not close(): that would wait for a peer that may never read again.
        self.transport.abort()

    def close(self) -> None:
        """Take the place of panoramisk's close, which puts unanswered actions aside to send them again."""
        self.lose("closed")


class Dialler(Manager):
    """panoramisk's Manager for one connection: it dials, and does nothing by itself afterwards.

    Inherited and switched off: the login, ping and reconnect timers (AmiLink has them, bounded and jittered) and the
    re-sending of unanswered actions.
    """

    protocol: Wire | None

    def connection_made(self, f: asyncio.Task[tuple[asyncio.Transport, Wire]]) -> None:
        """Keep the wire of a dial that succeeded; who awaits `connect()` sees the failure of another."""
        if not f.cancelled() and f.exception() is None:
            _, self.protocol = f.result()

    async def send_awaiting_actions(self, *_: object) -> None:
        """Send nothing: an action whose answer was lost may have been done."""

    def close(self) -> None:
        """Drop the wire, if there is one."""
        if self.protocol is not None:
            self.protocol.close()


def dialler(host: str, port: int, make_wire: Callable[[], Wire]) -> Dialler:
    """Return a Dialler; its `connect()` must be called with a running loop."""
    return Dialler(host=host, port=port, protocol_factory=make_wire, loop=asyncio.get_running_loop())  # type: ignore[no-untyped-call] # panoramisk's own
