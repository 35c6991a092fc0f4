"""Media in another format, encoded on demand, one at a time, and kept in a bounded folder for the next one who asks."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass

from callrec.app.library.media.on_demand import OnDemand
from callrec.app.ports.media import TranscodedFiles, Transcoder
from callrec.domain.errors import Refused
from callrec.domain.library.manifest import Format, Media

SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A finished file."""

    path: str
    sha256: str


class Transcoding:
    """Encodes for those who ask."""

    def __init__(self, transcoder: Transcoder, files: TranscodedFiles, threads: Executor) -> None:
        self._transcoder, self._files = transcoder, files
        self._work: OnDemand[Transcoded] = OnDemand(threads)

    async def made(self, source: str, media: Media, channels: int, into: Format) -> Transcoded:
        """The media at this path in that format. Raises Refused (`too-large`), Unavailable (`transcoding-busy`), Corrupt."""
        if media.samples * channels * SAMPLE_BYTES > self._files.most_bytes:
            hint = "download it as it is stored, or raise CALLREC_TRANSCODED_MB"
            raise Refused("too-large", "the recording is too long to be encoded on demand", hint=hint)
        if found := await asyncio.to_thread(self._files.find, media.sha256, into):
            return Transcoded(*found)
        return await self._work.done((media.sha256, into), lambda: self._make(source, media, channels, into))

    def forget(self, source_sha256: str) -> None:
        """Remove what was made of the media with this digest. Blocking. Raises Unavailable."""
        self._files.forget(source_sha256)

    def _make(self, source: str, media: Media, channels: int, into: Format) -> Transcoded:
        temporary = self._files.temporary()
        try:
            encoded = self._transcoder.transcode(source, media, channels, into, temporary)
            return Transcoded(self._files.keep(temporary, media.sha256, into, encoded), encoded.sha256)
        finally:
            self._files.drop(temporary)
