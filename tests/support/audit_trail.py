"""An audit log in memory, for tests of what must be logged before it is done."""

from collections.abc import Sequence

from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.errors import Unavailable


class AuditTrail:
    """Implements `app.ports.access.AuditLog`. Set `refuses` to be a log whose disk takes nothing."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.refuses = False

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them, unless it refuses."""
        if self.refuses:
            raise Unavailable("disk", "audit log: No space left on device")
        self.entries.extend(entries)

    @property
    def actions(self) -> list[Action]:
        """The actions so far, oldest first."""
        return [entry.action for entry in self.entries]
