"""Erasing recordings, for good and everywhere: the use case, and what finishes an erasure that was broken off.

Order of writes: kept that it is under way (flushed) -> audit entry (flushed) -> tombstone (flushed) -> files of the library
-> catalogue, event -> traces elsewhere -> what was kept of it is destroyed. From the tombstone on it is carried out, whatever
happens: the next start, or the next try, goes on. Before it, a hold that came first wins.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from callrec.app.library.catalog import entry_of, every, forget
from callrec.app.library.media.logged_access import Asker
from callrec.app.library.media.sources import Sources
from callrec.app.library.recording_locks import RecordingLocks
from callrec.app.ports.access import AuditLog
from callrec.app.ports.calls import Clock
from callrec.app.ports.library import EventSink, Library
from callrec.app.ports.lifetime import ErasureNotices, Erasures, Trace
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.access.decisions import Visible, visible
from callrec.domain.calls.ids import RecordingId
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.domain.library.erasure import (
    Candidate,
    Cause,
    Erasing,
    Kept,
    Preview,
    Tombstone,
    checked_reason,
    files_of,
)
from callrec.domain.library.manifest import Manifest
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry

MOST_AT_ONCE = 1000
"""Recordings that one request erases; it says how many are left."""
BATCH = 100
"""Recordings that share the flushes of one erasure."""
AGAIN_S = 60.0
"""After so long what could not be finished is tried again."""
LOOK_S = 86400.0
"""How often the library is searched for erased recordings that came back."""
PERMISSION = Permission.RECORDINGS_ERASE


@dataclass(frozen=True, slots=True)
class ErasurePorts:
    """What it uses. `unfinished`: recordings that the daemon is still storing. `checkpoint` is told each step, for tests of
    crashes."""

    sources: Sources
    erasures: Erasures
    audit: AuditLog
    events: EventSink
    clock: Clock
    locks: RecordingLocks
    unfinished: Callable[[], Collection[RecordingId]]
    traces: Sequence[Trace]
    notices: ErasureNotices
    checkpoint: Callable[[str], None] = lambda _step: None


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants it, why, and the numbers and names that go with the recordings, wherever they stand."""

    actor: Actor
    reason: str
    address: str = ""
    cause: Cause = Cause.REQUEST
    words: frozenset[str] = frozenset()
    still_due: Callable[[Entry], bool] = lambda _: True
    """Asked with what the disk says of it, under the lock."""

    @classmethod
    def by(cls, asker: Asker, reason: str, words: Collection[str] = ()) -> "Request":
        """Of somebody who asks. Raises Refused (`erasure-reason`)."""
        return cls(asker.actor, checked_reason(reason, words), asker.address, words=frozenset(words))


@dataclass(slots=True)
class Erased:
    """What was done. `left`: more meet the conditions; `unfinished`: places that still know something, and are tried again."""

    recordings: list[RecordingId] = field(default_factory=list)
    bytes: int = 0
    kept: dict[RecordingId, Kept] = field(default_factory=dict)
    is_more_left: bool = False
    unfinished: tuple[str, ...] = ()


