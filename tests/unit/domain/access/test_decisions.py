"""Who may do what with whose recordings: the table of the module, row by row, and what the shipped roles may."""

from dataclasses import replace

import pytest

from callrec.domain.access.decisions import REACHES, Visible, may, may_somewhere, visible
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind, account
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import (
    DEFAULT_PROFILES,
    DEFAULT_ROLES,
    Group,
    Permission,
    Profile,
    Tables,
    User,
)
from callrec.domain.rules import UserId

OWN, COLLEAGUE, FOREIGN = UserId("7"), UserId("8"), UserId("9")
P = Permission
ROLES = {role.name: role.permissions for role in DEFAULT_ROLES}


def principal(*permissions: Permission, supervised: frozenset[UserId] = frozenset({COLLEAGUE})) -> Principal:
    return Principal(PrincipalKind.ACCOUNT, OWN, frozenset(permissions), OWN, supervised)


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ((P.RECORDINGS_LISTEN,), {OWN, COLLEAGUE, FOREIGN, None}),
        ((P.GROUP_LISTEN,), {COLLEAGUE}),
        ((P.OWN_LISTEN,), {OWN}),
        ((P.GROUP_LISTEN, P.OWN_LISTEN), {OWN, COLLEAGUE}),
        ((P.RECORDINGS_LIST, P.OWN_DOWNLOAD, P.GROUP_LIST), set()),
        ((), set()),
    ],
)
def test_whose_recording_may_be_listened_to(permissions: tuple[Permission, ...], allowed: set[UserId | None]) -> None:
    who = principal(*permissions)
    everybody = (OWN, COLLEAGUE, FOREIGN, None)
    assert {user for user in everybody if may(who, P.RECORDINGS_LISTEN, user)} == allowed
    assert may_somewhere(who, P.RECORDINGS_LISTEN) == bool(allowed)
    assert {user for user in everybody if visible(who, P.RECORDINGS_LISTEN).holds(user)} == allowed


@pytest.mark.parametrize("permission", Permission)
def test_what_is_not_given_is_not_allowed(permission: Permission) -> None:
    assert not may(principal(), permission, OWN)
    assert not may_somewhere(principal(), permission)
    assert may(principal(permission), permission)
    assert may(DAEMON, permission, FOREIGN)


def test_a_permission_for_recordings_reaches_no_other_one() -> None:
    """Each of the permissions for fewer recordings belongs to exactly one for all."""
    for permission, reach in REACHES.items():
        for fewer in {reach.group, reach.own} - {None}:
            others = [one for one in Permission if one not in {permission, fewer}]
            assert not [one for one in others if may_somewhere(principal(fewer), one)]


def test_a_supervisor_of_no_group_sees_nobody() -> None:
    assert not visible(principal(P.GROUP_LIST, supervised=frozenset()))
    assert visible(principal(P.GROUP_LIST)) == Visible(all=False, users=frozenset({COLLEAGUE}))
    assert visible(principal(P.RECORDINGS_LIST)) == Visible(all=True)


def test_a_call_belongs_to_every_user_who_is_in_it() -> None:
    """A supervisor sees it while one of their group is in it; an own permission there is none."""
    seen = visible(principal(P.GROUP_CALLS), P.CALLS_READ)
    assert seen.holds_any({FOREIGN, COLLEAGUE})
    assert not seen.holds_any({FOREIGN, OWN})
    assert not seen.holds_any(())
    assert visible(principal(P.CALLS_READ), P.CALLS_READ).holds_any(())
    assert not visible(principal(P.GROUP_CALLS), P.CALLS_RECORD)
    assert visible(principal(P.GROUP_RECORD), P.CALLS_RECORD).users == {COLLEAGUE}


def test_a_program_without_a_user_has_no_own_recordings() -> None:
    program = replace(principal(P.OWN_LISTEN), kind=PrincipalKind.TOKEN, user=None)
    assert not visible(program, P.RECORDINGS_LISTEN).holds(None)
    assert not may(program, P.RECORDINGS_LISTEN, OWN)


def test_the_auditor_reads_everything_and_changes_nothing() -> None:
    changing = {
        one for one in Permission if one.endswith((".change", ".record", ".erase", ".hold", ".annotate", ".share"))
    }
    assert not changing & set(ROLES["auditor"])
    assert {one for one in Permission if one.endswith(".read")} <= set(ROLES["auditor"])
    assert set(ROLES["administrator"]) == set(Permission)


TABLES = Tables(
    users=(
        User(OWN, "Sue", enableclient=True, username="sue", profileclient="supervisor"),
        User(COLLEAGUE, "Ada", enableclient=True, username="ada", profileclient="client"),
        User(FOREIGN, "Off", username="off", profileclient="supervisor"),
        User(UserId("10"), "None", enableclient=True, username="none", profileclient="bare"),
        User(UserId("11"), "Gone", enableclient=True, username="gone", profileclient="absent"),
        User(UserId("12"), "Nameless", enableclient=True, profileclient="client"),
    ),
    profiles=(*DEFAULT_PROFILES, Profile("bare"), Profile("lost", "no-such-role")),
    groups=(
        Group("sales", (COLLEAGUE, FOREIGN), (OWN,)),
        Group("other", (UserId("11"),), (COLLEAGUE,)),
    ),
)


def test_an_account_has_the_role_of_its_profile_and_the_members_of_its_groups() -> None:
    tables = Directory(TABLES)
    sue = account(TABLES.users[0], tables)
    assert sue == Principal(
        PrincipalKind.ACCOUNT, OWN, frozenset(ROLES["supervisor"]), OWN, frozenset({COLLEAGUE, FOREIGN})
    )
    assert sue.actor == "account:7"
    assert DAEMON.actor == "api"
    ada = account(TABLES.users[1], tables)
    assert ada is not None
    assert may(ada, P.RECORDINGS_LISTEN, COLLEAGUE)
    assert not may(ada, P.RECORDINGS_LISTEN, UserId("11")), "to supervise a group needs a role for it too"


def test_a_disabled_account_is_nobody_and_one_without_a_role_may_do_nothing() -> None:
    tables = Directory(TABLES)
    assert account(TABLES.users[2], tables) is None
    assert account(TABLES.users[5], tables) is None
    for user in (*TABLES.users[3:5], replace(TABLES.users[3], profileclient="lost")):
        found = account(user, tables)
        assert found is not None
        assert found.permissions == frozenset()
