"""The user that an operator means by what they type: a number, a line's name, an id, or the beginning of a name."""

from callrec.domain.directory.model import Tables, User
from callrec.domain.directory.name_search import Names
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

MOST_NAMED = 5
"""How many users a refusal names."""


def find_user(tables: Tables, typed: str) -> User:
    """By number (1000, 1000@default), name of a line, or id (7, id:7). Raises Refused: there is none, or more than one."""
    number, _, context = typed.partition("@")
    ids = {
        line.user
        for line in tables.lines
        if line.name == typed or (line.number == number and context in {"", line.context})
    }
    ids |= {user.id for user in tables.users if typed in {f"id:{user.id}", user.id}}
    found = [user for user in tables.users if user.id in ids]
    if not found:
        raise Refused(
            "no-such-user", f"no user has the number, line or id {typed[:80]!r}", hint="callrec users list shows all"
        )
    if len(found) > 1:
        raise _ambiguous(typed, found)
    return found[0]


def find_user_or_name(tables: Tables, typed: str) -> UserId:
    """As `find_user`, or by the beginning of a name that one user alone has."""
    try:
        return find_user(tables, typed).id
    except Refused as unknown:
        if unknown.code != "no-such-user":
            raise
        found = Names(tables.users).beginning(typed, MOST_NAMED + 1)
        if not found:
            raise
    if len(found) > 1:
        users = {user.id: user for user in tables.users}
        raise _ambiguous(typed, [users[user] for user in found])
    return found[0]


def _ambiguous(typed: str, users: list[User]) -> Refused:
    shown = sorted(users, key=lambda user: (len(user.id), user.id))[:MOST_NAMED]
    meant = ", ".join(f"id:{user.id} ({user.name})" for user in shown)
    return Refused("ambiguous-user", f"{typed[:80]!r} may be one of: {meant}", hint="give the id of one")
