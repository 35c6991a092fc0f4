"""The time by which recordings grow old. A wall clock can be set to a wrong year; what is erased by it does not come back.

What is known is a moment that the wall clock showed once, and what the monotonic clock has counted since. The wall clock is
followed while it moves with the monotonic one, or while the kernel says that a time server keeps it. One that is ahead by
more is not believed. One that was set back puts wrong, early times on recordings: the span of these times is a doubt, and
recordings in it count from its end. So recordings may go late, and never early.
"""

from dataclasses import dataclass, replace

STEP_S = 120.0
"""A wall clock that differs by less from what is known is followed: time servers slew, machines drift."""
MOST_DOUBTS = 50


@dataclass(frozen=True, slots=True)
class Doubt:
    """Times that a clock showed that was set back, in Unix time; recordings of these times count from `until_s`."""

    from_s: float
    to_s: float
    until_s: float
    is_open: bool = False
    """Whether the clock is behind still."""


@dataclass(frozen=True, slots=True)
class KnownTime:
    """What is known: Unix time `utc_s` at `mono_s` of the monotonic clock of this boot of the machine."""

    utc_s: float
    mono_s: float
    boot: str
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks show now. `is_kept`: a time server keeps the wall clock."""

    wall_s: float
    mono_s: float
    boot: str
    is_kept: bool


def known_now(before: KnownTime | None, clocks: Clocks) -> KnownTime:
    """What is known now. Without a `before` it is the wall clock: somebody who saw its time began it."""
    if before is None:
        return believed(None, clocks)
    known_s = before.utc_s + _since_s(before, clocks)
    if clocks.is_kept or abs(clocks.wall_s - known_s) <= STEP_S:
        return believed(before, clocks)
    doubts = _closed(before.doubts) if clocks.wall_s > known_s else _opened(before.doubts, clocks.wall_s, known_s)
    return KnownTime(known_s, clocks.mono_s, clocks.boot, doubts)


def believed(before: KnownTime | None, clocks: Clocks) -> KnownTime:
    """The wall clock is right: by a time server, or because somebody says so."""
    return KnownTime(clocks.wall_s, clocks.mono_s, clocks.boot, _closed(before.doubts) if before else ())


def usable_s(known: KnownTime, clocks: Clocks) -> float:
    """The time by which recordings are old: the earlier one of what is known and what the clock shows."""
    return min(known.utc_s, clocks.wall_s)


def off_s(known: KnownTime, clocks: Clocks) -> float:
    """How far the wall clock is ahead of what is known, in seconds; negative: behind. 0 while it is followed."""
    gap_s = clocks.wall_s - known.utc_s
    return gap_s if abs(gap_s) > STEP_S else 0.0


def aged_from_s(known: KnownTime, end_s: float) -> float:
    """From when on a recording counts that ended at this time by the clock of that moment."""
    hit = (one.until_s for one in known.doubts if one.from_s - STEP_S <= end_s <= one.to_s + STEP_S)
    return max((end_s, *hit))


def _since_s(before: KnownTime, clocks: Clocks) -> float:
    """What has passed for certain. Over a restart of the machine nothing is certain."""
    return max(0.0, clocks.mono_s - before.mono_s) if before.boot == clocks.boot else 0.0


def _closed(doubts: tuple[Doubt, ...]) -> tuple[Doubt, ...]:
    return tuple(replace(one, is_open=False) for one in doubts)


def _opened(doubts: tuple[Doubt, ...], wall_s: float, known_s: float) -> tuple[Doubt, ...]:
    """With the clock's present time in the open doubt; of too many, the oldest two become one that has both."""
    if doubts and doubts[-1].is_open:
        last = doubts[-1]
        wider = Doubt(min(last.from_s, wall_s), max(last.to_s, wall_s), known_s, is_open=True)
        return (*doubts[:-1], wider)
    if len(doubts) >= MOST_DOUBTS:
        first, second, *rest = doubts
        both = Doubt(min(first.from_s, second.from_s), max(first.to_s, second.to_s), max(first.until_s, second.until_s))
        doubts = (both, *rest)
    return (*doubts, Doubt(wall_s, wall_s, known_s, is_open=True))
