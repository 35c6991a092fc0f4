"""What must be unique: every number, name and mailbox that a user, line, incall or voicemail takes for itself.

One truth for three readers: the CSV rules (twice in one file), the importer (already in the store) and the store itself
(two writers at once).
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from callrec.domain.provisioning.model import FunctionKey, Incall, Line, Tables, User, UserId, Voicemail

TECHNOLOGY = {"sip": "PJSIP", "sccp": "SCCP"}
"""A line's protocol -> the channel technology under which Asterisk knows its endpoint."""


class Kind(StrEnum):
    """The name spaces in which a key may be taken once."""

    EXTENSION = "extension"
    ENDPOINT = "endpoint"
    MAILBOX = "mailbox"
    USERNAME = "username"
    AGENT = "agent"
    KEY = "key"
    """What one user's function keys do: no two of them the same."""


WHY_ONCE = {
    Kind.MAILBOX: "; a mailbox is one user's here, not shared as in XiVO: leave the voicemail columns of the other row empty",
    Kind.AGENT: "; an agent number is one user's here, whose phone rings, not shared as in XiVO: give the other user another",
}
"""What XiVO allowed, and why not here (docs/decisions/0024-one-owner.md)."""


class Claim(NamedTuple):
    """One key taken in one name space; `column` and `value` are how an import file says it. Half a million are made for a
    large file: a named tuple is made three times as fast as a frozen dataclass."""

    kind: Kind
    key: str
    user: UserId
    column: str
    value: str


def endpoint(line: Line) -> str:
    """The line as channel names have it: `PJSIP/<name>`, `SCCP/<name>`."""
    return f"{TECHNOLOGY.get(line.protocol, line.protocol.upper())}/{line.name}"


def at(number: str, context: str) -> str:
    """A number in its context. Numbers consist of digits, `*` and `#`, so the first `@` always separates."""
    return f"{number}@{context}"


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
    """What the key does, among its user's keys."""
    does = f"{key.user}:{key.type}:{key.destination}"
    return (Claim(Kind.KEY, does, key.user, "key", key.destination or key.type),)


def claims(tables: Tables) -> Iterator[Claim]:
    """Everything that these tables take for themselves."""
    for user in tables.users:
        yield from claims_of_user(user)
    for line in tables.lines:
        yield from claims_of_line(line)
    for incall in tables.incalls:
        yield from claims_of_incall(incall)
    for box in tables.voicemails:
        yield from claims_of_voicemail(box)