class Erasure:
    """The use case, and a task of the daemon (`run`)."""

    def __init__(self, ports: ErasurePorts) -> None:
        self._ports = ports
        self.why_not = ""
        """What is left unfinished, and why; empty when nothing is."""

    async def preview_one(self, recording: str, asker: Asker) -> Preview:
        """What erasing this one would do. Raises as `Sources.stored`, and Unavailable."""
        await self._ports.sources.stored(recording, asker, PERMISSION)
        entry = await self._ports.sources.catalogue.get(recording)
        await self._told(asker, "preview of an erasure", recording)
        found = Preview()
        if entry:
            found.add(candidate(entry, frozenset(self._ports.unfinished())))
        return found

    async def one(self, recording: str, reason: str, asker: Asker) -> Erased:
        """Erase this one. Raises as `Sources.stored`, and Refused (`recording-held`, `recording-unfinished`, `erasure-reason`),
        Corrupt, Unavailable."""
        await self._ports.sources.stored(recording, asker, PERMISSION)
        entry = await self._ports.sources.catalogue.get(recording)
        try:
            done = await self.entries([entry] if entry else [], Request.by(asker, reason))
            for kept in done.kept.values():
                raise _refused(recording, kept)
        except (Refused, Corrupt):  # the error may name a hold or a participant
            await self._told(asker, "erasure", recording)
            raise
        return done

    async def preview(self, wanted: Filter, asker: Asker) -> Preview:
        """What erasing all that meet the conditions would do, among those that the asker may erase. Raises Unavailable."""
        await self._told(asker, "preview of an erasure")
        found, unfinished = Preview(), frozenset(self._ports.unfinished())
        async for entry in every(self._ports.sources.catalogue, self._allowed(wanted, asker)):
            found.add(candidate(entry, unfinished))
        return found

    async def some(self, wanted: Filter, reason: str, asker: Asker) -> Erased:
        """Erase the first `MOST_AT_ONCE` that meet the conditions and that nothing keeps. The number or name of the conditions is
        erased with them, wherever it stands, if who asks may erase all recordings: the texts may be about any. Raises Refused
        (`erasure-reason`, `erasure-conditions`), Corrupt, Unavailable."""
        if wanted == Filter():
            says = "an erasure of many needs a condition"
            raise Refused("erasure-conditions", says, hint="name a user, a number, a time, a tag, ...")
        said = (wanted.number, wanted.name) if visible(asker.principal, PERMISSION).all else ()
        request = Request.by(asker, reason, [word for word in said if word])
        await self._told(asker, "erasure")
        chosen: list[Entry] = []
        kept: dict[RecordingId, Kept] = {}
        unfinished = frozenset(self._ports.unfinished())
        async for entry in every(self._ports.sources.catalogue, self._allowed(wanted, asker)):
            one = candidate(entry, unfinished)
            if one.kept is not None:
                kept[one.recording] = one.kept
            elif len(chosen) < MOST_AT_ONCE:
                chosen.append(entry)
            else:
                done = await self.entries(chosen, request)
                done.is_more_left = True
                break
        else:
            done = await self.entries(chosen, request)
        done.kept = kept | done.kept
        return done

    async def entries(self, entries: Sequence[Entry], request: Request) -> Erased:
        """Erase the recordings of these entries of the catalogue that nothing keeps. Raises Refused (`erasure-reason`) when the
        reason names a participant; Corrupt, Unavailable."""
        if request.cause is Cause.REQUEST:
            checked_reason(request.reason, {text for entry in entries for text in _personal(entry)})
        done, erasings = Erased(), list[Erasing]()
        for at in range(0, len(entries), BATCH):
            some = entries[at : at + BATCH]
            async with self._ports.locks.of([entry["id"] for entry in some]):
                found = await asyncio.to_thread(self._prepared, some, request, done.kept)
                if found:
                    await self._begun(found)
                    done.bytes += await self._carried_out(found)
            erasings += found
        for recording in [one for one, why in done.kept.items() if why is Kept.ELSEWHERE]:
            if await self._ports.sources.catalogue.get(recording) is None:  # somebody else erased it meanwhile
                del done.kept[recording]
        done.recordings = [one.recording for one in erasings]
        done.unfinished = await self._forgotten(erasings, request.words)
        if erasings:
            self._ports.notices.erased(len(erasings), done.bytes, request.cause)
        return done

    async def run(self) -> None:
        """Finish what was broken off, and erase again what came back; never returns."""
        looked_s = -LOOK_S
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self.finish()
                if loop.time() - looked_s >= LOOK_S:
                    await self.look_for_returned()
                    looked_s = loop.time()
            except CallrecError as error:
                self.why_not = str(error)
            await asyncio.sleep(AGAIN_S)

    async def finish(self) -> None:
        """Go on with each erasure that has not ended. Raises CallrecError: then it is tried again."""
        under_way = await asyncio.to_thread(self._ports.erasures.under_way)
        owed = await asyncio.to_thread(self._ports.erasures.owed_words)
        done: list[Erasing] = []
        for at in range(0, len(under_way), BATCH):
            recordings = frozenset(one.recording for one in under_way[at : at + BATCH])
            async with self._ports.locks.of(recordings):
                some = await asyncio.to_thread(self._still_under_way, recordings)
                unlogged = [one for one in some if not one.is_logged]
                still = await asyncio.to_thread(self._still_wanted, unlogged)
                if still:
                    await self._logged(still)
                due = [*still, *(one for one in some if one.is_logged)]
                await self._carried_out(due)
            done += due
        words = owed | frozenset(word for one in done for word in one.words)
        failed = await self._forgotten(done, words)
        if owed and not failed:
            await asyncio.to_thread(self._ports.erasures.pay_words, owed)
        self.why_not = f"erased recordings have left something in: {', '.join(failed)}" if failed else ""

    async def look_for_returned(self) -> int:
        """Erase each recording of the library that was erased before; how many there were. Raises CallrecError."""
        ports = self._ports
        if not await asyncio.to_thread(ports.erasures.tombstones):
            return 0
        found = await asyncio.to_thread(lambda: list(returned(ports.sources.library, ports.erasures)))
        for one in found:
            ports.notices.erased_again(one.recording)
        if found:
            await asyncio.to_thread(ports.erasures.begin, found)
            await self.finish()
        return len(found)

    def _allowed(self, wanted: Filter, asker: Asker) -> Filter:
        """These conditions, for what the asker may erase."""
        return within(wanted, visible(asker.principal, PERMISSION))

    async def _told(self, asker: Asker, details: str, recording: str = "") -> None:
        """The audit log has this look: the answer tells how many there are, also when none is erased. It does not say the
        conditions, which may be what is to be erased."""
        action = Action.SHOWN if recording else Action.LISTED
        await self._ports.audit.append([AuditEntry(action, asker.actor, recording, "", asker.address, details=details)])

    def _prepared(self, entries: Sequence[Entry], request: Request, kept: dict[RecordingId, Kept]) -> list[Erasing]:
        """What the disk says of them now. Blocking; the locks are held. Raises Unavailable."""
        found: list[Erasing] = []
        for entry in entries:
            recording = RecordingId(entry["id"])
            try:
                manifest = self._ports.sources.library.manifest(entry["path"])
            except Corrupt:
                kept[recording] = Kept.DAMAGED
                continue
            if manifest is None or manifest.recording.id != recording:
                kept[recording] = Kept.ELSEWHERE
                continue
            if why := self._kept_by(entry["path"], manifest):
                kept[recording] = why
                continue
            if not request.still_due(entry_of(self._ports.sources.library, entry["path"], manifest)[0]):
                continue
            found.append(_erasing(entry["path"], manifest, request))
        return found

    def _kept_by(self, path: str, manifest: Manifest) -> Kept | None:
        """Why it must not be erased now. Annotations that cannot be read may have a hold."""
        if manifest.recording.id in self._ports.unfinished():
            return Kept.UNFINISHED
        try:
            annotations = self._ports.sources.library.annotations(path)
        except CallrecError:
            return Kept.HELD
        return Kept.HELD if manifest.holds or (annotations and annotations.is_held) else None

    def _still_under_way(self, recordings: Collection[RecordingId]) -> list[Erasing]:
        """Those of these that are, now that their locks are held: who began one may have ended it, or given it up. Blocking."""
        return [one for one in self._ports.erasures.under_way() if one.recording in recordings]

    def _still_wanted(self, unlogged: Sequence[Erasing]) -> list[Erasing]:
        """Those that no hold keeps; the others are dropped. Blocking."""
        wanted, dropped = list[Erasing](), list[Erasing]()
        for one in unlogged:
            (dropped if self._is_kept(one.files[-1].removesuffix(".json")) else wanted).append(one)
        self._ports.erasures.drop([one.recording for one in dropped])
        return wanted

    def _is_kept(self, path: str) -> bool:
        """Whether the recording that is still at this path must not be erased. A sidecar that cannot be read may have a hold."""
        try:
            manifest = self._ports.sources.library.manifest(path)
        except Corrupt:
            return True
        return manifest is not None and self._kept_by(path, manifest) is not None

    async def _begun(self, erasings: Sequence[Erasing]) -> None:
        """Keep that they are under way, and log them. Raises Unavailable; then nothing is erased, unless the log may have it."""
        await asyncio.to_thread(self._ports.erasures.begin, erasings)
        self._ports.checkpoint("asked")
        try:
            await self._logged(erasings)
        except Unavailable as error:
            if error.code != "audit-slow":
                await asyncio.to_thread(self._ports.erasures.drop, [one.recording for one in erasings])
            raise

    async def _logged(self, erasings: Sequence[Erasing]) -> None:
        await self._ports.audit.append([_entry(one) for one in erasings])
        self._ports.checkpoint("logged")

    async def _carried_out(self, erasings: Sequence[Erasing]) -> int:
        """Tombstones, files, catalogue, event; the bytes that are free now. The audit log has them. Raises CallrecError."""
        ports, bytes_ = self._ports, 0
        if not erasings:
            return 0
        now_ms = int(ports.clock.now().utc_s * 1000)
        await asyncio.to_thread(ports.erasures.bury, [Tombstone(one.recording, now_ms, one.cause) for one in erasings])
        ports.checkpoint("buried")
        for one in erasings:
            bytes_ += await asyncio.to_thread(ports.sources.library.erase, one.recording, one.files)
            await asyncio.to_thread(ports.sources.library.tidy, one.recording)
        ports.checkpoint("removed")
        for one in erasings:
            await forget(ports.sources.catalogue, ports.events, one.recording)
        ports.checkpoint("forgotten")
        return bytes_

    async def _forgotten(self, erasings: Sequence[Erasing], words: Collection[str]) -> tuple[str, ...]:
        """Destroy what is left of them elsewhere. Returns the places where that is tried again later."""
        if not erasings and not words:
            return ()
        failed: list[str] = []
        try:
            await self._ports.sources.catalogue.purge()
        except CallrecError as error:
            self._ports.notices.erasure_unfinished("catalogue", error)
            failed.append("catalogue")
        for trace in self._ports.traces:
            try:
                await trace.forget(erasings, words)
            except CallrecError as error:
                self._ports.notices.erasure_unfinished(trace.name, error)
                failed.append(trace.name)
            self._ports.checkpoint(f"trace-{trace.name}")
        if not failed:
            await asyncio.to_thread(self._ports.erasures.end, [one.recording for one in erasings])
            self._ports.checkpoint("ended")
        elif not erasings:  # an erasure under way keeps its words itself
            await asyncio.to_thread(self._ports.erasures.owe_words, words)
        return tuple(failed)


