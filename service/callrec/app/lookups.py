"""Who is behind an extension, an endpoint, an incoming number or a caller's number: from the local copy, never waiting.

The dialplan asks by FastAGI (`lookup`, with the kind, the key and the context as arguments), others by HTTP.
"""

from dataclasses import dataclass
from enum import StrEnum

from callrec.app.store_port import DirectorySource
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.provisioning.claims import endpoint
from callrec.domain.provisioning.directory import Directory, Party
from callrec.domain.provisioning.model import Incall, Line, User
from callrec.protocols.agi import Answer, Request

KNOWN, UNKNOWN = "known", "unknown"


class Kind(StrEnum):
    """By what somebody is looked up."""

    EXTENSION = "extension"
    """Who answers when it is dialled in a context."""
    ENDPOINT = "endpoint"
    """Who is at `PJSIP/<line name>`."""
    DID = "did"
    """Whom a number of the outside world rings, in a context."""
    CALLERID = "callerid"
    """Whose number a caller shows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A user, the line that they were found by or have first, and the incall that led there."""

    user: User
    line: Line | None
    incall: Incall | None = None


class Lookups:
    """Look-ups in the copy as it is at that moment."""

    def __init__(self, tables: DirectorySource) -> None:
        self._tables = tables

    @property
    def stale(self) -> bool:
        """Whether the copy does not follow the store now."""
        return not self._tables.fresh

    @property
    def directory(self) -> Directory:
        """The copy. Raises Unavailable while it was never loaded."""
        if self._tables.edition < 0:
            raise Unavailable(
                "tables-unknown", "the tables were never loaded: nobody is known", hint="/readyz says why"
            )
        return self._tables.directory

    def find(self, kind: Kind, key: str, context: str = "") -> Found | None:
        """Who it is; None: nobody. Raises Unavailable while the copy was never loaded."""
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
        """`lookup,<kind>,<key>[,<context>]` of the dialplan. Raises Refused for a kind that there is not, Unavailable."""
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
    """All of them whatever was found: what a former look-up has left must not stand for this one."""
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
