"""An account is given to a user, or to a new one, and changed."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, cast

import pytest

from callrec.app.access.accounts import AccountChange, set_account
from callrec.app.directory.idempotency import ChangeRequest
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import DEFAULT_PROFILES, Profile, Tables, User
from callrec.domain.directory.record_edits import changing, creating
from callrec.domain.directory.table_changes import RecordsChanged
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

if TYPE_CHECKING:
    from callrec.app.directory.records import Records

ADA = User(UserId("7"), "Ada", profileclient="client")
EVE = User(UserId("8"), "Eve", enableclient=True, username="eve", password_hash="$argon2id$" + "x" * 40)
HASH = "$argon2id$" + "y" * 40


class Kept:
    """Implements the part of `Records` that is used, with the rules of the tables."""

    def __init__(self, *profiles: Profile) -> None:
        self.directory = Directory(Tables(users=(ADA, EVE), profiles=profiles or DEFAULT_PROFILES))
        self.requests: list[str] = []

    def _apply(self, table: Table, key: str, table_record: TableRecord, request: ChangeRequest) -> TableRecord:
        self.requests.append(request.request_id)
        self.directory.apply(RecordsChanged(((table, key, table_record),)))
        return table_record

    async def put(
        self, table: Table, key: str, become: Callable[[TableRecord | None], TableRecord], request: ChangeRequest
    ) -> TableRecord:
        """Add or replace it."""
        after = become(None)
        creating(after, self.directory)
        return self._apply(table, key, after, request)

    async def create(
        self, table: Table, make: Callable[[Directory, UserId], TableRecord], request: ChangeRequest
    ) -> TableRecord:
        """Add it."""
        made = make(self.directory, UserId("9"))
        creating(made, self.directory)
        return self._apply(table, "9", made, request)

    async def change(
        self,
        table: Table,
        key: str,
        become: Callable[[TableRecord], TableRecord],
        _expected: Callable[[TableRecord], bool],
        request: ChangeRequest,
    ) -> TableRecord:
        """Change it."""
        before = self.directory.records(table)[key]
        after = become(before)
        changing(before, after, self.directory)
        return self._apply(table, key, after, request)


async def given(kept: Kept, change: AccountChange) -> User:
    ids = count(1)
    return await set_account(cast("Records", kept), change, lambda: f"r{next(ids)}", "operator:me")


async def test_a_new_name_is_a_new_user_with_the_role() -> None:
    kept = Kept()
    user = await given(kept, AccountChange("alice", password_hash=HASH, role="administrator"))
    assert user == User(
        UserId("9"), "alice", enableclient=True, username="alice", password_hash=HASH, profileclient="administrator"
    )
    assert kept.directory.role_of(user) is not None
    assert kept.requests == ["r1", "r2"], "each change has a request id of its own"


async def test_a_user_gets_an_account_and_keeps_the_rest() -> None:
    user = await given(Kept(), AccountChange("ada", ADA.id, HASH))
    assert user == replace(ADA, enableclient=True, username="ada", password_hash=HASH)


async def test_what_is_not_said_stays() -> None:
    kept = Kept()
    disabled = await given(kept, AccountChange("eve", enabled=False))
    assert disabled == replace(EVE, enableclient=False)
    assert await given(kept, AccountChange("eve", password_hash=HASH)) == replace(disabled, password_hash=HASH)
    enabled = await given(kept, AccountChange("eve", EVE.id, role="user", enabled=True))
    assert enabled == replace(EVE, password_hash=HASH, profileclient="agent")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (AccountChange("eve", ADA.id, HASH), "account-name"),
        (AccountChange("nobody"), "no-such-account"),
        (AccountChange("eve", role="client"), "account-role"),
        (AccountChange("eve", role="no such role"), "record-refused"),
    ],
)
async def test_what_cannot_be_done_changes_nothing(change: AccountChange, code: str) -> None:
    kept = Kept()
    with pytest.raises(Refused) as refused:
        await given(kept, change)
    assert (refused.value.code, kept.directory.user(EVE.id), kept.requests) == (code, EVE, [])
