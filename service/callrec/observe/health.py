"""Readiness: named things that have to be true for callrec to do its work, each with the reason when it is not."""

from collections.abc import Callable
from dataclasses import dataclass

Check = Callable[[], tuple[bool, str]]
"""Whether it is true now, and if not, why. Quick: it looks at a state and asks nobody."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check said; `reason` is empty when all is well."""

    name: str
    ok: bool
    reason: str


class Readiness:
    """The checks, in the order in which they were added."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Ask this too from now on; a second one of that name takes the place of the first."""
        self._checks[name] = check

    def look(self) -> tuple[Checked, ...]:
        """Every check, asked now. Never raises: a check that does is not well."""
        return tuple(_asked(name, check) for name, check in self._checks.items())


def _asked(name: str, check: Check) -> Checked:
    try:
        ok, reason = check()
    except Exception as error:  # noqa: BLE001 - a defect in one check must not hide what the others say
        return Checked(name, ok=False, reason=f"the check itself failed: {type(error).__name__}")
    return Checked(name, ok, "" if ok else reason or "no reason given")
