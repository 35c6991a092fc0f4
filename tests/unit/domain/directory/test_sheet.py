"""Rows kept as text become the same records each time that they are asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.directory.user_file import file_rules
from callrec.domain.directory.user_file.columns import Section
from callrec.domain.directory.user_file.file_rules import TOGETHER, read
from callrec.domain.directory.user_file.sheet import FEW, Block, Mode, Record, Sheet
from callrec.domain.errors import Refused

CELLS = st.text(alphabet="a1é€|\n\0", max_size=4)


@given(st.integers(1, 4).flatmap(lambda wide: st.lists(st.tuples(*[CELLS] * wide), min_size=1, max_size=9)))
def test_a_block_gives_back_what_it_was_made_of(rows: list[tuple[str, ...]]) -> None:
    """Also a value with the character that is put between values, which no file that is taken has."""
    block = Block(range(2, len(rows) + 2), list(zip(*rows, strict=True)), frozenset())
    for _ in range(2):
        assert list(enumerate(rows, start=2)) == list(block.rows())


def test_equal_values_of_a_column_with_few_are_one_object() -> None:
    lines = range(FEW + 1)
    block = Block(lines, [["a b"] * len(lines), [f"{n} {n}" for n in lines]], frozenset())
    cells = [cells for _, cells in block.rows()]
    assert 1 == len({id(one) for one, _ in cells})
    assert [f"{n} {n}" for n in lines] == [other for _, other in cells]


def test_a_record_says_what_is_there() -> None:
    block = Block([2, 5], [["Ada", "Bob"], ["", "1000"]], frozenset({5}))
    first, second = Sheet(Mode.ADD, ("firstname", "phonenumber"), (block,), ()).records()
    assert (
        Record(2, {"firstname": "Ada", "phonenumber": ""}, frozenset({"firstname"}), frozenset({Section.USER}), True)
        == first
    )
    assert (5, {"firstname", "phonenumber"}, {Section.USER, Section.LINE}, False) == (
        second.at_line, second.given, second.sections, second.sound,
    )  # fmt: skip


def test_records_come_in_the_files_order_beyond_one_block() -> None:
    text = "firstname\n" + "".join(f"A{n}\n" for n in range(TOGETHER + 5))
    sheet = read(text)
    assert 2 == len(sheet.blocks)
    assert [(n + 2, f"A{n}") for n in range(TOGETHER + 5)] == [
        (one.at_line, one.values["firstname"]) for one in sheet.records()
    ]


def test_a_row_too_many_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in the rows: one with a wrong number of values counts, too."""
    monkeypatch.setattr(file_rules, "MOST_ROWS", 1200)
    assert 1200 == sum(1 for _ in read("firstname\n" + "A\n" * 1200).records())
    with pytest.raises(Refused) as refused:
        read("firstname\n" + "A\n" * 600 + "A|B\n" * 601)
    assert ("file-too-large", "the file has more than 1,200 rows") == (refused.value.code, refused.value.message)


def test_after_very_many_errors_the_rest_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last error says so. What was read before it is checked."""
    monkeypatch.setattr(file_rules, "MOST_WRONG", 1000)
    errors = read("firstname|entityid\n" + "A|x\n" * 5000).errors
    assert [(n, "entityid") for n in range(2, 2002)] == [(error.line, error.column) for error in errors[:-1]]
    assert (
        "line 2002: was not checked, nor were the lines after it: the lines before it have more than 1,000 errors"
        == str(errors[-1])
    )
    assert 2 == len(read("firstname|entityid\nA|x\nA|x\n").errors)
