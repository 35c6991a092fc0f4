"""What one may give to others, and do to their accounts: never more than one has.

A change of who may do what is allowed when the one who asks has every permission that it touches: those that the changed record
gave before, and those that it gives after the change. So a role, a profile or an account that can do more than oneself is out of
reach: it can be neither given, nor taken over by another password, nor weakened.

A permission that is meant for the recordings or calls of certain users counts as had by those who have it for all of them. Else
`own.*` counts when one has the same, and `group.*` only towards an account that supervises no other users than oneself.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from callrec.domain.access.decisions import REACHES
from callrec.domain.access.principals import Principal
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Table
from callrec.domain.directory.model import Group, Permission, Profile, Role, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

ACCOUNT_FIELDS: Final = ("enableclient", "username", "password_hash", "profileclient")
"""The fields of a user with which they log in, and get a role."""
_WIDE = {narrow: wide for wide, reach in REACHES.items() for narrow in (reach.group, reach.own) if narrow is not None}
_GROUP = frozenset(reach.group for reach in REACHES.values() if reach.group is not None)
_Touched = tuple[Iterable[Permission], frozenset[UserId] | None]
"""Permissions, and the users whose recordings those of a group are about; None: any users'."""


def check_edit(by: Principal, changes: Iterable[Change], tables: Directory) -> None:
    """Raises Refused (`grant-exceeds`) when these changes touch a permission that `by` lacks. `tables`: before the changes."""
    if by.permissions >= frozenset(Permission):
        return
    for change in changes:
        for permissions, users in _touched(change, tables):
            _check(by, permissions, users)


def check_account(by: Principal, user: User, tables: Directory) -> None:
    """Raises Refused (`grant-exceeds`) when the account of this user may do more than `by`: its password, second factor and
    sessions are not theirs to change."""
    _check(by, *_of_account(user, tables))


def may_change_account(by: Principal, user: User, tables: Directory) -> bool:
    """Whether `check_account` lets this pass."""
    try:
        check_account(by, user, tables)
    except Refused:
        return False
    return True


def check_permissions(by: Principal, permissions: Iterable[Permission]) -> None:
    """Raises Refused (`grant-exceeds`) when `by` lacks one of these."""
    _check(by, permissions, None)


def _check(by: Principal, permissions: Iterable[Permission], users: frozenset[UserId] | None) -> None:
    given = frozenset(permissions)
    lacking = [one for one in Permission if one in given and not _has(by, one, users)]
    if lacking:
        says = f"it gives {lacking[0]}, or is about who has that, and you do not have it"
        raise Refused("grant-exceeds", says, hint="ask an administrator who has it, or use callrec on the machine")


def _has(by: Principal, permission: Permission, users: frozenset[UserId] | None) -> bool:
    if _WIDE.get(permission) in by.permissions:
        return True
    if permission in _GROUP and (users is None or not users <= by.supervised):
        return False
    return permission in by.permissions


def _touched(change: Change, tables: Directory) -> Iterator[_Touched]:
    """What a change gives or takes."""
    for one, other in ((change.before, change.after), (change.after, change.before)):
        match one:
            case User() if _is_touched(one, other):
                yield _of_account(one, tables)
            case Role():
                yield one.permissions, None
            case Profile():
                yield _of_role(one.role, tables), None
            case Group():
                yield _of_supervisors(one, tables), None
            case _:
                pass


def _is_touched(user: User, other: object) -> bool:
    """Whether the change is about the account of this user; `other`: the user on the other side of it, None for none."""
    if isinstance(other, User):
        return any(getattr(user, name) != getattr(other, name) for name in ACCOUNT_FIELDS)
    return user.enableclient or bool(user.password_hash)


def _of_account(user: User, tables: Directory) -> _Touched:
    role = tables.role_of(user)
    return (role.permissions if role else ()), tables.supervised(user.id)


def _of_role(name: str | None, tables: Directory) -> Iterable[Permission]:
    role = tables.records(Table.ROLES).get(name) if name else None
    return role.permissions if isinstance(role, Role) else ()


def _of_supervisors(group: Group, tables: Directory) -> Iterator[Permission]:
    """What the supervisors of a group may do with the recordings of its members."""
    for supervisor in group.supervisors:
        user = tables.user(supervisor)
        role = tables.role_of(user) if user else None
        yield from (one for one in (role.permissions if role else ()) if one in _GROUP)
