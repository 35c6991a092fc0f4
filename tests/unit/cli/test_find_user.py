"""Who is meant on the command line, and what may be said of them."""

import pytest

from callrec.cli.users import _rules, find
from callrec.domain.errors import Refused
from callrec.domain.provisioning.model import Line, RecordRules, Rule, Tables, User, UserId

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
    assert find(TABLES, who).id == user


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
        find(TABLES, who)
    assert refused.value.code == code
    assert len(str(refused.value)) < 300


def test_rules_change_one_by_one() -> None:
    before = RecordRules(in_internal=Rule.ALWAYS, out_external=Rule.NEVER)
    after = _rules(before, ["in_internal=none", "out_internal=on_demand"])
    assert after == RecordRules(out_internal=Rule.ON_DEMAND, out_external=Rule.NEVER)


@pytest.mark.parametrize(
    "word", ["", "in_internal", "in_internal=", "in_internal=maybe", "sideways=always", "__doc__=none"]
)
def test_a_word_that_is_no_rule_is_refused(word: str) -> None:
    with pytest.raises(Refused, match="is no rule"):
        _rules(RecordRules(), [word])
