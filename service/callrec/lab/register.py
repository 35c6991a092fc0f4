"""A SIP REGISTER from the phones' side: the phone's address for a PBX, sent at once.

Asterisk's own outbound registration waits up to ten seconds at random before its first one
(res_pjsip_outbound_registration.c: sip_outbound_registration_perform); a laboratory has no such time.
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.lab.sip import SipMessage, challenge_of, parse, proof, written

TRY_S, TRIES = 0.5, 12
EXPIRES_S = 3600
_OK, _UNAUTHORIZED = 200, 401


async def register(name: str, secret: str, *, registrar: int, phone: int) -> None:
    """Tell the PBX at 127.0.0.1:`registrar` that line `name` is reached at 127.0.0.1:`phone` for the next hour.

    Raises Refused when it does not know the line or its secret, Unavailable when it does not answer.
    """
    loop = asyncio.get_running_loop()
    transport, wire = await loop.create_datagram_endpoint(_Wire, remote_addr=("127.0.0.1", registrar))
    try:
        lines = _Lines(name, registrar, phone, own=transport.get_extra_info("sockname")[1])
        answer = await _ask(transport, wire, 1, lines.request(1))
        if answer.status == _UNAUTHORIZED:
            asked = ("REGISTER", f"sip:127.0.0.1:{registrar}")
            answered = proof(challenge_of(answer), name, secret, asked, secrets.token_hex(8))
            answer = await _ask(transport, wire, 2, lines.request(2, answered))
    finally:
        transport.close()
    if answer.status != _OK:
        raise Refused("register", f"The PBX does not register line {name}: {answer.start}")


class _Wire(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[SipMessage] = asyncio.Queue(16)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        with contextlib.suppress(CallrecError, asyncio.QueueFull):  # what is no SIP is no answer
            self.answers.put_nowait(parse(data))


async def _ask(transport: asyncio.DatagramTransport, wire: _Wire, number: int, request: bytes) -> SipMessage:
    """Send until an answer comes: a PBX that is just starting may drop the first."""
    for _ in range(TRIES):
        transport.sendto(request)
        try:
            async with asyncio.timeout(TRY_S):
                while True:
                    answer = await wire.answers.get()
                    if answer.status >= _OK and answer.sequence == (number, "REGISTER"):
                        return answer
        except TimeoutError:
            continue
    raise Unavailable("register", "The PBX does not answer SIP", hint="is it running, on this port?")


@dataclass(frozen=True, slots=True)
class _Lines:
    """What the requests of one registration have in common."""

    name: str
    registrar: int
    phone: int
    own: int
    call: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def address(self) -> str:
        """As a phone writes it: a name with an `@` is a user of that domain."""
        return self.name if "@" in self.name else f"{quote(self.name, safe='+')}@127.0.0.1"

    def request(self, number: int, *more: tuple[str, str]) -> bytes:
        """The `number`th request, with the answer to a challenge if there was one."""
        headers = (
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.own};rport;branch=z9hG4bK{self.call}{number}"),
            ("From", f"<sip:{self.address}>;tag={self.call}"),
            ("To", f"<sip:{self.address}>"),
            ("Call-ID", self.call),
            ("CSeq", f"{number} REGISTER"),
            ("Contact", f"<sip:{quote(self.name, safe='+')}@127.0.0.1:{self.phone}>"),
            ("Expires", EXPIRES_S),
            ("Max-Forwards", "70"),
            *more,
        )
        return written(f"REGISTER sip:127.0.0.1:{self.registrar} SIP/2.0", headers)
