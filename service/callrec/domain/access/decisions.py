"""The decision: who may do what, with whose recordings.

| the role has | the recording's user is | allowed |
|---|---|---|
| `recordings.listen` | anybody, or unknown | yes |
| `group.listen` | a member of a group that the principal supervises | yes |
| `own.listen` | the principal's own user | yes |
| anything else | | no |

The same holds for the other things that `RECORDINGS` names, and for live calls (`CALLS`), which belong to each user who is in
them. All other permissions do not depend on a recording or a call: the role has them or not. **The recording's user** is the one
whose press or rule began it (docs/decisions/0019-whose-recording-it-is.md); others who were heard in it have no right to it by
that alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callrec.domain.access.principals import Principal
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId


@dataclass(frozen=True, slots=True)
class Reach:
    """The permissions that allow the same thing for fewer recordings or calls; None where there is none."""

    group: Permission | None = None
    own: Permission | None = None


RECORDINGS: Mapping[Permission, Reach] = {
    Permission.RECORDINGS_LIST: Reach(Permission.GROUP_LIST, Permission.OWN_LIST),
    Permission.RECORDINGS_LISTEN: Reach(Permission.GROUP_LISTEN, Permission.OWN_LISTEN),
    Permission.RECORDINGS_DOWNLOAD: Reach(Permission.GROUP_DOWNLOAD, Permission.OWN_DOWNLOAD),
    Permission.RECORDINGS_ANNOTATE: Reach(Permission.GROUP_ANNOTATE, Permission.OWN_ANNOTATE),
    Permission.RECORDINGS_SHARE: Reach(),
    Permission.RECORDINGS_EXPORT: Reach(),
    Permission.RECORDINGS_HOLD: Reach(),
    Permission.RECORDINGS_RELEASE: Reach(),
    Permission.RECORDINGS_ERASE: Reach(own=Permission.OWN_ERASE),
}
CALLS: Mapping[Permission, Reach] = {
    Permission.CALLS_READ: Reach(Permission.GROUP_CALLS),
    Permission.CALLS_RECORD: Reach(Permission.GROUP_RECORD),
}
REACHES = {**RECORDINGS, **CALLS}
_NONE = Reach()


@dataclass(frozen=True, slots=True)
class Visible:
    """Which recordings or calls something is allowed for: all, or those of these users only (none when there are none)."""

    all: bool
    users: frozenset[UserId] = frozenset()

    def __bool__(self) -> bool:
        return self.all or bool(self.users)

    def holds(self, user: UserId | None) -> bool:
        """Whether it is allowed for a recording of this user; None: the user is unknown."""
        return self.all or user in self.users

    def holds_any(self, users: Iterable[UserId]) -> bool:
        """Whether it is allowed for a call in which these users are."""
        return self.all or not self.users.isdisjoint(users)


def may(principal: Principal, permission: Permission, user: UserId | None = None) -> bool:
    """Whether this principal may do this; `user`: the user of the recording that it is about, None for none or an unknown one."""
    return visible(principal, permission).holds(user)


def visible(principal: Principal, permission: Permission = Permission.RECORDINGS_LIST) -> Visible:
    """The recordings, or calls, for which this principal has this permission. Lists and counts must have no others."""
    if permission in principal.permissions:
        return Visible(all=True)
    reach = REACHES.get(permission, _NONE)
    users = principal.supervised if reach.group in principal.permissions else frozenset[UserId]()
    if principal.user is not None and reach.own in principal.permissions:
        users |= {principal.user}
    return Visible(all=False, users=users)


def may_somewhere(principal: Principal, permission: Permission) -> bool:
    """Whether the principal may do this at all: with any recording or call. A request without it is refused before its recording
    is looked up, so that the answer tells nothing about recordings."""
    reach = REACHES.get(permission, _NONE)
    return bool({permission, reach.group, reach.own} & principal.permissions)
