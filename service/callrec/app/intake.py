"""From an ended recording to its stored file: every step may run many times, the outcome is one file, one digest, one entry.

Encode to a temporary file, check it, sidecar, link into place, index, event, drop the spool, and at the very end the journal's
`finished`: after a crash the recording is still in the journal, `Library.find` tells how far the last run got, and what was
done is not done again. Redis may be down: the index is a function of the library and is mended later. A disk may be full:
the legs stay in the spool, and the next try comes later and later, but it comes.

Long recordings are encoded by a worker of their own, so that they keep no others waiting. What can never be stored (files that
Asterisk cannot have written, media larger than the disk) is not tried again: its legs are kept aside, its entry says why.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from callrec.app.deaf_legs import deaf_legs
from callrec.app.encoding import Encoding
from callrec.app.library import index_entry
from callrec.app.outcome import Conclusion, conclude, is_refused
from callrec.app.ports import Capture, Encoded, Encoder, Journal, Library, Spool
from callrec.app.store_port import EventSink, RecordingIndex
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.domain.lifecycle import SCHEMA, Entry, Format, Manifest, Media, State, Step
from callrec.domain.model import Recording, RecordingId, TakeId
from callrec.domain.naming import Names, stored_paths

_OF_THE_DISK = frozenset({"disk", "monitor-full"})


class Notices(Protocol):
    """Who hears of what intake did and could not do: metrics, alarms, logs. Must not raise."""

    def stored(self, manifest: Manifest) -> None:
        """A recording is in the library."""
        ...

    def delayed(self, recording: RecordingId, attempt: int, error: Exception) -> None:
        """It could not be stored now and is tried again; its legs are safe in the spool."""
        ...

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """It is stored, but the index or the event stream does not know: `library.rebuild` when Redis is back."""
        ...

    def damaged(self, recording: RecordingId, error: Corrupt) -> None:
        """The encoder failed on it: somebody has to look."""
        ...

    def refused(self, recording: RecordingId, cause: str) -> None:
        """It is stored without legs that never can be: they are in `spool/kept`, and somebody has to look."""
        ...

    def overflowed(self) -> None:
        """The queue is full: the recording waits in the journal instead."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """Intake's settings."""

    media_format: Format = Format.WAV
    names: Names = Names.CALLREC
    workers: int = 1
    queue: int = 10_000
    first_delay_s: float = 1.0
    longest_delay_s: float = 300.0
    long_bytes: int = 128 << 20
    """Legs that are larger together are encoded beside the others: an hour of two legs at 8 kHz is 115 MB."""
    left_bytes: int = 256 << 20
    """What a long recording leaves free on the monitor disk for the others."""
    encode_s: float = 60.0
    """What encoding may take at first beyond a tenth of the recording's length; then it is tried again, with more time."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What intake needs of the outside."""

    journal: Journal
    spool: Spool
    library: Library
    encoder: Encoder
    index: RecordingIndex
    events: EventSink
    notices: Notices


