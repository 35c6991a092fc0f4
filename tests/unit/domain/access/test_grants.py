"""Nobody gives to others, or to themselves, what they do not have, and nobody takes over an account that can do more.

The matrix: each way to raise somebody, by each kind of principal, for each permission."""

from dataclasses import replace

import pytest

from callrec.domain.access.decisions import REACHES
from callrec.domain.access.grants import check_account, check_edit, check_permissions, may_change_account
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, TableRecord
from callrec.domain.directory.model import Group, Line, Permission, Profile, Role, Tables, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

CHANGE = Permission.ACCOUNTS_CHANGE
HELP, PLAIN, STRONG, CHIEF = (UserId(str(number)) for number in range(1, 5))
USER = User(HELP, "Help", enableclient=True, username="help", password_hash="h", profileclient="help")
USERS = (
    USER,
    replace(USER, id=PLAIN, username="plain", profileclient="plain"),
    replace(USER, id=STRONG, username="strong", profileclient="strong"),
    replace(USER, id=CHIEF, username="chief", profileclient="chief"),
)
GROUP = Group("sales", members=(PLAIN,), supervisors=(CHIEF,))


def tables(permission: Permission) -> Directory:
    """With a role `strong` that has this permission, and nothing else."""
    roles = (
        Role("help", (CHANGE,)),
        Role("plain", (Permission.OWN_LIST,)),
        Role("strong", (permission,)),
        Role("chief", (Permission.GROUP_LIST,)),
        Role("none", ()),
    )
    profiles = tuple(Profile(role.name, role.name) for role in roles)
    return Directory(Tables(users=USERS, roles=roles, profiles=profiles, groups=(GROUP,)))


def ways(permission: Permission) -> dict[str, tuple[TableRecord | None, TableRecord | None]]:
    """Each change that gives this permission to somebody, or takes over who has it."""
    helper, plain, strong, _ = USERS
    return {
        "a profile for oneself": (helper, replace(helper, profileclient="strong")),
        "a profile for another": (plain, replace(plain, profileclient="strong")),
        "a new account": (None, replace(plain, id=UserId("9"), username="new", profileclient="strong")),
        "a disabled account with a password": (
            None,
            replace(plain, id=UserId("9"), username="new", profileclient="strong", enableclient=False),
        ),
        "the password of a stronger account": (strong, replace(strong, password_hash="mine")),
        "the name of a stronger account": (strong, replace(strong, username="mine")),
        "the end of a stronger account": (strong, replace(strong, enableclient=False)),
        "the removal of a stronger account": (strong, None),
        "more in one's role": (Role("help", (CHANGE,)), Role("help", (CHANGE, permission))),
        "a new role": (None, Role("other", (permission,))),
        "less in a stronger role": (Role("strong", (permission,)), Role("strong", ())),
        "the removal of a stronger role": (Role("strong", (permission,)), None),
        "a stronger role for one's profile": (Profile("help", "help"), Profile("help", "strong")),
        "a new profile": (None, Profile("other", "strong")),
    }


def refused(by: Principal, before: TableRecord | None, after: TableRecord | None, there: Directory) -> bool:
    try:
        check_edit(by, [Change(before, after)], there)
    except Refused as error:
        return error.code == "grant-exceeds"
    return False


@pytest.mark.parametrize("kind", [PrincipalKind.TOKEN, PrincipalKind.ACCOUNT])
@pytest.mark.parametrize("permission", [one for one in Permission if one is not CHANGE])
def test_what_one_lacks_one_cannot_give_and_what_one_has_one_can(permission: Permission, kind: PrincipalKind) -> None:
    lacking = Principal(kind, "1", frozenset({CHANGE}))
    having = Principal(kind, "1", frozenset({CHANGE, permission, *wider(permission)}))
    assert not refused(DAEMON, *ways(permission)["a new role"], tables(permission))
    for way, (before, after) in ways(permission).items():
        assert refused(lacking, before, after, tables(permission)), way
        assert not refused(having, before, after, tables(permission)) or way == "a profile for another", way
    with pytest.raises(Refused):
        check_permissions(lacking, (permission,))
    check_permissions(having, (permission,))
    with pytest.raises(Refused):
        check_account(lacking, USERS[2], tables(permission))
    assert not may_change_account(lacking, USERS[2], tables(permission))
    check_account(having, USERS[2], tables(permission))
    assert may_change_account(having, USERS[2], tables(permission))


def wider(permission: Permission) -> set[Permission]:
    """A permission for a group's recordings or calls cannot be given to anybody by who has it for another group."""
    return {whole for whole, reach in REACHES.items() if reach.group is permission}


def test_with_all_permissions_one_gives_all() -> None:
    administrator = Principal(PrincipalKind.ACCOUNT, "1", frozenset(Permission))
    for permission in Permission:
        for before, after in ways(permission).values():
            assert not refused(administrator, before, after, tables(permission))


def test_who_has_it_for_all_recordings_has_it_for_ones_own() -> None:
    by = Principal(PrincipalKind.ACCOUNT, "1", frozenset({CHANGE, Permission.RECORDINGS_LIST}))
    there = tables(Permission.OWN_LIST)
    assert not refused(by, None, Role("other", (Permission.OWN_LIST, Permission.GROUP_LIST)), there)
    assert refused(by, None, Role("other", (Permission.OWN_LISTEN,)), there)


def test_a_supervisor_takes_over_no_supervisor_of_others() -> None:
    there = tables(Permission.OWN_LIST)
    chief = USERS[3]
    for supervised, is_refused in ((frozenset({PLAIN}), False), (frozenset({STRONG}), True), (frozenset(), True)):
        by = Principal(PrincipalKind.ACCOUNT, "1", frozenset({CHANGE, Permission.GROUP_LIST}), HELP, supervised)
        assert refused(by, chief, replace(chief, password_hash="mine"), there) is is_refused


def test_nobody_becomes_a_supervisor_or_gets_members_by_less_than_the_same_for_all_recordings() -> None:
    there = tables(Permission.OWN_LIST)
    more, other = replace(GROUP, members=(PLAIN, STRONG)), replace(GROUP, supervisors=(PLAIN,))
    powerless = Group("none", members=(STRONG,), supervisors=(PLAIN, UserId("99")))
    for has, is_refused in ((Permission.GROUP_LIST, True), (Permission.RECORDINGS_LIST, False)):
        by = Principal(PrincipalKind.ACCOUNT, CHIEF, frozenset({CHANGE, has}), CHIEF, frozenset({PLAIN}))
        assert refused(by, GROUP, more, there) is is_refused
        assert refused(by, GROUP, other, there) is is_refused
        assert not refused(by, None, powerless, there), "a supervisor whose role permits nothing gets nothing"


def test_what_is_no_account_needs_no_permission_of_accounts() -> None:
    """Users are made and named by those who keep the users, whatever profile is the usual one."""
    by = Principal(PrincipalKind.ACCOUNT, "1", frozenset({Permission.USERS_CHANGE}))
    there, plain = tables(Permission.OWN_LIST), USERS[2]
    assert not refused(by, plain, replace(plain, firstname="Eve"), there)
    assert not refused(by, None, User(UserId("9"), "New", profileclient="strong"), there)
    assert not refused(by, None, Line("desk", PLAIN, "1000", "default"), there)
    assert not refused(by, None, Profile("bare"), there)
    assert not refused(by, None, Profile("bare", "gone"), there)
    check_account(by, User(UserId("9"), "New"), there)
