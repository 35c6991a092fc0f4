"""Who hears whom, who is in which bridge, and from when to when each takes part."""

import pytest

from callrec.domain.calls.bridges import enter, is_between_phones, is_conversation, join, joined, leave, part
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.model import Direction, Leg, Party


def leg(name: str) -> Leg:
    return Leg(LegId(name), name if "/" in name else f"PJSIP/{name}-00000001", Direction.IN)


A, B, C, D = map(leg, "abcd")
NEAR, FAR = leg("Local/9@q-1;1"), leg("Local/9@q-1;2")
OTHER = leg("Local/9@q-2;1")


@pytest.mark.parametrize(
    ("bridges", "groups"),
    [
        ([], []),
        ([[A, B], [C, D]], [[A, B], [C, D]]),
        ([[A, NEAR], [FAR, B]], [[A, NEAR, FAR, B]]),
        ([[A, NEAR], [OTHER, B]], [[A, NEAR], [OTHER, B]]),
        (
            [[A, NEAR], [C], [FAR, OTHER], [leg("Local/9@q-2;2"), B]],
            [[C], [A, NEAR, FAR, OTHER, leg("Local/9@q-2;2"), B]],
        ),
        ([[A, NEAR], [FAR]], [[A, NEAR, FAR]]),
    ],
    ids=["none", "two bridges", "two halves", "halves of two channels", "a chain", "a half in no bridge"],
)
def test_bridges_with_the_halves_of_one_local_channel_are_one(
    bridges: list[list[Leg]], groups: list[list[Leg]]
) -> None:
    assert joined(bridges) == groups


@pytest.mark.parametrize(
    ("legs", "conversation", "phones"),
    [
        ([A], False, False),
        ([A, B], True, True),
        ([A, NEAR], True, False),
        ([NEAR, FAR], False, False),
        ([A, NEAR, FAR, B], True, True),
    ],
    ids=["one", "two phones", "a phone and an application", "no phone", "two phones, joined"],
)
def test_a_conversation_has_two_legs_and_a_phone(legs: list[Leg], *, conversation: bool, phones: bool) -> None:
    """What is behind half of a Local channel may be an application: that is a conversation, but not between phones."""
    assert (is_conversation(legs), is_between_phones(legs)) == (conversation, phones)


ONE, TWO = BridgeId("one"), BridgeId("two")


def test_a_leg_is_in_one_bridge() -> None:
    """The order is that of their coming; an empty bridge is left out."""
    both = enter(enter({}, A.id, ONE), B.id, ONE)
    assert both == {ONE: (A.id, B.id)}
    assert enter(both, A.id, TWO) == {ONE: (B.id,), TWO: (A.id,)}
    assert enter(enter(both, A.id, TWO), B.id, TWO) == {TWO: (A.id, B.id)}
    assert enter(both, A.id, ONE) == {ONE: (B.id, A.id)}


def test_a_leg_leaves_one_bridge_or_all() -> None:
    """Late news of a bridge that it is not in any more change nothing."""
    both = {ONE: (A.id, B.id)}
    assert leave(both, A.id, ONE) == {ONE: (B.id,)}
    assert leave(both, A.id, None) == {ONE: (B.id,)}
    assert leave(both, A.id, TWO) == both
    assert leave(leave(both, A.id, ONE), B.id, None) == {}


def test_participants_come_once_and_go_once() -> None:
    """Each stay is one entry, which ends no earlier than it begins."""
    here = join((), A, 5.0)
    assert here == join(here, A, 6.0) == (Party(A.id, None, "", "", 5.0),)
    gone = part(here, {A.id}, 4.0)
    assert gone == part(gone, {A.id}, 9.0) == (Party(A.id, None, "", "", 5.0, 5.0),)
    assert part(here, {B.id}, 9.0) == here
    assert [one.from_s for one in join(gone, A, 7.0)] == [5.0, 7.0]
