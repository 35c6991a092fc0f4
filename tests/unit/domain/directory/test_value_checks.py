"""Rules for one value say the same of a thousand at once."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callrec.domain.directory.user_file.columns import COLUMNS, Column
from callrec.domain.directory.value_checks import LONGEST, Check, between, matching, one_of, text

CHECKS = (text(5), text(5, least=2), matching(r"[ab]{1,3}|c", "ab"), one_of("a", "bb"), between(3, 40))
VALUES = st.lists(st.text(st.sampled_from("abc13 \n\r\x85\u2028\ud800é"), max_size=7), max_size=6)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.says)
@given(values=VALUES)
@example(values=["a\nb", "c"])
@example(values=["a", "", "\n"])
@example(values=["c\n"])
def test_many_values_are_refused_as_one_by_one(check: Check, values: list[str]) -> None:
    """Empty ones never are."""
    one_by_one = tuple(place for place, value in enumerate(values) if value and not check.accepts(value))
    assert one_by_one == check.refused(values)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_column_accepts_no_line_break(column: Column) -> None:
    """Else values that are put together would be taken for others."""
    good = ["1", "12", "fr_FR", "no", "sip", "abc", "a@b.example", column.default or "1000"]
    for value in filter(column.check.accepts, good):
        assert (1, 2) == column.check.refused([value, f"{value}\n", f"\n{value}", value])


def test_a_very_long_value_is_refused_without_being_put_together() -> None:
    """Where it stands, and the others are judged all the same."""
    assert (1, 3) == text(5).refused(["a", "b" * (LONGEST + 1), "", "c" * 6])
