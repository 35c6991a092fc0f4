"""Where a request comes from: the client's address, and whether the whole way to it is encrypted.

A connection with TLS of the daemon's own is encrypted. Behind a reverse proxy the daemon sees the proxy: the headers
X-Forwarded-For and X-Forwarded-Proto say what the proxy saw, and are believed of proxies in CALLREC_TRUSTED_PROXIES only, since
everybody can send them. A session cookie is given and taken on an encrypted way, or where there is no network: from the loopback
address, to a name of this machine, without any trace of a proxy.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

from callrec.adapters.system_user import peer_number
from callrec.domain.access.system_user import SystemUser
from callrec.protocols.http_host import Host, host_name, parse_host

FORWARDING = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
MOST_HOPS = 20
USER_HEADER, SUDO_HEADER = "Callrec-User", "Callrec-Sudo-User"
"""With which a command on the daemon's own socket tells the names of its user."""
_PORTS = {"http": 80, "https": 443}
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Way:
    """How a request has come. `address`: the client's IP address, on the daemon's own socket `SystemUser.place`; empty when the
    connection is closed."""

    address: str
    is_encrypted: bool
    is_local: bool
    """From this machine, without a proxy."""
    why_not: str
    """Why no session can be used on this way; empty when it can."""
    system_user: SystemUser | None = None
    """Whose process has sent it, on the daemon's own socket; None for a request by TCP."""

    @property
    def scheme(self) -> str:
        """As the browser sees it."""
        return "https" if self.is_encrypted else "http"


class Clients:
    """Finds the way of a request. `trusted`: the networks of CALLREC_TRUSTED_PROXIES."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(one) for one in trusted)

    def way(self, request: web.Request) -> Way:
        """How this request has come."""
        transport = request.transport
        if (user := _system_user(request)) is not None:
            return Way(user.place, False, False, "log in by a browser, and not on the daemon's own socket", user)
        peer = transport.get_extra_info("peername") if transport else None
        own_tls = bool(transport and transport.get_extra_info("ssl_object"))
        address = host_name(peer[0]) if isinstance(peer, tuple) else ""  # none on a unix socket
        forwarded = [name for name in FORWARDING if name in request.headers]
        if forwarded and self._trusts(address):
            said = request.headers.getall("X-Forwarded-Proto", [])
            is_encrypted = bool(said) and said[-1].rpartition(",")[2].strip().lower() == "https"
            return _way(self._client(request, address), is_encrypted=is_encrypted, is_local=False, proxy="trusted")
        is_local = bool(address) and _is_loopback(address) and not forwarded and _names_this_machine(request)
        return _way(address, is_encrypted=own_tls, is_local=is_local, proxy="unknown" if forwarded else "")

    def _client(self, request: web.Request, peer: str) -> str:
        """The last address of X-Forwarded-For that is no trusted proxy's: those before it anybody can have written."""
        hops = [
            one.strip() for one in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",") if one.strip()
        ]
        for hop in reversed(hops[-MOST_HOPS:]):
            found = parse_host(hop if ":" not in hop or "]" in hop or "." in hop else f"[{hop}]")
            name = found.name if found else ""
            if not _is_address(name):
                return peer
            if not self._trusts(name):
                return name
        return peer

    def _trusts(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._trusted)


def _system_user(request: web.Request) -> SystemUser | None:
    """Of a request on the daemon's own socket: the number is the kernel's, the names are those that the command sends."""
    own: socket.socket | None = request.transport.get_extra_info("socket") if request.transport else None
    if own is None or own.family is not socket.AF_UNIX:
        return None
    try:
        number = peer_number(own)
    except OSError:  # the connection is closed
        return None
    return SystemUser(number, request.headers.get(USER_HEADER, ""), request.headers.get(SUDO_HEADER, ""))


def from_own_page(request: web.Request, way: Way) -> bool | None:
    """Whether a page of this very address has sent the request; None when the client does not tell, which browsers always do when
    a request can change something (Fetch Metadata, and Origin)."""
    site, origin = request.headers.getall("Sec-Fetch-Site", []), request.headers.getall("Origin", [])
    if len(site) > 1 or len(origin) > 1:
        return False
    if site and site[0] != "same-origin":
        return False
    if origin and not _same_origin(origin[0], request, way):
        return False
    return True if site or origin else None


def _same_origin(origin: str, request: web.Request, way: Way) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    said, host = parse_host(parts.netloc), parse_host(request.headers.get("Host", ""))
    if parts.scheme != way.scheme or parts.path or said is None or host is None:
        return False
    port = _PORTS[way.scheme]
    return Host(said.name, said.port or port) == Host(host.name, host.port or port)


def _way(address: str, *, is_encrypted: bool, is_local: bool, proxy: str) -> Way:
    if is_encrypted or is_local:
        why_not = ""
    elif proxy == "trusted":
        why_not = "the proxy does not say that its client came by https: let it send X-Forwarded-Proto"
    elif proxy:
        why_not = "a proxy has passed this on that callrec does not know: name its address in CALLREC_TRUSTED_PROXIES"
    else:
        why_not = (
            "set CALLREC_HTTP_TLS_CERT and CALLREC_HTTP_TLS_KEY, or CALLREC_TRUSTED_PROXIES behind a proxy with https"
        )
    return Way(address, is_encrypted, is_local and not is_encrypted, why_not)


def _names_this_machine(request: web.Request) -> bool:
    host = parse_host(request.headers.get("Host", ""))
    return host is not None and (host.name in _LOCAL or _is_loopback(host.name))


def _is_address(text: str) -> bool:
    return _parsed(text) is not None


def _is_loopback(text: str) -> bool:
    found = _parsed(text)
    return found is not None and found.is_loopback


@lru_cache(maxsize=1024)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
