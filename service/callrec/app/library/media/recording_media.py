"""Hands out the media of stored recordings: the file as it is stored, or re-encoded, and the tracks of participants.

Nothing of it leaves before the audit log has it on disk. A file that is not what its sidecar says is refused, or its transfer is
broken off before the end (`digest_checks`), and an alarm tells.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callrec.app.library.media.digest_checks import DigestCheck, DigestChecks
from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sending_slots import Places
from callrec.app.library.media.sources import Source, Sources, changed
from callrec.app.library.media.transcoding import Transcoding
from callrec.app.ports.media import MediaFile, MediaFiles, MediaNotices
from callrec.domain.access.audit import Action
from callrec.domain.calls.ids import RecordingId
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.library.download_names import download_name
from callrec.domain.library.manifest import AnyFormat, Format
from callrec.domain.vocabulary import DropReason

CHUNK_BYTES = 256 << 10
"""Read and sent at a time: 16 s of WAV at 8 kHz. So much memory does a listener take."""
MOST_OPEN = 128
"""Files that are handed out at the same time."""
MOST_EACH = 8
"""Of these, to one account, token or link: a browser opens six connections."""


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """What somebody asks for."""

    recording: str
    format: Format | None = None
    """None: as it is stored."""
    track: int | None = None
    """The number of a participant's track; None: the recording's own file."""
    is_download: bool = False
    """Whether it is to be stored, and not only heard: the audit log tells them apart."""


@dataclass(frozen=True, slots=True)
class MediaPorts:
    """The ports and parts that handing out media uses."""

    sources: Sources
    files: MediaFiles
    transcoding: Transcoding
    looks: Looks
    notices: MediaNotices


class RecordingMedia:
    """The use case: `opened` a file, then read it by `OpenMedia.chunks`."""

    def __init__(self, ports: MediaPorts) -> None:
        self._ports = ports
        self._checks = DigestChecks()
        self._places = Places("files", ports.notices)

    @asynccontextmanager
    async def opened(self, wanted: MediaRequest, asker: Asker) -> AsyncIterator["OpenMedia"]:
        """The file that is asked for, and one of the places. Raises Refused (`no-such-recording`, `no-such-track`, `no-audio`,
        `too-large`), Corrupt (`media-changed`, ...), Unavailable (`media-busy`, ...)."""
        with self._places.taken(asker, MOST_OPEN, MOST_EACH):
            async with self._placed(wanted, asker) as found:
                yield found

    @asynccontextmanager
    async def _placed(self, wanted: MediaRequest, asker: Asker) -> AsyncIterator["OpenMedia"]:
        try:
            permission = Permission.RECORDINGS_DOWNLOAD if wanted.is_download else Permission.RECORDINGS_LISTEN
            source = await self._ports.sources.source(wanted.recording, wanted.track, asker, permission)
            path, sha256, size_bytes = await self._as_wanted(source, wanted.format, asker)
            file = await self._ports.files.open(path)
            try:
                check = await self._begun(source, file, sha256, size_bytes)
                yield OpenMedia(source, wanted, asker, file, sha256, check)
            finally:
                await file.close()
        except Corrupt as error:
            self._ports.notices.media_changed(RecordingId(wanted.recording), error)
            raise
        except Unavailable as error:
            if error.code == "transcoding-busy":
                self._ports.notices.dropped(DropReason.MEDIA)
            raise

    async def allowed(self, media: "OpenMedia") -> None:
        """Write to the audit log that this is handed out, before its first byte. Raises Unavailable: then nothing may be sent."""
        wanted = media.wanted
        action = Action.DOWNLOADED if wanted.is_download else Action.LISTENED
        track = f"track:{wanted.track}" if wanted.track is not None else ""
        await self._ports.looks.told(media.asker, action, media.source.recording, track)

    async def shown(self, media: "OpenMedia") -> None:
        """Write to the audit log that somebody is told of this file (its name, size, digest) without its audio. Raises
        Unavailable: then nothing may be told."""
        await self._ports.looks.told(media.asker, Action.SHOWN, media.source.recording)

    async def still_there(self, media: "OpenMedia") -> None:
        """Raises Refused (`no-such-recording`) when the recording was erased since: its open file is there as long as somebody
        reads it. Raises Corrupt, Unavailable, too."""
        await self._ports.sources.still_there(media.source)

    async def _as_wanted(self, source: Source, wanted: Format | None, asker: Asker) -> tuple[str, str, int | None]:
        """Path, digest and size of the file to send. The size of one that is re-encoded is not known beforehand."""
        media = source.media
        if wanted in {None, media.format}:
            return source.file, media.sha256, media.bytes
        assert wanted is not None  # noqa: S101 - for the type checker
        await self._check_whole(source)
        try:
            made = await self._ports.transcoding.made(source.file, media, source.channels, wanted)
        except Refused:  # it says how long the recording is
            await self._ports.looks.told(asker, Action.SHOWN, source.recording)
            raise
        return made.path, made.sha256, None

    async def _check_whole(self, source: Source) -> None:
        """Before a file is re-encoded, all of it is checked: the result would look sound. Raises Corrupt, Unavailable."""
        file = await self._ports.files.open(source.file)
        try:
            check = await self._begun(source, file, source.media.sha256, source.media.bytes)
            if not await check.holds():
                raise changed(source.recording)
        finally:
            await file.close()

    async def _begun(self, source: Source, file: MediaFile, sha256: str, size_bytes: int | None) -> DigestCheck:
        if size_bytes is not None and file.size_bytes != size_bytes:
            raise changed(source.recording)
        check = self._checks.begun(file, sha256)
        if check.known is False:
            raise changed(source.recording)
        return check


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """A file that may be sent once it is `allowed`."""

    source: Source
    wanted: MediaRequest
    asker: Asker
    file: MediaFile
    sha256: str
    check: DigestCheck

    @property
    def format(self) -> AnyFormat:
        """The format of the file."""
        return self.wanted.format or self.source.media.format

    @property
    def name(self) -> str:
        """The name under which a client may store it."""
        return download_name(self.source.stored.manifest, self.format, self.source.track)

    async def chunks(self, first: int, last: int, *, is_end: bool = True) -> AsyncIterator[bytes]:
        """Bytes `first` to `last`. `is_end`: nothing follows, so the very last byte waits for the digest of the whole file; of a
        small file the whole chunk does. Raises Corrupt (`media-changed`), Unavailable."""
        at = first
        while at <= last:
            chunk = await self.file.read(at, min(CHUNK_BYTES, last + 1 - at))
            at += len(chunk)
            if not chunk:
                raise changed(self.source.recording)
            if at > last and is_end:
                waits = self.check.known is None and self.file.size_bytes > CHUNK_BYTES
                if waits and len(chunk) > 1:
                    yield chunk[:-1]
                    chunk = chunk[-1:]
                if not await self.check.holds():
                    raise changed(self.source.recording)
            yield chunk
