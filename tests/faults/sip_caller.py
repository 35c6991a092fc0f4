"""Phones of the tests' own: they call or are called, send RTP or none, put on hold as real phones do (RFC 3264, 8.4), go on with
another codec or with a fax, and press keys by SIP INFO.

The phones of the bank are an Asterisk, which does none of these.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from rtp_sender import PACKET_S, RtpSender

from callrec.domain.errors import CallrecError
from callrec_lab.register import register
from callrec_lab.sip import SipMessage, challenge_of, parse, proof

ANSWER_S = 15.0
RINGS_S = 30.0
_OK, _UNAUTHORIZED, _PROXY, _PENDING = 200, 401, 407, 491
_TRIES, AGAIN_S = 20, 0.1
_AGREED = {"INVITE", "UPDATE", "OPTIONS", "BYE", "NOTIFY"}
_FAX = (
    "a=T38FaxVersion:0",
    "a=T38MaxBitRate:14400",
    "a=T38FaxRateManagement:transferredTCF",
    "a=T38FaxMaxDatagram:200",
)
_OFFERED = re.compile(r"^m=(?P<media>audio|image) (?P<port>\d+) ", re.MULTILINE)


class _Wire(asyncio.DatagramProtocol):
    def __init__(self, agree: Callable[[SipMessage], None]) -> None:
        self.came: asyncio.Queue[SipMessage] = asyncio.Queue(100)
        self._agree = agree

    def datagram_received(self, data: bytes, _addr: object) -> None:
        """An answer for who waits for one; a request is agreed to at once."""
        with contextlib.suppress(CallrecError, asyncio.QueueFull):
            came = parse(data)
            if came.status:
                self.came.put_nowait(came)
            elif came.method in _AGREED:
                self._agree(came)


class SipPhone:
    """One dialogue of a phone: what both ways of beginning it have in common."""

    def __init__(self, name: str, secret: str, *, pbx: int, media: RtpSender) -> None:
        self._name, self._secret, self._pbx, self.media = name, secret, pbx, media
        self._call, self._tag, self._sequence = secrets.token_hex(8), secrets.token_hex(4), 0
        self._described = 0
        self._from = f"<sip:{name}@127.0.0.1>;tag={self._tag}"
        self._to = self._target = ""
        self._speaking: asyncio.Task[None] | None = None

    def _close(self) -> None:
        self._sip.close()
        self.media.close()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._sip, self._wire = await loop.create_datagram_endpoint(
            partial(_Wire, self._agree), remote_addr=("127.0.0.1", self._pbx)
        )
        await loop.create_datagram_endpoint(lambda: self.media, local_addr=("127.0.0.1", 0))

    def _speak(self) -> None:
        self._speaking = asyncio.create_task(self.media.speak())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait([self._speaking])
            if not self.is_over:
                await self._ask("BYE")
        self._close()

    is_over = False
    """Whether the other side has hung up."""

    async def hold(self) -> None:
        """Put the other on hold, and send nothing meanwhile."""
        self.media.sends = False
        await self._again("sendonly")

    async def take_back(self) -> None:
        """End the hold."""
        await self._again("sendrecv")
        self.media.sends = True

    async def change_codec(self, name: str) -> None:
        """Go on with this codec, by a re-INVITE."""
        self.media.use(name)
        await self._again("sendrecv")

    async def fax(self) -> None:
        """Go on with a fax in place of the voice (ITU-T T.38), by a re-INVITE."""
        self.media.faxes = True
        await self._again("sendrecv")

    async def end_fax(self) -> None:
        """Go on with the voice."""
        self.media.faxes = False
        await self._again("sendrecv")

    async def press(self, keys: str) -> None:
        """Press these keys by SIP INFO (application/dtmf-relay)."""
        for key in keys:
            await self._info(f"Signal={key}\r\nDuration=160\r\n", ("Content-Type", "application/dtmf-relay"))

    async def press_record_key(self, *, on: bool) -> None:
        """Press the key Record: an INFO with a header, as Snom's phones send it."""
        await self._info("", ("Record", "on" if on else "off"))

    async def _info(self, body: str, header: tuple[str, str]) -> None:
        answer = await self._ask("INFO", body, header)
        assert answer.status == _OK, answer.start

    async def _again(self, direction: str) -> None:
        """Both sides may ask at the same time (RFC 3261, 14.1)."""
        for _ in range(_TRIES):
            answer = await self._ask("INVITE", self._sdp(direction))
            self._ack(answer)
            if answer.status != _PENDING:
                break
            await asyncio.sleep(AGAIN_S)
        assert answer.status == _OK, answer.start
        self._send_to(answer)

    def _send_to(self, described: SipMessage) -> None:
        """Media go where the other side's SDP says."""
        if found := _OFFERED.search(described.body):
            self.media.there = ("127.0.0.1", int(found["port"]))

    async def _ask(self, method: str, body: str = "", *more: tuple[str, str]) -> SipMessage:
        self._sequence += 1
        self._sip.sendto(self._request(method, self._sequence, self._to, method, body, *more))
        async with asyncio.timeout(ANSWER_S):
            while True:
                came = await self._wire.came.get()
                if came.status >= _OK and came.sequence == (self._sequence, method):
                    return came

    def _ack(self, answer: SipMessage) -> None:
        """A refusal is acknowledged in its own transaction, an agreement in one of its own (RFC 3261, 17.1.1.3, 13.2.2.4)."""
        branch = "INVITE" if answer.status > _OK else "ACK"
        self._sip.sendto(self._request("ACK", self._sequence, answer.get("to"), branch))

    def _agree(self, asked: SipMessage) -> None:
        if asked.method == "BYE":
            self.is_over, self.media.sends = True, False
        has_offer = asked.method in {"INVITE", "UPDATE"} and bool(asked.body)
        if has_offer and (found := _OFFERED.search(asked.body)):
            self.media.faxes = found["media"] == "image"
            self._send_to(asked)
        self._answer(asked, self._sdp("sendrecv") if has_offer else "")

    def _answer(self, asked: SipMessage, body: str) -> None:
        lines = [
            "SIP/2.0 200 OK",
            *(f"{name}: {value}" for name in ("via", "from") for value in asked.all(name)),
            f"To: {asked.get('to')}" + ("" if asked.tag("to") else f";tag={self._tag}"),
            *(f"{name}: {value}" for name in ("call-id", "cseq") for value in asked.all(name)),
        ]
        more = [f"Contact: <sip:{self._name}@127.0.0.1:{self._own}>"]
        more += ["Content-Type: application/sdp"] if body else []
        self._sip.sendto(("\r\n".join([*lines, *more, f"Content-Length: {len(body)}", "", ""]) + body).encode())

    @property
    def _own(self) -> int:
        port: int = self._sip.get_extra_info("sockname")[1]
        return port

    def _request(
        self, method: str, sequence: int, to: str, branch: str, body: str = "", *more: tuple[str, str]
    ) -> bytes:
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._own};rport;branch=z9hG4bK{self._call}{sequence}{branch}",
            f"From: {self._from}",
            f"To: {to}",
            f"Call-ID: {self._call}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self._name}@127.0.0.1:{self._own}>",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in more),
            *(["Content-Type: application/sdp"] if body.startswith("v=0") else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join([*lines, "", ""]) + body).encode()

    def _sdp(self, direction: str) -> str:
        self._described += 1
        lines = ("v=0", f"o=- 1 {self._described} IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
        media = _fax(self.media) if self.media.faxes else _audio(self.media, direction)
        return "\r\n".join([*lines, *media, ""])


class SipCaller(SipPhone):
    """`async with SipCaller(name, secret, pbx=port, number="1001", tone_hz=440) as call`: answered inside, hung up after."""

    def __init__(
        self,
        name: str,
        secret: str,
        *,
        pbx: int,
        number: str,
        tone_hz: int,
        codec: str = "PCMU",
        packet_s: float = PACKET_S,
    ) -> None:
        super().__init__(name, secret, pbx=pbx, media=RtpSender(tone_hz, codec, packet_s))
        self._to, self._target = f"<sip:{number}@127.0.0.1>", f"sip:{number}@127.0.0.1:{pbx}"

    async def __aenter__(self) -> Self:
        await self._open()
        try:
            await self._invite()
        except BaseException:
            self._close()
            raise
        return self

    async def _invite(self) -> None:
        answer = await self._ask("INVITE", self._sdp("sendrecv"))
        if answer.status in {_UNAUTHORIZED, _PROXY}:
            self._ack(answer)
            who = proof(challenge_of(answer), self._name, self._secret, ("INVITE", self._target), secrets.token_hex(8))
            answer = await self._ask("INVITE", self._sdp("sendrecv"), who)
        assert answer.status == _OK, answer.start
        self._to, self._target = answer.get("to"), answer.uri("contact")
        self._ack(answer)
        self._send_to(answer)
        self._speak()


class SipCalled(SipPhone):
    """`async with SipCalled(name, secret, pbx=port, tone_hz=440) as phone`: registered inside in place of all other phones of its
    line, and answers the first call at once. `await phone.answered()` waits for that."""

    def __init__(
        self, name: str, secret: str, *, pbx: int, tone_hz: int, codec: str = "PCMU", packet_s: float = PACKET_S
    ) -> None:
        super().__init__(name, secret, pbx=pbx, media=RtpSender(tone_hz, codec, packet_s))
        self._is_called = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._open()
        try:
            for phone in (None, self._own):
                await register(self._name, self._secret, registrar=self._pbx, phone=phone)
        except BaseException:
            self._close()
            raise
        return self

    async def answered(self) -> Self:
        """It is in a call."""
        async with asyncio.timeout(RINGS_S):
            await self._is_called.wait()
        return self

    def _agree(self, asked: SipMessage) -> None:
        if asked.method == "INVITE" and not asked.tag("to") and not self._is_called.is_set():
            self._call, self._from = asked.get("call-id"), f"{asked.get('to')};tag={self._tag}"
            self._to, self._target = asked.get("from"), asked.uri("contact")
            self._is_called.set()
            self._speak()
        super()._agree(asked)


def _audio(media: RtpSender, direction: str) -> list[str]:
    codec = media.codec
    return [
        f"m=audio {media.port} RTP/AVP {codec.payload}",
        *codec.lines,
        f"a=ptime:{round(media.packet_s * 1000)}",
        f"a={direction}",
    ]


def _fax(media: RtpSender) -> list[str]:
    return [f"m=image {media.port} udptl t38", *_FAX]
