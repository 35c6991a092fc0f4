"""SIP for the laboratory's own clients: parses and writes datagrams, and answers a challenge. Pure.

It covers the part of RFC 3261 for one request at a time over UDP to a PBX on this machine. A secret is only hashed here and never
written into a message, so it may contain any character.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callrec.domain.errors import Corrupt, Refused

_COMPACT = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}
"""RFC 3261, 7.3.3, and RFC 6665, 8.2."""
_FOLD = re.compile(r"\r\n[ \t]+")
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_URI = re.compile(r"<([^>]*)>")
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;]+)", re.IGNORECASE)
_UNSAFE = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A request or a response. Names of headers are in lower case and in their long form."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @property
    def status(self) -> int:
        """A response's code; 0 for a request."""
        version, _, rest = self.start.partition(" ")
        return int(rest[:3]) if version == "SIP/2.0" and rest[:3].isdecimal() else 0

    @property
    def method(self) -> str:
        """A request's method; empty for a response."""
        return "" if self.start.startswith("SIP/") else self.start.partition(" ")[0]

    @property
    def sequence(self) -> tuple[int, str]:
        """The number and the method of CSeq. Raises Corrupt."""
        number, _, method = self.get("cseq").partition(" ")
        if not number.isdecimal():
            raise Corrupt("test-pbx", f"{self.start[:80]!r} has no CSeq")
        return int(number), method.strip()

    def get(self, name: str) -> str:
        """A header's first value; empty when there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """A header's values, in their order."""
        return [value for key, value in self.headers if key == name]

    def uri(self, name: str) -> str:
        """The address inside a header's angle brackets (without them: the whole value)."""
        value = self.get(name)
        found = _URI.search(value)
        return found[1] if found else value.partition(";")[0].strip()

    def tag(self, name: str) -> str:
        """The tag of From or To; empty when there is none."""
        found = _TAG.search(self.get(name))
        return found[1] if found else ""


def parse(datagram: bytes) -> SipMessage:
    """Parse one datagram. Raises Corrupt when it is not SIP, or its body is incomplete."""
    head, separator, rest = datagram.partition(b"\r\n\r\n")
    start, *lines = _FOLD.sub(" ", head.decode(errors="replace")).split("\r\n")
    if not separator or "SIP/2.0" not in start:
        raise Corrupt("test-pbx", f"Not a SIP message: {start[:80]!r}")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if not colon or not key:
            raise Corrupt("test-pbx", f"Not a header: {line[:80]!r}")
        headers.append((_COMPACT.get(key, key), value.strip()))
    message = SipMessage(start, tuple(headers))
    length = message.get("content-length") or str(len(rest))
    if not length.isdecimal() or int(length) > len(rest):
        raise Corrupt("test-pbx", f"The body of {start[:80]!r} is not {length[:20]} bytes long")
    return SipMessage(start, message.headers, rest[: int(length)].decode(errors="replace"))


def written(start: str, headers: Iterable[tuple[str, object]]) -> bytes:
    """A message without a body. Raises Refused for a value with a line break."""
    lines = [start, *(f"{name}: {value}" for name, value in headers), "Content-Length: 0"]
    for line in lines:
        if _UNSAFE.search(line):
            raise Refused("test-pbx", f"A SIP message cannot have this value: {line.partition(':')[0][:80]!r}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge of a 401 or 407: Digest with MD5 and qop=auth (RFC 7616). The values as received, with their escapes."""

    answered_by: str
    """The name of the header for the answer."""
    realm: str
    nonce: str
    opaque: str = ""


def challenge_of(answer: SipMessage) -> Challenge:
    """The first challenge that this client can answer. Raises Refused when there is none."""
    by_proxy = answer.status == 407  # noqa: PLR2004 - Proxy Authentication Required
    name = "Proxy-Authorization" if by_proxy else "Authorization"
    for value in answer.all("proxy-authenticate" if by_proxy else "www-authenticate"):
        scheme, _, parameters = value.partition(" ")
        said = {key.lower(): quoted or bare for key, quoted, bare in _PARAMETER.findall(parameters)}
        offers = [one.strip() for one in said.get("qop", "").split(",")]
        if scheme.lower() == "digest" and said.get("algorithm", "MD5").upper() == "MD5" and "auth" in offers:
            return Challenge(name, said.get("realm", ""), said.get("nonce", ""), said.get("opaque", ""))
    raise Refused("test-pbx", f"The challenge is not Digest with MD5 and qop=auth: {answer.start}")


def proof(requested: Challenge, name: str, secret: str, request: tuple[str, str], cnonce: str) -> tuple[str, str]:
    """The header that answers the challenge, once. `request`: method and address; `cnonce`: random digits."""
    method, uri = request
    who, what = _md5(f"{name}:{requested.realm}:{secret}"), _md5(f"{method}:{uri}")
    parts: Sequence[str] = (
        f'username="{name}"',
        f'realm="{requested.realm}"',
        f'nonce="{requested.nonce}"',
        f'uri="{uri}"',
        f'response="{_md5(f"{who}:{requested.nonce}:00000001:{cnonce}:auth:{what}")}"',
        f'algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"',
        *([f'opaque="{requested.opaque}"'] if requested.opaque else []),
    )
    return requested.answered_by, f"Digest {', '.join(parts)}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