def candidate(entry: Entry, unfinished: Collection[RecordingId]) -> Candidate:
    """What the catalogue says of it; the disk decides when it is erased."""
    recording = RecordingId(entry["id"])
    kept = Kept.HELD if entry.get("holds") else Kept.UNFINISHED if recording in unfinished else None
    return Candidate(recording, float(entry["start_s"]), int(entry.get("bytes") or 0), kept)


def _personal(entry: Entry) -> Iterator[str]:
    """The numbers and names of its participants."""
    for name in ("numbers", "names"):
        yield from (str(text) for text in json.loads(entry.get(name) or "[]"))


def within(wanted: Filter, allowed: Visible) -> Filter:
    """These conditions, for these recordings only."""
    if allowed.all:
        return wanted
    users = allowed.users if wanted.recorded is None else allowed.users & wanted.recorded
    return replace(wanted, recorded=users)


def returned(library: Library, erasures: Erasures) -> Iterator[Erasing]:
    """The recordings of the library that were erased before. Blocking. Raises Unavailable, Corrupt."""
    sidecars = library.sidecars()
    while some := list(islice(sidecars, BATCH)):
        read = [(path, found) for path, found in some if isinstance(found, Manifest)]
        gone = erasures.erased([found.recording.id for _, found in read])
        again = Request(Actor(ActorKind.DAEMON), "")
        for path, found in read:
            if found.recording.id in gone:
                yield replace(_erasing(path, found, again), is_logged=True)


