"""A journal that could not be written, since its disk was full: it is opened again when the disk accepts entries."""

import asyncio
import contextlib

from callrec.app.ports.calls import JournalFile
from callrec.domain.errors import CallrecError

CHECK_S = 2.0


async def reopen_journal(journal: JournalFile) -> None:
    """After a failed write, reopen the journal as soon as the disk accepts entries again. Never returns."""
    while True:
        await asyncio.sleep(CHECK_S)
        if journal.broken:
            with contextlib.suppress(CallrecError):  # /readyz shows the reason until it succeeds
                await journal.reopen()
