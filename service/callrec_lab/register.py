"""A SIP REGISTER for a phone of the bank, sent at once.

Asterisk's own outbound registration waits up to ten seconds at random before its first REGISTER
(res_pjsip_outbound_registration.c: sip_outbound_registration_perform), which is too long for tests.
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec_lab.sip import SipMessage, challenge_of, parse, proof, written

TRY_S, TRIES = 0.5, 12
EXPIRES_S = 3600
_OK, _UNAUTHORIZED = 200, 401


async def register(name: str, secret: str, *, registrar: int, phone: int | None) -> None:
    """Register line `name` at the PBX on 127.0.0.1:`registrar`, with the address 127.0.0.1:`phone`, for an hour. None removes all
    of its addresses (RFC 3261, 10.2.2).

    Raises Refused when the PBX does not have the line, or another secret; Unavailable when it does not answer.
    """
    loop = asyncio.get_running_loop()
    transport, wire = await loop.create_datagram_endpoint(_Wire, remote_addr=("127.0.0.1", registrar))
    try:
        lines = _Lines(name, registrar, phone, own=transport.get_extra_info("sockname")[1])
        answer = await _ask(transport, wire, 1, lines.request(1))
        if answer.status == _UNAUTHORIZED:
            requested = ("REGISTER", f"sip:127.0.0.1:{registrar}")
            answered = proof(challenge_of(answer), name, secret, requested, secrets.token_hex(8))
            answer = await _ask(transport, wire, 2, lines.request(2, answered))
    finally:
        transport.close()
    if answer.status != _OK:
        raise Refused("test-pbx", f"The PBX does not register line {name}: {answer.start}")


class _Wire(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[SipMessage] = asyncio.Queue(16)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        with contextlib.suppress(CallrecError, asyncio.QueueFull):  # other datagrams than SIP are ignored
            self.answers.put_nowait(parse(data))


async def _ask(transport: asyncio.DatagramTransport, wire: _Wire, number: int, request: bytes) -> SipMessage:
    """Send until an answer comes: a PBX that is just starting may drop the first request."""
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
    raise Unavailable("test-pbx", "The PBX does not answer SIP", hint="is it running, on this port?")


@dataclass(frozen=True, slots=True)
class _Lines:
    """The common parts of the requests of one registration."""

    name: str
    registrar: int
    phone: int | None
    own: int
    call: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def address(self) -> str:
        """The address as a phone writes it: a name with an `@` is a user of that domain."""
        return self.name if "@" in self.name else f"{quote(self.name, safe='+')}@127.0.0.1"

    def request(self, number: int, *more: tuple[str, str]) -> bytes:
        """The request with this sequence number, and with the answer to a challenge if there was one."""
        headers = (
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.own};rport;branch=z9hG4bK{self.call}{number}"),
            ("From", f"<sip:{self.address}>;tag={self.call}"),
            ("To", f"<sip:{self.address}>"),
            ("Call-ID", self.call),
            ("CSeq", f"{number} REGISTER"),
            ("Contact", f"<sip:{quote(self.name, safe='+')}@127.0.0.1:{self.phone}>" if self.phone else "*"),
            ("Expires", EXPIRES_S if self.phone else 0),
            ("Max-Forwards", "70"),
            *more,
        )
        return written(f"REGISTER sip:127.0.0.1:{self.registrar} SIP/2.0", headers)
