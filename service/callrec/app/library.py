"""The stored recordings as a whole: what the index says of each, whether the disk still holds what it promised, and the
index made anew from it. The disk is the truth: everything here can be repeated, and twice gives the same.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from callrec.app.ports import Encoder, Library, Spool
from callrec.app.reconcile import may_be_of
from callrec.app.store_port import RecordingIndex
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.lifecycle import Manifest, Media, State
from callrec.domain.model import RecordingId, TakeId
from callrec.domain.naming import recording_of

UNREAD = frozenset({"file-unreadable", "folder-unreadable"})
"""Findings of what the disk refused: whatever is there may be whole, and is read another time."""
_PAGE = 1000
_OLD_S = 24 * 3600.0
"""A temporary file that nobody has touched for a day belongs to no run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be: a stable code, where, and a sentence."""

    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` saw."""

    recordings: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Nothing was found."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What `rebuild` did: how many recordings the index has now, and what could not be read for it."""

    recordings: int
    findings: tuple[Finding, ...]


def index_entry(path: str, manifest: Manifest) -> dict[str, str]:
    """A recording as the index keeps it: flat text. Times are Unix seconds; `numbers` and `users` are JSON lists, because a
    number is a stranger's text; `media` and what follows are empty when there is no audio."""
    recording, media = manifest.recording, manifest.media
    folder = path.rpartition("/")[0]
    return {
        "id": recording.id,
        "call": recording.call,
        "state": manifest.state.value,
        "cause": recording.cause,
        "start_s": f"{recording.from_s:.3f}",
        "end_s": f"{recording.to_s:.3f}" if recording.to_s is not None else "",
        "rule": recording.rule.value,
        "actor": recording.actor.kind.value,
        "actor_user": recording.actor.user or "",
        "numbers": json.dumps(list(dict.fromkeys(party.number for party in recording.parties if party.number))),
        "users": json.dumps(sorted({party.user for party in recording.parties if party.user})),
        "path": path,
        "media": (f"{folder}/{media.name}" if folder else media.name) if media else "",
        "length_s": f"{media.length_s:.3f}" if media else "",
        "sha256": media.sha256 if media else "",
        "bytes": str(media.bytes) if media else "",
    }


def export(entries: Iterable[Mapping[str, str]]) -> bytes:
    """The catalogue as canonical JSON lines, sorted by id: the same entries are the same bytes, wherever they came from."""
    lines = sorted((entry["id"], json.dumps(dict(entry), sort_keys=True)) for entry in entries)
    return b"".join(line.encode() + b"\n" for _, line in lines)


def entries(library: Library) -> Iterator[dict[str, str]]:
    """What the index must hold, by the sidecars that can be read. Blocking. Raises Unavailable."""
    return (index_entry(path, found) for path, found in library.sidecars() if isinstance(found, Manifest))


async def rebuild(library: Library, index: RecordingIndex) -> Rebuilt:
    """Make the index what the sidecars say. Readers see the former index until then.

    Damaged sidecars are left out; of what the disk refuses to read (`UNREAD`) the former entries stay. Both are told. Raises
    Unavailable, and then the former index stays.
    """
    found, findings = await asyncio.to_thread(_read, library, index.refuses)
    if unread := [finding.path for finding in findings if finding.code in UNREAD]:
        found = [*await _former(index, unread), *found]
    return Rebuilt(await index.rebuild_index(found), tuple(findings))


def _read(library: Library, refuses: Callable[[Mapping[str, str]], str]) -> tuple[list[dict[str, str]], list[Finding]]:
    """The entries, and what cannot become one."""
    read, findings = [], []
    for path, found in library.sidecars():
        if isinstance(found, Corrupt):
            findings.append(Finding(found.code, path, found.message))
            continue
        entry = index_entry(path, found)
        if says := refuses(entry):
            findings.append(Finding("entry-refused", path, says))
        else:
            read.append(entry)
    return read, findings


