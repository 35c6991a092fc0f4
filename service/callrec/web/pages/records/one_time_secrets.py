"""Secrets that a page shows once: a ticket in the address leads to them, and the first look at it ends it."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

KEPT_S = 300.0
MOST = 1000
TICKET = "secrets"
"""The parameter of an address."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and for what it is: `label` is in English, marked for translation."""

    label: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Kept:
    actor: str
    secrets: Sequence[Secret]
    until_s: float


class OnceShown:
    """What waits for being shown to the person who caused it; in memory alone. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, actor: str, found: Sequence[Secret]) -> str:
        """The ticket of these secrets."""
        ticket = secrets.token_urlsafe(24)
        self._kept[ticket] = _Kept(actor, found, self._clock() + KEPT_S)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return ticket

    def take(self, ticket: str, actor: str) -> Sequence[Secret]:
        """The secrets of a ticket, once; none for another one's ticket, and for one that is too old."""
        kept = self._kept.get(ticket)
        if kept is None or kept.actor != actor:
            return ()
        del self._kept[ticket]
        return kept.secrets if self._clock() < kept.until_s else ()
