"""Who is recorded, and by which rule."""

import pytest

from callrec.domain.model import Direction, Leg, LegId
from callrec.domain.policy import Decision, decide
from callrec.domain.provisioning.model import RecordRules, Rule, User, UserId

NEVER, ALWAYS, ON_DEMAND = Rule.NEVER, Rule.ALWAYS, Rule.ON_DEMAND
OUT, IN = Direction.OUT, Direction.IN


def leg(name: str, direction: Direction, user: User | None = None) -> Leg:
    channel = name if "/" in name else f"PJSIP/{name}-00000001"
    return Leg(LegId(name), channel, direction, user)


def says(*, flag: bool = False, online: bool = False, inside: Rule | None = None, outside: Rule | None = None) -> User:
    """A user who says the same of both directions, inside the house and to the outside."""
    return User(
        UserId("1"), "Ann", call_record=flag, online_record=online, rules=RecordRules(inside, outside, inside, outside)
    )


NOBODY = says()


@pytest.mark.parametrize(
    ("caller", "callee", "rule", "whose"),
    [
        # caller says             callee says              the call is      because of
        (NOBODY,                  NOBODY,                  None,            None),
        (says(flag=True),         NOBODY,                  ALWAYS,          "caller"),
        (NOBODY,                  says(flag=True),         ALWAYS,          "callee"),
        (says(flag=True),         says(flag=True),         ALWAYS,          "caller"),
        (says(online=True),       NOBODY,                  ON_DEMAND,       "caller"),
        (says(online=True),       says(flag=True),         ALWAYS,          "callee"),
        (says(flag=True),         says(online=True),       ALWAYS,          "caller"),
        (says(inside=NEVER),      says(flag=True),         NEVER,           "caller"),
        (says(flag=True),         says(inside=NEVER),      NEVER,           "callee"),
        (says(flag=True, inside=NEVER), NOBODY,            NEVER,           "caller"),
        (says(online=True),       says(inside=NEVER),      NEVER,           "callee"),
        (says(inside=ALWAYS),     says(inside=ON_DEMAND),  ALWAYS,          "caller"),
        (says(inside=ON_DEMAND),  says(inside=ALWAYS),     ALWAYS,          "callee"),
        (says(inside=ON_DEMAND, flag=True), NOBODY,        ALWAYS,          "caller"),
        (says(outside=NEVER),     says(outside=ALWAYS),    None,            None),
        (says(outside=NEVER),     says(flag=True),         ALWAYS,          "callee"),
    ],
)  # fmt: skip
def test_never_beats_always_beats_on_demand(caller: User, callee: User, rule: Rule | None, whose: str | None) -> None:
    """Over all legs of an internal call the strongest rule wins, the caller's among equals."""
    legs = {"caller": leg("caller", OUT, caller), "callee": leg("callee", IN, callee)}

    expected = Decision(rule, legs[whose] if whose else None)

    assert expected == decide(legs.values())
    assert expected == decide(reversed(legs.values()))


@pytest.mark.parametrize(
    ("direction", "other", "rule"),
    [
        (IN,  User(UserId("2"), "Bob"), Rule.NEVER),
        (IN,  None,                     Rule.ALWAYS),
        (OUT, User(UserId("2"), "Bob"), Rule.ON_DEMAND),
        (OUT, None,                     None),
    ],
)  # fmt: skip
def test_each_direction_and_realm_has_its_own_rule(direction: Direction, other: User | None, rule: Rule | None) -> None:
    """What is said of one kind of call says nothing of the three others."""
    rules = RecordRules(in_internal=NEVER, in_external=ALWAYS, out_internal=ON_DEMAND, out_external=None)
    judged = leg("judged", direction, User(UserId("1"), "Ann", rules=rules))

    assert rule is decide([judged, leg("other", OUT if direction is IN else IN, other)]).rule


def test_one_stranger_makes_a_call_of_three_external() -> None:
    """Internal means that all others are users."""
    ann = leg("ann", OUT, says(inside=NEVER, outside=ALWAYS))
    bob, stranger = leg("bob", IN, NOBODY), leg("trunk", IN)

    assert Decision(ALWAYS, ann) == decide([ann, bob, stranger])
    assert Decision(NEVER, ann) == decide([ann, bob])


def test_the_never_of_a_third_protects_the_others_too() -> None:
    """Who joins and says never ends everybody's right to record."""
    third = leg("third", IN, says(inside=NEVER))

    assert Decision(NEVER, third) == decide([leg("ann", OUT, says(flag=True)), leg("bob", IN, says(flag=True)), third])


def test_a_local_channel_is_nobody() -> None:
    """Half of a Local channel makes a call neither internal nor external: the phones behind it do."""
    ann = leg("ann", OUT, says(inside=ALWAYS, outside=NEVER))
    local = leg("Local/1001@default-00000001;1", IN)

    assert Decision(ALWAYS, ann) == decide([ann, local, leg("bob", IN, NOBODY)])


def test_strangers_and_solitude() -> None:
    """Two strangers have no rule; a user alone is judged as towards the outside, since nobody else is known to be a user."""
    assert Decision(None, None) == decide([leg("trunk-1", OUT), leg("trunk-2", IN)])
    assert Decision(None, None) == decide([])
    assert decide([leg("ann", OUT, says(outside=ALWAYS))]).rule is ALWAYS
