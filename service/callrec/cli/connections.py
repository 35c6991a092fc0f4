"""A command's own connections to Asterisk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from callrec.adapters.asterisk.link import Link

OPEN_S = 12.0


@contextlib.asynccontextmanager
async def opened(link: Link) -> AsyncIterator[None]:
    """Run the link within the block. The block begins when the link is up, or its first attempt failed, or after OPEN_S."""
    task = asyncio.create_task(link.run())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(OPEN_S):
            await link.tried()
    try:
        yield
    finally:
        await link.close()
        await task
