"""A page of the audit log, newest first, with the texts that still stand beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from callrec.app.access.audit_log.stamp_check import StampTimes
from callrec.app.ports.access import LogReader
from callrec.domain.access.audit import Action, ActorKind, LoggedEntry, WaitingEntry
from callrec.protocols.audit_entries import decode_entry, time_text
from callrec.protocols.checkpoints import opened
from callrec.protocols.log_tiles import WIDTH, tile_with

MOST_READ = 20_000
"""Entries that one page looks at: with a filter that fits few, a page may be short and still have a `next`."""
REFUSALS = frozenset({Action.REFUSED, Action.LOGIN_FAILED})
"""What was asked for, and not done."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; what is empty or None fits all. Times are Unix milliseconds, both bounds belong to it."""

    from_ms: int | None = None
    to_ms: int | None = None
    action: Action | None = None
    actor_kind: ActorKind | None = None
    actor_id: str = ""
    recording: str = ""
    subject: str = ""
    is_refused: bool | None = None
    """True: only REFUSALS; False: all others."""

    def fits(self, entry: LoggedEntry) -> bool:
        """Whether this entry is wanted."""
        return (
            (self.from_ms is None or entry.time_ms >= self.from_ms)
            and (self.to_ms is None or entry.time_ms <= self.to_ms)
            and self.action in {None, entry.action}
            and self.actor_kind in {None, entry.actor.kind}
            and self.actor_id in {"", entry.actor.id}
            and self.recording in {"", entry.recording}
            and self.subject in {"", entry.subject}
            and self.is_refused in {None, entry.action in REFUSALS}
        )


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, as rows of names and values; `next`: where the next page begins, None at the end."""

    entries: tuple[Mapping[str, object], ...]
    next: int | None
    size: int
    """How many entries the checkpoint speaks of."""


def audit_page(log: LogReader, wanted: AuditFilter, limit: int, before: int | None = None) -> AuditPage:
    """The newest entries that fit, `before` this place in the log if it is said. Blocking. Raises Corrupt, Unavailable,
    Misconfigured (there is no log)."""
    size, entries = newest_first(log, before)
    found: list[tuple[int, LoggedEntry]] = []
    following: int | None = None
    for nth, (index, content) in enumerate(entries):
        if len(found) == limit or nth == MOST_READ:
            following = index + 1
            break
        entry = decode_entry(content)
        if wanted.fits(entry):
            found.append((index, entry))
    texts = log.texts([digest for _, entry in found for digest in entry.texts.values()])
    stamped = StampTimes(log)
    rows = [{**_row(index, entry, texts, size), "stamped": stamped.of(index)} for index, entry in found]
    return AuditPage(tuple(rows), following, size)


def newest_first(log: LogReader, before: int | None = None) -> tuple[int, Iterator[tuple[int, bytes]]]:
    """How many entries the checkpoint speaks of, and all entries with their places in the log, `before` this place. What waits is
    read before the checkpoint: then nothing is missing between the two. Blocking. Raises Corrupt, Unavailable, Misconfigured
    (there is no log)."""
    waiting = log.waiting()
    size = opened(log.note() or b"", log.key()).size
    return size, _newest_first(log, waiting, size, before)


def _newest_first(
    log: LogReader, waiting: Sequence[WaitingEntry], size: int, before: int | None
) -> Iterator[tuple[int, bytes]]:
    for one in reversed(waiting):
        if one.index >= size and (before is None or one.index < before):
            yield one.index, one.entry.encode()
    end = size if before is None else min(before, size)
    while end > 0:
        begin = (end - 1) // WIDTH * WIDTH
        for nth, content in reversed(list(enumerate(log.entries(tile_with(None, begin, size))[: end - begin]))):
            yield begin + nth, content
        end = begin


def _row(index: int, entry: LoggedEntry, texts: Mapping[str, str], size: int) -> Mapping[str, object]:
    """One entry by the names of API and `--json`. A text that was erased is None."""
    return {
        "index": index,
        "time": time_text(entry.time_ms),
        "action": entry.action.value,
        "actor_kind": entry.actor.kind.value,
        "actor_id": entry.actor.id,
        "recording": entry.recording,
        "subject": entry.subject,
        **{kind.value: texts.get(digest) for kind, digest in entry.texts.items()},
        "files": [{"part": one.part, "sha256": one.sha256, "bytes": one.bytes} for one in entry.files],
        "signed": index < size,
    }
