"""Exports: many recordings as one ZIP with a table and checksums, or one as a vCon. Both are sent while they are read.

An export has a recording with all its files or says in its table why not. A file that is not the one of its sidecar breaks the
export off: its client must not take it for whole.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from callrec.app.access.audit_log.evidence import signed_evidence
from callrec.app.library.catalog import annotated_entry
from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sending_slots import Places
from callrec.app.library.media.sources import Source, Sources, Stored, changed, source_of
from callrec.app.ports.access import LogReader
from callrec.app.ports.calls import Clock
from callrec.app.ports.media import MediaFiles, MediaNotices, ZipFile
from callrec.domain.access.audit import Action
from callrec.domain.calls.ids import RecordingId
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Corrupt, Refused
from callrec.domain.library.export_table import HEAD, absent_row, line, row
from callrec.domain.library.file_names import annotations_path
from callrec.domain.library.manifest import AnyFormat
from callrec.domain.library.packed_text import PackedText
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry
from callrec.domain.library.search_pages import Cursor, PageRequest, Sort
from callrec.protocols.vcon import parts

CHUNK_BYTES = 255 << 10
"""Read at a time: a number of bytes that 3 divides, so that base64 of each is whole."""
MOST_RECORDINGS = 100_000
"""In one export."""
BATCH = 200
"""So many recordings are found, logged and sent, then the next ones."""
MOST_AT_ONCE = 4
MOST_EACH = 1
"""Of these, to one account or token."""
TABLE, SUMS = "recordings.csv", "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ExportingPorts:
    """What it uses. `new_zip` makes an empty ZIP file, `new_id` the id of an export."""

    sources: Sources
    looks: Looks
    files: MediaFiles
    clock: Clock
    notices: MediaNotices
    new_zip: Callable[[], ZipFile]
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported: recordings by their ids, or all that meet a filter (then without ids)."""

    recordings: tuple[str, ...] = ()
    filter: Filter | None = None
    said: str = ""
    """The filter as it was asked for, for the audit log."""

    @property
    def details(self) -> str:
        """For the audit log."""
        return self.said if self.filter else f"{len(self.recordings)} by id"


@dataclass(frozen=True, slots=True)
class Preview:
    """What an export would have: recordings, bytes of their audio, and those that it would lack, with the reason. Of a filter it
    is what the catalogue says, and nothing is lacking."""

    recordings: int
    bytes: int
    lacking: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Export:
    """What was written so far, and how many recordings that is."""

    archive: ZipFile
    rows: PackedText = field(default_factory=PackedText)
    sums: PackedText = field(default_factory=PackedText)
    sent: int = 0
    lacking: int = 0
    is_whole: bool = False

    def add_row(self, cells: Mapping[str, str]) -> None:
        """A row of the table."""
        self.rows.add(line(cells).encode("utf-8", "replace"))

    def add_sum(self, digest: str, name: str) -> None:
        """A line of the checksums."""
        self.sums.add(f"{digest}  {name}\n".encode("utf-8", "replace"))

    @property
    def outcome(self) -> str:
        """For the audit log."""
        how = "whole" if self.is_whole else "broken off: the last one named before this may be there in part"
        return f"{self.sent} recordings handed out, {self.lacking} lacking, {how}"


