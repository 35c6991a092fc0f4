"""The mark of the tables that were seen last, and whether the store's tables come after them.

A store that was flushed, restarted without its file, failed over to an empty replica or restored from a backup answers as usual,
with older tables or none. The daemon and confgen keep a mark of the tables that they acted on, outside of the store, and refuse
tables that do not come after it: only an operator knows whether these are the right ones.
"""

import json
from dataclasses import dataclass

from callrec.domain.directory.model import Tables
from callrec.domain.errors import Corrupt


@dataclass(frozen=True, slots=True)
class TablesMark:
    """The tables that were seen: their revision, and the id of the event that made it (empty: unknown)."""

    revision: int
    event: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store reports about its tables, in comparison with a mark."""

    revision: int
    event: str = ""
    """The id of the event that made this revision; empty when the store has no note of it."""
    follows: bool = True
    """Whether the store has the mark's event, or may have dropped it for its age."""
    gone: tuple[str, ...] = ()
    """Tables that have fewer records than the last change left there."""
    users: int = 0

    @property
    def mark(self) -> TablesMark:
        """The mark of these tables."""
        return TablesMark(self.revision, self.event)


@dataclass(frozen=True, slots=True)
class Marked:
    """Tables with their mark; None when the mark is not to be kept."""

    tables: Tables
    mark: TablesMark | None


SEEN_LAST = "revision {} was seen last"
WRITTEN_FROM = "Asterisk's files were written from revision {}"


def judge(mark: TablesMark | None, now: Standing, whose: str) -> None:
    """Raises Corrupt when the store's tables do not come after the marked ones; `whose` is one of the two above."""
    has = f"the store has revision {now.revision} of the tables (users: {now.users})"
    hint = f"if these tables are to be used: callrec confgen --accept-store {now.revision}; callrec doctor says more"
    if mark is not None and now.revision < mark.revision:
        raise Corrupt("store-went-back", f"{has}, but {whose.format(mark.revision)}", hint=hint)
    if mark is not None and not now.follows:
        message = f"{has}, but {whose.format(mark.revision)}, which is not among its changes"
        raise Corrupt("store-other-history", message, hint=hint)
    if mark is not None and mark.event and not now.event:
        message = f"{has}, but no note of the last change, so records may be missing"
        raise Corrupt("store-records-gone", message, hint=hint)
    if now.gone:
        message = f"{has}, but records are missing that no edit has removed: {', '.join(now.gone)}"
        raise Corrupt("store-records-gone", message, hint=hint)


def dumped(mark: TablesMark) -> bytes:
    """The content of the mark's file."""
    return (json.dumps({"revision": mark.revision, "event": mark.event}) + "\n").encode()


def loaded(text: bytes, where: str) -> TablesMark:
    """The mark in the content of its file. Raises Corrupt."""
    try:
        found: dict[str, int | str] = json.loads(text)
        return TablesMark(int(found["revision"]), str(found["event"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        hint = "look at the tables with callrec users list; if they are right: callrec confgen --accept-store REVISION"
        raise Corrupt("tables-mark", f"{where} holds no mark of tables", hint=hint) from None
