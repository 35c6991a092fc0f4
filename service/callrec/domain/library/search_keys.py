"""What the catalogue stores of an entry to find it by.

Both engines store the same, so that they find the same entries:

- `place`: one whole number, by which entries are sorted in time. It is also what a cursor remembers of an entry.
- `terms`: `user:7`, `state:sound`, `number:1000`, ... A filter becomes clauses: each names some terms, and a wanted entry has
  one of them (`search.Filter.clauses`).
- `numbers` and `names`: the participants' numbers and names without case and accents, in which parts are searched.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from callrec.domain.errors import Refused
from callrec.domain.text_folding import folded

Entry = Mapping[str, str]
"""An entry of the catalogue: flat text (`app.library.catalog.index_entry`)."""

MOST_CHARACTERS = 200
SLOTS = 1 << 20
"""Places in one millisecond."""
MOST_START_MS = (1 << 63) // SLOTS - 1
_MOST_FIELDS, _MOST_ENTRY_CHARACTERS = 200, 65_536
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_EPOCH = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


class Heard(StrEnum):
    """Whether the participants have heard that they are recorded."""

    YES = "yes"
    """Each of them, with proof."""
    NO = "no"
    """Of some it is not proven."""
    NONE = "none"
    """Nothing was to be announced."""


@dataclass(frozen=True, slots=True)
class SearchKeys:
    """What the engines store of an entry beside its text; the module says what it is."""

    id: str
    place: int
    length_ms: int
    terms: frozenset[str]
    numbers: str
    names: str


def is_entry_id(text: str) -> bool:
    """Whether an entry can have this id."""
    return _ID.fullmatch(text) is not None


def keys_of(entry: Entry) -> SearchKeys:
    """The keys of an entry. Raises Refused (`recording-id`, `recording-start`, `entry-too-large`)."""
    recording, start = entry.get("id", ""), entry.get("start_s", "")
    if not is_entry_id(recording):
        raise Refused("recording-id", "an entry's id is 1 to 128 letters, digits or any of . _ -")
    start_ms = int(in_ms(float(start))) if _EPOCH.fullmatch(start) else -1
    if not 0 <= start_ms <= MOST_START_MS:
        raise Refused("recording-start", "an entry's start_s is an epoch in seconds, in decimal digits, before 2248")
    if len(entry) > _MOST_FIELDS or sum(map(len, entry)) + sum(map(len, entry.values())) > _MOST_ENTRY_CHARACTERS:
        says = f"more than {_MOST_FIELDS} fields or {_MOST_ENTRY_CHARACTERS} characters"
        raise Refused("entry-too-large", says)
    numbers = [squeezed(text) for text in _texts(entry, "numbers")]
    names = [squeezed(text) for text in _texts(entry, "names")]
    slot = int.from_bytes(blake2b(recording.encode(), digest_size=4).digest()) % SLOTS
    length = entry.get("length_s", "")
    length_ms = int(in_ms(float(length))) if _EPOCH.fullmatch(length) else 0
    terms = frozenset(_terms(entry, numbers, names))
    return SearchKeys(recording, start_ms * SLOTS + slot, length_ms, terms, "\n".join(numbers), "\n".join(names))


def keyed(entries: Iterable[Entry]) -> tuple[list[tuple[SearchKeys, Entry]], list[tuple[Entry, str]]]:
    """Each entry with its keys, and those that have none, with the reason."""
    found: list[tuple[SearchKeys, Entry]] = []
    refused: list[tuple[Entry, str]] = []
    for entry in entries:
        try:
            found.append((keys_of(entry), entry))
        except Refused as error:
            refused.append((entry, error.message))
    return found, refused


def _terms(entry: Entry, numbers: list[str], names: list[str]) -> Iterator[str]:
    for kind in ("state", "rule", "direction", "node"):
        if text := entry.get(kind, ""):
            yield term(kind, text)
    if recorded := entry.get("recorded_user", ""):
        yield term("recorded", recorded)
    yield from (term("user", user) for user in _texts(entry, "users"))
    yield from (term("number", number) for number in numbers)
    yield from (term("word", word) for name in names for word in name.split())
    yield from (term("tag", tag) for tag in _texts(entry, "tags"))
    if _listed(entry, "holds"):
        yield "held"
    told = _listed(entry, "told")
    if told:
        heard = all(isinstance(one, dict) and one.get("heard") is True for one in told)
        yield term("heard", (Heard.YES if heard else Heard.NO).value)


def term(kind: str, text: str) -> str:
    """A term: a bounded text that every engine can store."""
    return f"{kind}:{_storable(text[:MOST_CHARACTERS])}"


def squeezed(text: str) -> str:
    """Without case, accents, and more than one blank between words; as engines can store it."""
    return _storable(" ".join(folded(text).split()))


def _storable(text: str) -> str:
    """Half a surrogate pair and NUL, which a caller's name may have, are no text for a database."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")


def _texts(entry: Entry, name: str) -> list[str]:
    return [text for text in _listed(entry, name) if isinstance(text, str)]


def _listed(entry: Entry, name: str) -> list[object]:
    """A JSON list in an entry. An entry that cannot be read there is found by less, but never missing."""
    text = entry.get(name)
    if not text or text == "[]":
        return []
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def in_ms(seconds: float) -> float:
    """Milliseconds, without the last bits that a product of decimal fractions leaves."""
    return round(seconds * 1000, 3)
