"""Exports: many recordings as one ZIP with a table and checksums, or one as a vCon. Both are sent while they are read.

An export has a recording with all its files or says in its table why not. A file that is not the one of its sidecar breaks the
export off: its client must not take it for whole.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from callrec.app.library.catalog import annotated_entry
from callrec.app.library.media.looks import Asker, Looks
from callrec.app.library.media.places import Places
from callrec.app.library.media.sources import Source, Sources, Stored, changed, source_of
from callrec.app.ports.calls import Clock
from callrec.app.ports.media import MediaFiles, MediaNotices, ZipFile
from callrec.domain.access.audit import Action
from callrec.domain.calls.ids import RecordingId
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.library.export_table import absent_row, row, table
from callrec.domain.library.file_names import annotations_path
from callrec.domain.library.manifest import AnyFormat
from callrec.protocols.vcon import parts

CHUNK_BYTES = 255 << 10
"""Read at a time: a number of bytes that 3 divides, so that base64 of each is whole."""
MOST_RECORDINGS = 20_000
"""In one export: its table of contents is kept in memory until the end."""
MOST_AT_ONCE = 4
MOST_EACH = 1
"""Of these, to one account or token."""
TABLE, SUMS = "recordings.csv", "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ExportingPorts:
    """What it uses. `new_zip` makes an empty ZIP file."""

    sources: Sources
    looks: Looks
    files: MediaFiles
    clock: Clock
    notices: MediaNotices
    new_zip: Callable[[], ZipFile]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an export would have: recordings, bytes of their audio, and those that it would lack, with the reason."""

    recordings: int
    bytes: int
    lacking: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Contents:
    """What was written so far."""

    rows: list[dict[str, str]] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)


class Exporting:
    """The use case."""

    def __init__(self, ports: ExportingPorts) -> None:
        self._ports = ports
        self._places = Places("exports", ports.notices)

    async def preview(self, recordings: Sequence[str], asker: Asker) -> Preview:
        """What `archive` would have. Raises Refused (`too-many-recordings`), Unavailable."""
        _bounded(recordings)
        count, size, lacking = 0, 0, []
        for recording in dict.fromkeys(recordings):
            try:
                stored = await self._stored(recording, asker)
            except (Refused, Corrupt) as error:
                lacking.append((recording, error.code))
            else:
                count, size = count + 1, size + sum(media.bytes for media in stored.manifest.files)
        return Preview(count, size, tuple(lacking))

    async def archive(self, recordings: Sequence[str], asker: Asker) -> AsyncGenerator[bytes]:
        """The parts of the ZIP. The first one comes when the audit log has every recording. Raises Refused
        (`too-many-recordings`), Corrupt (`media-changed`), Unavailable."""
        with self._places.taken(asker, MOST_AT_ONCE, MOST_EACH):
            lacking = dict((await self.preview(recordings, asker)).lacking)
            wanted = [one for one in dict.fromkeys(recordings) if one not in lacking]
            await self._ports.looks.told_each(asker, Action.EXPORTED, wanted)
            archive, contents = self._ports.new_zip(), _Contents()
            contents.rows += [absent_row(recording, code) for recording, code in lacking.items()]
            for recording in wanted:
                stored = await self._stored(recording, asker)
                async for part in self._recording(archive, stored, contents):
                    yield part
            for name, text in ((TABLE, table(contents.rows)), (SUMS, "".join(contents.sums))):
                archive.begin(name, self._ports.clock.now().utc_s)
                yield archive.write(text.encode("utf-8", "replace")) + archive.end()
            yield archive.close()

    async def vcon(self, recording: str, asker: Asker, types: Mapping[AnyFormat, str]) -> AsyncGenerator[bytes]:
        """The parts of the recording's vCon. The first one comes when the audit log has it. Raises as `Sources.stored`, and
        Corrupt (`media-changed`)."""
        stored = await self._stored(recording, asker)
        annotations = await asyncio.to_thread(self._ports.sources.library.annotations, stored.path)
        media = stored.manifest.media
        before, behind = parts(
            stored.manifest, annotations, types[media.format] if media else "", self._ports.clock.now().utc_s
        )
        with self._places.taken(asker, MOST_AT_ONCE, MOST_EACH):
            await self._ports.looks.told(asker, Action.EXPORTED, recording)
            yield before.encode("utf-8", "replace")
            if media:
                async for chunk in self._whole(source_of(self._ports.sources.library, stored, None)):
                    yield base64.urlsafe_b64encode(chunk).rstrip(b"=")
                yield behind.encode("utf-8", "replace")

    async def _stored(self, recording: str, asker: Asker) -> Stored:
        return await self._ports.sources.stored(recording, asker, Permission.RECORDINGS_EXPORT)

    async def _recording(self, archive: ZipFile, stored: Stored, contents: _Contents) -> AsyncGenerator[bytes]:
        """All files of a recording, as they lie in the library."""
        manifest, library, lacks = stored.manifest, self._ports.sources.library, ""
        try:
            annotations = await asyncio.to_thread(library.annotations, stored.path)
        except Corrupt as error:
            annotations, lacks = None, error.code
        changed_s = manifest.recording.to_s or manifest.recording.from_s
        present = [None] if manifest.media else []
        for track in (*present, *(one.nth for one in manifest.tracks if one.media)):
            source = source_of(library, stored, track)
            archive.begin(source.name, changed_s)
            async for chunk in self._whole(source):
                yield archive.write(chunk)
            contents.sums.append(f"{source.media.sha256}  {source.name}\n")
            yield archive.end()
        for name in (f"{stored.path}.json", *([annotations_path(stored.path)] if annotations else [])):
            content = await self._text(library.absolute(name))
            archive.begin(name, changed_s)
            contents.sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            yield archive.write(content) + archive.end()
        contents.rows.append(row(annotated_entry(stored.path, manifest, annotations), lacks))

    async def _whole(self, source: Source) -> AsyncGenerator[bytes]:
        """The bytes of a file, compared with its digest on the way: the last ones come only when it is right."""
        file, digest, at = await self._ports.files.open(source.file), hashlib.sha256(), 0
        try:
            if file.size_bytes != source.media.bytes:
                raise self._changed(source)
            while at < file.size_bytes:
                chunk = await file.read(at, CHUNK_BYTES)
                await asyncio.to_thread(digest.update, chunk)
                at += len(chunk)
                if not chunk or (at >= file.size_bytes and digest.hexdigest() != source.media.sha256):
                    raise self._changed(source)
                yield chunk
        finally:
            await file.close()

    async def _text(self, path: str) -> bytes:
        """A small file. Raises Corrupt, Unavailable."""
        file = await self._ports.files.open(path)
        try:
            return await file.read(0, file.size_bytes)
        finally:
            await file.close()

    def _changed(self, source: Source) -> Corrupt:
        error = changed(source)
        self._ports.notices.media_changed(RecordingId(source.recording), error)
        return error


def _bounded(recordings: Sequence[str]) -> None:
    if len(recordings) > MOST_RECORDINGS:
        says = f"an export has at most {MOST_RECORDINGS} recordings"
        raise Refused("too-many-recordings", says, hint="make several exports, each of a shorter time")
