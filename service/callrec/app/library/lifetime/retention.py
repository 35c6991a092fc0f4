"""Retention: recordings go by age, and when space is needed. The table of classes, its previews, and a task of the daemon.

Nothing goes that a hold keeps, that has no class in effect, or that is younger than its class says. Age is counted
by a time that no clock that is set can move ahead (`domain.library.known_time`). The catalogue says what may be due; the disk
decides, under the recording's lock.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from callrec.app.library.catalog import every
from callrec.app.library.lifetime.erasure import BATCH, Erasure, Request
from callrec.app.library.media.logged_access import Asker
from callrec.app.ports.access import AuditLog
from callrec.app.ports.library import Catalogue, Library
from callrec.app.ports.lifetime import RetentionClock, RetentionNotices, RetentionStore
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError, Conflict
from callrec.domain.library.erasure import Cause
from callrec.domain.library.known_time import Clocks, KnownTime, aged_from_s, believed, known_now, off_s, usable_s
from callrec.domain.library.retention import (
    DAY_S,
    DueBytes,
    Facts,
    ForSpace,
    Retention,
    RetentionClass,
    Space,
    as_if,
    class_of,
    in_effect,
    is_due,
    may_go,
    out_of_effect,
    with_class,
    with_space,
    without_class,
)
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry
from callrec.domain.library.search_pages import Sort
from callrec.domain.rules import Rule, UserId

TICK_S = 10.0
"""How often the clock is looked at, and the free space of the disk."""
RUN_S = 600.0
"""How often recordings are looked for that are due."""
LOOK_S = 86_400.0
"""How often all recordings are looked at. A run between looks at those only that have come to the greatest age of a class since
the last one."""
LONGEST_S = 86_400.0
"""A recording that is longer waits for the next look at all."""
KNOW_S = 60.0
"""How often what is known of the time is written."""
FIRST = 20
"""How many recordings a preview names."""
MOST_FOR_SPACE = 10_000
"""Recordings that one run chooses for space; the next one follows at once while there is too little."""
_ANY = 1 << 62
"""More bytes than any library has."""
PAUSE = 1.0
"""After each batch the run rests this many times as long as the batch took: calls go first."""


@dataclass(frozen=True, slots=True)
class RetentionPorts:
    """What it uses."""

    store: RetentionStore
    catalogue: Catalogue
    library: Library
    erasure: Erasure
    audit: AuditLog
    clock: RetentionClock
    notices: RetentionNotices


@dataclass(slots=True)
class Run:
    """What a run has done. `lacks_bytes`: so much is missing though all that may go is gone."""

    by_age: int = 0
    for_space: int = 0
    bytes: int = 0
    held: int = 0
    lacks_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Time:
    """The time by which recordings are old, how far the wall clock is off, and since when recordings count."""

    now_s: float
    off_s: float
    known: KnownTime


@dataclass(frozen=True, slots=True)
class Looked:
    """What the last run by age has looked at: by which table and time; when all were looked at last, by the loop's clock; and
    those that were due and held."""

    revision: int
    now_s: float
    all_at_s: float
    held: frozenset[str]


@dataclass(slots=True)
class Status:
    """For `list`: the table, the time, and the last run."""

    table: Retention
    time: Time
    last: Run = field(default_factory=Run)
    why_not: str = ""


class RetentionKeeper:
    """The use case, and one task (`run`). Changes and runs take one lock: a run sees a whole table."""

    def __init__(self, ports: RetentionPorts) -> None:
        self._ports = ports
        self._lock = asyncio.Lock()
        self._known: KnownTime | None = None
        self._written: KnownTime | None = None
        self._last = Run()
        self._looked: Looked | None = None
        self.why_not = ""
        """Why not all that is due can go; empty when it can."""

    async def status(self, asker: Asker) -> Status:
        """The table, the time and the last run. Raises Corrupt (`retention-unreadable`), Unavailable."""
        await self._told(asker, Action.LISTED, "retention classes")
        return Status(await self._table(), await self._time(), self._last, self.why_not)

    async def put(self, wanted: RetentionClass, asker: Asker) -> Retention:
        """Add or replace a class; it has no effect before `enable`. Raises Refused (`retention-class`), Conflict
        (`retention-preview`) when recordings that it took before are due by another class, Corrupt, Unavailable."""
        return await self._change(asker, wanted.name, "set", lambda table: with_class(table, wanted))

    async def remove(self, name: str, asker: Asker) -> Retention:
        """Remove a class. Raises Refused (`no-such-class`), Conflict (`retention-preview`) as `put`, Corrupt, Unavailable."""
        return await self._change(asker, name, "removed", lambda table: without_class(table, name))

    async def preview(self, wanted: RetentionClass | str, asker: Asker) -> DueBytes:
        """What this class would make due now, were it in effect; a name: the stored one. Raises Refused, Corrupt, Unavailable."""
        await self._told_due(asker)
        table = await self._table()
        return await self._due(table, table.named(wanted) if isinstance(wanted, str) else wanted)

    async def enable(self, name: str, expected: int, asker: Asker) -> Retention:
        """Let the class take effect, if it makes no more than `expected` recordings due. Raises Refused (`no-such-class`),
        Conflict (`retention-preview`), Corrupt, Unavailable."""
        async with self._lock:
            table = await self._table()
            due = (await self._due(table, table.named(name))).recordings
            if due > expected:
                await self._told_due(asker)
            after = in_effect(table, name, due=due, expected=expected)
            return await self._kept(after, asker, name, f"in effect, {due} due")

    async def disable(self, name: str, asker: Asker) -> Retention:
        """Let the class have no effect any more. Raises Refused (`no-such-class`), Corrupt, Unavailable."""
        return await self._change(asker, name, "out of effect", lambda table: out_of_effect(table, name))

    async def limit(self, space: Space, asker: Asker) -> Retention:
        """Set the limits of space. Raises Refused (`retention-space`), Corrupt, Unavailable."""
        said = f"quota {space.quota_bytes}, least free {space.least_free_bytes}"
        return await self._change(asker, "space", said, lambda table: with_space(table, space))

    async def trust_clock(self, asker: Asker) -> Time:
        """The wall clock is right, says who asks: believe it. Raises Unavailable."""
        clocks = self._ports.clock.clocks()
        time = await self._time()
        await self._told(asker, Action.SETTINGS_CHANGED, f"clock trusted, {time.off_s:.0f} s", "retention:clock")
        self._known = believed(self._known, clocks)
        await self._write_known()
        return await self._time()

    async def run_now(self, asker: Asker) -> Run:
        """Erase what is due now. Raises CallrecError."""
        await self._told(asker, Action.SETTINGS_CHANGED, "run", "retention:run")
        return await self._run_once(looks_at_all=True)

    async def run(self) -> None:
        """Look at the clock and the space, and erase what is due; never returns."""
        loop = asyncio.get_running_loop()
        ran_s = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self._time()
                lacks = await self._lacks_free_bytes(await self._table())
                if loop.time() - ran_s >= RUN_S or (lacks and not self.why_not):
                    await self._run_once()
                    ran_s = loop.time()
            except CallrecError as error:
                self._stopped(error.code, str(error))

    async def _run_once(self, *, looks_at_all: bool = False) -> Run:
        async with self._lock:
            table, time, done = await self._table(), await self._time(), Run()
            try:
                if any(one.in_effect for one in table.classes):
                    await self._by_age(table, time, done, looks_at_all=looks_at_all)
                    await self._for_space(table, time, done)
            finally:
                self._last = done
            if done.lacks_bytes:
                self._stopped("space", f"{done.lacks_bytes} bytes are missing, and nothing else may go")
            else:
                self.why_not = ""
            return done

    async def _by_age(self, table: Retention, time: Time, done: Run, *, looks_at_all: bool) -> None:
        limits = {one.max_days for one in table.classes if one.in_effect and one.max_days is not None}
        if not limits:
            return
        classes, began_s = table.classes, asyncio.get_running_loop().time()
        looked = self._looked
        if looks_at_all or looked is None or looked.revision != table.revision or began_s - looked.all_at_s >= LOOK_S:
            looked, spans = None, [(0.0, time.now_s - min(limits) * DAY_S)]
        else:
            ages_s = [days * DAY_S for days in sorted(limits)]
            spans = [(looked.now_s - age_s - LONGEST_S, time.now_s - age_s) for age_s in ages_s]
        held = set(looked.held if looked else ())

        def due(entry: Entry) -> bool:
            return is_due(facts_of(entry, time.known), classes, time.now_s)

        for from_s, until_s in spans:
            waiting: list[Entry] = []
            async for entry in self._oldest(until_s, from_s):
                if due(entry):
                    if entry.get("holds"):
                        held.add(entry["id"])
                        continue
                    waiting.append(entry)
                if len(waiting) >= BATCH:
                    done.by_age += await self._erased(waiting, "age", due, done)
                    waiting = []
            done.by_age += await self._erased(waiting, "age", due, done)
        done.held += len(held)
        self._looked = Looked(table.revision, time.now_s, looked.all_at_s if looked else began_s, frozenset(held))

    async def _for_space(self, table: Retention, time: Time, done: Run) -> None:
        """Until there is enough space, or nothing else may go."""
        needed = await self._needed_bytes(table)
        classes = table.classes
        while needed > 0:
            choice = ForSpace(classes, time.now_s, MOST_FOR_SPACE)
            async for entry in self._oldest(time.now_s):
                choice.consider(facts_of(entry, time.known))
            over_quota = await self._over_quota_bytes(table)
            chosen = choice.chosen(over_quota) if over_quota > 0 else await self._gaining(choice, needed)

            def may(entry: Entry) -> bool:
                return may_go(facts_of(entry, time.known), classes, time.now_s) is not None

            gone = 0
            for at in range(0, len(chosen), BATCH):
                some = [found for one in chosen[at : at + BATCH] if (found := await self._ports.catalogue.get(one))]
                gone += await self._erased(some, "space", may, done)
            done.for_space += gone
            needed = await self._needed_bytes(table)
            if not gone:
                break
        done.lacks_bytes = max(0, needed)

    async def _erased(self, entries: Sequence[Entry], why: str, due: Callable[[Entry], bool], done: Run) -> int:
        """Erase these, and rest; how many are gone."""
        if not entries:
            return 0
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        request = Request(Actor(ActorKind.DAEMON), f"retention: {why}", cause=Cause.RETENTION, still_due=due)
        result = await self._ports.erasure.entries(entries, request)
        done.bytes += result.bytes
        done.held += len(result.kept)
        if result.recordings:
            self._ports.notices.retained(len(result.recordings), result.bytes, why)
        await asyncio.sleep(PAUSE * (loop.time() - began_s))
        return len(result.recordings)

    async def _due(self, table: Retention, wanted: RetentionClass) -> DueBytes:
        time, found = await self._time(), DueBytes()
        classes = as_if(table, wanted)
        if wanted.max_days is None:
            return found
        async for entry in self._oldest(time.now_s - wanted.max_days * DAY_S):
            facts = facts_of(entry, time.known)
            its = class_of(facts, classes)
            if its is not None and its.name == wanted.name and is_due(facts, classes, time.now_s):
                found.add(facts, FIRST)
        return found

    def _oldest(self, until_s: float, from_s: float = 0.0) -> AsyncIterator[Entry]:
        """The entries that began before this time, and not before `from_s`, oldest first."""
        wanted = Filter(from_s=max(0.0, from_s), to_s=max(0.0, until_s))
        return every(self._ports.catalogue, wanted, Sort.OLDEST)

    async def _needed_bytes(self, table: Retention) -> int:
        """How many bytes must go for both limits."""
        return max(await self._lacks_free_bytes(table), await self._over_quota_bytes(table))

    async def _gaining(self, choice: ForSpace, needed: int) -> list[RecordingId]:
        """Those whose end frees so many bytes of the disk. What has another name there, in a backup perhaps, frees none."""
        found, gained = list[RecordingId](), 0
        for recording in choice.chosen(_ANY):
            entry = await self._ports.catalogue.get(recording)
            media = entry.get("media", "") if entry else ""
            stays = bool(media) and await asyncio.to_thread(self._ports.library.has_other_name, media)
            if entry and not stays:
                found.append(recording)
                gained += _bytes(entry)
            if gained >= needed:
                break
        return found

    async def _over_quota_bytes(self, table: Retention) -> int:
        quota = table.space.quota_bytes
        return 0 if quota is None else await self._ports.catalogue.stored_bytes() - quota

    async def _lacks_free_bytes(self, table: Retention) -> int:
        least = table.space.least_free_bytes
        if least is None:
            return 0
        room = await asyncio.to_thread(self._ports.library.room)
        return max(0, least - room.free_bytes)

    async def _table(self) -> Retention:
        return await asyncio.to_thread(self._ports.store.read)

    async def _time(self) -> Time:
        """What is known of the time now; kept on disk now and then. Raises Unavailable, Corrupt."""
        if self._known is None:
            self._known = self._written = await asyncio.to_thread(self._ports.store.known_time)
        clocks = self._ports.clock.clocks()
        self._known = known_now(self._known, clocks)
        before = self._written
        if (
            before is None
            or self._known.boot != before.boot
            or self._known.mono_s - before.mono_s >= KNOW_S
            or len(self._known.doubts) != len(before.doubts)
        ):
            await self._write_known()
        return _time_of(self._known, clocks)

    async def _write_known(self) -> None:
        assert self._known is not None  # noqa: S101 - for the type checker
        await asyncio.to_thread(self._ports.store.know, self._known)
        self._written = self._known

    async def _change(self, asker: Asker, name: str, what: str, change: Callable[[Retention], Retention]) -> Retention:
        async with self._lock:
            before = await self._table()
            after = change(before)
            await self._check_fresh(name, before, after, asker)
            return await self._kept(after, asker, name, what)

    async def _check_fresh(self, name: str, before: Retention, after: Retention, asker: Asker) -> None:
        """Raises Conflict (`retention-preview`) when a change that has no preview makes recordings due: those that a class
        takes no longer get the next one."""
        limits = [one.max_days for one in after.classes if one.in_effect and one.max_days is not None]
        if not limits or before.classes == after.classes:
            return
        time, fresh = await self._time(), 0
        async for entry in self._oldest(time.now_s - min(limits) * DAY_S):
            facts = facts_of(entry, time.known)
            was_due = is_due(facts, before.classes, time.now_s)
            fresh += not was_due and not facts.is_held and is_due(facts, after.classes, time.now_s)
        if fresh:
            await self._told_due(asker)
            says = f"without class {name} as it is, {fresh} recordings are due by the next class that takes them"
            raise Conflict("retention-preview", says, hint="disable that class first, and enable it with a preview")

    async def _kept(self, table: Retention, asker: Asker, name: str, what: str) -> Retention:
        """Write the table once the audit log has the change."""
        await self._told(asker, Action.SETTINGS_CHANGED, what, f"retention:{name}")
        await asyncio.to_thread(self._ports.store.write, table)
        return table

    async def _told_due(self, asker: Asker) -> None:
        """The audit log has who is told how many recordings are due."""
        await self._told(asker, Action.LISTED, "preview of a retention class")

    async def _told(self, asker: Asker, action: Action, details: str, subject: str = "") -> None:
        entry = AuditEntry(action, asker.actor, "", subject, asker.address, details=details)
        await self._ports.audit.append([entry])

    def _stopped(self, cause: str, reason: str) -> None:
        if reason != self.why_not:
            self._ports.notices.retention_stopped(cause, reason)
        self.why_not = reason


def facts_of(entry: Entry, known: KnownTime) -> Facts:
    """What an entry of the catalogue says, with the time from which the recording counts."""
    end_s = float(entry.get("end_s") or entry["start_s"])
    user, tags = entry.get("recorded_user"), entry.get("tags")
    return Facts(
        RecordingId(entry["id"]),
        aged_from_s(known, end_s),
        _bytes(entry),
        Rule(entry["rule"]),
        UserId(user) if user else None,
        entry.get("rule_origin", ""),
        frozenset(json.loads(tags)) if tags and tags != "[]" else frozenset(),
        entry.get("retention_class", ""),
        bool(entry.get("holds")),
    )


def _bytes(entry: Entry) -> int:
    return int(entry.get("bytes") or 0)


def _time_of(known: KnownTime, clocks: Clocks) -> Time:
    return Time(usable_s(known, clocks), off_s(known, clocks), known)
