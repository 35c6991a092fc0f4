"""A lamp's subscription against a scripted PBX, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec_lab import subscriber as module
from callrec_lab.sip import SipMessage, parse, written
from callrec_lab.subscriber import Subscriber

BRIEF_S = 0.3
OK, UNAUTHORIZED = "200 OK", "401 Unauthorized"
CHALLENGE = ("WWW-Authenticate", 'Digest realm="asterisk",nonce="n",algorithm=MD5,qop="auth"')


class ScriptedPbx(asyncio.DatagramProtocol):
    """Challenges a SUBSCRIBE without a proof, grants one with, and notifies when it is told to."""

    def __init__(self) -> None:
        self.asked: list[SipMessage] = []
        self.answers: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.status = OK
        self.deaf = 0
        self.first: str | None = "terminated"
        self.says_goodbye = True
        self.number = 10
        self.port = 0
        self.wire: asyncio.DatagramTransport | None = None
        self._where: tuple[str, int] = ("", 0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A request of the subscriber's, or its answer to a NOTIFY."""
        message, self._where = parse(data), addr
        if message.status:
            self.answers.put_nowait(message)
            return
        self.asked.append(message)
        if self.deaf:
            self.deaf -= 1
            return
        if not message.get("authorization"):
            self._reply(message, UNAUTHORIZED, CHALLENGE)
            return
        self._reply(message, "100 Trying")
        self._reply(message, self.status, ("Contact", f"<sip:127.0.0.1:{self.port}>"))
        if self.status == OK and message.get("expires") != "0" and self.first:
            self.notify(self.first)
        elif message.get("expires") == "0" and self.says_goodbye:
            self.notify("terminated", subscription="terminated;reason=timeout")

    def notify(
        self,
        *states: str,
        subscription: str = "active;expires=3600",
        number: int = 0,
        full: bool = True,
        call: str = "",
        tag: str = "",
    ) -> None:
        """The states of dialogs 0, 1, ...; none for those with an empty one."""
        dialogs = "".join(
            f'<dialog id="{nth}"><state>{state}</state></dialog>' for nth, state in enumerate(states) if state
        )
        kind = "full" if full else "partial"
        self.request("NOTIFY", f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" state="{kind}">{dialogs}</dialog-info>',
                     subscription=subscription, number=number, call=call, tag=tag)  # fmt: skip

    def request(
        self, method: str, body: str, *, subscription: str = "active", number: int = 0, call: str = "", tag: str = ""
    ) -> None:
        """Any request in this subscription's dialog."""
        self.number += not number
        subscribe = self.asked[0]
        head = (
            f"{method} sip:george@127.0.0.1 SIP/2.0",
            "Via: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bK2",
            "From: <sip:1000@pbx>;tag=far",
            f"To: <sip:george@pbx>;tag={tag or subscribe.tag('from')}",
            f"Call-ID: {call or subscribe.get('call-id')}",
            f"CSeq: {number or self.number} {method}",
            f"Subscription-State: {subscription}",
            f"Content-Length: {len(body)}",
        )
        self.send("\r\n".join((*head, "", body)).encode())

    def send(self, datagram: bytes) -> None:
        """To where the subscriber is."""
        assert self.wire is not None
        self.wire.sendto(datagram, self._where)

    async def answered(self) -> SipMessage:
        """The subscriber's next answer."""
        async with asyncio.timeout(BRIEF_S):
            return await self.answers.get()

    def _reply(self, request: SipMessage, status: str, *more: tuple[str, str]) -> None:
        tag = "" if status[0] == "1" else ";tag=far"
        kept = [(name, value) for name, value in request.headers if name in {"via", "from", "call-id", "cseq"}]
        self.send(written(f"SIP/2.0 {status}", [*kept, ("To", request.get("to") + tag), *more]))


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[ScriptedPbx, Subscriber]]:
    """A PBX, and a lamp that has not asked yet."""
    loop = asyncio.get_running_loop()
    transport, pbx = await loop.create_datagram_endpoint(ScriptedPbx, local_addr=("127.0.0.1", 0))
    pbx.wire, pbx.port = transport, transport.get_extra_info("sockname")[1]
    try:
        yield pbx, Subscriber("george", 'with"quotes;\\', pbx=pbx.port, watched="*7351***226")
    finally:
        transport.close()


async def test_it_proves_who_it_is_asks_for_dialogs_and_takes_leave() -> None:
    async with scripted() as (pbx, subscriber):
        async with subscriber as device_state:
            assert device_state.states == ["terminated"]
        first, proven, _, last = pbx.asked
        assert first.start == f"SUBSCRIBE sip:*7351***226@127.0.0.1:{pbx.port} SIP/2.0"
        assert (first.get("event"), first.get("accept")) == ("dialog", "application/dialog-info+xml")
        assert [one.sequence[0] for one in pbx.asked] == [1, 2, 3, 4]
        assert len({one.get("via") for one in pbx.asked}) == 4
        assert (proven.get("expires"), last.get("expires")) == ("3600", "0")
        assert last.start == f"SUBSCRIBE sip:127.0.0.1:{pbx.port} SIP/2.0"
        assert (first.tag("to"), last.tag("to")) == ("", "far")


