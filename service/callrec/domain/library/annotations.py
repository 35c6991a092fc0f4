"""What people add to a stored recording: notes, tags, holds, a retention class. Its sidecar is sealed and stays as it is.

Each change makes a new revision. A hold keeps a recording from being removed, by whatever; it ends only by its release.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Conflict, Refused

T = TypeVar("T")

MOST_NOTES, MOST_TAGS, MOST_HOLDS = 200, 50, 20
MOST_TEXT, MOST_REASON, MOST_TAG = 2000, 200, 64
"""Characters of a note's text, of a hold's reason or reference, and of a tag."""
_CLASS = re.compile(r"[a-z0-9-]{0,40}")
_LINES = frozenset("\n\t")
"""Control characters that a note's text may have."""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody remarked. `id`: unique in its recording. `made_s`: when, in Unix time."""

    id: str
    text: str
    author: str
    made_s: float
    at_s: float | None = None
    """Which moment of the recording it is about, in seconds from its beginning; None: all of it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a recording must not be removed. `reference`: a case or ticket number, may be empty. `since_s`: Unix time."""

    id: str
    reason: str
    reference: str
    author: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Annotations:
    """All of one recording. Revision 0: nothing was added yet."""

    recording: RecordingId
    revision: int = 0
    notes: tuple[Note, ...] = ()
    tags: tuple[str, ...] = ()
    """Each once, in the order of the alphabet."""
    retention_class: str = ""
    holds: tuple[Hold, ...] = ()
    salt: str = ""
    """Random, and another one after each change: the audit log has a digest of the file, which says nothing without it."""

    @property
    def is_held(self) -> bool:
        """Whether it must not be removed."""
        return bool(self.holds)


@dataclass(frozen=True, slots=True)
class By:
    """Who changes it and when (Unix time), and what makes new ids."""

    author: str
    now_s: float
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class NoteText:
    """A note as it is asked for: an existing one by its `id`, or a new one without."""

    text: str
    at_s: float | None = None
    id: str = ""


Change = Callable[[Annotations], Annotations]
"""From the present revision to the wanted one, with the same revision number. Raises Refused."""


def edited(
    *,
    by: By,
    length_s: float,
    notes: Sequence[NoteText] | None = None,
    tags: Sequence[str] | None = None,
    retention_class: str | None = None,
) -> Change:
    """Replace these; None leaves them as they are. An existing note keeps its author and time, also when its text is corrected.
    `length_s`: of the recording."""

    def change(before: Annotations) -> Annotations:
        return replace(
            before,
            notes=before.notes if notes is None else _noted(before, notes, by, length_s),
            tags=before.tags if tags is None else _tagged(tags),
            retention_class=before.retention_class if retention_class is None else _class(retention_class),
        )

    return change


def noted(text: str, at_s: float | None, by: By, length_s: float) -> Change:
    """Add one note."""

    def change(before: Annotations) -> Annotations:
        added = _note(NoteText(text, at_s), {}, by, length_s)
        return replace(before, notes=_bounded((*before.notes, added), MOST_NOTES, "notes"))

    return change


def retagged(add: Sequence[str], remove: Sequence[str]) -> Change:
    """Add and remove tags; what is there, or is not, already stays so."""

    def change(before: Annotations) -> Annotations:
        return replace(before, tags=_tagged([*(tag for tag in before.tags if tag not in remove), *add]))

    return change


def with_class(name: str) -> Change:
    """Set the retention class; an empty one is none. Raises Refused."""

    def change(before: Annotations) -> Annotations:
        return replace(before, retention_class=_class(name))

    return change


def held(reason: str, reference: str, by: By) -> Change:
    """Add a hold. Raises Refused without a reason."""

    def change(before: Annotations) -> Annotations:
        for field, text in (("reason", reason), ("reference", reference)):
            _check_line(field, text, MOST_REASON)
        if not reason.strip():
            raise Refused("annotation", "a hold needs a reason", hint="say why the recording must be kept")
        hold = Hold(by.new_id(), reason, reference, by.author, by.now_s)
        return replace(before, holds=_bounded((*before.holds, hold), MOST_HOLDS, "holds"))

    return change


def released(hold: str | None) -> Change:
    """End the hold with this id, or all of them. Raises Refused when there is none."""

    def change(before: Annotations) -> Annotations:
        left = tuple(one for one in before.holds if hold is not None and one.id != hold)
        if len(left) == len(before.holds):
            raise Refused(
                "no-such-hold", f"the recording has no hold {hold!r}" if hold else "the recording is not held"
            )
        return replace(before, holds=left)

    return change


