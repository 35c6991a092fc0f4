"""Finds the files of a stored recording, by its sidecar: the catalogue may be behind it."""

import asyncio
from dataclasses import dataclass

from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.ports.library import Catalogue, Library
from callrec.domain.access.audit import Action
from callrec.domain.access.decisions import visible
from callrec.domain.calls.ids import RecordingId
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.library.manifest import Manifest, Media, Track
from callrec.domain.rules import UserId

STEREO, MONO = 2, 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording in the library: its path there, without extension, and its sidecar."""

    path: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a recording: where it lies, what the sidecar says of it, and its channels."""

    stored: Stored
    file: str
    media: Media
    channels: int
    track: Track | None = None

    @property
    def recording(self) -> RecordingId:
        """The recording's id."""
        return self.stored.manifest.recording.id

    @property
    def name(self) -> str:
        """Its path in the library."""
        return beside(self.stored.path, self.media.name)


class Sources:
    """The recordings of a library that its catalogue knows."""

    def __init__(self, catalogue: Catalogue, library: Library, looks: Looks) -> None:
        self.catalogue, self.library, self._looks = catalogue, library, looks

    async def stored(self, recording: str, asker: Asker, permission: Permission) -> Stored:
        """The recording with this id. Raises Refused (`no-such-recording`), the same for one that is not there and for one for
        which the asker does not have the permission; Corrupt, Unavailable.

        The catalogue's entry decides before a file is read, so that neither time nor errors tell absent and forbidden ones apart;
        the sidecar, which is sealed, decides again."""
        allowed, entry = visible(asker.principal, permission), await self.catalogue.get(recording)
        if entry is None or not allowed.holds(UserId(entry["recorded_user"]) if entry.get("recorded_user") else None):
            raise await self._refused(recording, asker, permission)
        manifest = await asyncio.to_thread(self.library.manifest, entry["path"])
        if manifest is None or manifest.recording.id != recording:
            raise Corrupt("media-missing", f"the sidecar of {recording} is missing", hint="run callrec verify")
        if not asker.may(permission, manifest.recording):
            raise await self._refused(recording, asker, permission)
        return Stored(entry["path"], manifest)

    async def _refused(self, recording: str, asker: Asker, permission: Permission) -> Refused:
        """The error, once the audit log has the refusal. One who may see all recordings is not refused: there is none."""
        if not visible(asker.principal, permission).all:
            await self._looks.told(asker, Action.REFUSED, "", details=f"{permission} {recording}")
        return _absent(recording)

    async def still_there(self, source: Source) -> None:
        """Raises Refused (`no-such-recording`) when the recording was erased since; Corrupt, Unavailable."""
        manifest = await asyncio.to_thread(self.library.manifest, source.stored.path)
        if manifest is None or manifest.recording.id != source.recording:
            raise _absent(source.recording)

    async def source(self, recording: str, track: int | None, asker: Asker, permission: Permission) -> Source:
        """Its own file, or that of a track. Raises as `stored`, and Refused (`no-such-track`, `no-audio`)."""
        stored = await self.stored(recording, asker, permission)
        try:
            return source_of(self.library, stored, track)
        except Refused:  # it says how many tracks there are, or why there is no audio
            await self._looks.told(asker, Action.SHOWN, stored.manifest.recording.id)
            raise


def _absent(recording: str) -> Refused:
    return Refused("no-such-recording", f"there is no recording {recording[:80]!r}")


def source_of(library: Library, stored: Stored, track: int | None) -> Source:
    """The recording's own file, or that of a track. Raises Refused (`no-such-track`, `no-audio`)."""
    manifest = stored.manifest
    wanted = next((one for one in manifest.tracks if one.nth == track), None)
    if track is not None and wanted is None:
        raise Refused("no-such-track", f"the recording has {len(manifest.tracks)} tracks, and no {track}")
    media = wanted.media if wanted else manifest.media
    if media is None:
        raise Refused("no-audio", f"there is no audio: {manifest.recording.cause or 'it could not be encoded'}")
    file = library.absolute(beside(stored.path, media.name))
    return Source(stored, file, media, MONO if wanted or media.is_mono else STEREO, wanted)


def beside(path: str, name: str) -> str:
    """The path of a file in the folder of this sidecar."""
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def changed(recording: str) -> Corrupt:
    """The error for a file of this recording that is not the one that was stored."""
    return Corrupt(
        "media-changed",
        f"the file of recording {recording} is not the one that was stored",
        hint="run callrec verify, and restore the file from a backup",
    )
