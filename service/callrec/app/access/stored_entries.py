"""The audit entry of a stored recording: the digests of its files."""

from callrec.app.ports.library import Library
from callrec.domain.access.audit import MOST_FILES, Action, Actor, ActorKind, AuditEntry, FileDigest
from callrec.domain.errors import Corrupt
from callrec.domain.library.manifest import Manifest, Media

MANIFEST, MEDIA = "manifest", "media"


def stored_entry(library: Library, path: str, manifest: Manifest) -> AuditEntry:
    """The entry for the recording at this path. Blocking. Raises Corrupt when its sidecar is gone, or says what no entry can
    have; Unavailable.

    The sidecar is read from the disk, as others will read it; it holds the digests of all media files, so that none is left out
    when there are more tracks than an entry takes.
    """
    measured = library.measure(f"{path}.json")
    if measured is None:
        raise Corrupt("media-missing", f"the sidecar of {manifest.recording.id} is gone", hint="run callrec verify")
    daemon = Actor(ActorKind.DAEMON)
    try:
        files = [FileDigest(MANIFEST, measured[1], measured[0]), *media_digests(manifest)]
        return AuditEntry(Action.STORED, daemon, manifest.recording.id, files=tuple(files[:MOST_FILES]))
    except ValueError as error:
        raise Corrupt("sidecar-unreadable", f"{path}.json: {error}", hint="restore the file from a backup") from error


def media_digests(manifest: Manifest) -> list[FileDigest]:
    """What the sidecar says of its media file and its tracks."""
    named: list[tuple[str, Media | None]] = [(MEDIA, manifest.media)]
    named += [(f"track-{track.nth}", track.media) for track in manifest.tracks]
    return [FileDigest(part, media.sha256, media.bytes) for part, media in named if media]
