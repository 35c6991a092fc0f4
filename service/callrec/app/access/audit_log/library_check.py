"""Are the recordings those that were logged? The library is compared with the audit log, in both directions."""

from collections.abc import Collection
from dataclasses import dataclass

from callrec.app.access.audit_log.adopt import is_done
from callrec.app.access.audit_log.log_check import CheckedLog, check_log
from callrec.app.access.audit_log.stored_entries import MANIFEST, record_digest
from callrec.app.library.catalog import Finding
from callrec.app.ports.access import LogReader
from callrec.app.ports.library import Library
from callrec.domain.access.audit import Action, LoggedEntry
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError, Misconfigured
from callrec.domain.library.encryption import PART
from callrec.domain.library.file_names import annotations_path
from callrec.domain.library.manifest import Manifest, StoredState


@dataclass(frozen=True, slots=True)
class LibraryReport:
    """Faults, and facts that are none; how many entries the log's checkpoint speaks of, and of how many recordings it says that
    they were erased."""

    entries: int
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    erased: int = 0
    stamps: int = 0
    """How many states of the log an authority has stamped, and when the last one, in Unix milliseconds."""
    stamped_ms: int = 0


_FOREIGN = "callrec did not store it here"
_ADOPTING = "when callrec recordings adopt runs now, or was broken off, run it again; else"


@dataclass(frozen=True, slots=True)
class _Said:
    """What a sidecar says: when the recording began, in Unix time, and whether it is one of another program."""

    from_s: float
    is_adopted: bool


def check_library(library: Library, log: LogReader, live: Collection[RecordingId]) -> LibraryReport:
    """Check the log, and each sidecar against it. `live`: unfinished recordings, which may have no entry yet. Blocking.

    Raises Unavailable when the library or the log cannot be read at all.
    """
    sidecars = _sidecars(
        library
    )  # before the log: a recording that is stored meanwhile is then in the log, and not missed here
    try:
        checked = check_log(log)
    except Misconfigured as error:
        missing = (Finding("audit-missing", "audit", f"nothing proves the recordings: {error.message}"),)
        return LibraryReport(0, missing if sidecars else (), ())
    if (
        checked.findings and checked.first_ms is None
    ):  # nothing of the log could be read: it says nothing of any recording
        return LibraryReport(checked.size, tuple(checked.findings), tuple(checked.notes))
    logged, adopted, sealed = _logged(checked), log.adopted() or is_done(checked), _sealed(checked)
    erased = sum(last.action is Action.ERASED for _, last in logged.values())
    for recording, (path, digest, annotations, said) in sidecars.items():
        _compare_annotations(library, checked, path, annotations, recording)
        entry = logged.pop(recording, None)
        if entry is not None and _is_broken_off(library, checked, path, entry):
            says = (
                f"entry {entry[0]} says that this recording was erased: that was broken off, and a hold keeps it since"
            )
            checked.notes.append(Finding("recording-unlogged", path, says))
            erased -= 1
        elif entry is not None:
            _compare(library, checked, path, digest, entry, sealed.get(recording))
        elif recording not in live:
            _unlogged(checked, path, recording, said, adopted=adopted)
    for recording, (index, last) in logged.items():
        if last.action is not Action.ERASED:
            says = f"recording {recording} is gone: entry {index} says that it was stored, and none that it was erased"
            checked.findings.append(Finding("recording-removed", recording, says))
    return LibraryReport(
        checked.size, tuple(checked.findings), tuple(checked.notes), erased, checked.stamps, checked.stamped_ms
    )


def _sidecars(library: Library) -> dict[str, tuple[str, str, str, _Said]]:
    """Path, digest, digest of the annotations (empty: there are none), and what is needed of it, of each recording's sidecar."""
    found: dict[str, tuple[str, str, str, _Said]] = {}
    for path, manifest in library.sidecars():
        if isinstance(manifest, Manifest):
            try:
                measured = library.measure(f"{path}.json")
            except CallrecError:  # `verify` of the library tells it
                continue
            if measured is not None:
                annotations = _digest(library, annotations_path(path))
                said = _Said(manifest.recording.from_s, is_adopted=manifest.state is StoredState.ADOPTED)
                found[manifest.recording.id] = (path, measured[1], annotations, said)
    return found


def _logged(checked: CheckedLog) -> dict[str, tuple[int, LoggedEntry]]:
    """The last entry about each recording."""
    return {entry.recording: (index, entry) for index, entry in checked.entries if entry.recording}


