"""The machine on which the daemon runs, for those who look after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from callrec.app.doctor.findings import Finding


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of a folder. `setting`: which one names the folder."""

    setting: str
    path: str
    free_bytes: int
    whole_bytes: int
    least_bytes: int
    """With less free the doctor, and readiness, find fault with it."""

    @property
    def is_low(self) -> bool:
        """Whether it has less than it should."""
        return self.free_bytes < self.least_bytes


class Machine(Protocol):
    """What can be asked of it."""

    def disks(self) -> Sequence[Disk]:
        """The disks of callrec's folders; those that cannot be read are left out. Blocking."""
        ...

    def unfinished(self) -> int:
        """How many recordings are under way or on their way into the library."""
        ...

    async def doctor(self) -> Sequence[Finding]:
        """All findings of `callrec doctor`. It takes some seconds. Raises Unavailable when it cannot be run."""
        ...

    def versions(self) -> Sequence[tuple[str, str]]:
        """Programs and packages with their versions."""
        ...
