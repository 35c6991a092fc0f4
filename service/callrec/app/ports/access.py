"""Who did what: the audit log.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Sequence
from typing import Protocol

from callrec.domain.access.audit import AuditEntry


class AuditLog(Protocol):
    """The log of who did what. It sets each entry's time."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Return when all entries are on disk (fsync), in this order. Entries of several callers share a flush.

        Raises Unavailable when they are not, or it is not known: then nothing may be handed out, changed or removed.
        """
        ...
