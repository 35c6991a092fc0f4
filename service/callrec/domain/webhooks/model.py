"""A webhook, the deliveries that wait for it, and what is decided after each attempt."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from callrec.domain.backoff import Backoff

MOST_WEBHOOKS = 20
OVERLAP_S = 86_400.0
"""How long a former secret signs beside the new one."""
FIRST_S, LIMIT_S = 5.0, 900.0
"""The first delay between attempts, and the longest one."""
LONGEST_RETRY_AFTER_S = 3600.0
"""The longest wait that a receiver may ask for (Retry-After)."""
_HOLDS_ALL = frozenset(
    {
        *(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE),
        *(HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS),
    }
)
"""Refusals of every message: the address or the receiver's own setting is wrong, or it has too much to do."""
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver. Times are Unix seconds."""

    id: str
    url: str
    secret: str
    sender: str
    """A random word that begins each id of its messages, since a receiver may have several daemons that count alike."""
    types: tuple[str, ...] = ()
    """Only events of these types; empty for all."""
    enabled: bool = True
    former_secret: str = ""
    former_until_s: float = 0.0

    def secrets(self, now_s: float) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        former = (self.former_secret,) if self.former_secret and now_s < self.former_until_s else ()
        return (self.secret, *former)

    def rotated(self, secret: str, now_s: float, overlap_s: float = OVERLAP_S) -> "Webhook":
        """With a new secret; the present one signs as well for `overlap_s`."""
        return replace(self, secret=secret, former_secret=self.secret, former_until_s=now_s + overlap_s)

    def wants(self, kind: str) -> bool:
        """Whether events of this type go to it."""
        return not self.types or kind in self.types


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook. `id`: the message's id, the same at each attempt; `attempts`: how many have failed."""

    id: str
    webhook: str
    kind: str
    body: str
    accepted_s: float
    attempts: int = 0
    due_s: float = 0.0
    is_given_up: bool = False
    says: str = ""
    """The outcome of the last attempt."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook does. `failures`: failed attempts in a row; before `not_before_s` nothing is sent; `says`: last outcome.
    `missed`: how often events were lost before the daemon could read them, each time in a number that is not known; `missed_s`:
    when that was noticed last."""

    waiting: int = 0
    given_up: int = 0
    delivered: int = 0
    failures: int = 0
    not_before_s: float = 0.0
    says: str = ""
    at_s: float = 0.0
    missed: int = 0
    missed_s: float = 0.0


class Result(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver does not take this message: others may go on."""
    FAILED = "failed"
    """The receiver does not answer, or cannot take anything now: everything waits."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one attempt. `says`: for an operator, e.g. `HTTP 500` or `no answer within 15 s`."""

    status: int | None
    says: str
    took_s: float = 0.0
    retry_after_s: float | None = None

    @property
    def result(self) -> Result:
        """Its kind."""
        if self.status is None:
            return Result.FAILED
        if self.status // 100 == 2:  # noqa: PLR2004 - the class of a success
            return Result.DELIVERED
        if _CLIENT_ERROR <= self.status < _SERVER_ERROR and self.status not in _HOLDS_ALL:
            return Result.REFUSED
        return Result.FAILED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after an attempt: `gives_up`, or try again at `due_s`; `holds_all`: the webhook's other deliveries wait, too."""

    due_s: float = 0.0
    holds_all: bool = False
    gives_up: bool = False
    is_delivered: bool = False


def judge(
    attempt: Attempt, delivery: Delivery, failures: int, *, now_s: float, keep_s: float, draw: Callable[[], float]
) -> Verdict:
    """The decision after an attempt. `failures`: the receiver's failed attempts in a row, this one included.

    A receiver that fails is asked again after a delay that doubles from 5 s to 15 min, or after the time that it asks for: with
    its oldest delivery, so the order is kept. A message that it refuses has delays of its own, and later ones go on. A delivery
    is given up when it could not be delivered within `keep_s`.
    """
    if attempt.result is Result.DELIVERED:
        return Verdict(is_delivered=True)
    holds_all = attempt.result is Result.FAILED
    delay_s = Backoff(FIRST_S, LIMIT_S, draw).delay_s(failures if holds_all else delivery.attempts + 1)
    if attempt.retry_after_s is not None:
        delay_s = max(delay_s, min(attempt.retry_after_s, LONGEST_RETRY_AFTER_S))
    gives_up = now_s >= delivery.accepted_s + keep_s
    return Verdict(now_s + delay_s, holds_all, gives_up)
