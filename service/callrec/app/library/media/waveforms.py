"""What is drawn and marked of recordings: measured while they are encoded, kept beside their media, and measured again when it is
missing or damaged."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import suppress

from callrec.app.library.catalog import Finding
from callrec.app.library.media.logged_access import Asker
from callrec.app.library.media.on_demand import OnDemand
from callrec.app.library.media.sources import Source, Sources, Stored, changed, source_of
from callrec.app.ports.library import Library
from callrec.app.ports.media import Measurer
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.manifest import Manifest, Media
from callrec.domain.library.marks import Marks, marks_of
from callrec.domain.library.waveform import Waveform


class Waveforms:
    """The use case."""

    def __init__(self, sources: Sources, measurer: Measurer, threads: Executor) -> None:
        self._sources, self._measurer = sources, measurer
        self._work: OnDemand[Waveform] = OnDemand(threads)

    async def of(self, recording: str, asker: Asker, track: int | None = None) -> Waveform:
        """That of the recording's own file, or of a track. Raises as `Sources.source`, and Unavailable (`transcoding-busy`)."""
        source = await self._sources.source(recording, track, asker, Permission.RECORDINGS_LISTEN)
        return await self.of_source(source)

    async def of_source(self, source: Source) -> Waveform:
        """Likewise, of this file."""
        key = source.media.sha256
        return await self._work.done(key, lambda: kept_or_made(self._sources.library, self._measurer, source))

    async def marks(self, recording: str, asker: Asker) -> Marks:
        """What happens where in the recording. Raises as `Sources.stored`; what cannot be measured is left out."""
        stored = await self._sources.stored(recording, asker, Permission.RECORDINGS_LISTEN)
        measured: dict[int | None, Waveform] = {}
        tracks = (track.nth for track in stored.manifest.tracks if track.media)
        for track in (*([None] if stored.manifest.media else []), *tracks):
            with suppress(Corrupt):
                measured[track] = await self.of_source(source_of(self._sources.library, stored, track))
        return await asyncio.to_thread(marks_of, stored.manifest, measured)


def keep_waveforms(
    library: Library, path: str, manifest: Manifest, waveforms: Iterable[tuple[int | None, Waveform | None]]
) -> None:
    """Keep what was measured beside the files of a recording that was just stored. A disk that refuses costs nothing: it is
    measured again when it is asked for. Blocking."""
    files: dict[int | None, Media | None] = {None: manifest.media}
    files |= {track.nth: track.media for track in manifest.tracks}
    for track, waveform in waveforms:
        media = files.get(track)
        if waveform is not None and media is not None and media.sha256 == waveform.media_sha256:
            with suppress(Unavailable):
                library.keep_waveform(manifest.recording.id, path, waveform, track)


def kept_or_made(library: Library, measurer: Measurer, source: Source) -> Waveform:
    """What is kept beside the file, if that is of this file; else it is measured, and kept. Blocking. Raises Corrupt
    (`media-changed`, ...), Unavailable."""
    track, media = source.track.nth if source.track else None, source.media
    with suppress(Corrupt):
        kept = library.waveform(source.stored.path, track)
        if kept is not None and kept.media_sha256 == media.sha256:
            return kept
    if library.measure(source.name) != (media.bytes, media.sha256):
        raise changed(source.recording)
    made = measurer.measured(source.file, media, source.channels)
    with suppress(Unavailable):  # a disk that is full or read-only: measured again the next time
        library.keep_waveform(source.recording, source.stored.path, made, track)
    return made


def make_missing(library: Library, measurer: Measurer) -> Iterator[Finding | None]:
    """Measure each file of the library that has no sound waveform beside it. None for each that has one now, a finding for each
    that cannot be measured. Blocking. Raises Unavailable when the library cannot be read at all."""
    for path, manifest in library.sidecars():
        if not isinstance(manifest, Manifest):
            continue
        present = [None] if manifest.media else []
        for track in (*present, *(one.nth for one in manifest.tracks if one.media)):
            try:
                kept_or_made(library, measurer, source_of(library, Stored(path, manifest), track))
            except CallrecError as error:
                yield Finding(error.code, path, error.message)
            else:
                yield None
