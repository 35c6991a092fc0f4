"""Constructs what hands out the media of recordings."""

import functools
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from callrec.adapters.database.erasure_file import ErasureFile
from callrec.adapters.disk.link_file import DiskLinks
from callrec.adapters.disk.media_files import DiskMediaFiles
from callrec.adapters.disk.retention_file import DiskRetention
from callrec.adapters.disk.transcoded_files import DiskTranscodedFiles
from callrec.adapters.encryption.contents import PLAIN, Contents
from callrec.adapters.kept_clock import KeptClock
from callrec.adapters.media.transcode import PyAvMeasurer, PyAvTranscoder
from callrec.adapters.media.zip_stream import ZipStream
from callrec.adapters.system import SystemClock, UlidIds
from callrec.adapters.threads import Threads
from callrec.app.library.adopted_entries import AdoptedEntries
from callrec.app.library.annotating import Annotating, AnnotatingPorts
from callrec.app.library.changing_many import ChangingMany, Marking
from callrec.app.library.encryption.entries import EncryptedEntries
from callrec.app.library.lifetime import erased_traces
from callrec.app.library.lifetime.erasure import Erasure, ErasurePorts
from callrec.app.library.lifetime.holding import Holding
from callrec.app.library.lifetime.retention import RetentionKeeper, RetentionPorts
from callrec.app.library.media.exporting import Exporting, ExportingPorts
from callrec.app.library.media.logged_access import Looks
from callrec.app.library.media.recording_media import MediaPorts, RecordingMedia
from callrec.app.library.media.showing import Showing
from callrec.app.library.media.sources import Sources
from callrec.app.library.media.stored_media import StoredMedia
from callrec.app.library.media.transcoding import Transcoding
from callrec.app.library.media.waveforms import Waveforms
from callrec.app.library.recording_locks import RecordingLocks
from callrec.app.library.sharing import Sharing, SharingPorts
from callrec.app.ports.access import AuditLog
from callrec.app.ports.library import Catalogue, EventSink, Library
from callrec.app.ports.lifetime import ErasureNotices, RetentionNotices, Trace
from callrec.app.ports.media import MediaNotices
from callrec.config import Settings
from callrec.domain.calls.ids import RecordingId
from callrec.domain.library.links import TOKEN_BYTES

FOLDER = "transcoded"
AT_ONCE = 1
"""Files that are encoded or measured on demand at the same time: of two cores one stays free for calls."""


class Notices(MediaNotices, ErasureNotices, RetentionNotices, Protocol):
    """Who is told of media, erasures and retention."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the use cases work with."""

    catalogue: Catalogue
    library: Library
    audit: AuditLog
    events: EventSink
    notices: Notices
    may_share: Callable[[str], Awaitable[bool]]
    unfinished: Callable[[], Collection[RecordingId]] = tuple
    """The recordings that the daemon is still storing."""
    traces: Sequence[Trace] = ()
    """Where something of recordings is left, beside what is made here."""
    contents: Contents = PLAIN
    """How files of the library, and those that are transcoded, are opened."""


def stored_media(settings: Settings, around: Around) -> StoredMedia:
    """The use cases. Raises Unavailable when the folder of transcoded files cannot be made."""
    transcoded = DiskTranscodedFiles(settings.state_dir / FOLDER, settings.transcoded_mb << 20)
    transcoded.empty()
    threads, looks = Threads(AT_ONCE, "transcode", is_behind=True), Looks(around.audit)
    sources = Sources(around.catalogue, around.library, looks)
    transcoding = Transcoding(PyAvTranscoder(around.contents), transcoded, threads)
    files = DiskMediaFiles(around.contents)
    media = RecordingMedia(MediaPorts(sources, files, transcoding, looks, around.notices))
    locks = RecordingLocks()
    annotating = Annotating(
        AnnotatingPorts(sources, around.events, looks, SystemClock(), UlidIds().new_call, around.notices, locks)
    )
    exporting = Exporting(
        ExportingPorts(sources, looks, files, SystemClock(), around.notices, ZipStream, UlidIds().new_call)
    )
    sharing = _sharing(settings, around, sources, looks)
    traces = (erased_traces.transcoded(transcoded.forget, threads), erased_traces.links(sharing.forget), *around.traces)
    erasure = Erasure(
        ErasurePorts(
            *(sources, ErasureFile(settings.state_dir), around.audit, around.events, SystemClock(), locks),
            *(around.unfinished, traces, around.notices),
        )
    )
    many = ChangingMany(sources, annotating, around.audit)
    return StoredMedia(
        media,
        Waveforms(sources, PyAvMeasurer(around.contents), threads),
        annotating,
        sharing,
        exporting,
        AdoptedEntries(around.library, around.audit, around.catalogue, around.events),
        EncryptedEntries(around.library, around.audit),
        erasure,
        Holding(many),
        Marking(many),
        _retention(settings, around, erasure),
        looks,
        Showing(sources, looks),
    )


def _retention(settings: Settings, around: Around, erasure: Erasure) -> RetentionKeeper:
    return RetentionKeeper(
        RetentionPorts(
            *(DiskRetention(settings.state_dir), around.catalogue, around.library, erasure, around.audit),
            *(KeptClock(), around.notices),
        )
    )


def _sharing(settings: Settings, around: Around, sources: Sources, looks: Looks) -> Sharing:
    token, links = functools.partial(secrets.token_urlsafe, TOKEN_BYTES), DiskLinks(settings.state_dir)
    return Sharing(SharingPorts(sources, looks, links, SystemClock(), UlidIds().new_call, token, around.may_share))
