"""What is done with the media of stored recordings, as one thing to pass on."""

from dataclasses import dataclass

from callrec.app.library.adopted_entries import AdoptedEntries
from callrec.app.library.annotating import Annotating
from callrec.app.library.changing_many import Marking
from callrec.app.library.encryption.entries import EncryptedEntries
from callrec.app.library.lifetime.erasure import Erasure
from callrec.app.library.lifetime.holding import Holding
from callrec.app.library.lifetime.retention import RetentionKeeper
from callrec.app.library.media.exporting import Exporting
from callrec.app.library.media.logged_access import Looks
from callrec.app.library.media.recording_media import RecordingMedia
from callrec.app.library.media.showing import Showing
from callrec.app.library.media.waveforms import Waveforms
from callrec.app.library.sharing import Sharing


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """The use cases, and the audit log as they use it."""

    media: RecordingMedia
    waveforms: Waveforms
    annotating: Annotating
    sharing: Sharing
    exporting: Exporting
    adopted: AdoptedEntries
    encrypted: EncryptedEntries
    erasure: Erasure
    holding: Holding
    marking: Marking
    retention: RetentionKeeper
    looks: Looks
    showing: Showing
