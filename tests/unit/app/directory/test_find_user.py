"""The user that an operator means."""

from dataclasses import replace

import pytest

from callrec.app.directory.find_user import find_user, find_user_or_name
from callrec.domain.directory.model import Line, Tables, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

TABLES = Tables(
    users=(User(UserId("1"), "John"), User(UserId("2"), "George"), User(UserId("1000"), "Bill")),
    lines=(
        Line("abc", UserId("1"), "1000", "default"),
        Line("abd", UserId("2"), "1001", "default"),
        Line("abe", UserId("1"), "1001", "other"),
    ),
)


@pytest.mark.parametrize(
    ("who", "user"),
    [("1001@default", "2"), ("1001@other", "1"), ("abc", "1"), ("2", "2"), ("id:1000", "1000"), ("1000@default", "1")],
)
def test_a_user_is_found_by_number_line_or_id(who: str, user: str) -> None:
    assert find_user(TABLES, who).id == user


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("1000", "ambiguous-user"),
        ("1001", "ambiguous-user"),
        ("", "no-such-user"),
        ("id:", "no-such-user"),
        ("x" * 999, "no-such-user"),
    ],
)
def test_nobody_and_more_than_one_are_refused(who: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        find_user(TABLES, who)
    assert refused.value.code == code
    assert len(str(refused.value)) < 300


def test_the_beginning_of_a_name_is_enough_where_one_user_alone_has_it() -> None:
    assert find_user_or_name(TABLES, "geo") == "2"
    assert find_user_or_name(TABLES, "abc") == "1"


@pytest.mark.parametrize(
    ("who", "code", "says"),
    [
        ("1000", "ambiguous-user", "'1000' may be one of: id:1 (John), id:1000 (Bill)"),
        ("zoe", "no-such-user", "no user has the number, line or id 'zoe'"),
        ("j", "ambiguous-user", "'j' may be one of: id:1 (John), id:3 (Jane)"),
    ],
)
def test_a_beginning_of_more_than_one_name_is_refused_with_their_ids(who: str, code: str, says: str) -> None:
    tables = replace(TABLES, users=(*TABLES.users, User(UserId("3"), "Jane")))
    with pytest.raises(Refused) as refused:
        find_user_or_name(tables, who)
    assert (refused.value.code, refused.value.message) == (code, says)
