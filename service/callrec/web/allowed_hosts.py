"""The check of the Host header, against DNS rebinding: a foreign web site can let its own name resolve to the daemon's address,
and then its pages can read the daemon's answers in a visitor's browser. But the browser sends that site's name in Host.

Allowed are `localhost`, the address of CALLREC_HTTP_BIND, the address that the connection came to, and the names in
CALLREC_HTTP_HOSTS. The port is compared only where that setting has one.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import HttpVersion10, web

from callrec.protocols.http_host import Host, host_name, parse_host
from callrec.web.problems import problem

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


def only_at(hosts: Iterable[str]) -> "Middleware":
    """The check as a middleware. `hosts`: the entries of CALLREC_HTTP_HOSTS, and the address of CALLREC_HTTP_BIND."""
    named = [parse_host(host) or Host(host_name(host)) for host in hosts]
    any_port = {"localhost", *(host.name for host in named if not host.port)}
    with_port = {host for host in named if host.port}

    def is_ours(request: web.Request) -> bool:
        said = request.headers.getall("Host", [])
        if not said:
            return request.version <= HttpVersion10  # HTTP/1.0 has no Host header, and no browser speaks it
        host = parse_host(said[0]) if len(said) == 1 else None
        return host is not None and (host.name in any_port or host in with_port or host.name == _reached(request))

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if is_ours(request):
            return await handler(request)
        hint = "if it is a name of this server, add it to CALLREC_HTTP_HOSTS"
        return problem(HTTPStatus.MISDIRECTED_REQUEST, "host", "The Host header names another host", hint)

    return check


def _reached(request: web.Request) -> str:
    """The local address of this connection; empty when it is closed."""
    own = request.transport.get_extra_info("sockname") if request.transport else None
    return host_name(own[0]) if isinstance(own, tuple) else ""  # a unix socket has a path
