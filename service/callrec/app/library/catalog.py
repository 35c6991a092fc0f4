"""The catalogue of stored recordings: the entry of each, the check of the library (`verify`), and the rebuild from the files.

The files on disk are authoritative. Each operation may be repeated, with the same result.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from callrec.app.ports.calls import Spool
from callrec.app.ports.library import Catalogue, Encoder, EventSink, Library
from callrec.app.ports.lifetime import Erasures
from callrec.domain.calls.ids import CaptureId, RecordingId, may_be_of, recording_of
from callrec.domain.calls.model import Recording
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.call_direction import call_direction
from callrec.domain.library.encryption import KEY_AWAY, EncryptedFile, KeyFile
from callrec.domain.library.erasure import files_of
from callrec.domain.library.file_names import annotations_path, key_path, peaks_path, track_path
from callrec.domain.library.manifest import Manifest, Media, OldFormat, StoredState, Track
from callrec.domain.library.recorded_user import recorded_user
from callrec.domain.library.search import ALL, Filter
from callrec.domain.library.search_keys import Entry
from callrec.domain.library.search_pages import PageRequest, Sort

UNREAD = frozenset({"file-unreadable", "folder-unreadable"})
"""Findings about files that the disk refused to read: they may be good, and are read again at the next run."""
STEREO, MONO = 2, 1
_PAGE = 1000
_LISTED = 250
"""Entries that are read at once where all are gone through: the loop is free again after some milliseconds."""
_OLD_S = 24 * 3600.0
"""A temporary file without a change for a day is left over from a crashed run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: a stable code, the path, and a sentence."""

    code: ErrorCode
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `verify`. `unheard`: encrypted recordings whose files are as they were stored, and whose content could not be
    looked at, since the master key cannot be had."""

    recordings: int
    findings: tuple[Finding, ...]
    unheard: int = 0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The result of `rebuild`: the number of recordings in the catalogue, and the sidecars that could not be read."""

    recordings: int
    findings: tuple[Finding, ...]


def index_entry(
    path: str, manifest: Manifest, *, tags: Sequence[str] = (), holds: Sequence[str] = (), retention_class: str = ""
) -> dict[str, str]:
    """A recording's entry: flat text. Times are Unix seconds. `numbers`, `users` and `names` are JSON lists, because a number is
    text from outside. `recorded_user`: whose recording it is; empty when unknown. `media`, `length_s`, `sha256` and `bytes` are
    empty without audio; `timeline_exact_s`, `may_lack_s`,
    `quality` (a JSON list, of each participant whose RTP was counted) and `tracks` (a JSON list) are there where they are known,
    and `told` (a JSON list, of each participant, whether they have heard that they are recorded) where somebody had to.

    `tags` and `holds` (the reasons of each hold) stand beside the manifest; they are JSON lists, where there are any. So does
    `retention_class`. `rule_origin`: where its rule hangs, when that is no user.
    """
    recording, media, exact_s = manifest.recording, manifest.media, manifest.recording.timeline_exact_s
    quality, told = _quality(recording), _told(recording)
    tracks = [_track_entry(path, track) for track in manifest.tracks]
    names = list(dict.fromkeys(party.name for party in recording.parties if party.name))
    held = [*manifest.holds, *holds]
    return {
        "id": recording.id,
        "call": recording.call,
        "state": manifest.state.value,
        "cause": recording.cause,
        "start_s": f"{recording.from_s:.3f}",
        "end_s": f"{recording.to_s:.3f}" if recording.to_s is not None else "",
        "rule": recording.rule.value if recording.rule else "",
        "actor": recording.actor.kind.value,
        "actor_user": recording.actor.user or "",
        "numbers": json.dumps(list(dict.fromkeys(party.number for party in recording.parties if party.number))),
        "users": json.dumps(sorted({party.user for party in recording.parties if party.user})),
        "names": json.dumps(names),
        "direction": call_direction(recording, manifest.origin).value,
        "node": recording.node,
        "recorded_user": recorded_user(recording) or "",
        "path": path,
        "media": _beside(path, media.name) if media else "",
        "length_s": f"{media.length_s:.3f}" if media else "",
        "sha256": media.sha256 if media else "",
        "bytes": str(media.bytes) if media else "",
        **({"quality": json.dumps(quality)} if quality else {}),
        **({"told": json.dumps(told)} if told else {}),
        **({"timeline_exact_s": f"{exact_s:.3f}"} if exact_s is not None else {}),
        **({"may_lack_s": f"{recording.may_lack_s:.3f}"} if recording.may_lack_s is not None else {}),
        **({"tracks": json.dumps(tracks)} if tracks else {}),
        **({"rule_origin": recording.rule_origin} if recording.rule_origin else {}),
        **({"retention_class": retention_class} if retention_class else {}),
        **({"tags": json.dumps(list(tags))} if tags else {}),
        **({"holds": json.dumps(held)} if held else {}),
    }


def _quality(recording: Recording) -> list[dict[str, str | int | float]]:
    """How well each participant's RTP arrived, where it was counted."""
    return [
        {"number": party.number, "received": rtp.received, "lost": rtp.lost, "jitter_ms": rtp.jitter_ms}
        for party in recording.parties
        if (rtp := party.quality)
    ]


