"""Where webhooks may go: to public addresses, and to the private networks that the operator allows.

Without this check, a webhook's URL would let anyone who may add webhooks send requests into the daemon's own network (SSRF).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from callrec.domain.errors import Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
LONGEST_URL = 2000
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_UNICAST = IPv6Network("2000::/3")
_COMPATIBLE = IPv6Network("::/96")
_LOW_32 = 0xFFFF_FFFF


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to by mapping or translation; else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if any(address in one for one in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & _LOW_32)
    return address


def may_go_to(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a webhook may be sent to this address."""
    real = inner(address)
    if any(one.version == each.version and each in one for one in allowed for each in (address, real)):
        return True
    if isinstance(real, IPv6Address) and real not in _UNICAST:
        return False
    return real.is_global and not real.is_multicast


def is_private(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks that the operator allows: there plain HTTP is allowed, too."""
    real = inner(address)
    return any(one.version == real.version and real in one for one in allowed)


def checked_url(url: str, allowed: Sequence[Network]) -> str:
    """The URL of a webhook. Names are looked up at each attempt only. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused("it is not a URL") from None
    if len(url) > LONGEST_URL or not (url.isascii() and url.isprintable()) or " " in url:
        raise _refused(
            f"it has more than {LONGEST_URL} characters, or blanks, control characters or letters beyond ASCII"
        )
    if parts.scheme not in {"https", "http"} or not host:
        raise _refused("it does not begin with https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise _refused("it has a user or a password: the signature is the receiver's proof")
    if parts.fragment or port == 0:
        raise _refused("it has a fragment (#), or port 0")
    if parts.scheme == "http" and not allowed:
        raise _refused("plain http:// is for receivers in the networks of CALLREC_WEBHOOK_NETWORKS only")
    address = _literal(host)
    if address and parts.scheme == "http" and not is_private(address, allowed):
        raise _refused("plain http:// is for receivers in the networks of CALLREC_WEBHOOK_NETWORKS only")
    if address and not may_go_to(address, allowed):
        raise _refused(f"{address} is a private address; CALLREC_WEBHOOK_NETWORKS allows networks")
    return url


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks as settings have them. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refused(why: str) -> Refused:
    return Refused("webhook-url", f"the URL cannot be a webhook's: {why}", hint="e.g. https://example.com/callrec")
