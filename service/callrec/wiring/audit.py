"""Constructs the audit log of the daemon."""

import asyncio
import logging
from contextlib import AsyncExitStack

from callrec.adapters.audit.log import FOLDER, DiskAuditLog
from callrec.adapters.audit.stamp_files import read_authorities
from callrec.adapters.audit.time_stamping import TimeStamping
from callrec.adapters.audit.witness import Witness
from callrec.adapters.system import SystemClock
from callrec.config import Settings
from callrec.domain.errors import CallrecError
from callrec.observe.health import Readiness
from callrec.observe.observer import Observation

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


def time_stamping(settings: Settings, observation: Observation, readiness: Readiness) -> TimeStamping | None:
    """What has the audit log's checkpoints stamped; None without an authority. Blocking. Raises Misconfigured, Unavailable."""
    if not settings.audit_timestamp_url:
        return None
    made = TimeStamping(
        settings.state_dir / FOLDER,
        settings.audit_timestamp_url,
        read_authorities(settings.audit_timestamp_ca),
        settings.audit_timestamp_every_s,
        observation.unstamped,
    )
    readiness.add("audit-timestamp", lambda: (not made.why_not, made.why_not))
    return made
