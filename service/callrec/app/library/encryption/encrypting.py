"""Encrypts the recordings that are there, wraps keys again for another master key, and counts which master keys are needed.

Each may be broken off at any moment, and run again: it goes on where it was. A recording that was encrypted gets its audit entry
from the daemon (`encrypted_entries`), in batches; one without it gets it in the next run.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from callrec.app.access.audit_log.stored_entries import record_digest
from callrec.app.library.catalog import Finding
from callrec.app.ports.library import EncryptableLibrary, Library
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError
from callrec.domain.library.manifest import Manifest

BATCH = 100
"""Recordings that are entered at once."""


@dataclass(slots=True)
class Done:
    """What was done so far: recordings that were changed, and those that were as they should be already."""

    changed: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Counted:
    """`needed`: recordings by the master key that they need; `plain`: those that are not encrypted, or not all of them."""

    needed: Counter[str] = field(default_factory=Counter)
    plain: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EncryptingPorts:
    """What encrypting uses. `live`: recordings that the daemon is still storing. `enter`: has the daemon log them, by their
    paths. `is_entered`: whether the log has this digest of the record of a recording's encryption."""

    library: Library
    files: EncryptableLibrary
    live: Collection[RecordingId]
    enter: Callable[[Sequence[str]], None]
    is_entered: Callable[[RecordingId, str], bool]


def encrypt_all(ports: EncryptingPorts) -> Iterator[Done]:
    """Encrypt each recording that is not encrypted yet; what was done so far, after each. Blocking. Raises Unavailable when the
    library cannot be read, or the daemon does not enter: then run it again."""
    done, waiting = Done(), list[str]()
    for path, manifest in ports.library.sidecars():
        if not isinstance(manifest, Manifest) or not manifest.files or manifest.recording.id in ports.live:
            continue
        try:
            is_changed = ports.files.encrypt(path, manifest)
            key = ports.library.key_file(path)
        except CallrecError as error:
            done.findings.append(Finding(error.code, path, str(error)))
            yield done
            continue
        if is_changed:
            done.changed += 1
        else:
            done.unchanged += 1
        if key is not None and not ports.is_entered(manifest.recording.id, record_digest(key).sha256):
            waiting.append(path)
        if len(waiting) == BATCH:
            ports.enter(waiting)
            waiting = []
        yield done
    if waiting:
        ports.enter(waiting)
    yield done


def rotate(library: Library, files: EncryptableLibrary) -> Iterator[Done]:
    """Wrap the key of each recording with the current master key; what was done so far, after each. Blocking. Raises Unavailable
    when the library cannot be read."""
    done = Done()
    for path, manifest in library.sidecars():
        if not isinstance(manifest, Manifest) or not manifest.files:
            continue
        try:
            if files.rewrap(path):
                done.changed += 1
            else:
                done.unchanged += 1
        except CallrecError as error:
            done.findings.append(Finding(error.code, path, str(error)))
        yield done
    yield done


def counted(library: Library) -> Counted:
    """Which master keys the recordings need. Blocking; it needs no key. Raises Unavailable when the library cannot be read."""
    found = Counted()
    for path, manifest in library.sidecars():
        if not isinstance(manifest, Manifest) or not manifest.files:
            continue
        try:
            key = library.key_file(path)
        except CallrecError as error:
            found.findings.append(Finding(error.code, path, str(error)))
            continue
        if key is None:
            found.plain += 1
        else:
            found.needed[key.key.master] += 1
    return found