def _told(recording: Recording) -> list[dict[str, str | bool]]:
    """Which participants had to hear that they are recorded, and whether they have."""
    numbers = {party.leg: party.number for party in recording.parties}
    return [
        {"number": numbers.get(one.leg, ""), "what": one.what.value, "heard": one.is_heard, "cause": one.cause}
        for one in recording.hearings
    ]


def annotated_entry(path: str, manifest: Manifest, annotations: Annotations | None) -> dict[str, str]:
    """The index entry with what was added to the recording."""
    if annotations is None:
        return index_entry(path, manifest)
    holds = [one.reason for one in annotations.holds]
    named = annotations.retention_class
    return index_entry(path, manifest, tags=annotations.tags, holds=holds, retention_class=named)


def entry_of(library: Library, path: str, manifest: Manifest) -> tuple[dict[str, str], CallrecError | None]:
    """The index entry, with what lies beside the sidecar. Annotations that cannot be read count as a hold, and come as their
    error. Blocking."""
    try:
        return annotated_entry(path, manifest, library.annotations(path)), None
    except CallrecError as error:
        return index_entry(path, manifest, holds=[error.code]), error


def _track_entry(path: str, track: Track) -> dict[str, object]:
    """One participant's track, as the index has it."""
    return {
        "track": track.nth,
        "number": track.number,
        "user": track.user or "",
        "media": _beside(path, track.media.name) if track.media else "",
        "sha256": track.media.sha256 if track.media else "",
        "missing": [
            {"from_s": round(one.from_s, 3), "to_s": round(one.to_s, 3), "cause": one.cause} for one in track.missing
        ],
    }


def _beside(path: str, name: str) -> str:
    """A file in the folder of this sidecar."""
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def export(entries: Iterable[Entry]) -> bytes:
    """The catalogue as canonical JSON lines, sorted by id: equal entries give equal bytes."""
    lines = sorted((entry["id"], json.dumps(dict(entry), sort_keys=True)) for entry in entries)
    return b"".join(line.encode() + b"\n" for _, line in lines)


def entries(library: Library) -> Iterator[dict[str, str]]:
    """The entries of all sidecars that can be read. Blocking. Raises Unavailable."""
    return (entry_of(library, path, found)[0] for path, found in library.sidecars() if isinstance(found, Manifest))


async def every(catalogue: Catalogue, wanted: Filter = ALL, sort: Sort = Sort.NEWEST) -> AsyncIterator[Entry]:
    """All wanted entries, newest first unless another order is given, however many. Raises as `Catalogue`."""
    page = await catalogue.search(wanted, PageRequest(sort, _LISTED))
    while True:
        for entry in page.entries:
            yield entry
        if page.next is None:
            return
        page = await catalogue.search(wanted, PageRequest(sort, _LISTED, page.next))


async def enter(catalogue: Catalogue, events: EventSink, entry: Entry) -> None:
    """Enter a recording into the catalogue, and publish that. Raises CallrecError; it may be repeated."""
    await catalogue.put(entry)
    await events.publish({"type": "recording-indexed", "recording": entry["id"]})


async def forget(catalogue: Catalogue, events: EventSink, recording: str) -> bool:
    """Remove a recording from the catalogue, and publish that; False when it was not there. Raises CallrecError."""
    was_there = await catalogue.forget(recording)
    if was_there:
        await events.publish({"type": "recording-forgotten", "recording": recording})
    return was_there


async def rebuild(library: Library, catalogue: Catalogue, erasures: Erasures | None = None) -> Rebuilt:
    """Make the catalogue what the sidecars say, as `ports.library.Rebuild` does it.

    Damaged sidecars are left out. For sidecars that the disk refuses to read (`UNREAD`) the former entries stay. Both become
    findings. Raises Unavailable, and as `Catalogue`; nothing is removed then. Recordings that were erased (`erasures`) are not
    entered: their files, which have come back, are removed again, and that is a finding too.
    """
    findings: list[Finding] = []
    sidecars = _unerased(library, erasures, findings) if erasures else library.sidecars()
    read = _read(library, sidecars, findings)

    def following() -> list[Entry]:
        return list(islice(read, _PAGE))

    async with catalogue.rebuild() as under_way:
        chunk = await asyncio.to_thread(following)
        while chunk:
            refused, chunk = await asyncio.gather(under_way.put(chunk), asyncio.to_thread(following))
            findings += [Finding("entry-refused", entry.get("path", ""), says) for entry, says in refused]
        unread = [finding.path for finding in findings if finding.code in UNREAD]
        count = await under_way.finish(lambda entry: any(_lies_at(entry.get("path", ""), path) for path in unread))
    return Rebuilt(count, tuple(findings))


