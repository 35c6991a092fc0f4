"""A command's own connections to Asterisk, open for its moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callrec.adapters.asterisk.ami import AmiLimits, AmiLink
from callrec.adapters.asterisk.link import Link, LinkState
from callrec.config import Door, Settings

OPEN_S = 12.0
POLL_S = 0.02
NOT_YET = "not connected yet"


def manager_link(settings: Settings, limits: AmiLimits | None = None) -> AmiLink:
    """To Asterisk's manager, for questions only. Raises Misconfigured."""
    door = Door(settings.ami_url, 5038)
    return AmiLink(
        host=door.host,
        port=door.port,
        username=door.username,
        secret=door.secret,
        wanted_events=(),
        on_event=lambda _message: None,
        on_up=_nothing,
        on_down=lambda _reason: None,
        limits=limits or AmiLimits(),
    )


@asynccontextmanager
async def opened(link: Link) -> AsyncIterator[None]:
    """The link while it is up, or as soon as it is known that it does not come up."""
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(OPEN_S):
            while link.state is LinkState.DOWN and link.state_reason == NOT_YET:  # noqa: ASYNC110 - a state tells nobody
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        pass
    try:
        yield
    finally:
        await link.close()
        await task


async def _nothing() -> None:
    """A command asks by itself, when the link is up."""
