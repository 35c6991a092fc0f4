"""A filter: what it asks of an entry's keys, and what it refuses."""

import pytest

from callrec.domain.errors import Refused
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.search import ALL, Filter
from callrec.domain.library.search_keys import MOST_START_MS, SLOTS, Heard
from callrec.domain.rules import Rule, UserId


def test_an_empty_filter_takes_all() -> None:
    assert (ALL.clauses, ALL.absent, ALL.lengths_ms) == ((), (), None)
    assert ALL.places == (0, (1 << 63) - 1)


def test_each_condition_is_one_clause() -> None:
    wanted = Filter(
        UserId("7"), frozenset({UserId("8"), UserId("9")}), "1000", "+33", "x Y", CallDirection.INCOMING, Rule.ALWAYS,
        StoredState.SOUND, "n", "Sale", True, Heard.NO,
    )  # fmt: skip
    assert set(wanted.clauses) == {
        frozenset({"recorded:8", "recorded:9"}),
        *(frozenset({one}) for one in ("user:7", "number:1000", "tag:Sale", "node:n", "held", "heard:no")),
        *(frozenset({one}) for one in ("direction:incoming", "rule:always", "state:sound")),
    }
    assert (wanted.number_text, wanted.name_text, wanted.absent) == ("+33", "x y", ())


def test_a_name_of_two_characters_is_a_word() -> None:
    wanted = Filter(name=" Bó ")
    assert (wanted.clauses, wanted.name_text) == ((frozenset({"word:bo"}),), "")


def test_what_must_not_be_there() -> None:
    assert Filter(is_held=False).absent == ("held",)
    assert Filter(heard=Heard.NONE).absent == ("heard:yes", "heard:no")
    assert Filter(heard=Heard.NONE, is_held=False).absent == ("held", "heard:yes", "heard:no")
    assert Filter(heard=Heard.NONE, is_held=False).clauses == ()


def test_both_bounds_of_a_time_belong_to_it() -> None:
    assert Filter(from_s=1.5, to_s=2.25).places == (1500 * SLOTS, 2251 * SLOTS - 1)
    assert Filter(from_s=1.5001, to_s=2.2509).places == (1501 * SLOTS, 2251 * SLOTS - 1)
    assert Filter(from_s=-5, to_s=1e15).places == (0, (MOST_START_MS + 1) * SLOTS - 1)
    assert Filter(from_s=1_795_900_735.905).places[0] == 1_795_900_735_905 * SLOTS


def test_both_bounds_of_a_length_belong_to_it() -> None:
    assert Filter(least_s=1.5).lengths_ms == (1500, MOST_START_MS)
    assert Filter(most_s=2.0009).lengths_ms == (0, 2000)
    assert Filter(least_s=0.0001, most_s=1).lengths_ms == (1, 1000)


@pytest.mark.parametrize(
    "said",
    [
        {"number_part": "12"},
        {"number_part": " 1 "},
        {"number_part": "1" * 201},
        {"number": "1" * 201},
        {"name": "x" * 201},
        {"name": "   "},
        {"number": "\n"},
    ],
)
def test_a_text_that_cannot_be_searched_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        Filter(**said)  # type: ignore[arg-type] # texts
    assert refused.value.code == "search-text"
