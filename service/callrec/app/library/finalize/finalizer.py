"""From an ended recording to its stored file: every step may run many times, the outcome is one file, one digest, one entry.

Encode to a temporary file, check it, sidecar, link into place, audit entry with the digests, catalogue, event, drop the spool,
and at the very end the journal's `finished`: after a crash the recording is still in the journal, `Library.find` tells how far
the last run got, and what was done is not done again. Redis or the catalogue's database may be down: both are told later. A disk
may be full: the legs stay in the spool, and the next try comes later and later, but it comes.

Long recordings are encoded by a worker of their own, so that they keep no others waiting. What can never be stored (files that
Asterisk cannot have written, media larger than the disk) is not tried again: its capture files are kept, its entry says why.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.app.library.catalog import enter, entry_of
from callrec.app.library.finalize.deaf_leg_check import deaf_legs
from callrec.app.library.finalize.encoder_timeout import Encoding
from callrec.app.library.finalize.late_pieces_check import late_pieces
from callrec.app.library.finalize.partner_gaps_check import partner_gaps
from callrec.app.library.finalize.renumbered_check import renumbered_voices
from callrec.app.library.finalize.shown_gaps import with_shown_gaps
from callrec.app.library.media.waveforms import keep_waveforms
from callrec.app.ports.access import AuditLog
from callrec.app.ports.calls import Journal, Spool
from callrec.app.ports.library import Catalogue, Encoder, EventSink, Library, Notices
from callrec.domain.backoff import Backoff
from callrec.domain.calls.ids import CaptureId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Recording
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.domain.library.assessment import conclude, is_refused
from callrec.domain.library.captures import CaptureFiles, Encoded, EncodeJob
from callrec.domain.library.conclusion import Conclusion
from callrec.domain.library.file_names import Names, media_name, stored_paths, track_path
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.library.tracks import TrackPlan, unencoded
from callrec.domain.library.waveform import Waveform

_OF_THE_DISK = frozenset({"disk", "monitor-full"})


@dataclass(frozen=True, slots=True)
class Terms:
    """The finalizer's settings."""

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
class Ports:
    """The ports that the finalizer uses."""

    journal: Journal
    spool: Spool
    library: Library
    encoder: Encoder
    catalogue: Catalogue
    events: EventSink
    notices: Notices
    audit: AuditLog


@dataclass(frozen=True, slots=True)
class _EncodedFiles:
    """What was encoded of a recording: its media, its tracks, and where these files are, in the order of `Manifest.files`."""

    media: Media | None = None
    temporaries: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    waveforms: tuple[tuple[int | None, Waveform | None], ...] = ()
    """What was measured on the way: of the media (None) and of each track, by its number."""


