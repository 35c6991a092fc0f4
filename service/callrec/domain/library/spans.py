"""Sets of times: spans from and to in Unix time, ascending, none touching another."""

from collections.abc import Iterable
from typing import Protocol

Span = tuple[float, float]
"""From and to."""


class Lasting(Protocol):
    """Something with a begin, and an end that it may not have yet."""

    @property
    def from_s(self) -> float:
        """Its begin."""
        ...

    @property
    def to_s(self) -> float | None:
        """Its end; None while it lasts."""
        ...


def span_of(one: Lasting, end_s: float) -> Span:
    """From and to; to `end_s` while it lasts."""
    return one.from_s, end_s if one.to_s is None else one.to_s


def joined(spans: Iterable[Span]) -> list[Span]:
    """All that is in any of these."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What of these is in none of the others."""
    rest = joined(spans)
    for start, end in joined(taken):
        parts = (part for first, last in rest for part in ((first, min(last, start)), (max(first, end), last)))
        rest = [(first, last) for first, last in parts if last > first]
    return rest


def common(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What is in both."""
    second = joined(others)
    parts = ((max(start, first), min(end, last)) for start, end in joined(spans) for first, last in second)
    return [(start, end) for start, end in parts if end > start]


def length_s(spans: Iterable[Span]) -> float:
    """How long these are together."""
    return sum(end - start for start, end in spans)
