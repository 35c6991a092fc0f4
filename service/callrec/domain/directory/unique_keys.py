"""The unique keys of records: every number, name and mailbox that only one user, line, incall or voicemail can have.

They are compared in three places: among the rows of a file, between a file and the store, and in the store itself, since two
clients may write at once.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from callrec.domain.directory.model import FunctionKey, Incall, Line, Tables, User, Voicemail
from callrec.domain.rules import PlaceKind, UserId

TECHNOLOGY = {"sip": "PJSIP", "sccp": "SCCP"}
"""A line's protocol -> the channel technology under which Asterisk knows its endpoint."""


class Kind(StrEnum):
    """The name spaces, in each of which a key is unique."""

    EXTENSION = "extension"
    ENDPOINT = "endpoint"
    MAILBOX = "mailbox"
    USERNAME = "username"
    AGENT = "agent"
    KEY = "key"
    """The function of a user's key: no two keys of the user have the same."""


WHY_ONCE = {
    Kind.MAILBOX: "; unlike in XiVO, a mailbox belongs to one user: leave the voicemail columns of the other row empty",
    Kind.AGENT: "; unlike in XiVO, an agent number belongs to one user: give the other user another number",
}
"""The end of the message for what XiVO allowed (docs/decisions/0024-one-owner.md)."""


class Claim(NamedTuple):
    """One unique key in its name space; `column` and `value` are those of an import file. A large file makes half a million of
    them, and a named tuple is made three times as fast as a frozen dataclass."""

    kind: Kind
    key: str
    user: UserId
    column: str
    value: str


def endpoint(line: Line) -> str:
    """The line's endpoint as in channel names: `PJSIP/<name>`, `SCCP/<name>`."""
    return f"{TECHNOLOGY.get(line.protocol, line.protocol.upper())}/{line.name}"


def at(number: str, context: str) -> str:
    """A number in its context. Numbers consist of digits, `*` and `#`, so the first `@` always separates."""
    return f"{number}@{context}"


def place_key(kind: str, name: str) -> str:
    """A place's key. Asterisk takes two queues, or conferences, as one when they differ in upper and lower case only
    (app_queue.c and app_confbridge.c compare with strcasecmp); its endpoints are named exactly."""
    return f"{kind}:{name if kind == PlaceKind.TRUNK else name.lower()}"


def claims_of_user(user: User) -> tuple[Claim, ...]:
    """The user name and the agent number."""
    said = ((Kind.USERNAME, "username", user.username), (Kind.AGENT, "agentnumber", user.agentnumber))
    return tuple(Claim(kind, value, user.id, column, value) for kind, column, value in said if value)


def claims_of_line(line: Line) -> tuple[Claim, ...]:
    """The number in its context, and the endpoint."""
    return (
        Claim(Kind.EXTENSION, at(line.number, line.context), line.user, "phonenumber", line.number),
        Claim(Kind.ENDPOINT, endpoint(line), line.user, "linename", line.name),
    )


def claims_of_incall(incall: Incall) -> tuple[Claim, ...]:
    """The number in its context: the same name space as the lines' numbers."""
    return (Claim(Kind.EXTENSION, at(incall.exten, incall.context), incall.user, "incallexten", incall.exten),)


def claims_of_voicemail(box: Voicemail) -> tuple[Claim, ...]:
    """The mailbox in its context."""
    return (Claim(Kind.MAILBOX, at(box.mailbox, box.context), box.user, "voicemailmailbox", box.mailbox),)


def claims_of_key(key: FunctionKey) -> tuple[Claim, ...]:
    """The key's function, among the keys of its user."""
    does = f"{key.user}:{key.type}:{key.destination}"
    return (Claim(Kind.KEY, does, key.user, "key", key.destination or key.type),)


def claims(tables: Tables) -> Iterator[Claim]:
    """The unique keys of all records in these tables."""
    for user in tables.users:
        yield from claims_of_user(user)
    for line in tables.lines:
        yield from claims_of_line(line)
    for incall in tables.incalls:
        yield from claims_of_incall(incall)
    for box in tables.voicemails:
        yield from claims_of_voicemail(box)
