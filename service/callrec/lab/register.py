"""A SIP REGISTER from the phones' side: the phone's address for a PBX, sent at once.

Asterisk's own outbound registration waits up to ten seconds at random before its first one
(res_pjsip_outbound_registration.c: sip_outbound_registration_perform); a laboratory has no such time.
"""

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field

from callrec.domain.errors import Refused, Unavailable

TRY_S, TRIES = 0.5, 12
EXPIRES_S = 3600


async def register(name: str, secret: str, *, registrar: int, phone: int) -> None:
    """Tell the PBX at 127.0.0.1:`registrar` that line `name` is reached at 127.0.0.1:`phone` for the next hour.

    Raises Refused when it does not know the line or its secret, Unavailable when it does not answer.
    """
    loop = asyncio.get_running_loop()
    transport, wire = await loop.create_datagram_endpoint(_Wire, remote_addr=("127.0.0.1", registrar))
    try:
        lines = _Lines(name, registrar, phone, own=transport.get_extra_info("sockname")[1])
        answer = await _ask(transport, wire, lines.request(1))
        if answer.startswith("SIP/2.0 401"):
            proof = _digest(answer, name, secret, f"sip:127.0.0.1:{registrar}")
            answer = await _ask(transport, wire, lines.request(2, proof))
    finally:
        transport.close()
    if not answer.startswith("SIP/2.0 200"):
        raise Refused("register", f"The PBX does not register line {name}: {answer.splitlines()[0]}")


class _Wire(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[str] = asyncio.Queue(16)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        if not self.answers.full():
            self.answers.put_nowait(data.decode(errors="replace"))


async def _ask(transport: asyncio.DatagramTransport, wire: _Wire, request: str) -> str:
    """Send until an answer comes: a PBX that is just starting may drop the first."""
    cseq = re.search(r"CSeq: (\d+)", request)
    for _ in range(TRIES):
        transport.sendto(request.encode())
        try:
            async with asyncio.timeout(TRY_S):
                while True:
                    answer = await wire.answers.get()
                    if cseq and f"CSeq: {cseq[1]} " in answer and not answer.startswith("SIP/2.0 1"):
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

    def request(self, number: int, proof: str = "") -> str:
        """The `number`th request, with its Authorization line if there is one."""
        lines = (
            f"REGISTER sip:127.0.0.1:{self.registrar} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.own};rport;branch=z9hG4bK{self.call}{number}",
            f"From: <sip:{self.name}@127.0.0.1>;tag={self.call}",
            f"To: <sip:{self.name}@127.0.0.1>",
            f"Call-ID: {self.call}",
            f"CSeq: {number} REGISTER",
            f"Contact: <sip:{self.name}@127.0.0.1:{self.phone}>",
            f"Expires: {EXPIRES_S}",
            "Max-Forwards: 70",
            *([proof] if proof else []),
            "Content-Length: 0",
        )
        return "\r\n".join(lines) + "\r\n\r\n"


def _digest(challenge: str, name: str, secret: str, uri: str) -> str:
    """The Authorization line for a challenge with qop=auth and MD5 (RFC 2617)."""
    asked = next((line for line in challenge.splitlines() if line.lower().startswith("www-authenticate:")), "")
    value = dict(re.findall(r'(\w+)="?([^",]+)"?', asked))
    realm, nonce, cnonce = value.get("realm", ""), value.get("nonce", ""), secrets.token_hex(8)
    who, what = _md5(f"{name}:{realm}:{secret}"), _md5(f"REGISTER:{uri}")
    response = _md5(f"{who}:{nonce}:00000001:{cnonce}:auth:{what}")
    opaque = f', opaque="{value["opaque"]}"' if "opaque" in value else ""
    return (
        f'Authorization: Digest username="{name}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"{opaque}'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