class Intake:
    """A few workers behind a bounded queue. `submit` what has ended (and is journaled as such); `run` works until cancelled.

    `checkpoint` is told each step that a crash could follow.
    """

    def __init__(self, doors: Doors, terms: Terms, *, checkpoint: Callable[[str], None] = lambda _step: None) -> None:
        self._unindexed: set[RecordingId] = set()
        self._doors = doors
        self._terms = terms
        self._checkpoint = checkpoint
        self._encoding = Encoding(doors.encoder, terms.encode_s)
        self._queue: asyncio.Queue[tuple[Recording, int]] = asyncio.Queue(terms.queue)
        self._long: asyncio.Queue[tuple[Recording, int]] = asyncio.Queue(terms.queue)
        self._busy: set[RecordingId] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._overflowed = False
        self.why_not = ""
        """Why the monitor disk takes no recording; empty again as soon as it has taken one."""

    def submit(self, recording: Recording) -> None:
        """Take over a recording; one that is here already is not taken twice. Never waits and never fails."""
        if recording.id in self._busy:
            return
        if len(self._busy) >= self._terms.queue:
            self._overflowed = True
            self._doors.notices.overflowed()
            return
        self._busy.add(recording.id)
        self._idle.clear()
        self._queue.put_nowait((recording, 1))

    @property
    def index_is_behind(self) -> bool:
        """Something was stored while Redis was away. The journal keeps it until the index knows, also over a restart."""
        return bool(self._unindexed)

    def catch_up(self) -> None:
        """Take up what the journal holds as ended: it once did not fit in, or Redis was away."""
        for entry in self._doors.journal.live():
            if entry.step is Step.ENDED:
                self.submit(entry.recording)

    async def run(self) -> None:
        """Work until cancelled. What is cancelled is taken up again from the journal at the next start."""
        async with asyncio.TaskGroup() as workers:
            for nth in range(self._terms.workers):
                workers.create_task(self._work(self._queue), name=f"intake-{nth}")
            workers.create_task(self._work(self._long), name="intake-long")

    async def idle(self) -> None:
        """Return when nothing is queued, under way, or waiting for another try."""
        await self._idle.wait()

    async def finish(self, recording: Recording) -> Manifest:
        """All steps for one recording. Raises what keeps it from being finished; running it again is always right."""
        doors = self._doors
        path, manifest = await self._stored(recording)
        self._encoding.forget(recording.id)
        self._checkpoint("stored")
        is_news = recording.id not in self._unindexed
        await self._tell(path, manifest)
        self._checkpoint("told")
        await asyncio.to_thread(self._clear, recording, manifest)
        self._checkpoint("dropped")
        if recording.id not in self._unindexed:
            await doors.journal.append(Entry(Step.FINISHED, recording))
        if is_news:
            doors.notices.stored(manifest)
        return manifest

    async def _work(self, queue: asyncio.Queue[tuple[Recording, int]]) -> None:
        while True:
            recording, attempt = await queue.get()
            try:
                if queue is self._queue and await asyncio.to_thread(self._is_long, recording):
                    self._long.put_nowait((recording, attempt))
                    continue
                await self.finish(recording)
            except CallrecError as error:
                self._again(recording, attempt, error)
            except Exception as error:  # noqa: BLE001 - the boundary of a worker: one recording must not stop the others
                self._again(recording, attempt, error)
            else:
                self._busy.discard(recording.id)
                self._after_one()

    def _again(self, recording: Recording, attempt: int, error: Exception) -> None:
        """Later, with a delay that doubles up to its bound; the recording keeps its place among the busy ones."""
        self._doors.notices.delayed(recording.id, attempt, error)
        delay_s = min(self._terms.first_delay_s * 2 ** min(attempt - 1, 30), self._terms.longest_delay_s)
        asyncio.get_running_loop().call_later(delay_s, self._queue.put_nowait, (recording, attempt + 1))

    def _after_one(self) -> None:
        """With the last one done, those that once did not fit in are fetched from the journal."""
        if self._busy:
            return
        if self._overflowed:
            self._overflowed = False
            self.catch_up()
        if not self._busy:
            self._idle.set()

    async def _stored(self, recording: Recording) -> tuple[str, Manifest]:
        """Its path and sidecar, from now or from an earlier try. What the disk refuses is kept for readiness."""
        paths = stored_paths(recording, self._terms.names)
        try:
            found = await asyncio.to_thread(self._doors.library.find, recording.id, paths)
            stored = found or await self._store_or_tidy(recording, paths)
        except Unavailable as error:
            if error.code in _OF_THE_DISK:
                self.why_not = f"recordings wait in the spool: {error}"
            raise
        self.why_not = ""
        return stored

    async def _store_or_tidy(self, recording: Recording, paths: tuple[str, ...]) -> tuple[str, Manifest]:
        """A try that failed gives its space back: on a full disk the next one needs it."""
        try:
            return await self._store(recording, paths)
        except CallrecError:
            with suppress(CallrecError):
                await asyncio.to_thread(self._doors.library.tidy, recording.id)
            raise

    async def _store(self, recording: Recording, paths: tuple[str, ...]) -> tuple[str, Manifest]:
        captures = await asyncio.to_thread(self._captures, recording)
        possible = {take: one for take, one in captures.items() if not one.impossible}
        deaf = await asyncio.to_thread(deaf_legs, recording, possible, self._doors.spool)
        conclusion = conclude(replace(recording, missing=(*recording.missing, *deaf)), captures)
        media, temporary = None, None
        if conclusion.places:
            try:
                media, temporary = await self._encode(conclusion)
            except Corrupt as error:
                conclusion = _unplayable(conclusion, f"encoder: {error.code}")
            except Refused as error:
                conclusion = _unplayable(conclusion, f"{error.code}: {error.message}")
                self._doors.notices.refused(recording.id, conclusion.recording.cause)
            if await asyncio.to_thread(self._captures, recording) != captures:
                raise Unavailable("capture-grows", f"the legs of {recording.id} are still being written")
        for take in filter(is_refused, conclusion.recording.takes):
            self._doors.notices.refused(recording.id, take.cause)
        self._checkpoint("encoded")
        return await asyncio.to_thread(self._place, conclusion, media, temporary, paths)

    async def _encode(self, conclusion: Conclusion) -> tuple[Media, str]:
        """In the format that is set; when that fails, as WAV, which needs no codec. Raises Corrupt when that fails too."""
        recording = conclusion.recording
        first = self._encoding.format_of(recording.id, self._terms.media_format)
        try:
            return await self._encode_as(first, conclusion)
        except Corrupt as error:
            self._doors.notices.damaged(recording.id, error)
            if first is Format.WAV:
                raise
        try:
            return await self._encode_as(Format.WAV, conclusion)
        except Corrupt as error:
            self._doors.notices.damaged(recording.id, error)
            raise

    async def _encode_as(self, media_format: Format, conclusion: Conclusion) -> tuple[Media, str]:
        doors, recording = self._doors, conclusion.recording
        job = conclusion.job(media_format, doors.spool.path)
        await asyncio.to_thread(self._look_for_room, conclusion, conclusion.needed_bytes(media_format))
        temporary = await asyncio.to_thread(doors.library.temporary, recording.id, media_format)
        encoded = await self._encoding.encode(recording.id, job, temporary, conclusion.length_s)
        return _media(encoded, media_format, job.rate_hz), temporary

    def _look_for_room(self, conclusion: Conclusion, needed_bytes: int) -> None:
        """Before the disk is filled up. Raises Refused (`too-large`) when it can never take it, Unavailable when not now."""
        room = self._doors.library.room()
        if needed_bytes > room.total_bytes:
            raise Refused("too-large", f"{needed_bytes} bytes, the monitor disk has {room.total_bytes} in all")
        left_bytes = self._terms.left_bytes if self._is_long(conclusion.recording) else 0
        if needed_bytes + left_bytes > room.free_bytes:
            says = f"{needed_bytes} bytes are needed on the monitor disk, and {left_bytes} left; {room.free_bytes} are free"
            raise Unavailable("monitor-full", says, hint="free space there")

    def _is_long(self, recording: Recording) -> bool:
        """Whether its legs are so large that they are encoded beside the others. Blocking."""
        found = [one for one in self._captures(recording).values() if not one.impossible]
        return sum((one.read_bytes or 0) + (one.write_bytes or 0) for one in found) > self._terms.long_bytes

    def _place(
        self, conclusion: Conclusion, media: Media | None, temporary: str | None, paths: tuple[str, ...]
    ) -> tuple[str, Manifest]:
        """At the first path that no other recording has."""
        library, recording = self._doors.library, conclusion.recording
        for path in paths:
            named = _named(media, path) if media else None
            try:
                manifest = library.place(Manifest(SCHEMA, conclusion.state, recording, named), path, temporary)
            except Refused:
                continue
            return path, manifest
        raise Refused("path-taken", f"every path for {recording.id} belongs to another", hint="run callrec verify")

    async def _tell(self, path: str, manifest: Manifest) -> None:
        """Index and event stream. Redis away is no reason to keep a stored recording waiting."""
        entry = index_entry(path, manifest)
        event = {"type": "recording-stored", **{key: entry[key] for key in ("id", "call", "state", "path")}}
        try:
            await self._doors.index.index_recording(entry)
            self._checkpoint("indexed")
            await self._doors.events.publish(event)
        except CallrecError as error:
            self._unindexed.add(manifest.recording.id)
            self._doors.notices.unindexed(manifest.recording.id, error)
        else:
            self._unindexed.discard(manifest.recording.id)

    def _clear(self, recording: Recording, manifest: Manifest) -> None:
        """Drop the legs that are in the media now. Where there is none, bytes are kept aside: they are all that is left.

        A take that the stored recording does not know is in no media: it stays, and becomes an orphan's at the next look.
        """
        stored = {take.id: take for take in manifest.recording.takes}
        for take in recording.takes:
            if take.id not in stored:
                continue
            found = self._doors.spool.capture(take.id)
            if found is None:
                continue
            is_silent = manifest.media is None or is_refused(stored[take.id])
            if is_silent and (found.read_bytes or found.write_bytes):
                self._doors.spool.keep(take.id)
            else:
                self._doors.spool.drop(take.id)
        self._doors.library.tidy(recording.id)

    def _captures(self, recording: Recording) -> Mapping[TakeId, Capture]:
        found = (self._doors.spool.capture(take.id) for take in recording.takes)
        return {capture.take: capture for capture in found if capture}


def _unplayable(conclusion: Conclusion, cause: str) -> Conclusion:
    """There are legs, but they become no file."""
    return Conclusion(State.FAILED, replace(conclusion.recording, cause=cause))


def _media(encoded: Encoded, media_format: Format, rate_hz: int) -> Media:
    return Media("", media_format, rate_hz, encoded.samples, encoded.bytes, encoded.sha256)


def _named(media: Media, path: str) -> Media:
    return replace(media, name=f"{path.rpartition('/')[2]}.{media.format.value}")
