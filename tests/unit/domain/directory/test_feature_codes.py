"""Which digits mean which feature, and what gets in each other's way."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest

from callrec.domain.directory.feature_codes import FEATURES, claimed_fault, claims, code_checked
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import DEFAULT_CODES, Feature, FeatureCode, Line
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

DESK = Line("desk", UserId("1"), "2100", "default")


def code(feature: Feature, digits: str, *, enabled: bool = True) -> FeatureCode:
    return FeatureCode(feature, digits, enabled)


def assert_let_through(one: FeatureCode, others: Sequence[FeatureCode], *lines: Line) -> None:
    """It raises for a code that it refuses."""
    code_checked(one, others, lines)


def test_every_feature_has_its_dialling_and_its_digits() -> None:
    assert set(Feature) == set(FEATURES) == {one.feature for one in DEFAULT_CODES}


def test_the_shipped_codes_stand_beside_each_other() -> None:
    for one in DEFAULT_CODES:
        assert_let_through(one, DEFAULT_CODES)


@pytest.mark.parametrize(
    ("feature", "digits", "dialled", "expected"),
    [
        (Feature.DND, "*25", "*25", True),
        (Feature.DND, "*25", "*251", False),
        (Feature.FORWARD_BUSY, "*23", "*23", True),
        (Feature.FORWARD_BUSY, "*23", "*231", True),
        (Feature.PICKUP, "*8", "*8", True),
        (Feature.PICKUP, "*8", "*81", True),
        (Feature.ONLINE_RECORD, "*3", "*3", False),
    ],
)
def test_a_code_claims_what_is_dialled_for_it(feature: Feature, digits: str, dialled: str, expected: bool) -> None:
    assert claims(code(feature, digits), dialled) is expected
    assert not claims(code(feature, digits, enabled=False), dialled)
    reason = f"must be another number: it is dialled for {feature} ({digits})"
    assert claimed_fault(dialled, [code(feature, digits)]) == (reason if expected else "")


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (code(Feature.DND, "25x"), "not a feature code"),
        (code(Feature.DND, "*7359"), "function keys"),
        (code(Feature.FORWARD_BUSY, "*73"), "function keys"),
        (code(Feature.FORWARD_BUSY, "*735"), "function keys"),
        (code(Feature.PICKUP, "*7"), "function keys"),
        (code(Feature.DND, "*70"), "parking keys"),
        (code(Feature.FORWARD_BUSY, "*70"), "parking keys"),
        (code(Feature.DND, "26"), r"dial the same"),
        (code(Feature.DND, "*26"), "already the code of call_record"),
        (code(Feature.DND, "*211"), "could be"),
        (code(Feature.PICKUP, "*2"), "could be"),
        (code(Feature.DND, "2100"), "number 2100 of a user in default"),
        (code(Feature.PICKUP, "2"), "number 2100 of a user in default"),
        (code(Feature.ONLINE_RECORD, "*1"), "pressed in a call"),
        (code(Feature.ONLINE_RECORD, "*12"), "pressed in a call"),
        (code(Feature.ONLINE_RECORD, "*70"), "pressed in a call"),
        (code(Feature.ONLINE_RECORD, "*"), "ends with"),
        (code(Feature.FORWARD_BUSY, "*21*"), "ends with"),
        (code(Feature.ONLINE_RECORD, "*3234567890"), "pressed in a call"),
    ],
    ids=lambda one: getattr(one, "code", None),
)
def test_each_reason_to_refuse_a_code(one: FeatureCode, why: str) -> None:
    with pytest.raises(Refused, match=why):
        code_checked(one, DEFAULT_CODES, [DESK])


def test_a_code_that_is_off_is_in_nobodys_way() -> None:
    """Neither in that of a number nor, but for the same digits, in that of another code."""
    assert_let_through(code(Feature.DND, "2100", enabled=False), DEFAULT_CODES, DESK)
    others = [code(Feature.FORWARD_UNCONDITIONAL, "*21", enabled=False)]
    assert_let_through(code(Feature.DND, "*211"), others)
    assert_let_through(code(Feature.PICKUP, "*2"), others)


@pytest.mark.parametrize(
    "one",
    [
        code(Feature.DND, "*73"),
        code(Feature.DND, "*701"),
        code(Feature.DND, "*43"),
        code(Feature.FORWARD_BUSY, "*74"),
        code(Feature.ONLINE_RECORD, "*31"),
        code(Feature.DND, "*1"),
    ],
)
def test_what_only_looks_alike_is_let_through(one: FeatureCode) -> None:
    assert_let_through(one, [other for other in DEFAULT_CODES if other.code != one.code])


@pytest.mark.parametrize(("pause", "is_free"), [("*33", False), ("*4", True), ("*44", True)])
def test_of_two_codes_that_are_pressed_in_a_call_none_begins_with_the_other(pause: str, is_free: bool) -> None:
    """Whichever is set last; a code that is disabled is in nobody's way."""
    one, online = code(Feature.PAUSE_RECORD, pause), code(Feature.ONLINE_RECORD, "*3")
    for asked, there in ((one, online), (online, one)):
        if is_free:
            assert_let_through(asked, [there])
        else:
            with pytest.raises(Refused, match="first"):
                code_checked(asked, [there], [])
        assert_let_through(asked, [replace(there, enabled=False)])


def test_a_code_that_an_older_version_has_let_in_can_be_switched_off() -> None:
    """And not on, nor to digits that are as bad."""
    old = code(Feature.ONLINE_RECORD, "*12")
    others = [old, *(one for one in DEFAULT_CODES if one.feature is not old.feature)]
    code_checked(code(Feature.ONLINE_RECORD, "*12", enabled=False), others, [])
    for still in (old, code(Feature.ONLINE_RECORD, "*1", enabled=False)):
        with pytest.raises(Refused) as refused:
            code_checked(still, others, [])
        assert refused.value.code == "feature-code-taken"


def test_codes_that_stand_beside_each_other_have_keys_that_dial_something_else() -> None:
    digits = ["26", "*26", "**26", "2*6", "2**6", "*2*6"]
    for one, other in combinations(digits, 2):
        asked, there = code(Feature.DND, one), code(Feature.VOICEMAIL_ENABLE, other)
        if bound(UserId("1"), one) == bound(UserId("1"), other):
            with pytest.raises(Refused, match="dial the same"):
                code_checked(asked, [there], [])
        else:
            code_checked(asked, [there], [])