async def _former(index: RecordingIndex, unread: Collection[str]) -> list[dict[str, str]]:
    """The entries that the index has for these sidecars and for what lies below these folders."""
    former, offset = [], 0
    while page := await index.recordings(offset=offset, limit=_PAGE):
        former += [entry for entry in page if any(_lies_at(entry.get("path", ""), path) for path in unread)]
        offset += _PAGE
    return former


def _lies_at(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def verify(library: Library, spool: Spool, encoder: Encoder, live: Collection[RecordingId]) -> Report:
    """Read everything and compare. `live`: recordings that the journal still works on. Blocking, and as slow as the disk.

    Whatever is odd or cannot be read is a finding, and the rest is read. Raises Unavailable when the monitor directory, the
    spool or the journal cannot be read at all: nothing can be said then.
    """
    findings: list[Finding] = []
    media: set[str] = set()
    seen: dict[RecordingId, str] = {}
    takes: set[TakeId] = set()
    for path, found in library.sidecars():
        if isinstance(found, Corrupt):
            findings.append(Finding(found.code, path, found.message))
            continue
        media.add(index_entry(path, found)["media"])
        takes.update(take.id for take in found.recording.takes)
        former = seen.setdefault(found.recording.id, path)
        if former != path:
            findings.append(Finding("recording-twice", path, f"{former} is the same recording"))
        findings.extend(_of_one(library, encoder, path, found, live))
    findings.extend(
        Finding("media-orphan", name, "no sidecar speaks of this file") for name in library.files() if name not in media
    )
    findings.extend(Finding("leftover", name, "a temporary file of no run") for name in library.leftovers(_OLD_S))
    findings.extend(_of_spool(spool, takes, live))
    return Report(len(seen), tuple(findings))


def _of_one(
    library: Library, encoder: Encoder, path: str, manifest: Manifest, live: Collection[RecordingId]
) -> Iterator[Finding]:
    due = manifest.state in {State.SOUND, State.PARTIAL}
    if due is not (manifest.media is not None):
        yield Finding("state", path, f"{manifest.state.value}, but {'no media' if due else 'with media'}")
    if manifest.media is None:
        return
    name = index_entry(path, manifest)["media"]
    try:
        measured = library.measure(name)
    except CallrecError as error:
        yield Finding(error.code if isinstance(error, Corrupt) else "file-unreadable", name, error.message)
        return
    if measured is None:
        if manifest.recording.id not in live:  # a live one has its sidecar first, and its media a moment later
            yield Finding("media-missing", name, "the sidecar promises this file")
        return
    if measured != (manifest.media.bytes, manifest.media.sha256):
        yield Finding("media-changed", name, "size or sha-256 is not the sidecar's")
        return
    yield from _length(encoder, library.absolute(name), name, manifest.media)


def _length(encoder: Encoder, absolute: str, name: str, media: Media) -> Iterator[Finding]:
    try:
        samples = encoder.samples(absolute, media.format, media.rate_hz)
    except CallrecError as error:
        yield Finding(error.code, name, error.message)
        return
    if samples != media.samples:
        yield Finding("media-length", name, f"plays {samples} samples, the sidecar says {media.samples}")


def _of_spool(spool: Spool, stored: Collection[TakeId], live: Collection[RecordingId]) -> Iterator[Finding]:
    for capture in spool.captures():
        is_live = recording_of(capture.take) in live or any(may_be_of(capture.take, one) for one in live)
        if not is_live:
            what = "is stored, but its legs are still here" if capture.take in stored else "is known to nobody"
            yield Finding("spool-leftover", capture.take, f"take {capture.take} {what}")
    yield from (Finding("spool-odd", name, says) for name, says in spool.oddities())
    yield from _kept(spool)


def _kept(spool: Spool) -> Iterator[Finding]:
    """Legs that became no media. They are all that is left of what was said, until somebody has looked."""
    try:
        found = spool.kept()
    except Unavailable as error:
        yield Finding("kept", "kept", error.message)
        return
    for name, size in found:
        says = f"{size} bytes were put aside, since no media could be made of them; the entry of the recording says why"
        yield Finding("kept", f"kept/{name}", says)
