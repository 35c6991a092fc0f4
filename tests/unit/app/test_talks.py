"""Who talks where, over all calls."""

from dataclasses import replace

from callrec.app.talks import Talks
from callrec.domain import messages as m
from callrec.domain.model import BridgeId, Direction, Leg, LegId

A, B = (Leg(LegId(name), f"PJSIP/{name}-1", Direction.OUT) for name in "ab")
ONE, OTHER = BridgeId("one"), BridgeId("other")


def test_a_leg_is_where_it_was_told_to_be_last():
    talks = Talks()
    for leg, bridge in ((A, ONE), (B, ONE), (A, OTHER)):
        talks.note(leg.id, m.Bridged(bridge, leg))
    assert ([B.id], [A.id], OTHER) == (talks.company(ONE), talks.company(OTHER), talks.bridge_of(A.id))


def test_late_news_of_a_bridge_that_it_has_left_changes_nothing():
    talks = Talks()
    talks.note(A.id, m.Bridged(OTHER, A))
    talks.note(A.id, m.Unbridged(ONE, A.id))
    assert [A.id] == talks.company(OTHER)
    talks.note(A.id, m.Unbridged(OTHER, A.id))
    assert ([], None) == (talks.company(OTHER), talks.bridge_of(A.id))


def test_a_leg_that_is_in_none_or_gone_leaves_nothing_behind():
    talks = Talks()
    for leg in (A, B):
        talks.known(leg)
        talks.note(leg.id, m.Bridged(ONE, leg))
    talks.note(A.id, m.Unbridged(None, A.id))
    talks.note(B.id, m.LegGone(B.id))
    talks.note(B.id, m.LegGone(B.id))
    assert ([], A, None) == (talks.company(ONE), talks.leg(A.id), talks.leg(B.id))


def test_who_has_called_has_called_whatever_is_told_later():
    talks = Talks()
    talks.known(A)
    later = replace(A, direction=Direction.IN, number="1000")
    assert replace(later, direction=Direction.OUT) == talks.known(later) == talks.leg(A.id)


def told(*places: tuple[str, BridgeId | None]) -> Talks:
    """Legs, each in its bridge: phones by a letter, halves of Local channels by their names."""
    talks = Talks()
    for name, bridge in places:
        leg = talks.known(Leg(LegId(name), name if ";" in name else f"PJSIP/{name}-1", Direction.IN))
        talks.note(leg.id, m.Bridged(bridge, leg) if bridge else m.Unbridged(None, leg.id))
    return talks


def test_a_circle_is_who_is_in_one_bridge_and_who_is_behind_its_local_channels():
    first, second = "Local/9@q-1;1", "Local/9@q-1;2"
    places = (("a", ONE), (first, ONE), (second, OTHER), ("c", OTHER), ("d", None), ("e", BridgeId("third")))
    legs = [LegId(name) for name, _ in places]
    talks = told(*places)
    assert {"a", first, second, "c"} == talks.circle(LegId("a"), legs)
    assert {"a", first, second} == talks.circle(LegId("a"), [leg for leg in legs if leg != "c"])
    assert {"d"} == talks.circle(LegId("d"), legs)
    assert {"unheard of"} == talks.circle(LegId("unheard of"), legs)


def test_two_phones_in_one_bridge_talk_and_a_phone_with_half_a_local_channel_may_wait():
    talks = told(("a", ONE), ("b", ONE), ("c", OTHER), ("Local/9@q-1;1", OTHER), ("d", None))
    assert talks.is_talk([LegId("a"), LegId("c"), LegId("b")])
    assert not talks.is_talk([LegId("a"), LegId("c"), LegId("d"), LegId("Local/9@q-1;1"), LegId("unheard of")])
