"""Retention classes: which class a recording has, when it is due, and what goes first when space is needed."""

from dataclasses import replace

import pytest

from callrec.domain.errors import Conflict, Refused
from callrec.domain.library.retention import (
    DAY_S,
    MOST_CLASSES,
    DueBytes,
    Facts,
    ForSpace,
    Retention,
    RetentionClass,
    Space,
    as_if,
    class_of,
    in_effect,
    is_due,
    may_go,
    out_of_effect,
    with_class,
    with_space,
    without_class,
)
from callrec.domain.rules import Rule, UserId

NOW = 1000 * DAY_S
ONE = Facts(
    "c1", NOW - 100 * DAY_S, 10, Rule.ALWAYS, UserId("7"), "incall:2050@from-extern", frozenset({"sale"}), "", False
)
ALL = RetentionClass("all", max_days=90, in_effect=True)


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (ALL, True),
        (replace(ALL, rules=(Rule.ALWAYS,)), True),
        (replace(ALL, rules=(Rule.ON_DEMAND,)), False),
        (replace(ALL, users=(UserId("7"), UserId("8"))), True),
        (replace(ALL, users=(UserId("8"),)), False),
        (replace(ALL, contexts=("from-extern",)), True),
        (replace(ALL, contexts=("default",)), False),
        (replace(ALL, tags=("sale", "vip")), True),
        (replace(ALL, tags=("vip",)), False),
        (replace(ALL, tags=("sale",), users=(UserId("8"),)), False),
    ],
)
def test_a_class_takes_what_meets_one_of_each_kind_of_condition(wanted: RetentionClass, takes: bool) -> None:
    assert (class_of(ONE, [wanted]) is not None) is takes


@pytest.mark.parametrize(
    ("origin", "context"),
    [("context:from-extern", "from-extern"), ("queue:support", ""), ("", "")],
)
def test_where_a_rule_hangs_is_its_context(origin: str, context: str) -> None:
    facts = replace(ONE, origin=origin)
    assert (class_of(facts, [replace(ALL, contexts=("from-extern",))]) is not None) is (context == "from-extern")


def test_the_named_class_counts_and_else_the_first_that_takes_it() -> None:
    long, short = RetentionClass("long", tags=("sale",), in_effect=True), replace(ALL, name="short")
    assert class_of(ONE, [long, short]) == long
    assert class_of(replace(ONE, named="short"), [long, short]) == short
    assert class_of(replace(ONE, named="gone"), [long, short]) is None
    assert class_of(ONE, [replace(long, in_effect=False), short]) is None, "a class without effect keeps its recordings"
    assert class_of(ONE, []) is None


def test_a_recording_is_due_at_its_greatest_age() -> None:
    assert is_due(ONE, [replace(ALL, max_days=100)], NOW)
    assert not is_due(ONE, [replace(ALL, max_days=100.001)], NOW)
    assert not is_due(ONE, [replace(ALL, max_days=None)], NOW)
    assert not is_due(ONE, [], NOW)


def test_for_space_nothing_goes_below_its_least_age_or_under_a_hold() -> None:
    assert may_go(ONE, [replace(ALL, min_days=100)], NOW) is not None
    assert may_go(ONE, [replace(ALL, min_days=101)], NOW) is None
    assert may_go(replace(ONE, is_held=True), [ALL], NOW) is None
    assert may_go(ONE, [], NOW) is None


def test_for_space_the_oldest_of_the_lowest_class_goes_first() -> None:
    low = RetentionClass("low", tags=("low",), rank=1, in_effect=True)
    high = RetentionClass("high", rank=5, in_effect=True)
    facts = [
        replace(ONE, recording=f"{tag}{nth}", end_s=NOW - nth * DAY_S, tags=frozenset({tag}))
        for nth in range(1, 6)
        for tag in ("low", "high")
    ]
    choice = ForSpace([low, high], NOW, 7)
    for one in (*facts, replace(ONE, recording="held", is_held=True)):
        choice.consider(one)
    assert choice.chosen(45) == ["low5", "low4", "low3", "low2", "low1"]
    assert choice.chosen(10**9) == ["low5", "low4", "low3", "low2", "low1", "high5", "high4"], "at most seven"
    assert choice.chosen(0) == []


def test_what_is_due_is_counted_for_a_preview() -> None:
    found = DueBytes()
    for nth in range(5):
        found.add(replace(ONE, recording=f"c{nth}", end_s=100.0 - nth), 3)
    found.add(replace(ONE, is_held=True), 3)
    assert (found.recordings, found.bytes, found.held) == (5, 50, 1)
    assert found.first == [(96.0, "c4"), (97.0, "c3"), (98.0, "c2")]


def test_a_class_has_no_effect_until_it_is_enabled_with_what_was_seen() -> None:
    table = with_class(Retention(), ALL)
    assert (table.named("all").in_effect, table.revision) == (False, 1)
    with pytest.raises(Conflict) as conflict:
        in_effect(table, "all", due=3, expected=2)
    assert conflict.value.code == "retention-preview"
    table = in_effect(table, "all", due=3, expected=3)
    assert table.named("all").in_effect
    assert not out_of_effect(table, "all").named("all").in_effect
    other = with_class(table, RetentionClass("other"))
    changed = with_class(other, replace(ALL, max_days=10))
    assert [one.name for one in changed.classes] == ["all", "other"]
    assert not changed.named("all").in_effect
    assert as_if(table, replace(ALL, max_days=10)) == (replace(ALL, max_days=10, in_effect=True),)
    assert without_class(other, "all").classes == (RetentionClass("other"),)
    for change in (in_effect, out_of_effect, without_class):
        with pytest.raises(Refused) as refused:
            change(table, "none", **({"due": 0, "expected": 0} if change is in_effect else {}))
        assert refused.value.code == "no-such-class"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "Big"}, {"name": "x" * 41}, {"users": ("",)}, {"tags": ("x" * 201,)},
        {"contexts": ("a\n",)}, {"tags": ("x",) * 1001}, {"min_days": -1}, {"min_days": 40_000}, {"min_days": float("nan")},
        {"max_days": 0.5}, {"max_days": 40_000}, {"min_days": 91}, {"rank": -1}, {"rank": 1001},
    ],
)  # fmt: skip
def test_what_no_class_can_be_is_refused(wrong: dict) -> None:
    with pytest.raises(Refused) as refused:
        with_class(Retention(), replace(ALL, **wrong))
    assert refused.value.code == "retention-class"


def test_classes_are_bounded() -> None:
    table = Retention(tuple(RetentionClass(f"c{nth}") for nth in range(MOST_CLASSES)))
    with pytest.raises(Refused):
        with_class(table, ALL)


def test_limits_of_space() -> None:
    assert with_space(Retention(), Space(5, None)).space == Space(5, None)
    for wrong in (Space(-1), Space(None, -1)):
        with pytest.raises(Refused) as refused:
            with_space(Retention(), wrong)
        assert refused.value.code == "retention-space"
