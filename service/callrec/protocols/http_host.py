"""Parses the Host header of a request."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Host:
    """A name in lower case or an address in its shortest form, and a port; 0 without one."""

    name: str
    port: int = 0


@lru_cache(maxsize=1024)
def parse_host(text: str) -> Host | None:
    """`rec.example.com`, `127.0.0.1:8080`, `[::1]:8080`; None for anything else."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    port = int(match["port"] or 0)
    if match["six"] is None:
        return Host(host_name(match["name"]), port)
    try:
        return Host(host_name(IPv6Address(match["six"]).compressed), port)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def host_name(text: str) -> str:
    """The same text for the same host: `::FFFF:127.0.0.1` and `127.0.0.1`, `[::1]` and `0::1`, `LOCALHOST.` and `localhost`."""
    bare = text.removeprefix("[").removesuffix("]")
    try:
        address = ip_address(bare)
    except ValueError:
        return text.lower().removesuffix(".")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).compressed
