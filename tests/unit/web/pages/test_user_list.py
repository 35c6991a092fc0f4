"""The list of users is in stable pages, also at 10,000 users and while others edit."""

import pytest

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table
from callrec.domain.directory.model import Line, Tables, User
from callrec.domain.directory.table_changes import RecordsChanged
from callrec.domain.rules import UserId
from callrec.web.pages.users import listing
from callrec.web.pages.users.listing import _page
from callrec.web.requests import Cursor

MANY = 10_000


def directory() -> Directory:
    users = tuple(User(UserId(str(n)), f"User {n * 7919 % MANY:05}", "Same") for n in range(1, MANY + 1))
    lines = tuple(Line(f"l{user.id}", user.id, user.id, "default", secret="s") for user in users[:100])
    return Directory(Tables(users, lines))


def walked(tables: Directory, sort: str) -> list[UserId]:
    seen: list[UserId] = []
    after = None
    while True:
        found = _page(tables, "", sort, after)
        seen += [user.id for user in found.records]
        if found.ends is None:
            return seen
        assert len(found.records) == listing.AT_ONCE
        after = Cursor.read(str(Cursor(sort, found.ends)), sort, str)
        if (
            len(seen) == listing.AT_ONCE
        ):  # somebody adds a user before this place, and removes the last one that was shown
            gone = seen[-1]
            first = User(UserId("99999"), "", "" if sort == "name" else "zzz")
            tables.apply(RecordsChanged(((Table.USERS, gone, None), (Table.USERS, first.id, first))))


def test_each_of_10000_users_is_in_one_page_although_others_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "AT_ONCE", 500)
    seen = walked(directory(), "name")
    assert len(seen) == len(set(seen)) == MANY


def test_the_order_can_be_the_other_way_round_and_by_number() -> None:
    tables = directory()
    assert [user.id for user in _page(tables, "", "number", None).records[:3]] == ["1", "2", "3"]
    assert _page(tables, "", "-name", None).records[0].firstname == f"User {MANY - 1:05}"


def test_users_are_found_by_name_number_and_user_name() -> None:
    john = User(UserId("1"), "Jöhn", "Doe", username="jd", mobilephonenumber="0170123")
    tables = Directory(Tables((john, User(UserId("2"), "Eve")), (Line("a", john.id, "1000", "default", secret="s"),)))
    for typed in ("john", "DOE", "100", "0170", "jd"):
        assert [user.id for user in _page(tables, typed, "name", None).records] == ["1"], typed
    assert _page(tables, "nn", "name", None).total == 0
