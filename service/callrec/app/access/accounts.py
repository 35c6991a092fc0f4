"""Give a user an account, or change it: name, password, role, enabled or not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.records import Records, as_it_is
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import Profile, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What shall become of an account; None leaves it as it is."""

    username: str
    user: UserId | None = None
    """The user who gets the account, for a new name."""
    password_hash: str | None = None
    role: str | None = None
    enabled: bool | None = None


async def set_account(records: Records, change: AccountChange, request_id: Callable[[], str], actor: str) -> User:
    """Change the account with this user name. A new name becomes the account of `change.user`, or without one of a new user, who
    has no phone. Raises Refused, Unavailable; a profile that was made for the role may be left then."""

    def request() -> ChangeRequest:
        return ChangeRequest(request_id(), actor, "account")

    tables = records.directory
    present = tables.by_username(change.username)
    if present is not None and change.user not in {None, present.id}:
        raise Refused("account-name", f"{change.username} is the account of {present.name} (id:{present.id})")
    if present is None and change.password_hash is None:
        raise Refused(
            "no-such-account", f"there is no account {change.username[:64]!r}", hint="a new one needs --password"
        )
    profile = await _profile_of(records, change.role, request) if change.role is not None else None
    user = present.id if present else change.user

    def become(table_record: TableRecord) -> User:
        before = cast("User", table_record)
        return replace(
            before,
            username=change.username,
            enableclient=before.enableclient if change.enabled is None and present else change.enabled is not False,
            password_hash=before.password_hash if change.password_hash is None else change.password_hash,
            profileclient=before.profileclient if profile is None else profile,
        )

    if user is None:

        def make(_: Directory, identity: UserId) -> User:
            return become(User(identity, change.username))

        return cast("User", await records.create(Table.USERS, make, request()))
    return cast("User", await records.change(Table.USERS, user, become, as_it_is, request()))


async def _profile_of(records: Records, role: str, request: Callable[[], ChangeRequest]) -> str:
    """The name of the first profile with this role; one with the role's name is made when there is none. Raises Refused."""
    profiles = records.directory.records(Table.PROFILES)
    found = [name for name, one in profiles.items() if isinstance(one, Profile) and one.role == role]
    if found:
        return min(found)
    if role in profiles:
        hint = f"callrec profiles set NAME --role {role} makes one"
        raise Refused(
            "account-role", f"no profile has the role {role}, and {role} is a profile with another one", hint=hint
        )
    await records.put(Table.PROFILES, role, lambda _: Profile(role, role), request())
    return role
