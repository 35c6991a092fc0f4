"""Who is recorded, and by which rule."""

from dataclasses import replace

import pytest

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Direction, Leg
from callrec.domain.calls.policy import Decision, decide, may_be_recorded, may_press_in_fallback
from callrec.domain.directory.model import User
from callrec.domain.rules import PlaceRule, RecordRules, Rule, UserId

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


def test_a_program_is_a_partner_of_who_has_no_other() -> None:
    """A user who talks with a bot has a call to outside; a program that transcribes a call between users makes it none."""
    ann = leg("ann", OUT, says(inside=NEVER, outside=ALWAYS))
    program = leg("UnicastRTP/127.0.0.1:4000-0x7f", IN)

    assert Decision(ALWAYS, ann) == decide([ann, program])
    assert Decision(NEVER, ann) == decide([ann, program, leg("bob", IN, NOBODY)])


def test_strangers_and_solitude() -> None:
    """Two strangers have no rule; a user alone is judged as towards the outside, since nobody else is known to be a user."""
    assert Decision(None, None) == decide([leg("trunk-1", OUT), leg("trunk-2", IN)])
    assert Decision(None, None) == decide([])
    assert decide([leg("ann", OUT, says(outside=ALWAYS))]).rule is ALWAYS


@pytest.mark.parametrize(
    ("user", "may"),
    [
        (NOBODY, False),
        (says(online=True), True),
        (says(online=True, outside=ALWAYS), True),
        (says(online=True, outside=NEVER), False),
        (says(flag=True, online=True, inside=NEVER, outside=NEVER), False),
    ],
    ids=["not on demand", "on demand", "a rule of another kind", "never in some calls", "never"],
)
def test_without_the_daemon_a_press_counts_only_for_users_who_may_press_in_every_call(user: User, *, may: bool) -> None:
    """The dialplan does not know with whom they talk."""
    assert may_press_in_fallback(user) is may


@pytest.mark.parametrize(
    ("user", "may_be"),
    [
        (User(UserId("1"), "Ann"), False),
        (User(UserId("1"), "Ann", online_record=True, rules=RecordRules(out_internal=Rule.NEVER)), False),
        (User(UserId("1"), "Ann", call_record=True), True),
        *[
            (User(UserId("1"), "Ann", rules=RecordRules(**{case: Rule.ALWAYS})), True)
            for case in ("in_internal", "in_external", "out_internal", "out_external")
        ],
    ],
)
def test_who_may_be_recorded_without_a_press(user: User, *, may_be: bool) -> None:
    """By the flag or by a standing rule for any kind of call."""
    assert may_be_recorded(user) is may_be


DID, EXTERN = "incall:2050@from-extern", "context:from-extern"


@pytest.mark.parametrize(
    ("number", "context", "callee", "rule", "origin"),
    [
        (ALWAYS, None, NOBODY, ALWAYS, DID),
        (None, ALWAYS, NOBODY, ALWAYS, EXTERN),
        (ALWAYS, ALWAYS, NOBODY, ALWAYS, DID),
        (ALWAYS, NEVER, NOBODY, NEVER, EXTERN),
        (NEVER, None, says(flag=True), NEVER, DID),
        (ALWAYS, None, says(outside=NEVER), NEVER, ""),
        (ALWAYS, None, says(flag=True), ALWAYS, ""),
        (ALWAYS, None, says(online=True), ALWAYS, DID),
        (None, None, NOBODY, None, ""),
    ],
)
def test_what_is_said_of_a_number_or_a_context_is_weighed_with_what_users_say(
    number: Rule | None, context: Rule | None, callee: User, rule: Rule | None, origin: str
) -> None:
    """The precedence is the same over all, and the decision names the place. The leg is a user's where there is one."""
    places = [PlaceRule(one, name) for one, name in ((number, DID), (context, EXTERN)) if one]
    caller = replace(leg("trunk", OUT), rules=tuple(places))
    callee_leg = leg("callee", IN, callee)

    decision = decide([caller, callee_leg])

    assert (rule, origin) == (decision.rule, decision.origin)
    assert decision.leg is (callee_leg if rule else None)
    if origin and callee is NOBODY:
        assert decide([caller]).leg is caller


def test_a_leg_that_local_channels_make_is_no_user_of_a_place() -> None:
    """The other side of a queue's member: the agent's phone is the user's."""
    caller = replace(leg("trunk", OUT), rules=(PlaceRule(ALWAYS, DID),))
    local = leg("Local/1@q-1;1", IN, NOBODY)
    assert decide([caller, local]).leg is caller


QUEUE, ROOM = PlaceRule(ALWAYS, "queue:support"), PlaceRule(NEVER, "conference:7003")


def test_always_of_a_queue_counts_for_its_caller_only_in_a_conversation() -> None:
    """The user who answers is on the left; where none does, the caller is. Who waits hears music."""
    caller = replace(leg("trunk", OUT), at=QUEUE)
    agent, stranger = leg("agent", IN, NOBODY), leg("mobile", IN)
    assert decide([caller]) == Decision(None, None)
    assert decide([caller, agent]) == Decision(ALWAYS, agent, "queue:support")
    assert decide([stranger, caller]) == Decision(ALWAYS, caller, "queue:support")


def test_never_of_a_conference_counts_for_who_is_alone_there() -> None:
    flagged = replace(leg("flagged", OUT, says(flag=True)), at=ROOM, rules=(PlaceRule(ALWAYS, DID),))
    assert decide([flagged]) == Decision(NEVER, flagged, "conference:7003")


def test_never_of_a_trunk_wins_over_always_of_the_user() -> None:
    user, trunk = leg("user", OUT, says(flag=True)), replace(leg("trunk", IN), rules=(PlaceRule(NEVER, "trunk:trunk"),))
    assert decide([user, trunk]) == Decision(NEVER, user, "trunk:trunk")
