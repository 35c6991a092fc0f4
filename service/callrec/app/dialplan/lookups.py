"""Looks up the user of an extension, an endpoint, an incoming number or a caller's number, in the local copy of the tables.

The dialplan uses it over FastAGI (`lookup`, with kind, key and context as arguments), other programs over HTTP.
"""

from dataclasses import dataclass
from enum import StrEnum

from callrec.app.ports.directory import DirectorySource
from callrec.domain.directory.directory import Directory, Party
from callrec.domain.directory.model import Incall, Line, User
from callrec.domain.directory.unique_keys import endpoint
from callrec.domain.errors import Refused, Unavailable
from callrec.protocols.agi import Answer, Request

KNOWN, UNKNOWN = "known", "unknown"


class Kind(StrEnum):
    """The kind of the key."""

    EXTENSION = "extension"
    """A dialled number in a context: the user of its line."""
    ENDPOINT = "endpoint"
    """An endpoint `PJSIP/<line name>`: the user of this line."""
    DID = "did"
    """An incoming number in a context: the user that it calls."""
    CALLERID = "callerid"
    """A caller's number: the user with this number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A user, the line by which the user was found (else the first line), and the incall that led to the user."""

    user: User
    line: Line | None
    incall: Incall | None = None


class Lookups:
    """Look-ups in the current copy of the tables."""

    def __init__(self, tables: DirectorySource) -> None:
        self._tables = tables

    @property
    def stale(self) -> bool:
        """Whether the copy may be behind the store now."""
        return not self._tables.fresh

    @property
    def directory(self) -> Directory:
        """The copy. Raises Unavailable while it was never loaded."""
        if self._tables.edit_revision < 0:
            raise Unavailable(
                "tables-unknown", "the tables were never loaded, so no user is known", hint="/readyz says why"
            )
        return self._tables.directory

    def find(self, kind: Kind, key: str, context: str = "") -> Found | None:
        """The user with this key; None when no user has it. Raises Unavailable before the copy is loaded."""
        tables = self.directory
        match kind:
            case Kind.EXTENSION:
                return _at_line(tables.by_extension(key, context))
            case Kind.ENDPOINT:
                return _at_line(tables.by_endpoint(key))
            case Kind.DID:
                found = tables.by_did(key, context)
                return Found(found[0], _first_line(tables, found[0]), found[1]) if found else None
            case Kind.CALLERID:  # pragma: no branch - the last kind
                user = tables.by_caller(key)
                return Found(user, _first_line(tables, user)) if user else None

    async def script(self, request: Request) -> Answer:
        """The dialplan's `lookup,<kind>,<key>[,<context>]`. Raises Refused for an unknown kind, Unavailable."""
        kind, key, context = (*request.arguments, "", "", "")[:3]
        if kind not in set(Kind):
            raise Refused("lookup-kind", "a look-up needs its kind", hint=f"one of {', '.join(Kind)}")
        found = self.find(Kind(kind), key, context)
        return Answer(KNOWN if found else UNKNOWN, (*_variables(found), ("CALLREC_STALE", str(int(self.stale)))))


def _at_line(party: Party | None) -> Found | None:
    return Found(party.user, party.line) if party else None


def _first_line(tables: Directory, user: User) -> Line | None:
    return next(iter(tables.lines_of(user.id)), None)


def _variables(found: Found | None) -> tuple[tuple[str, str], ...]:
    """All variables of a result, empty without one, so that values of an earlier look-up do not remain."""
    user, line = (found.user, found.line) if found else (None, None)
    return (
        ("CALLREC_USER", user.id if user else ""),
        ("CALLREC_NAME", user.name if user else ""),
        ("CALLREC_LANGUAGE", (user.language or "")[:2] if user else ""),
        ("CALLREC_MOBILE", user.mobilephonenumber if user else ""),
        ("CALLREC_NUMBER", line.number if line else ""),
        ("CALLREC_CONTEXT", line.context if line else ""),
        ("CALLREC_ENDPOINT", endpoint(line) if line else ""),
    )