async def test_each_change_is_answered_and_shown_once() -> None:
    async with scripted() as (pbx, subscriber), subscriber as device_state:
        for state in ("early", "confirmed", "confirmed", "terminated"):
            pbx.notify(state)
        await device_state.until("early")
        await device_state.until("terminated")
        assert device_state.states == ["terminated", "early", "confirmed", "terminated"]
        answers = [await pbx.answered() for _ in range(5)]
        assert {answer.start for answer in answers} == {"SIP/2.0 200 OK"}
        assert (answers[0].get("via"), answers[0].get("call-id")) == (
            "SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bK2",
            pbx.asked[0].get("call-id"),
        )
        with pytest.raises(Unavailable, match=r"did not become early within 0.3 s; it showed \['terminated', 'early'"):
            await device_state.until("early", BRIEF_S)


async def test_dialogs_that_are_not_named_are_as_they_were_unless_all_are_named() -> None:
    async with scripted() as (pbx, subscriber), subscriber as device_state:
        pbx.notify("early", "confirmed")
        pbx.notify("", "terminated", full=False)
        await device_state.until("early")
        pbx.notify()
        await device_state.until("terminated")
        assert device_state.states == ["terminated", "confirmed", "early", "terminated"]


async def test_what_comes_again_is_answered_again_and_what_comes_late_is_refused() -> None:
    async with scripted() as (pbx, subscriber), subscriber as device_state:
        pbx.notify("early")
        pbx.notify("confirmed", number=pbx.number)
        pbx.notify("confirmed", number=pbx.number - 1)
        starts = [(await pbx.answered()).start for _ in range(4)]
        assert starts == ["SIP/2.0 200 OK"] * 3 + ["SIP/2.0 500 Out Of Order"]
        assert device_state.states == ["terminated", "early"]


@pytest.mark.parametrize(
    ("sends", "start"),
    [
        (lambda pbx: pbx.notify("early", call="other"), "SIP/2.0 481 Subscription Does Not Exist"),
        (lambda pbx: pbx.notify("early", tag="other"), "SIP/2.0 481 Subscription Does Not Exist"),
        (lambda pbx: pbx.request("OPTIONS", ""), "SIP/2.0 405 Method Not Allowed"),
    ],
    ids=["another call", "another tag", "another method"],
)
async def test_what_is_not_of_this_subscription_changes_nothing(
    sends: Callable[[ScriptedPbx], None], start: str
) -> None:
    async with scripted() as (pbx, subscriber), subscriber as device_state:
        await pbx.answered()
        pbx.request("ACK", "")  # which nobody answers
        sends(pbx)
        assert (await pbx.answered()).start == start
        assert device_state.states == ["terminated"]


async def test_it_asks_again_for_what_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEAT_S", 0.01)
    async with scripted() as (pbx, subscriber):
        pbx.deaf = 3
        async with subscriber as device_state:
            assert [one.sequence[0] for one in pbx.asked] == [1, 1, 1, 1, 2]
            await device_state.refresh()
            assert pbx.asked[-1].get("expires") == "3600"


@pytest.mark.parametrize("status", ["404 Not Found", "489 Bad Event", UNAUTHORIZED])
async def test_who_may_not_watch_hears_why(status: str) -> None:
    async with scripted() as (pbx, subscriber):
        pbx.status = status
        with pytest.raises(Refused, match=f"refuses george a subscription to .*{status}"):
            await subscriber.__aenter__()


async def test_a_pbx_that_is_silent_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    async with scripted() as (pbx, subscriber):
        pbx.deaf = 1000
        with pytest.raises(Unavailable, match="does not answer SIP"):
            await subscriber.__aenter__()


async def test_a_pbx_that_grants_and_does_not_tell_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTIFY_S", 0.05)
    async with scripted() as (pbx, subscriber):
        pbx.first = None
        with pytest.raises(Unavailable, match="was not told"):
            await subscriber.__aenter__()


async def test_a_pbx_that_ends_it_is_not_asked_to_and_tells_why() -> None:
    async with scripted() as (pbx, subscriber):
        async with subscriber as device_state:
            pbx.notify("terminated", subscription="terminated;reason=noresource;retry-after=1")
            assert await device_state.ended() == "noresource"
            with pytest.raises(Unavailable, match="ended the subscription"):
                await device_state.until("early")
        assert {one.get("expires") for one in pbx.asked} == {"3600"}


async def test_what_it_cannot_read_ends_the_wait() -> None:
    async with scripted() as (pbx, subscriber), subscriber as device_state:
        pbx.request("NOTIFY", "no document")
        with pytest.raises(Corrupt):
            await device_state.until("early")


async def test_a_lamp_that_flickers_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHANGES", 2)
    async with scripted() as (pbx, subscriber), subscriber as device_state:
        pbx.notify("early")
        pbx.notify("confirmed")
        with pytest.raises(Corrupt, match="more than 2 times"):
            await device_state.until("trying")


async def test_a_pbx_without_a_last_word_is_told_of_and_never_hides_what_went_wrong_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "NOTIFY_S", 0.05)
    async with scripted() as (pbx, subscriber):
        pbx.says_goodbye = False
        with pytest.raises(Unavailable, match="has no last NOTIFY"):
            async with subscriber:
                pass
    async with scripted() as (pbx, subscriber):
        pbx.says_goodbye = False
        with pytest.raises(ZeroDivisionError):
            async with subscriber:
                raise ZeroDivisionError
