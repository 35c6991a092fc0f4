"""Constructs what hands out the media of recordings."""

import functools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callrec.adapters.disk.link_file import DiskLinks
from callrec.adapters.disk.media_files import DiskMediaFiles
from callrec.adapters.disk.transcoded_files import DiskTranscodedFiles
from callrec.adapters.media.transcode import PyAvMeasurer, PyAvTranscoder
from callrec.adapters.media.zip_stream import ZipStream
from callrec.adapters.system import SystemClock, UlidIds
from callrec.adapters.threads import Threads
from callrec.app.library.annotating import Annotating, AnnotatingPorts
from callrec.app.library.exporting import Exporting, ExportingPorts
from callrec.app.library.looks import Looks
from callrec.app.library.media import MediaPorts, RecordingMedia
from callrec.app.library.sharing import Sharing, SharingPorts
from callrec.app.library.sources import Sources
from callrec.app.library.stored_media import StoredMedia
from callrec.app.library.transcoding import Transcoding
from callrec.app.library.waveforms import Waveforms
from callrec.app.ports.access import AuditLog
from callrec.app.ports.library import Catalogue, EventSink, Library
from callrec.app.ports.media import MediaNotices
from callrec.config import Settings
from callrec.domain.library.links import TOKEN_BYTES

FOLDER = "transcoded"
AT_ONCE = 1
"""Files that are encoded or measured on demand at the same time: of two cores one stays free for calls."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the use cases work with."""

    catalogue: Catalogue
    library: Library
    audit: AuditLog
    events: EventSink
    notices: MediaNotices
    may_share: Callable[[str], Awaitable[bool]]


def stored_media(settings: Settings, around: Around) -> StoredMedia:
    """The use cases. Raises Unavailable when the folder of transcoded files cannot be made."""
    transcoded = DiskTranscodedFiles(settings.state_dir / FOLDER, settings.transcoded_mb << 20)
    transcoded.empty()
    threads, looks = Threads(AT_ONCE, "transcode", is_behind=True), Looks(around.audit)
    sources = Sources(around.catalogue, around.library, looks)
    transcoding = Transcoding(PyAvTranscoder(), transcoded, threads)
    files = DiskMediaFiles()
    media = RecordingMedia(MediaPorts(sources, files, transcoding, looks, around.notices))
    annotating = Annotating(
        AnnotatingPorts(sources, around.events, looks, SystemClock(), UlidIds().new_call, around.notices)
    )
    exporting = Exporting(ExportingPorts(sources, looks, files, SystemClock(), around.notices, ZipStream))
    links = DiskLinks(settings.state_dir)
    token = functools.partial(secrets.token_urlsafe, TOKEN_BYTES)
    sharing = Sharing(SharingPorts(sources, looks, links, SystemClock(), UlidIds().new_call, token, around.may_share))
    return StoredMedia(media, Waveforms(sources, PyAvMeasurer(), threads), annotating, sharing, exporting, looks)
