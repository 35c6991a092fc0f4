"""Readiness: the named checks of `/readyz`, each with the reason when it fails."""

from collections.abc import Callable
from dataclasses import dataclass

Check = Callable[[], tuple[bool, str]]
"""Returns whether the check passes now, and the reason if not. Quick: it reads a state and sends no request."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one check; `reason` is empty when it passed."""

    name: str
    ok: bool
    reason: str


class Readiness:
    """The checks, in the order in which they were added."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Add a check; a second one with the same name replaces the first."""
        self._checks[name] = check

    def look(self) -> tuple[Checked, ...]:
        """The results of all checks, run now. Never raises: a check that raises has failed."""
        return tuple(_requested(name, check) for name, check in self._checks.items())


def _requested(name: str, check: Check) -> Checked:
    try:
        ok, reason = check()
    except Exception as error:  # noqa: BLE001 - a defect in one check must not hide what the others say
        return Checked(name, ok=False, reason=f"the check itself raised {type(error).__name__}")
    return Checked(name, ok, "" if ok else reason or "no reason given")