def held_once(reason: str, reference: str, by: By) -> Change:
    """Add a hold, unless the recording is held for this case already. Raises as `held`."""
    add = held(reason, reference, by)
    return lambda before: before if is_held_for(before, reason, reference) else add(before)


def released_of(reference: str) -> Change:
    """End the holds with this reference; with an empty one all. Changes nothing when there is none."""

    def change(before: Annotations) -> Annotations:
        return replace(before, holds=tuple(one for one in before.holds if reference and one.reference != reference))

    return change


def is_held_for(annotations: Annotations, reason: str, reference: str) -> bool:
    """Whether there is a hold of this case."""
    return any((one.reason, one.reference) == (reason, reference) for one in annotations.holds)


def has_hold_of(annotations: Annotations, reference: str) -> bool:
    """Whether there is a hold with this reference; an empty one: any hold."""
    return any(not reference or one.reference == reference for one in annotations.holds)


def next_revision(
    before: Annotations, change: Change, expected: int | None = None, *, salt: Callable[[], str] = str
) -> Annotations:
    """The changed annotations; the same object when nothing changes. `expected`: the revision that the change was made for.
    Raises Refused, Conflict."""
    if expected is not None and expected != before.revision:
        says = f"the annotations of {before.recording} have changed since they were read"
        raise Conflict("annotations-changed", says, hint="read them again")
    after = change(before)
    return before if after == before else replace(after, revision=before.revision + 1, salt=salt())


def difference(before: Annotations, after: Annotations) -> str:
    """What a change did, in one line for the audit log: without the texts of notes."""
    notes = {note.id: note for note in before.notes}
    kept = {note.id: note for note in after.notes}
    parts = [
        *(f"+tag {tag}" for tag in after.tags if tag not in before.tags),
        *(f"-tag {tag}" for tag in before.tags if tag not in after.tags),
        *(f"+note {one}" for one in kept if one not in notes),
        *(f"-note {one}" for one in notes if one not in kept),
        *(f"note {one}" for one, note in kept.items() if one in notes and notes[one] != note),
        *([f"class {after.retention_class or 'none'}"] if after.retention_class != before.retention_class else []),
        *(f"+hold {one.id} {one.reference}".rstrip() for one in after.holds if one not in before.holds),
        *(f"-hold {one.id} {one.reference}".rstrip() for one in before.holds if one not in after.holds),
    ]
    return ", ".join(parts)


def _noted(before: Annotations, wanted: Sequence[NoteText], by: By, length_s: float) -> tuple[Note, ...]:
    known = {note.id: note for note in before.notes}
    ids = [one.id for one in wanted if one.id]
    if len(ids) != len(set(ids)):
        raise Refused("annotation", "a note comes twice", hint="send each note once")
    return _bounded(tuple(_note(one, known, by, length_s) for one in wanted), MOST_NOTES, "notes")


def _note(wanted: NoteText, known: dict[str, Note], by: By, length_s: float) -> Note:
    if not wanted.text.strip() or len(wanted.text) > MOST_TEXT:
        raise Refused("annotation", f"a note's text has 1 to {MOST_TEXT} characters")
    if any(not letter.isprintable() and letter not in _LINES for letter in wanted.text):
        raise Refused("annotation", "a note's text must not have control characters but line feeds and tabs")
    if wanted.at_s is not None and not 0 <= wanted.at_s <= length_s:
        raise Refused("annotation", f"a note's moment must lie in the recording, from 0 to {length_s:.3f} s")
    if not wanted.id:
        return Note(by.new_id(), wanted.text, by.author, by.now_s, wanted.at_s)
    if wanted.id not in known:
        raise Refused("annotation", f"there is no note {wanted.id[:80]!r}", hint="send a new note without an id")
    return replace(known[wanted.id], text=wanted.text, at_s=wanted.at_s)


def _tagged(tags: Sequence[str]) -> tuple[str, ...]:
    for tag in tags:
        _check_line("tag", tag, MOST_TAG)
        if not tag or tag != tag.strip() or "," in tag:
            raise Refused("annotation", f"a tag has 1 to {MOST_TAG} characters, no comma, and no blank around it")
    return _bounded(tuple(sorted(set(tags))), MOST_TAGS, "tags")


def _class(name: str) -> str:
    if not _CLASS.fullmatch(name):
        raise Refused("annotation", "a retention class has small letters, digits and hyphens, at most 40")
    return name


def _check_line(field: str, text: str, most: int) -> None:
    if len(text) > most or not text.isprintable():
        raise Refused("annotation", f"a {field} has at most {most} characters, and no control characters")


def _bounded(all_of: tuple[T, ...], most: int, what: str) -> tuple[T, ...]:
    if len(all_of) > most:
        raise Refused("annotation", f"a recording has at most {most} {what}")
    return all_of
