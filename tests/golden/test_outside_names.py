"""The names that people and machines rely on are those that stand in `names.json`."""

import json

import pytest
from outside import names
from samples import HERE, TODAY

FROZEN = json.loads((HERE / "names.json").read_bytes())
NAMES = json.loads(json.dumps(names()))
ON_PURPOSE = (
    "a name has changed. On purpose? Then `make golden`, the changelog, and docs/TESTING.md, Formats that are frozen"
)


def test_the_kinds_of_names_are_the_frozen_ones() -> None:
    assert sorted(NAMES) == sorted(FROZEN), ON_PURPOSE


@pytest.mark.parametrize("kind", FROZEN)
def test_the_names_are_the_frozen_ones(kind: str) -> None:
    assert NAMES[kind] == FROZEN[kind], ON_PURPOSE
    assert NAMES[kind], "a list that is empty freezes nothing"


def test_whatever_the_dialplan_asks_is_answered_and_whatever_it_enters_is_there() -> None:
    assert set(FROZEN["AGI scripts"]) <= set(FROZEN["AGI scripts that answer"])
    assert set(FROZEN["contexts entered"]) <= set(FROZEN["contexts"])


def test_asterisks_database_has_the_frozen_families() -> None:
    """As a real product filled it. Its places had no rules, and its dialplan did not note times yet."""
    lines = (TODAY / "astdb.txt").read_text().splitlines()
    filled = {"/".join(line.split("/")[1:3]) for line in lines}
    later = {"callrec/place", "callrec/times", "callrec/missed"}
    assert filled | later == set(FROZEN["AstDB families of the dialplan"])