class Exporting:
    """The use case."""

    def __init__(self, ports: ExportingPorts) -> None:
        self._ports = ports
        self._places = Places("exports", ports.notices)

    async def preview(self, wanted: Wanted, asker: Asker) -> Preview:
        """What `archive` would have; the audit log has that look. Raises Refused (`too-many-recordings`), Unavailable."""
        if wanted.filter is None:
            _bounded(len(wanted.recordings))
        await self._ports.looks.told(asker, Action.LISTED, "", details=wanted.details)
        if wanted.filter is not None:
            return await self._counted(wanted)
        count, size, lacking = 0, 0, list[tuple[str, str]]()
        async for batch in self._batches(wanted):
            found, absent = await self._found(batch, asker)
            count, size = count + len(found), size + sum(media.bytes for one in found for media in one.manifest.files)
            lacking += absent
        return Preview(count, size, tuple(lacking))

    async def archive(self, wanted: Wanted, asker: Asker) -> AsyncGenerator[bytes]:
        """The parts of the ZIP. Before the first byte of a recording the audit log has it; the last entry says how many were
        handed out, also when the export breaks off. Raises Refused (`too-many-recordings`), Corrupt (`media-changed`),
        Unavailable."""
        with self._places.taken(asker, MOST_AT_ONCE, MOST_EACH):
            await self._counted(wanted)
            subject, export = f"export:{self._ports.new_id()}", _Export(self._ports.new_zip())
            await self._ports.looks.told(asker, Action.EXPORTED, "", subject, details=wanted.details)
            try:
                async with aclosing(self._parts(wanted, asker, export, subject)) as parts:
                    async for part in parts:
                        yield part
                export.is_whole = True
            finally:
                with suppress(CallrecError):  # each recording has its entry; this one says how far it came
                    await self._ports.looks.told(asker, Action.EXPORTED, "", subject, details=export.outcome)

    async def _parts(self, wanted: Wanted, asker: Asker, export: _Export, subject: str) -> AsyncGenerator[bytes]:
        export.rows.add(HEAD.encode())
        async for batch in self._batches(wanted):
            found, lacking = await self._found(batch, asker)
            await self._ports.looks.told_each(asker, Action.EXPORTED, [_id_of(one) for one in found], subject)
            export.lacking += len(lacking)
            for recording, code in lacking:
                export.add_row(absent_row(recording, code))
            for stored in found:
                async with aclosing(self._recording(stored, export)) as parts:
                    async for part in parts:
                        yield part
                export.sent += 1
        archive = export.archive
        for name, text in ((TABLE, export.rows), (SUMS, export.sums)):
            yield archive.begin(name, self._ports.clock.now().utc_s)
            for piece in text.pieces():
                yield archive.write(piece)
            yield archive.end()
        for piece in archive.close():
            yield piece

    async def _batches(self, wanted: Wanted) -> AsyncGenerator[Sequence[str]]:
        """The ids, each once; of a filter in the order of their start, those that came before now."""
        if wanted.filter is None:
            ids = list(dict.fromkeys(wanted.recordings))
            for at in range(0, len(ids), BATCH):
                yield ids[at : at + BATCH]
            return
        async for entries in self._pages(wanted.filter):
            yield [one["id"] for one in entries]

    async def _pages(self, wanted: Filter) -> AsyncGenerator[Sequence[Entry]]:
        now_s = self._ports.clock.now().utc_s
        until = replace(wanted, to_s=now_s if wanted.to_s is None else min(wanted.to_s, now_s))
        cursor: Cursor | None = None
        while True:
            page = await self._ports.sources.catalogue.search(until, PageRequest(Sort.OLDEST, BATCH, cursor))
            yield page.entries
            if (cursor := page.next) is None:
                return

    async def _counted(self, wanted: Wanted) -> Preview:
        """Recordings and bytes. Raises Refused (`too-many-recordings`)."""
        if wanted.filter is None:
            _bounded(len(wanted.recordings))
            return Preview(len(wanted.recordings), 0)
        count = size = 0
        async for entries in self._pages(wanted.filter):
            count, size = count + len(entries), size + sum(int(one.get("bytes") or 0) for one in entries)
            _bounded(count)
        return Preview(count, size)

    async def _found(self, batch: Sequence[str], asker: Asker) -> tuple[list[Stored], list[tuple[str, str]]]:
        """Those that can be exported, and the others with the code of their error. Raises Unavailable."""
        found, lacking = list[Stored](), list[tuple[str, str]]()
        for recording in batch:
            try:
                found.append(await self._stored(recording, asker))
            except (Refused, Corrupt) as error:
                lacking.append((recording, error.code))
        return found, lacking

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

    async def evidence(
        self, recording: str, asker: Asker, log: LogReader, added: Mapping[str, bytes]
    ) -> AsyncGenerator[bytes]:
        """The parts of a ZIP that proves by itself which files were stored (`app.access.audit_log.evidence`). `added`: what says
        how to check it. The first part comes when the audit log has it. Raises as `Sources.stored` and `signed_evidence`."""
        stored, sources = await self._stored(recording, asker), self._ports.sources
        with self._places.taken(asker, MOST_AT_ONCE, MOST_EACH):
            at = (stored.path, stored.manifest)
            await self._ports.looks.told(asker, Action.EXPORTED, recording, details="evidence")
            found = await signed_evidence(sources.library, log, recording, at)
            archive, now_s, sums = self._ports.new_zip(), self._ports.clock.now().utc_s, dict(found.digests)

            for name, source in found.copies.items():
                yield archive.begin(name, now_s)
                async with aclosing(self._proven(recording, source, None, found.digests[name])) as chunks:
                    async for chunk in chunks:
                        yield archive.write(chunk)
                yield archive.end()
            for name, content in {**found.files, **added}.items():
                sums[name] = hashlib.sha256(content).hexdigest()
                yield archive.begin(name, now_s) + archive.write(content) + archive.end()
            lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
            yield archive.begin(SUMS, now_s) + archive.write(lines) + archive.end()
            for piece in archive.close():
                yield piece

    async def _stored(self, recording: str, asker: Asker) -> Stored:
        return await self._ports.sources.stored(recording, asker, Permission.RECORDINGS_EXPORT)

    async def _recording(self, stored: Stored, export: _Export) -> AsyncGenerator[bytes]:
        """All files of a recording, as they lie in the library."""
        manifest, library, lacks, archive = stored.manifest, self._ports.sources.library, "", export.archive
        try:
            annotations = await asyncio.to_thread(library.annotations, stored.path)
        except Corrupt as error:
            annotations, lacks = None, error.code
        changed_s = manifest.recording.to_s or manifest.recording.from_s
        present = [None] if manifest.media else []
        for track in (*present, *(one.nth for one in manifest.tracks if one.media)):
            source = source_of(library, stored, track)
            yield archive.begin(source.name, changed_s)
            async with aclosing(self._whole(source)) as chunks:
                async for chunk in chunks:
                    yield archive.write(chunk)
            export.add_sum(source.media.sha256, source.name)
            yield archive.end()
        for name in (f"{stored.path}.json", *([annotations_path(stored.path)] if annotations else [])):
            content = await self._text(library.absolute(name))
            export.add_sum(hashlib.sha256(content).hexdigest(), name)
            yield archive.begin(name, changed_s) + archive.write(content) + archive.end()
        export.add_row(row(annotated_entry(stored.path, manifest, annotations), lacks))

    def _whole(self, source: Source) -> AsyncGenerator[bytes]:
        """The bytes of a file of a recording; as `_proven`."""
        media = source.media
        return self._proven(source.recording, source.file, media.bytes, media.sha256)

    async def _proven(self, recording: str, path: str, size_bytes: int | None, sha256: str) -> AsyncGenerator[bytes]:
        """The bytes of a file, compared with its digest on the way: the last ones come only when it is right."""
        file, digest, at = await self._ports.files.open(path), hashlib.sha256(), 0
        try:
            if size_bytes not in {None, file.size_bytes}:
                raise changed(recording)
            while at < file.size_bytes:
                chunk = await file.read(at, CHUNK_BYTES)
                await asyncio.to_thread(digest.update, chunk)
                at += len(chunk)
                if not chunk or (at >= file.size_bytes and digest.hexdigest() != sha256):
                    raise changed(recording)
                yield chunk
        except Corrupt as error:  # also of a file that cannot be decrypted
            self._ports.notices.media_changed(RecordingId(recording), error)
            raise
        finally:
            await file.close()

    async def _text(self, path: str) -> bytes:
        """A small file. Raises Corrupt, Unavailable."""
        file = await self._ports.files.open(path)
        try:
            return await file.read(0, file.size_bytes)
        finally:
            await file.close()


def _id_of(stored: Stored) -> str:
    return stored.manifest.recording.id


def _bounded(recordings: int) -> None:
    if recordings > MOST_RECORDINGS:
        says = f"an export has at most {MOST_RECORDINGS} recordings"
        raise Refused("too-many-recordings", says, hint="make several exports, each of a shorter time")