class Finalizer:
    """A few workers behind a bounded queue. `submit` what has ended (and is journaled as such); `run` works until cancelled.

    `checkpoint` is told each step that a crash could follow.
    """

    def __init__(self, ports: Ports, terms: Terms, *, checkpoint: Callable[[str], None] = lambda _step: None) -> None:
        self._unindexed: set[RecordingId] = set()
        self._logged: set[RecordingId] = set()
        self._ports = ports
        self._terms = terms
        self._checkpoint = checkpoint
        self._encoding = Encoding(ports.encoder, terms.encode_s)
        self._queue: asyncio.Queue[tuple[Recording, int]] = asyncio.Queue(terms.queue)
        self._long: asyncio.Queue[tuple[Recording, int]] = asyncio.Queue(terms.queue)
        self._busy: set[RecordingId] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._overflowed = False
        self.why_not = ""
        """The reason why the monitor disk refused a recording; empty again after it has accepted one."""

    def submit(self, recording: Recording) -> None:
        """Queue an ended recording, unless it is queued already. Never waits and never fails."""
        if recording.id in self._busy:
            return
        if len(self._busy) >= self._terms.queue:
            self._overflowed = True
            self._ports.notices.overflowed()
            return
        self._busy.add(recording.id)
        self._idle.clear()
        self._queue.put_nowait((recording, 1))

    @property
    def index_is_behind(self) -> bool:
        """Whether recordings were stored that the catalogue or Redis does not know. The journal keeps them until both do, also
        over a restart."""
        return bool(self._unindexed)

    def catch_up(self) -> None:
        """Queue the ended recordings of the journal again: the queue was full, or the catalogue or Redis was unavailable."""
        for entry in self._ports.journal.live():
            if entry.step is Step.ENDED:
                self.submit(entry.recording)

    async def run(self) -> None:
        """Work until cancelled. The next start continues with the recordings in the journal."""
        async with asyncio.TaskGroup() as workers:
            for nth in range(self._terms.workers):
                workers.create_task(self._work(self._queue), name=f"intake-{nth}")
            workers.create_task(self._work(self._long), name="intake-long")

    async def idle(self) -> None:
        """Return when nothing is queued, under way, or waiting for another try."""
        await self._idle.wait()

    async def finish(self, recording: Recording) -> Manifest:
        """All steps for one recording; they may be repeated at any time. Raises CallrecError when a step fails."""
        ports = self._ports
        path, manifest = await self._stored(recording)
        self._encoding.forget(recording.id)
        self._checkpoint("stored")
        await self._log(path, manifest)
        self._checkpoint("logged")
        is_news = recording.id not in self._unindexed
        await self._tell(path, manifest)
        self._checkpoint("told")
        await asyncio.to_thread(self._clear, recording, manifest)
        self._checkpoint("dropped")
        if recording.id not in self._unindexed:
            await ports.journal.append(Entry(Step.FINISHED, recording))
            self._logged.discard(recording.id)
        if is_news:
            ports.notices.stored(manifest)
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
        """Try a recording again, after a delay that doubles up to a limit."""
        self._ports.notices.delayed(recording.id, attempt, error)
        delay_s = Backoff(self._terms.first_delay_s, self._terms.longest_delay_s).delay_s(attempt)
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
            found = await asyncio.to_thread(self._ports.library.find, recording.id, paths)
            stored = found or await self._store_or_tidy(recording, paths)
        except Unavailable as error:
            if error.code in _OF_THE_DISK:
                self.why_not = f"recordings wait in the spool: {error}"
            raise
        self.why_not = ""
        return stored

    async def _store_or_tidy(self, recording: Recording, paths: tuple[str, ...]) -> tuple[str, Manifest]:
        """After a failed try remove its temporary files, since the next one needs the space."""
        try:
            return await self._store(recording, paths)
        except CallrecError:
            with suppress(CallrecError):
                await asyncio.to_thread(self._ports.library.tidy, recording.id)
            raise

    async def _store(self, recording: Recording, paths: tuple[str, ...]) -> tuple[str, Manifest]:
        captured_files = await asyncio.to_thread(self._captured_files, recording)
        possible = {capture: one for capture, one in captured_files.items() if not one.impossible}
        recording = await asyncio.to_thread(with_shown_gaps, recording, possible, self._ports.spool)
        deaf = await asyncio.to_thread(deaf_legs, recording, possible, self._ports.spool)
        deaf += await asyncio.to_thread(renumbered_voices, recording, possible, self._ports.spool, deaf)
        told = (*recording.missing, *deaf)
        told += await asyncio.to_thread(partner_gaps, recording, possible, self._ports.spool, told)
        late, may_lack_s = await asyncio.to_thread(late_pieces, recording, possible, self._ports.spool, told)
        told_of = replace(recording, missing=(*told, *late), may_lack_s=may_lack_s)
        conclusion = conclude(told_of, captured_files)
        encoded = _EncodedFiles()
        if conclusion.places:
            try:
                encoded = await self._encode(conclusion)
            except Corrupt as error:
                conclusion = _unplayable(conclusion, f"encoder: {error.code}")
            except Refused as error:
                conclusion = _unplayable(conclusion, f"{error.code}: {error.message}")
                self._ports.notices.refused(recording.id, conclusion.recording.cause)
            if await asyncio.to_thread(self._captured_files, recording) != captured_files:
                raise Unavailable("capture-grows", f"the capture files of {recording.id} are still being written")
        for capture in filter(is_refused, conclusion.recording.all_captures):
            self._ports.notices.refused(recording.id, capture.cause)
        self._checkpoint("encoded")
        return await asyncio.to_thread(self._place, conclusion, encoded, paths)

    async def _encode(self, conclusion: Conclusion) -> _EncodedFiles:
        """Encode in the configured format; when that fails, as WAV, which needs no codec. Raises Corrupt when both fail."""
        recording = conclusion.recording
        first = self._encoding.format_of(recording.id, self._terms.media_format)
        try:
            return await self._encode_as(first, conclusion)
        except Corrupt as error:
            self._ports.notices.damaged(recording.id, error)
            if first is Format.WAV:
                raise
        try:
            return await self._encode_as(Format.WAV, conclusion)
        except Corrupt as error:
            self._ports.notices.damaged(recording.id, error)
            raise

    async def _encode_as(self, media_format: Format, conclusion: Conclusion) -> _EncodedFiles:
        ports, recording = self._ports, conclusion.recording
        job = conclusion.job(media_format, ports.spool.path)
        await asyncio.to_thread(self._look_for_room, conclusion, conclusion.needed_bytes(media_format))
        temporary = await asyncio.to_thread(ports.library.temporary, recording.id, media_format)
        encoded = await self._encoding.encode(recording.id, job, temporary, conclusion.length_s)
        media = _media(encoded, media_format, job.rate_hz)
        files = _EncodedFiles(media, (temporary,), waveforms=((None, encoded.waveform),))
        for plan in conclusion.tracks:
            files = await self._with_track(files, conclusion, plan, job)
        return files

    async def _with_track(
        self, files: _EncodedFiles, conclusion: Conclusion, plan: TrackPlan, job: EncodeJob
    ) -> _EncodedFiles:
        """The files with one track more. One that cannot be encoded is told in it, and costs the recording nothing else."""
        ports, recording = self._ports, conclusion.recording
        assert files.media is not None  # noqa: S101 - for the type checker: tracks come after it
        track_job = conclusion.track_job(plan, job, files.media.samples, ports.spool.path)
        temporary = await asyncio.to_thread(ports.library.temporary, recording.id, job.format)
        try:
            encoded = await self._encoding.encode(recording.id, track_job, temporary, conclusion.length_s)
        except Corrupt as error:
            ports.notices.damaged(recording.id, error)
            return replace(files, tracks=(*files.tracks, unencoded(plan.track, f"encoder: {error.code}")))
        track = replace(plan.track, media=_media(encoded, job.format, job.rate_hz))
        return replace(
            files,
            tracks=(*files.tracks, track),
            temporaries=(*files.temporaries, temporary),
            waveforms=(*files.waveforms, (track.nth, encoded.waveform)),
        )

    def _look_for_room(self, conclusion: Conclusion, needed_bytes: int) -> None:
        """Check the free space before encoding. Raises Refused (`too-large`) for a file larger than the disk, Unavailable when
        the space is not free now."""
        room = self._ports.library.room()
        if needed_bytes > room.total_bytes:
            raise Refused("too-large", f"{needed_bytes} bytes, the monitor disk has {room.total_bytes} in all")
        left_bytes = self._terms.left_bytes if self._is_long(conclusion.recording) else 0
        if needed_bytes + left_bytes > room.free_bytes:
            says = (
                f"it needs {needed_bytes} bytes on the monitor disk, and {left_bytes} left; {room.free_bytes} are free"
            )
            raise Unavailable("monitor-full", says, hint="free some space there")

    def _is_long(self, recording: Recording) -> bool:
        """Whether its capture files are so large that the worker for long recordings encodes them. Blocking."""
        found = [one for one in self._captured_files(recording).values() if not one.impossible]
        return sum(one.bytes for one in found) > self._terms.long_bytes

    def _place(self, conclusion: Conclusion, encoded: _EncodedFiles, paths: tuple[str, ...]) -> tuple[str, Manifest]:
        """Store at the first path without another recording."""
        library, recording = self._ports.library, conclusion.recording
        for path in paths:
            manifest = Manifest(
                SCHEMA, conclusion.state, recording, _named(encoded.media, path), tracks=_named_tracks(encoded, path)
            )
            try:
                manifest = library.place(manifest, path, encoded.temporaries)
            except Refused:
                continue
            keep_waveforms(library, path, manifest, encoded.waveforms)
            return path, manifest
        raise Refused("path-taken", f"every path for {recording.id} belongs to another", hint="run callrec verify")

    async def _log(self, path: str, manifest: Manifest) -> None:
        """Log the digests of the recording's files. It is logged once, or twice when the process ends before `finished`."""
        if manifest.recording.id not in self._logged:
            entry = await asyncio.to_thread(stored_entry, self._ports.library, path, manifest)
            await self._ports.audit.append([entry])
            self._logged.add(manifest.recording.id)

    async def _tell(self, path: str, manifest: Manifest) -> None:
        """Enter the recording into the catalogue and publish its events. Without them the recording is stored all the same."""
        entry, _ = await asyncio.to_thread(entry_of, self._ports.library, path, manifest)
        event = {"type": "recording-stored", **entry}
        try:
            await enter(self._ports.catalogue, self._ports.events, entry)
            self._checkpoint("indexed")
            await self._ports.events.publish(event)
        except CallrecError as error:
            self._unindexed.add(manifest.recording.id)
            self._ports.notices.unindexed(manifest.recording.id, error)
        else:
            self._unindexed.discard(manifest.recording.id)

    def _clear(self, recording: Recording, manifest: Manifest) -> None:
        """Remove the capture files that are in the media now. Without media, files with bytes are put aside: they are the only
        copy of the audio.

        A capture that is not in the stored recording stays in the spool, and is handled as an orphan file later.
        """
        stored = {capture.id: capture for capture in manifest.recording.all_captures}
        without_file = {leg for track in manifest.tracks if track.media is None for leg in track.legs}
        for capture in recording.all_captures:
            if capture.id not in stored:
                continue
            found = self._ports.spool.capture_files(capture.id)
            if found is None:
                continue
            is_silent = manifest.media is None or is_refused(stored[capture.id])
            is_silent = is_silent or (capture.is_partner and capture.leg in without_file)
            if is_silent and found.bytes:
                self._ports.spool.keep(capture.id)
            else:
                self._ports.spool.drop(capture.id)
        self._ports.library.tidy(recording.id)

    def _captured_files(self, recording: Recording) -> Mapping[CaptureId, CaptureFiles]:
        found = (self._ports.spool.capture_files(capture.id) for capture in recording.all_captures)
        return {capture_files.capture: capture_files for capture_files in found if capture_files}


def _unplayable(conclusion: Conclusion, cause: str) -> Conclusion:
    """The conclusion for capture files that cannot be encoded."""
    return Conclusion(StoredState.FAILED, replace(conclusion.recording, cause=cause, may_lack_s=None))


def _media(encoded: Encoded, media_format: Format, rate_hz: int) -> Media:
    return Media("", media_format, rate_hz, encoded.samples, encoded.bytes, encoded.sha256)


def _named(media: Media | None, path: str) -> Media | None:
    return replace(media, name=media_name(path, media.format)) if media else None


def _named_tracks(encoded: _EncodedFiles, path: str) -> tuple[Track, ...]:
    return tuple(replace(one, media=_named(one.media, track_path(path, one.nth))) for one in encoded.tracks)
