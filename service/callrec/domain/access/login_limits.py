"""How often somebody may try to log in.

Three counters, each of a window that begins with its first attempt:

- **address**: attempts from one address (of IPv6 one /64), for any account, from browsers that have never logged in to it;
- **account**: attempts for one account from browsers that have never logged in to it;
- **device**: attempts for one account from one browser that has logged in to it before.

When a counter is full, further attempts wait for the end of its window, with the right password too. Strangers fill *account* and
*address*, never *device*, and for a browser that has logged in before *device* alone decides: so strangers cannot keep the owner
out of such a browser, not even from the owner's own network. Names without an account
are counted like others, so the answer does not tell which accounts exist."""

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

WINDOW_S = 900.0
PER_ADDRESS, PER_ACCOUNT, PER_DEVICE = 50, 10, 10
DEVICE_KEPT_S = 90 * 86_400.0
"""How long a browser that has logged in is remembered."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter: its name, and how many attempts it allows in a window."""

    name: str
    limit: int


def counters(username: str, address: str, device: str | None) -> tuple[Counter, ...]:
    """The counters of an attempt, the account's or device's first. `device`: the digest of the browser's secret, when it has
    logged in to this account before; None otherwise."""
    if device:
        return (Counter(f"device:{device}", PER_DEVICE),)
    named = sha256(username.encode("utf-8", "surrogateescape")).hexdigest()
    return Counter(f"account:{named}", PER_ACCOUNT), Counter(f"address:{_network(address)}", PER_ADDRESS)


def account_counter(username: str) -> Counter:
    """The counter whose end is the end of an account's lock."""
    return counters(username, "", None)[0]


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False).network_address)
    return str(found)
