"""Each change of a record is in the audit log before it is made."""

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
    ("table", "what", "key", "fields", "entries"),
    [
        (
            Table.USERS, "change", "2", {"profileclient": "boss", "call_record": True},
            ['account:2 change {"profileclient": "boss"}', 'user:2 change {"call_record": true}'],
        ),
        (Table.USERS, "change", "2", {"password_hash": "$argon2$"}, ['account:2 change {"password_hash": "..."}']),
        (Table.USERS, "create", "", {"firstname": "Eve"}, ['user: create {"firstname": "Eve"}']),
        (Table.USERS, "create", "", {"username": "eve"}, ['account: create {"username": "eve"}']),
        (Table.USERS, "change", "2", {}, ["user:2 change"]),
        (Table.USERS, "delete", "2", {}, ["account:2 delete"]),
        (Table.USERS, "delete", "no é id", {}, ["account: delete"]),
        (Table.LINES, "change", "PJSIP/d", {"secret": "s3"}, ['line: change PJSIP/d {"secret": "..."}']),
        (Table.VOICEMAILS, "create", "", {"password": ""}, ['voicemail: create {"password": ""}']),
        (Table.ROLES, "create", "", {"name": "spy"}, ['role: create {"name": "spy"}']),
        (Table.PROFILES, "change", "boss", {"role": "user"}, ['profile: change boss {"role": "user"}']),
        (Table.GROUPS, "delete", "é", {}, ["group: delete é"]),
    ],
)  # fmt: skip
async def test_each_change_of_a_record_is_logged(
    table: Table, what: str, key: str, fields: dict[str, object], entries: list[str]
) -> None:
    """What is of a user's account has an entry of its own. Names, which may be those of persons, are in the text that can be
    erased; a secret and a password's hash are nowhere."""
    audit = KeptAudit()
    await log_record_change(asked(audit), table, what, key, fields)
    assert [f"{one.subject} {one.details}" for one in audit.entries] == entries
    for one in audit.entries:
        assert (one.actor.id, one.address) == ("1", "192.0.2.7")
        assert one.action is (Action.ACCOUNT_CHANGED if one.subject.startswith("account") else Action.SETTINGS_CHANGED)


async def test_without_the_log_nothing_may_be_changed() -> None:
    audit = KeptAudit()
    audit.broken = True
    with pytest.raises(Unavailable):
        await log_record_change(asked(audit), Table.ROLES, "delete", "auditor")
