"""Each change of who may do what is in the audit log before it is made: accounts, profiles, roles, groups."""

from unittest.mock import Mock

import pytest
from login_store import KeptAudit

from callrec.domain.access.audit import Action
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.edit import Table
from callrec.domain.errors import Unavailable
from callrec.web import auth
from callrec.web.api.access_changes import log_record_change


def asked(audit: KeptAudit) -> Mock:
    """A request of account 1, from 192.0.2.7."""
    request = Mock()
    request.app = {auth.AUDIT: audit}
    known = {auth._PRINCIPAL: Principal(PrincipalKind.ACCOUNT, "1"), auth.WAY: Mock(address="192.0.2.7")}
    request.__getitem__ = lambda _, key: known[key]
    return request


@pytest.mark.parametrize(
    ("table", "what", "key", "fields", "entry"),
    [
        (Table.USERS, "change", "2", {"profileclient": "boss", "lastname": "X"}, 'account:2 change {"profileclient": "boss"}'),
        (Table.USERS, "change", "2", {"password_hash": "$argon2$"}, 'account:2 change {"password_hash": "..."}'),
        (Table.USERS, "create", "", {"username": "eve"}, 'account: create {"username": "eve"}'),
        (Table.USERS, "delete", "2", {}, "account:2 delete"),
        (Table.USERS, "delete", "no é id", {}, "account: delete"),
        (Table.ROLES, "create", "", {"name": "spy"}, 'role: create {"name": "spy"}'),
        (Table.PROFILES, "change", "boss", {"role": "user"}, 'profile: change boss {"role": "user"}'),
        (Table.GROUPS, "delete", "é", {}, "group: delete é"),
    ],
)  # fmt: skip
async def test_what_decides_who_may_is_logged(
    table: Table, what: str, key: str, fields: dict[str, object], entry: str
) -> None:
    """Names, which may be those of persons, are in the text that can be erased; a password's hash is nowhere."""
    audit = KeptAudit()
    await log_record_change(asked(audit), table, what, key, fields)
    (one,) = audit.entries
    assert f"{one.subject} {one.details}" == entry
    assert (one.actor.id, one.address) == ("1", "192.0.2.7")
    assert one.action is (Action.ACCOUNT_CHANGED if table is Table.USERS else Action.SETTINGS_CHANGED)


async def test_what_decides_nothing_of_access_has_no_entry() -> None:
    audit = KeptAudit()
    await log_record_change(asked(audit), Table.USERS, "change", "2", {"lastname": "X"})
    await log_record_change(asked(audit), Table.LINES, "delete", "desk")
    assert audit.entries == []


async def test_without_the_log_nothing_may_be_changed() -> None:
    audit = KeptAudit()
    audit.broken = True
    with pytest.raises(Unavailable):
        await log_record_change(asked(audit), Table.ROLES, "delete", "auditor")
