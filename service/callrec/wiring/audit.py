"""Constructs the audit log of the daemon."""

import asyncio
import logging
from contextlib import AsyncExitStack

from callrec.adapters.audit.log import FOLDER, DiskAuditLog
from callrec.adapters.audit.witness import Witness
from callrec.adapters.system import SystemClock
from callrec.config import Settings
from callrec.domain.errors import CallrecError
from callrec.observe.health import Readiness

log = logging.getLogger(__name__)


async def keep_audit(settings: Settings, readiness: Readiness, stack: AsyncExitStack) -> DiskAuditLog:
    """The audit log, closed at the end of the stack. One that cannot be opened refuses every entry, and `/readyz` says why: calls
    are recorded all the same, and what is recorded waits in the spool."""
    witness = Witness(settings.audit_witness) if settings.audit_witness else None
    audit = DiskAuditLog(settings.state_dir / FOLDER, f"callrec/{settings.node}", SystemClock(), witness=witness)
    stack.push_async_callback(audit.close)
    try:
        await asyncio.to_thread(audit.open)
    except CallrecError as error:
        log.error("the audit log cannot be opened: %s", error)  # noqa: TRY400 - expected
    readiness.add("audit", lambda: (not audit.broken, audit.broken))
    if witness is not None:
        readiness.add("audit-witness", lambda: (not witness.why_not, witness.why_not))
    return audit
