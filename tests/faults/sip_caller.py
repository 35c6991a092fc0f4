"""A phone of the tests' own: it calls, sends RTP or none, and puts on hold as real phones do (RFC 3264, 8.4).

The phones of the bank are an Asterisk, which tells its peer of no hold.
"""

import asyncio
import contextlib
import math
import secrets
import struct
from types import TracebackType
from typing import Self

from callrec.domain.errors import CallrecError
from callrec.lab.sip import SipMessage, challenge_of, parse, proof

ANSWER_S = 15.0
PACKET_S, RATE_HZ, PACKET_SAMPLES = 0.02, 8000, 160
_OK, _UNAUTHORIZED, _PROXY = 200, 401, 407
_BIAS, _CLIP = 0x84, 32635


def _mulaw(sample: int) -> int:
    """One sample of G.711 (ITU-T G.711, mu-law)."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


class _Wire(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[SipMessage] = asyncio.Queue(100)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        with contextlib.suppress(CallrecError, asyncio.QueueFull):
            self.came.put_nowait(parse(data))


class SipCaller:
    """`async with SipCaller(name, secret, pbx=port, number="1001", tone_hz=440) as call`: answered inside, hung up after."""

    def __init__(self, name: str, secret: str, *, pbx: int, number: str, tone_hz: int) -> None:
        self._name, self._secret, self._pbx, self._number = name, secret, pbx, number
        period = RATE_HZ
        tone = (int(8000 * math.sin(2 * math.pi * tone_hz * n / RATE_HZ)) for n in range(period))
        self._tone = bytes(map(_mulaw, tone))
        self._call, self._tag, self._sequence = secrets.token_hex(8), secrets.token_hex(4), 0
        self._to, self._target = f"<sip:{number}@127.0.0.1>", f"sip:{number}@127.0.0.1:{pbx}"
        self._there: tuple[str, int] = ("127.0.0.1", 9)
        self.sends = True
        """Whether it sends RTP now."""
        self._speaking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._sip, self._wire = await loop.create_datagram_endpoint(_Wire, remote_addr=("127.0.0.1", self._pbx))
        self._rtp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        answer = await self._ask("INVITE", self._sdp("sendrecv"))
        if answer.status in {_UNAUTHORIZED, _PROXY}:
            self._ack(answer)
            who = proof(challenge_of(answer), self._name, self._secret, ("INVITE", self._target), secrets.token_hex(8))
            answer = await self._ask("INVITE", self._sdp("sendrecv"), who)
        assert answer.status == _OK, answer.start
        self._to, self._target = answer.get("to"), answer.uri("contact")
        self._ack(answer)
        port = next(line for line in answer.body.splitlines() if line.startswith("m=audio")).split()[1]
        self._there = ("127.0.0.1", int(port))
        self._speaking = asyncio.create_task(self._speak())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait([self._speaking])
        await self._ask("BYE")
        self._sip.close()
        self._rtp.close()

    async def hold(self) -> None:
        """Put the other on hold, and send nothing meanwhile."""
        self.sends = False
        await self._again("sendonly")

    async def take_back(self) -> None:
        """End the hold."""
        await self._again("sendrecv")
        self.sends = True

    async def _again(self, direction: str) -> None:
        answer = await self._ask("INVITE", self._sdp(direction))
        assert answer.status == _OK, answer.start
        self._ack(answer)

    async def _speak(self) -> None:
        """In real time, by the loop's clock: packets that are late are made up for."""
        loop, source = asyncio.get_running_loop(), secrets.randbits(32)
        began_s = loop.time()
        for nth in range(1 << 31):
            await asyncio.sleep(max(0.0, began_s + nth * PACKET_S - loop.time()))
            at = nth * PACKET_SAMPLES
            if self.sends:
                head = struct.pack(">BBHII", 0x80, 0, nth & 0xFFFF, at & 0xFFFFFFFF, source)
                start = at % RATE_HZ
                self._rtp.sendto(head + self._tone[start : start + PACKET_SAMPLES], self._there)

    async def _ask(self, method: str, body: str = "", *more: tuple[str, str]) -> SipMessage:
        self._sequence += 1
        self._sip.sendto(self._request(method, self._sequence, self._to, method, body, *more))
        async with asyncio.timeout(ANSWER_S):
            while True:
                came = await self._wire.came.get()
                if came.method in {"OPTIONS", "BYE", "NOTIFY"}:
                    self._agree(came)
                elif came.status >= _OK and came.sequence == (self._sequence, method):
                    return came

    def _ack(self, answer: SipMessage) -> None:
        """A refusal is acknowledged in its own transaction, an agreement in one of its own (RFC 3261, 17.1.1.3, 13.2.2.4)."""
        branch = "INVITE" if answer.status > _OK else "ACK"
        self._sip.sendto(self._request("ACK", self._sequence, answer.get("to"), branch))

    def _agree(self, asked: SipMessage) -> None:
        lines = [
            "SIP/2.0 200 OK",
            *(f"{name}: {value}" for name in ("via", "from", "to", "call-id", "cseq") for value in asked.all(name)),
        ]
        self._sip.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode())

    def _request(
        self, method: str, sequence: int, to: str, branch: str, body: str = "", *more: tuple[str, str]
    ) -> bytes:
        own = self._sip.get_extra_info("sockname")[1]
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};rport;branch=z9hG4bK{self._call}{sequence}{branch}",
            f"From: <sip:{self._name}@127.0.0.1>;tag={self._tag}",
            f"To: {to}",
            f"Call-ID: {self._call}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self._name}@127.0.0.1:{own}>",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in more),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join([*lines, "", ""]) + body).encode()

    def _sdp(self, direction: str) -> str:
        port = self._rtp.get_extra_info("sockname")[1]
        lines = ("v=0", f"o=- 1 {self._sequence + 1} IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
        return "\r\n".join([*lines, f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", f"a={direction}", ""])
