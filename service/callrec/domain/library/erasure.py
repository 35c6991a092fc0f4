"""Erasing recordings: what goes, what a hold keeps, and what stays of it.

Of an erased recording a `Tombstone` stays: its id, when, and by what kind of cause. It holds nothing personal, so it stays for
ever, and a recording that comes back from a backup is erased again. While the erasure is under way there is an `Erasing`, which
says where the recording's files are and who asked: it is destroyed when all is done.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Refused
from callrec.domain.library.file_names import annotations_path, key_path, peaks_path, track_path
from callrec.domain.library.manifest import Manifest
from callrec.domain.text_folding import folded

MOST_REASON = 200
"""Characters of the reason for an erasure."""
FIRST = 20
"""How many recordings a preview names."""
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([\"\\/])|[bfnrt])")
"""How JSON in ASCII spells a character."""
_LEAST_WORD = 2
"""A text of fewer characters is looked for nowhere: it would be found everywhere."""


class Cause(StrEnum):
    """What kind of cause an erasure has. A value is a frozen format."""

    REQUEST = "request"
    """Somebody asked for it."""
    RETENTION = "retention"
    """Its class says so, or the space."""


class Kept(StrEnum):
    """Why a recording is not erased now."""

    HELD = "held"
    """A legal hold, or annotations that cannot be read, and may have one."""
    UNFINISHED = "unfinished"
    """The daemon is still storing it."""
    DAMAGED = "damaged"
    """Its sidecar cannot be read, so its files are not known. `callrec verify` names it."""
    ELSEWHERE = "elsewhere"
    """It is in the catalogue, and not in this library: another daemon stored it, or its sidecar is missing."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of an erased recording. `erased_ms`: Unix time in milliseconds."""

    recording: RecordingId
    erased_ms: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Erasing:
    """An erasure under way, on disk until all is done. `actor`: as `kind:id`; `files`: all of the recording in the library, by
    their paths there, the sidecar last; `sources`: the SHA-256 of its media files; `captures`: the ids of its captures."""

    recording: RecordingId
    files: tuple[str, ...]
    sources: tuple[str, ...]
    captures: tuple[str, ...]
    actor: str
    cause: Cause
    reason: str = ""
    address: str = ""
    words: tuple[str, ...] = ()
    """Numbers and names that are erased with it, wherever they stand."""
    is_logged: bool = False
    """Whether the audit log has it. Then there is a tombstone, and it is carried out whatever happens."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that would be erased. `kept`: why it would not. `start_s`: Unix time; `bytes`: of its audio."""

    recording: RecordingId
    start_s: float
    bytes: int
    kept: Kept | None = None


@dataclass(slots=True)
class Preview:
    """What an erasure would do; recordings are counted one by one. `first`: those that would go first, oldest first."""

    recordings: int = 0
    bytes: int = 0
    oldest_s: float | None = None
    newest_s: float | None = None
    kept: dict[Kept, int] = field(default_factory=dict)
    first: list[Candidate] = field(default_factory=list)

    def add(self, one: Candidate) -> None:
        """Count one more."""
        if one.kept is not None:
            self.kept[one.kept] = self.kept.get(one.kept, 0) + 1
            return
        self.recordings += 1
        self.bytes += one.bytes
        self.oldest_s = one.start_s if self.oldest_s is None else min(self.oldest_s, one.start_s)
        self.newest_s = one.start_s if self.newest_s is None else max(self.newest_s, one.start_s)
        self.first = sorted([*self.first, one], key=lambda each: (each.start_s, each.recording))[:FIRST]


def files_of(path: str, manifest: Manifest) -> tuple[str, ...]:
    """All files that the recording at this path may have in the library. The key of an encrypted one goes first, and the sidecar,
    which names the others, last."""
    stems = [path, *(track_path(path, track.nth) for track in manifest.tracks)]
    folder = path.rpartition("/")[0]
    media = [f"{folder}/{one.name}" if folder else one.name for one in manifest.files]
    return (key_path(path), *media, *map(peaks_path, stems), annotations_path(path), f"{path}.json")


def checked_reason(reason: str, personal: Collection[str]) -> str:
    """The reason, which stays beside the audit log. Raises Refused (`erasure-reason`) for none, a long one, one with control
    characters, or one that contains a number or name of the recordings to erase."""
    hint = "give the number of a case or a request"
    text = reason.strip()
    if not text or len(text) > MOST_REASON or not text.isprintable():
        raise Refused("erasure-reason", f"an erasure needs a reason of 1 to {MOST_REASON} characters", hint=hint)
    if next(mentioned(text, personal), None) is not None:
        says = "the reason contains a number or name of what is erased, and the reason stays in the log"
        raise Refused("erasure-reason", says, hint=hint)
    return text


def mentioned(text: str, words: Collection[str]) -> Iterator[str]:
    """The words that stand in the text: as whole words, without regard to case and accents, also as an address or JSON in ASCII
    spells them (`Smith %26 Sons`)."""
    within = {folded(one) for one in _spellings(text)}
    for word in words:
        wanted = folded(word.strip())
        found = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
        if len(wanted) >= _LEAST_WORD and any(map(found.search, within)):
            yield word


def _spellings(text: str) -> Iterator[str]:
    """The text as it is, and as what it may be the spelling of."""
    yield text
    if "%" in text:
        yield unquote(text)
    if "\\" in text:
        plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2] or " ", text)
        yield plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # two halves are one character
