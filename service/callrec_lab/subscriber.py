"""The lamp of a phone's key: a SIP subscription to an extension's state at the PBX, as real phones have it.

RFC 6665 with the event package `dialog` (RFC 4235), over UDP on 127.0.0.1. It does not register and takes no calls. The phones of
the bank cannot do it: Asterisk accepts subscriptions and makes none.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import quote

from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec_lab.dialog_info import device_state, read
from callrec_lab.sip import SipMessage, challenge_of, parse, proof, written

EXPIRES_S = 3600
REPEAT_S, REPEAT_MOST_S = 0.5, 4.0
"""T1 and T2 of RFC 3261: an unanswered request is sent again after T1, and then after twice as long each time, up to T2."""
ANSWER_S = 10.0
NOTIFY_S = 5.0
MOST_CHANGES = 1000
_OK, _AMBIGUOUS = 200, 300
_CHALLENGES = {401, 407}


class _Wire(asyncio.DatagramProtocol):
    """A UDP port of the loopback address. Without a peer there is simply no answer."""

    def __init__(self, subscriber: "Subscriber") -> None:
        self._subscriber = subscriber

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self._subscriber.received(data)


class Subscriber:
    """`async with Subscriber(line.name, line.secret, pbx=port, watched="1000") as lamp:` subscribed within the block, with a
    first state. `watched`: any extension with a hint in the line's context.

    Entering raises Refused when the PBX refuses the subscription, Unavailable when it does not answer.
    """

    def __init__(self, name: str, secret: str, *, pbx: int, watched: str) -> None:
        self._name, self._secret = name, secret
        self.watched = watched
        self.states: list[str] = []
        """The lamp's states so far, one for each change, as in RFC 4235: `terminated`, `early`, `confirmed`, ..."""
        self._pbx = ("127.0.0.1", pbx)
        self._id = secrets.token_hex(8)
        self._target = self._address = f"sip:{quote(watched, safe='*+')}@127.0.0.1:{pbx}"
        self._remote_tag = ""
        self._number, self._notified = 0, -1
        self._dialogs: dict[str, str] = {}
        self._seen = 0
        self._over: str | None = None
        self._fault: CallrecError | None = None
        self._news = asyncio.Event()
        self._asking = asyncio.Lock()
        self._waiting: asyncio.Future[SipMessage] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Wire(self), remote_addr=self._pbx)
        try:
            await self._subscribe(EXPIRES_S)
            await self._wait(lambda: bool(self.states), NOTIFY_S, "was not told")
        except BaseException:
            self._transport.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._over is None:
                await self._subscribe(0)
                await self._wait(lambda: self._over is not None, NOTIFY_S, "has no last NOTIFY")
        except CallrecError:
            if error is None:  # the first error counts
                raise
        finally:
            if self._transport is not None:
                self._transport.close()

    async def until(self, state: str, timeout_s: float = NOTIFY_S) -> None:
        """Wait until the lamp has this state, and skip the states before it, so that several `until` in a row check a sequence.
        Raises Unavailable when the state does not come in time or the PBX ended the subscription, Corrupt for a NOTIFY without a
        valid state."""

        def shown() -> bool:
            while self._seen < len(self.states):
                self._seen += 1
                if self.states[self._seen - 1] == state:
                    return True
            return False

        await self._wait(shown, timeout_s, f"did not become {state}")

    async def ended(self, timeout_s: float = NOTIFY_S) -> str:
        """Wait until the PBX ends the subscription; returns the PBX's reason, empty when it gives none, as Asterisk does. Raises
        Unavailable when it does not end in time."""
        await self._wait(lambda: self._over is not None, timeout_s, "is still told")
        return self._over or ""

    async def refresh(self) -> None:
        """Renew the subscription, as a phone does before it expires. Raises Refused, Unavailable."""
        await self._subscribe(EXPIRES_S)

    def received(self, datagram: bytes) -> None:
        """Process a datagram from the PBX. For an invalid one the current or next wait raises the error."""
        try:
            message = parse(datagram)
            if message.status:
                self._answered(message)
            elif message.method != "ACK":
                self._send(self._answer(message))
        except CallrecError as error:
            self._fault = error
            self._news.set()

    def _answered(self, message: SipMessage) -> None:
        final = message.status >= _OK and message.sequence == (self._number, "SUBSCRIBE")
        if final and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(message)

    def _answer(self, request: SipMessage) -> bytes:
        """The answer to a NOTIFY, whose state was stored before; any other request is refused."""
        start, number = "SIP/2.0 200 OK", request.sequence[0]
        if request.method != "NOTIFY":
            start = "SIP/2.0 405 Method Not Allowed"
        elif (request.get("call-id"), request.tag("to")) != (self._id, self._id):
            start = "SIP/2.0 481 Subscription Does Not Exist"
        elif number < self._notified:
            start = "SIP/2.0 500 Out Of Order"
        elif number > self._notified:  # otherwise it was sent again, because the answer was lost
            self._note(request)
            self._notified = number
        copied = [(name.title(), value) for name, value in request.headers if name in {"via", "from", "to", "call-id"}]
        return written(start, (*copied, ("CSeq", request.get("cseq")), ("Allow", "NOTIFY")))

    def _note(self, notify: SipMessage) -> None:
        if notify.body:
            told = read(notify.body)
            self._dialogs = told.dialogs if told.full else self._dialogs | told.dialogs
            now = device_state(self._dialogs.values())
            if self.states[-1:] != [now]:
                self.states.append(now)
        state, *parameters = (part.strip() for part in notify.get("subscription-state").split(";"))
        if state == "terminated":
            self._over = next((part[7:] for part in parameters if part.startswith("reason=")), "")
        if len(self.states) > MOST_CHANGES:
            raise Corrupt("test-pbx", f"The lamp of {self.watched} changed more than {MOST_CHANGES} times")
        self._news.set()

    async def _subscribe(self, expires_s: int) -> None:
        async with self._asking:
            answer = await self._ask(expires_s)
            if answer.status in _CHALLENGES:
                request = ("SUBSCRIBE", self._target)
                answer = await self._ask(
                    expires_s, proof(challenge_of(answer), self._name, self._secret, request, secrets.token_hex(8))
                )
            if not _OK <= answer.status < _AMBIGUOUS:
                raise Refused(
                    "test-pbx", f"The PBX refuses {self._name} a subscription to {self.watched}: {answer.start}"
                )
            self._remote_tag = answer.tag("to")
            self._target = answer.uri("contact") or self._target

    async def _ask(self, expires_s: int, *more: tuple[str, str]) -> SipMessage:
        """Send until an answer comes."""
        self._number += 1
        request = self._request(expires_s, more)
        self._waiting = asyncio.get_running_loop().create_future()
        repeat_s = REPEAT_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                while True:
                    self._send(request)
                    done, _ = await asyncio.wait({self._waiting}, timeout=repeat_s)
                    if done:
                        return self._waiting.result()
                    repeat_s = min(2 * repeat_s, REPEAT_MOST_S)
        raise Unavailable("test-pbx", f"The PBX does not answer SIP within {ANSWER_S:g} s", hint="is it running?")

    def _request(self, expires_s: int, more: tuple[tuple[str, str], ...]) -> bytes:
        port = self._transport.get_extra_info("sockname")[1] if self._transport else 0
        tag = f";tag={self._remote_tag}" if self._remote_tag else ""
        headers = (
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{self._id}{self._number}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self._name}@127.0.0.1>;tag={self._id}"),
            ("To", f"<{self._address}>{tag}"),
            ("Call-ID", self._id),
            ("CSeq", f"{self._number} SUBSCRIBE"),
            ("Contact", f"<sip:{self._name}@127.0.0.1:{port}>"),
            ("Event", "dialog"),
            ("Accept", "application/dialog-info+xml"),
            ("Expires", f"{expires_s:d}"),
            *more,
        )
        return written(f"SUBSCRIBE {self._target} SIP/2.0", headers)

    def _send(self, datagram: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram)

    async def _wait(self, is_so: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait until `is_so`, which each NOTIFY may change. Raises Unavailable, Corrupt."""
        try:
            async with asyncio.timeout(timeout_s):
                while not is_so():
                    if self._fault is not None:
                        fault, self._fault = self._fault, None
                        raise fault
                    if self._over is not None:
                        raise Unavailable(
                            "test-pbx", f"The PBX ended the subscription to {self.watched}", hint=self._over
                        )
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            message = f"The lamp of {self.watched} {what} within {timeout_s:g} s; it showed {self.states}"
            raise Unavailable("test-pbx", message) from None
