"""The audit entry of a stored recording: the digests of its files."""

import hashlib

from callrec.app.ports.library import Library
from callrec.domain.access.audit import MOST_FILES, Action, Actor, ActorKind, AuditEntry, FileDigest
from callrec.domain.errors import Corrupt
from callrec.domain.library.encryption import PART, KeyFile
from callrec.domain.library.manifest import Manifest

MANIFEST = "manifest"
ANNOTATIONS = "annotations"
"""In the entry of a change of notes, tags or holds: the file that it writes."""
ANNOTATIONS_BEFORE = "annotations-before"
"""And the one that it changes; of no bytes when there is none."""


def stored_entry(library: Library, path: str, manifest: Manifest) -> AuditEntry:
    """The entry for the recording at this path. Blocking. Raises Corrupt when its sidecar is gone, or says what no entry can
    have; Unavailable.

    The sidecar is read from the disk, as others will read it; it holds the digests of all media files, so that none is left out
    when there are more tracks than an entry takes. The digests of encrypted files as they lie on disk are in the record of their
    encryption, which the entry names, too.
    """
    measured = library.measure(f"{path}.json")
    if measured is None:
        raise Corrupt("media-missing", f"the sidecar of {manifest.recording.id} is gone", hint="run callrec verify")
    daemon, key = Actor(ActorKind.DAEMON), library.key_file(path)
    try:
        files = [FileDigest(MANIFEST, measured[1], measured[0]), *([record_digest(key)] if key else [])]
        files += [FileDigest(part, media.sha256, media.bytes) for part, media in manifest.parts]
        return AuditEntry(Action.STORED, daemon, manifest.recording.id, files=tuple(files[:MOST_FILES]))
    except ValueError as error:
        raise Corrupt("sidecar-unreadable", f"{path}.json: {error}", hint="restore the file from a backup") from error


def record_digest(key: KeyFile) -> FileDigest:
    """The digest of the record of a recording's encryption. It stays the same when the master key changes."""
    return FileDigest(PART, hashlib.sha256(key.record).hexdigest(), len(key.record))
