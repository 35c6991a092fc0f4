"""Constructs the places that know something of recordings, for erasing it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.database.outbox import SqliteOutbox
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.erased_events import ErasedEvents
from callrec.app.library.lifetime import erased_traces
from callrec.app.ports.lifetime import Trace


async def traces(  # noqa: PLR0917 - one for each place
    address: Address,
    audit: DiskAuditLog,
    journal: DiskJournal,
    spool: DiskSpool,
    outbox: SqliteOutbox,
    stack: AsyncExitStack,
) -> Sequence[Trace]:
    """The places. Connections are closed with the stack. The stream goes before the webhooks, which are filled from it."""
    events = ErasedEvents(address)
    stack.push_async_callback(events.close)
    return (
        erased_traces.captures(spool.drop_kept),
        erased_traces.texts("journal", journal.forget),
        erased_traces.texts("audit", audit.forget_about),
        erased_traces.texts("events", events.forget),
        erased_traces.texts("webhooks", outbox.forget_about),
    )
