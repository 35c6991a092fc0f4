"""Which tables were seen last, and whether those that the store has now come after them.

A store that was flushed, restarted without its file, failed over to an empty replica or restored from a backup has tables that
look like others but are older, and perhaps none. The daemon and confgen keep a mark of the tables that they acted on, outside of
the store, and refuse tables that do not follow from them: only an operator knows whether that is meant.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from callrec.domain.errors import Corrupt, Refused
from callrec.domain.provisioning.model import Tables


@dataclass(frozen=True, slots=True)
class TablesMark:
    """Tables that were seen: their revision, and the event that made it (empty: not known)."""

    revision: int
    event: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a store says of its tables, asked with a mark in hand."""

    revision: int
    event: str = ""
    """The id of the event that made this revision; empty where that was not noted."""
    follows: bool = True
    """Whether the mark's event is among the store's, or is so old that it may have been dropped."""
    gone: tuple[str, ...] = ()
    """Tables that have fewer records than the last change left there."""
    users: int = 0

    @property
    def mark(self) -> TablesMark:
        """These tables, to be recognised later."""
        return TablesMark(self.revision, self.event)


@dataclass(frozen=True, slots=True)
class Marked:
    """Tables, and which ones; `mark` is None when that is not to be kept."""

    tables: Tables
    mark: TablesMark | None


Source = Callable[[TablesMark | None], Awaitable[Marked]]
"""Gives the tables as they are now, when they come after the marked ones. Raises Unavailable; Corrupt when they do not."""


class MarkFile(Protocol):
    """Where a mark is kept: outside of the store. Blocking."""

    def read(self) -> TablesMark | None:
        """The mark; None when there is none yet. Raises Unavailable, Corrupt."""
        ...

    def write(self, mark: TablesMark) -> None:
        """On the disk when it returns. Raises Unavailable."""
        ...


class AskableStore(Protocol):
    """The part of the store that is asked for its standing."""

    async def standing(self, event: str) -> Standing:
        """Its tables' standing; `event` is that of the mark in hand. Raises Unavailable."""
        ...

    async def accept(self, revision: int) -> Standing | None:
        """Take the tables as they are for complete; None when they are of another revision. Raises Unavailable."""
        ...


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
        message = f"{has}, and lost its note of the last change, so that nothing says whether its tables are whole"
        raise Corrupt("store-records-gone", message, hint=hint)
    if now.gone:
        message = f"{has}, and lost records without an edit: {', '.join(now.gone)}"
        raise Corrupt("store-records-gone", message, hint=hint)


async def accepted(store: AskableStore, revision: int) -> TablesMark:
    """The operator's word that these tables are the right ones: their mark. Raises Refused when the store has others."""
    now = await store.accept(revision)
    if now is None:
        found = await store.standing("")
        message = f"the store has revision {found.revision} of the tables (users: {found.users}), not {revision}"
        raise Refused("store-revision", message, hint="nothing was changed; callrec doctor says what there is")
    return now.mark


def dumped(mark: TablesMark) -> bytes:
    """As it stands in a file."""
    return (json.dumps({"revision": mark.revision, "event": mark.event}) + "\n").encode()


def loaded(text: bytes, where: str) -> TablesMark:
    """Raises Corrupt."""
    try:
        found: dict[str, int | str] = json.loads(text)
        return TablesMark(int(found["revision"]), str(found["event"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        hint = "look at the tables with callrec users list; if they are right: callrec confgen --accept-store REVISION"
        raise Corrupt("tables-mark", f"{where} holds no mark of tables", hint=hint) from None
