"""Which Host header is answered. A strange site can let its name lead to our address (DNS rebinding), and its visitors' browsers
then hand our answers to its pages; but they send that site's name, which is none of ours.

Always ours are `localhost`, the address of CALLREC_HTTP_BIND, and the address that the connection came to: an address cannot be
made to lead elsewhere. Other names stand in CALLREC_HTTP_HOSTS. A port counts only where that setting has one.
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
    """The check. `hosts`: as CALLREC_HTTP_HOSTS has them, and the address that we listen on."""
    named = [parse_host(host) or Host(host_name(host)) for host in hosts]
    any_port = {"localhost", *(host.name for host in named if not host.port)}
    with_port = {host for host in named if host.port}

    def is_ours(request: web.Request) -> bool:
        said = request.headers.getall("Host", [])
        if not said:
            return request.version <= HttpVersion10  # no browser: the header is of HTTP/1.1
        host = parse_host(said[0]) if len(said) == 1 else None
        return host is not None and (host.name in any_port or host in with_port or host.name == _reached(request))

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if is_ours(request):
            return await handler(request)
        hint = "say it in CALLREC_HTTP_HOSTS when it is a name of yours"
        return problem(HTTPStatus.MISDIRECTED_REQUEST, "host", "This is not the host of the Host header", hint)

    return check


def _reached(request: web.Request) -> str:
    """The address that this connection came to; empty when it is gone."""
    own = request.transport.get_extra_info("sockname") if request.transport else None
    return host_name(own[0]) if own else ""
