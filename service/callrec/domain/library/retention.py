"""Retention classes: how long recordings are kept, and which go first when space is needed. Nothing here knows a clock.

The class of a recording is the one that somebody gave it by name; else the first class of the table whose conditions it meets.
A recording without a class, with a name that no class has, or of a class that is not in effect, is never erased by age or for
space.
"""

import heapq
import re
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Conflict, Refused
from callrec.domain.rules import Rule, UserId

DAY_S = 86400.0
MOST_DAYS = 36_500
MOST_CLASSES, MOST_OF_A_KIND = 100, 1000
MOST_RANK = 1000
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_TEXT = 200
_LEAST_MAX = 1.0
"""Days. What is erased sooner should not be recorded."""


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A class. Of each kind of condition that is named the recording must meet one; without any it takes all.

    `contexts`: where the rule hangs that made it, a context or one of its incoming numbers. `users`: whose recording it is.
    `min_days`, `max_days`: of its age, since its end. `rank`: those of the lowest go first when space is needed.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    users: tuple[UserId, ...] = ()
    contexts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    min_days: float = 0.0
    max_days: float | None = None
    """None: its recordings never go by age."""
    rank: int = 0
    in_effect: bool = False
    """A class begins without effect, so that a preview comes first."""


@dataclass(frozen=True, slots=True)
class Space:
    """How much recordings may take, and how much the disk must have free; None: no such limit."""

    quota_bytes: int | None = None
    least_free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """The table. `revision` counts its changes."""

    classes: tuple[RetentionClass, ...] = ()
    space: Space = Space()
    revision: int = 0

    def named(self, name: str) -> RetentionClass:
        """The class with this name. Raises Refused (`no-such-class`)."""
        for one in self.classes:
            if one.name == name:
                return one
        raise Refused("no-such-class", f"there is no retention class {name[:80]!r}", hint="callrec retention list")


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides about a recording. `end_s`: Unix time; `origin`: where its rule hangs, `context:from-extern`,
    `incall:2050@from-extern`; `named`: the class that somebody gave it."""

    recording: RecordingId
    end_s: float
    bytes: int
    rule: Rule
    user: UserId | None
    origin: str
    tags: frozenset[str]
    named: str
    is_held: bool


@dataclass(slots=True)
class DueBytes:
    """What is due in a preview: how many, their bytes, how many a hold keeps, and which go first."""

    recordings: int = 0
    bytes: int = 0
    held: int = 0
    first: list[tuple[float, RecordingId]] = field(default_factory=list)

    def add(self, facts: Facts, most: int) -> None:
        """Count one that is due; `most` are named, the oldest."""
        if facts.is_held:
            self.held += 1
            return
        self.recordings += 1
        self.bytes += facts.bytes
        place = (facts.end_s, facts.recording)
        if len(self.first) < most or place < self.first[-1]:
            insort(self.first, place)
            del self.first[most:]


def class_of(facts: Facts, classes: Iterable[RetentionClass]) -> RetentionClass | None:
    """The class in effect that the recording has; None: nothing but a person erases it."""
    for one in classes:
        if one.name == facts.named if facts.named else _covers(one, facts):
            return one if one.in_effect else None
    return None


def is_due(facts: Facts, classes: Iterable[RetentionClass], now_s: float) -> bool:
    """Whether it is to be erased by its age, if nothing holds it."""
    found = class_of(facts, classes)
    return found is not None and found.max_days is not None and now_s - facts.end_s >= found.max_days * DAY_S


def may_go(facts: Facts, classes: Iterable[RetentionClass], now_s: float) -> RetentionClass | None:
    """Its class, if it may go when space is needed: it is not held, and its least age has passed."""
    found = class_of(facts, classes)
    if found is None or facts.is_held or now_s - facts.end_s < found.min_days * DAY_S:
        return None
    return found


class ForSpace:
    """Chooses what goes when space is needed: the oldest of the lowest class first. Takes facts one by one, and keeps `most`."""

    def __init__(self, classes: Sequence[RetentionClass], now_s: float, most: int) -> None:
        self._classes, self._now_s, self._most = classes, now_s, most
        self._kept: list[tuple[int, float, str, int]] = []

    def consider(self, facts: Facts) -> None:
        """Another recording of the library."""
        found = may_go(facts, self._classes, self._now_s)
        if found is None:
            return
        place = (-found.rank, -facts.end_s, facts.recording, facts.bytes)
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, place)
        else:
            heapq.heappushpop(self._kept, place)

    def chosen(self, needed_bytes: int) -> list[RecordingId]:
        """Those that go, first to last, until so many bytes are free. Fewer, when nothing else may go."""
        found, gained = list[RecordingId](), 0
        for _, _, recording, size in sorted(self._kept, reverse=True):
            if gained >= needed_bytes:
                break
            found.append(RecordingId(recording))
            gained += size
        return found


def with_class(table: Retention, wanted: RetentionClass) -> Retention:
    """The table with this class, in the place of the one of its name, or behind all others. What it says takes effect only when
    that is asked for again: it is not in effect. Raises Refused (`retention-class`)."""
    _check(wanted)
    stored = _off(wanted)
    if any(one.name == wanted.name for one in table.classes):
        classes = tuple(stored if one.name == wanted.name else one for one in table.classes)
    else:
        classes = (*table.classes, stored)
    if len(classes) > MOST_CLASSES:
        raise Refused("retention-class", f"there are at most {MOST_CLASSES} retention classes")
    return Retention(classes, table.space, table.revision + 1)


def in_effect(table: Retention, name: str, *, due: int, expected: int) -> Retention:
    """The table with this class in effect. `due`: how many recordings it makes due now; `expected`: how many were previewed.
    Raises Refused (`no-such-class`), Conflict (`retention-preview`) when more would go than were seen."""
    found = table.named(name)
    if due > expected:
        says = f"class {name} makes {due} recordings due now, more than the {expected} of the preview"
        raise Conflict("retention-preview", says, hint=f"look again: callrec retention preview {name}")
    classes = tuple(_on(one) if one is found else one for one in table.classes)
    return Retention(classes, table.space, table.revision + 1)


def out_of_effect(table: Retention, name: str) -> Retention:
    """The table with this class without effect. Raises Refused (`no-such-class`)."""
    found = table.named(name)
    classes = tuple(_off(one) if one is found else one for one in table.classes)
    return Retention(classes, table.space, table.revision + 1)


def without_class(table: Retention, name: str) -> Retention:
    """The table without this class. Raises Refused (`no-such-class`)."""
    found = table.named(name)
    return Retention(tuple(one for one in table.classes if one is not found), table.space, table.revision + 1)


def with_space(table: Retention, space: Space) -> Retention:
    """The table with these limits. Raises Refused (`retention-space`)."""
    for limit in (space.quota_bytes, space.least_free_bytes):
        if limit is not None and limit < 0:
            raise Refused("retention-space", "a limit of space is no negative number", hint="leave it out for none")
    return Retention(table.classes, space, table.revision + 1)


def as_if(table: Retention, wanted: RetentionClass) -> tuple[RetentionClass, ...]:
    """The classes as they would be with this one in effect: for a preview. Raises Refused (`retention-class`)."""
    return tuple(_on(one) if one.name == wanted.name else one for one in with_class(table, wanted).classes)


def _on(one: RetentionClass) -> RetentionClass:
    return replace(one, in_effect=True)


def _off(one: RetentionClass) -> RetentionClass:
    return replace(one, in_effect=False)


def _covers(one: RetentionClass, facts: Facts) -> bool:
    return (
        (not one.rules or facts.rule in one.rules)
        and (not one.users or facts.user in one.users)
        and (not one.contexts or _context_of(facts.origin) in one.contexts)
        and (not one.tags or not facts.tags.isdisjoint(one.tags))
    )


def _context_of(origin: str) -> str:
    kind, _, place = origin.partition(":")
    match kind:
        case "context":
            return place
        case "incall":
            return place.partition("@")[2]
        case _:
            return ""


def _check(wanted: RetentionClass) -> None:
    if not _NAME.fullmatch(wanted.name):
        raise _wrong("a name has 1 to 40 small letters, digits and hyphens")
    for kind in (wanted.rules, wanted.users, wanted.contexts, wanted.tags):
        if len(kind) > MOST_OF_A_KIND or any(not text or len(text) > _TEXT or not text.isprintable() for text in kind):
            raise _wrong(f"a condition has at most {MOST_OF_A_KIND} values, each of 1 to {_TEXT} characters")
    if not 0 <= wanted.min_days <= MOST_DAYS:
        raise _wrong(f"the least age is 0 to {MOST_DAYS} days")
    if wanted.max_days is not None and not max(wanted.min_days, _LEAST_MAX) <= wanted.max_days <= MOST_DAYS:
        raise _wrong(f"the greatest age is {_LEAST_MAX:g} to {MOST_DAYS} days, and not below the least")
    if not 0 <= wanted.rank <= MOST_RANK:
        raise _wrong(f"a rank is 0 to {MOST_RANK}")


def _wrong(says: str) -> Refused:
    return Refused("retention-class", says, hint="callrec retention set --help")