def _erasing(path: str, manifest: Manifest, request: Request) -> Erasing:
    recording = manifest.recording
    actor = f"{request.actor.kind}:{request.actor.id}"
    sources = tuple(media.sha256 for media in manifest.files)
    captures = tuple(str(capture.id) for capture in recording.all_captures)
    files, words = files_of(path, manifest), tuple(sorted(request.words))
    return Erasing(recording.id, files, sources, captures, actor, request.cause, request.reason, request.address, words)


def _entry(one: Erasing) -> AuditEntry:
    kind, _, identity = one.actor.partition(":")
    actor = Actor(ActorKind(kind), identity)
    return AuditEntry(Action.ERASED, actor, one.recording, f"cause:{one.cause}", one.address, one.reason)


def _refused(recording: str, kept: Kept) -> CallrecError:
    match kept:
        case Kept.HELD:
            hint = "callrec recordings annotations ID shows the holds; who may release them, can"
            return Refused("recording-held", f"recording {recording} is under a legal hold", hint=hint)
        case Kept.UNFINISHED:
            says = f"recording {recording} is still being stored"
            return Refused("recording-unfinished", says, hint="try again in a minute")
        case Kept.DAMAGED:
            says = f"the sidecar of {recording} is damaged, so its files are not known"
            return Corrupt("sidecar-unreadable", says, hint="run callrec verify")
        case Kept.ELSEWHERE:
            says = f"recording {recording} is not in the library of this daemon"
            return Corrupt("media-missing", says, hint="ask the daemon that stored it; run callrec verify")