def _unerased(
    library: Library, erasures: Erasures, findings: list[Finding]
) -> Iterator[tuple[str, Manifest | Corrupt]]:
    """The sidecars of recordings that were not erased. Blocking."""
    sidecars = library.sidecars()
    while some := list(islice(sidecars, _PAGE)):
        gone = erasures.erased([found.recording.id for _, found in some if isinstance(found, Manifest)])
        for path, found in some:
            if isinstance(found, Manifest) and found.recording.id in gone:
                library.erase(found.recording.id, files_of(path, found))
                says = f"recording {found.recording.id} was erased before, had come back, and is erased again"
                findings.append(Finding("recording-erased", found.recording.id, says))
            else:
                yield path, found


def _read(
    library: Library,
    sidecars: Iterator[tuple[str, Manifest | Corrupt]],
    findings: list[Finding],
) -> Iterator[Entry]:
    """The entries; sidecars without one become findings."""
    for path, found in sidecars:
        if isinstance(found, Corrupt):
            findings.append(Finding(found.code, path, found.message))
            continue
        entry, error = entry_of(library, path, found)
        if error is not None:
            findings.append(_of_annotations(path, error))
        yield entry


def _lies_at(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def verify(library: Library, spool: Spool, encoder: Encoder, live: Collection[RecordingId]) -> Report:
    """Read all media files and compare them with their sidecars. `live`: unfinished recordings of the journal. Blocking, and as
    slow as the disk.

    Each fault and each unreadable file becomes a finding. Raises Unavailable when the monitor directory, the spool or the journal
    cannot be read at all.
    """
    findings: list[Finding] = []
    media: set[str] = set()
    seen: dict[RecordingId, str] = {}
    captures: set[CaptureId] = set()
    unheard: set[str] = set()
    for path, found in library.sidecars():
        if isinstance(found, Corrupt):
            findings.append(Finding(found.code, path, found.message))
            continue
        media.update(_beside(path, one.name) for one in found.files)
        media.update((annotations_path(path), key_path(path), *(peaks_path(one) for one in _media_paths(path, found))))
        captures.update(capture.id for capture in found.recording.all_captures)
        former = seen.setdefault(found.recording.id, path)
        if former != path:
            findings.append(Finding("recording-twice", path, f"{former} has the same recording"))
        for one in _of_one(library, encoder, path, found, live):
            if one.code in KEY_AWAY:
                unheard.add(path)
            else:
                findings.append(one)
    findings.extend(
        Finding("media-orphan", name, "no sidecar names this file") for name in library.files() if name not in media
    )
    findings.extend(
        Finding("leftover", name, "a temporary file, older than a day") for name in library.leftovers(_OLD_S)
    )
    findings.extend(_of_spool(spool, captures, live))
    return Report(len(seen), tuple(findings), len(unheard))


def _of_one(
    library: Library, encoder: Encoder, path: str, manifest: Manifest, live: Collection[RecordingId]
) -> Iterator[Finding]:
    due = manifest.state in {StoredState.SOUND, StoredState.PARTIAL, StoredState.ADOPTED}
    if due is not (manifest.media is not None):
        yield Finding("state", path, f"{manifest.state.value}, but {'no media' if due else 'with media'}")
    is_live = manifest.recording.id in live
    try:
        key = library.key_file(path)
    except CallrecError as error:
        yield Finding(error.code if isinstance(error, Corrupt) else "file-unreadable", key_path(path), error.message)
        return
    told = list(_of_encrypted(library, path, manifest, key)) if key else []
    yield from told
    damaged = {one.path for one in told if one.code == "media-changed"}
    for media in manifest.files:
        if _beside(path, media.name) in damaged:
            continue
        channels = STEREO if media is manifest.media else MONO
        yield from _of_file(
            library, encoder, _beside(path, media.name), media,
            channels=channels, is_live=is_live, is_adopted=manifest.state is StoredState.ADOPTED,
        )  # fmt: skip
    yield from _of_peaks(library, path, manifest)
    try:
        found = library.annotations(path)
    except CallrecError as error:
        yield _of_annotations(path, error)
    else:
        if found and found.recording != manifest.recording.id:
            yield Finding("annotations-unreadable", annotations_path(path), "they are of another recording")


def _of_encrypted(library: Library, path: str, manifest: Manifest, key: KeyFile) -> Iterator[Finding]:
    """Findings for files that do not lie on disk as the record of their encryption says. It takes no key."""
    if key.encryption.recording != manifest.recording.id:
        yield Finding("encryption-changed", key_path(path), "the key file is another recording's")
    for part, media in manifest.parts:
        name, named = _beside(path, media.name), key.encryption.file(part)
        if named is None:
            yield Finding("encryption-changed", key_path(path), f"the key file does not name {part}")
        elif (says := _differs(library, name, media, named)) is not None:
            yield says


def _differs(library: Library, name: str, media: Media, named: EncryptedFile) -> Finding | None:
    """What is wrong with this file as it lies on disk; None when it is right, or missing, which is told elsewhere."""
    try:
        found = library.measure_stored(name)
    except CallrecError as error:
        return Finding(error.code if isinstance(error, Corrupt) else "file-unreadable", name, error.message)
    if found in {None, (named.size_bytes, named.sha256)}:
        return None
    if found == (media.bytes, media.sha256):
        says = "the file is not encrypted, though there is a key for it: run callrec encryption encrypt"
        return Finding("encryption-unfinished", name, says)
    return Finding("media-changed", name, "size or sha-256 of the encrypted file differs from its key file")


def _media_paths(path: str, manifest: Manifest) -> Iterator[str]:
    """The paths of its files, without extension."""
    yield path
    yield from (track_path(path, track.nth) for track in manifest.tracks)


def _of_annotations(path: str, error: CallrecError) -> Finding:
    """The finding for annotations that cannot be read."""
    return Finding(
        error.code if isinstance(error, Corrupt) else "file-unreadable", annotations_path(path), error.message
    )


def _of_peaks(library: Library, path: str, manifest: Manifest) -> Iterator[Finding]:
    """Findings for files of peaks that are damaged or of another media file. A missing one is none: it is made on demand."""
    files = [(None, manifest.media), *((track.nth, track.media) for track in manifest.tracks)]
    for track, media in files:
        name = peaks_path(path if track is None else track_path(path, track))
        try:
            kept = library.waveform(path, track)
        except CallrecError as error:
            if error.code not in KEY_AWAY:
                yield Finding("peaks-damaged" if isinstance(error, Corrupt) else "file-unreadable", name, error.message)
            continue
        if kept and (media is None or kept.media_sha256 != media.sha256):
            yield Finding("peaks-damaged", name, "it is of another media file")


def _of_file(
    library: Library, encoder: Encoder, name: str, media: Media, *, channels: int, is_live: bool, is_adopted: bool
) -> Iterator[Finding]:
    try:
        measured = library.measure(name)
    except CallrecError as error:
        is_known = isinstance(error, Corrupt) or error.code in KEY_AWAY
        yield Finding(error.code if is_known else "file-unreadable", name, error.message)
        return
    if measured is None:
        if not is_live:  # the media of a live recording follows a moment after its sidecar
            yield Finding("media-missing", name, "the sidecar names this file, but it is missing")
        return
    if measured != (media.bytes, media.sha256):
        yield Finding("media-changed", name, "size or sha-256 differs from the sidecar")
        return
    yield from _length(encoder, library.absolute(name), name, media, channels, is_adopted=is_adopted)


def _length(
    encoder: Encoder, absolute: str, name: str, media: Media, channels: int, *, is_adopted: bool
) -> Iterator[Finding]:
    try:
        if is_adopted or isinstance(media.format, OldFormat):
            samples = encoder.played(absolute, media.format).samples
        else:
            samples = encoder.samples(absolute, media.format, media.rate_hz, channels)
    except CallrecError as error:
        yield Finding(error.code, name, error.message)
        return
    if samples != media.samples:
        yield Finding("media-length", name, f"plays {samples} samples, the sidecar says {media.samples}")


def _of_spool(spool: Spool, stored: Collection[CaptureId], live: Collection[RecordingId]) -> Iterator[Finding]:
    for capture_files in spool.captured_files():
        is_live = recording_of(capture_files.capture) in live or any(
            may_be_of(capture_files.capture, one) for one in live
        )
        if not is_live:
            what = (
                "is stored, but its capture files are still in the spool"
                if capture_files.capture in stored
                else "belongs to no recording"
            )
            yield Finding("spool-leftover", capture_files.capture, f"capture {capture_files.capture} {what}")
    yield from (Finding("spool-odd", name, says) for name, says in spool.oddities())
    yield from _kept(spool)


def _kept(spool: Spool) -> Iterator[Finding]:
    """Findings for capture files that were put aside. They are the only copy of the audio, until an operator decides."""
    try:
        found = spool.kept()
    except Unavailable as error:
        yield Finding("kept", "kept", error.message)
        return
    for name, size in found:
        says = f"{size} bytes were put aside, since they could not be encoded; the recording's entry has the reason"
        yield Finding("kept", f"kept/{name}", says)
