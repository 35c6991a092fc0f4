"""Shows what is stored of a recording besides its audio: its sidecar."""

from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sources import Sources, Stored
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import Permission


class Showing:
    """The use case."""

    def __init__(self, sources: Sources, looks: Looks) -> None:
        self._sources, self._looks = sources, looks

    async def of(self, recording: str, asker: Asker) -> Stored:
        """The recording with this id, once the audit log has that it was shown. Raises as `Sources.stored`, and Unavailable
        without the audit log."""
        stored = await self._sources.stored(recording, asker, Permission.RECORDINGS_LIST)
        await self._looks.told(asker, Action.SHOWN, stored.manifest.recording.id)
        return stored
