"""A command's link to Asterisk: up, or known not to come up, as soon as the first attempt has ended."""

import asyncio

from scripted_ami import SECRET, scripted_ami

from callrec.adapters.asterisk.link import LinkState
from callrec.cli.connections import opened
from callrec.config import Settings
from callrec.wiring.links import ami_link


def settings(port: int, secret: str = SECRET) -> Settings:
    return Settings(ami_url=f"ami://callrec:{secret}@127.0.0.1:{port}", redis_url="embedded:")


async def test_a_link_is_up_when_the_block_begins_and_closed_when_it_ends() -> None:
    async with scripted_ami() as asterisk:
        link = ami_link(settings(asterisk.port))
        async with asyncio.timeout(5), opened(link):
            assert link.state is LinkState.UP
        assert (link.state, link.state_reason) == (LinkState.DOWN, "closed")


async def test_a_closed_port_is_known_at_once() -> None:
    link = ami_link(settings(1))
    async with asyncio.timeout(5), opened(link):
        assert link.state is LinkState.DOWN
        assert "127.0.0.1" in link.state_reason