def _sealed(checked: CheckedLog) -> dict[str, tuple[int, str]]:
    """Of each recording, since its last erasure, the first entry with its sidecar's digest: a sidecar is sealed. A later entry is
    of the one that was there then, changed or not."""
    found: dict[str, tuple[int, str]] = {}
    for index, entry in checked.entries:
        if entry.action is Action.ERASED:
            found.pop(entry.recording, None)
        for one in entry.files:
            if one.part == MANIFEST:
                found.setdefault(entry.recording, (index, one.sha256))
    return found


def _is_broken_off(library: Library, checked: CheckedLog, path: str, logged: tuple[int, LoggedEntry]) -> bool:
    """Whether the recording is there after its erasure was logged, since it was held before that was carried out. An entry is
    there before what it speaks of; the hold, which came later, has one, too."""
    index, entry = logged
    if entry.action is not Action.ERASED or all(
        later < index for later, _ in checked.annotated.get(entry.recording, ())
    ):
        return False
    try:
        annotations = library.annotations(path)
    except CallrecError:  # `verify` of the library tells it
        return False
    return annotations is not None and annotations.is_held


def _compare(  # noqa: PLR0917 - what is compared with what
    library: Library,
    checked: CheckedLog,
    path: str,
    digest: str,
    logged: tuple[int, LoggedEntry],
    sealed: tuple[int, str] | None,
) -> None:
    index, entry = logged
    if entry.action is Action.ERASED:
        if library.measure(f"{path}.json") is None:  # erased since the sidecars were read
            return
        says = f"entry {index} says that this recording was erased"
        checked.findings.append(Finding("recording-unlogged", path, says))
    elif sealed is None or sealed[1] != digest:
        says = f"this sidecar is not the one that entry {sealed[0] if sealed else index} says was stored"
        checked.findings.append(Finding("sidecar-changed", path, says))
    else:
        _compare_encryption(library, checked, path, logged)


def _compare_encryption(library: Library, checked: CheckedLog, path: str, logged: tuple[int, LoggedEntry]) -> None:
    """The record in the key file is the logged one: by it the files on disk are compared without their key."""
    index, entry = logged
    try:
        key = library.key_file(path)
    except CallrecError:  # `verify` of the library tells it
        return
    was = next((one for one in entry.files if one.part == PART), None)
    if key is None and was is not None:
        says = f"the key file is missing: entry {index} says that the recording was encrypted, and nothing can read it"
        checked.findings.append(Finding("key-file-missing", path, says))
    elif key is not None and was is None:
        says = f"the recording was encrypted after entry {index}, and no entry says so: run callrec encryption encrypt"
        checked.findings.append(Finding("encryption-unlogged", path, says))
    elif key is not None and was is not None and record_digest(key) != was:
        says = f"the record in the key file is not the one that entry {index} speaks of"
        checked.findings.append(Finding("encryption-changed", path, says))


def _compare_annotations(library: Library, checked: CheckedLog, path: str, before: str, recording: str) -> None:
    """Notes, tags and holds are what the last change has written. What was changed before the log had digests is not checked.
    `before`: the digest that was found before the log was read, so that the log has its entry."""
    if (changed := checked.unlogged_before.get(recording)) is not None:
        says = f"entry {changed} is of a change of a file that no change had written: it was changed, or removed, before that"
        checked.notes.append(Finding("annotations-unlogged", annotations_path(path), says))
    logged = checked.annotated.get(recording, [])
    now = _digest(library, annotations_path(path)) if logged else ""
    if not logged or logged[-1][1] in {before, now} or _digest(library, f"{path}.json") == "":
        return
    index, known = logged[-1][0], {digest for _, digest in logged} | ({""} if len(logged) == 1 else set())
    if before not in known:
        says = f"it is {'missing' if not before else 'not what any change has written'}; entry {index} is of the last change"
        checked.findings.append(Finding("annotations-unlogged", annotations_path(path), says))
    elif before == now:
        says = f"it is older than entry {index}: that change was broken off, or somebody has put a former file back"
        checked.notes.append(Finding("annotations-unlogged", annotations_path(path), says))


def _digest(library: Library, name: str) -> str:
    """Of a file as it is now; empty when it is missing, or cannot be read, which `verify` of the library tells."""
    try:
        measured = library.measure(name)
    except CallrecError:
        return ""
    return measured[1] if measured else ""


def _unlogged(checked: CheckedLog, path: str, recording: str, said: _Said, *, adopted: bool) -> None:
    """A recording without an entry: a fault, unless it began before the log did, and those have no entries yet."""
    is_older = not adopted and (checked.first_ms is None or said.from_s * 1000 < checked.first_ms)
    why = f"{_ADOPTING}, {_FOREIGN}" if said.is_adopted else _FOREIGN
    says = f"recording {recording} is not in the audit log: " + (
        "it began before the log did, so that nothing proves it" if is_older else why
    )
    (checked.notes if is_older else checked.findings).append(Finding("recording-unlogged", path, says))
