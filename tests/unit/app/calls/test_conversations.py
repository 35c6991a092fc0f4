"""Who talks where, over all calls."""

from dataclasses import replace

from callrec.app.calls.ami_events import Dial
from callrec.app.calls.conversations import Conversations
from callrec.app.calls.legs.leg_places import LegPlaces
from callrec.domain.calls.events import LegBridged, LegGone, LegUnbridged
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.model import Direction, Leg
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Place, Tables
from callrec.domain.rules import PlaceKind, PlaceRule, Rule

A, B = (Leg(LegId(name), f"PJSIP/{name}-1", Direction.OUT) for name in "ab")
ONE, OTHER = BridgeId("one"), BridgeId("other")


def test_a_leg_is_where_it_was_told_to_be_last():
    talks = Conversations(LegPlaces(Directory(Tables())))
    for leg, bridge in ((A, ONE), (B, ONE), (A, OTHER)):
        talks.note(leg.id, LegBridged(bridge, leg))
    assert ([B.id], [A.id], OTHER) == (talks.members(ONE), talks.members(OTHER), talks.bridge_of(A.id))


def test_late_news_of_a_bridge_that_it_has_left_changes_nothing():
    talks = Conversations(LegPlaces(Directory(Tables())))
    talks.note(A.id, LegBridged(OTHER, A))
    talks.note(A.id, LegUnbridged(ONE, A.id))
    assert [A.id] == talks.members(OTHER)
    talks.note(A.id, LegUnbridged(OTHER, A.id))
    assert ([], None) == (talks.members(OTHER), talks.bridge_of(A.id))


def test_a_leg_that_is_in_none_or_gone_leaves_nothing_behind():
    talks = Conversations(LegPlaces(Directory(Tables())))
    for leg in (A, B):
        talks.known(leg)
        talks.note(leg.id, LegBridged(ONE, leg))
    talks.note(A.id, LegUnbridged(None, A.id))
    talks.note(B.id, LegGone(B.id))
    talks.note(B.id, LegGone(B.id))
    assert ([], A, None) == (talks.members(ONE), talks.leg(A.id), talks.leg(B.id))


def test_who_has_called_has_called_whatever_is_told_later():
    talks = Conversations(LegPlaces(Directory(Tables())))
    talks.known(A)
    later = replace(A, direction=Direction.IN, number="1000")
    assert replace(later, direction=Direction.OUT) == talks.known(later) == talks.leg(A.id)


def told(*places: tuple[str, BridgeId | None]) -> Conversations:
    """Legs, each in its bridge: phones by a letter, halves of Local channels by their names."""
    talks = Conversations(LegPlaces(Directory(Tables())))
    for name, bridge in places:
        leg = talks.known(Leg(LegId(name), name if ";" in name else f"PJSIP/{name}-1", Direction.IN))
        talks.note(leg.id, LegBridged(bridge, leg) if bridge else LegUnbridged(None, leg.id))
    return talks


def test_a_circle_is_who_is_in_one_bridge_and_who_is_behind_its_local_channels():
    first, second = "Local/9@q-1;1", "Local/9@q-1;2"
    places = (("a", ONE), (first, ONE), (second, OTHER), ("c", OTHER), ("d", None), ("e", BridgeId("third")))
    legs = [LegId(name) for name, _ in places]
    talks = told(*places)
    assert {"a", first, second, "c"} == talks.connected(LegId("a"), legs)
    assert {"a", first, second} == talks.connected(LegId("a"), [leg for leg in legs if leg != "c"])
    assert {"d"} == talks.connected(LegId("d"), legs)
    assert {"unheard of"} == talks.connected(LegId("unheard of"), legs)


def test_two_phones_in_one_bridge_talk_and_a_phone_with_half_a_local_channel_may_wait():
    talks = told(("a", ONE), ("b", ONE), ("c", OTHER), ("Local/9@q-1;1", OTHER), ("d", None))
    assert talks.is_between_phones([LegId("a"), LegId("c"), LegId("b")])
    assert not talks.is_between_phones(
        [LegId("a"), LegId("c"), LegId("d"), LegId("Local/9@q-1;1"), LegId("unheard of")]
    )


def dial(by: Leg, leg: Leg, number: str = "", linkedid: str = "") -> Dial:
    return Dial(by.id, by.channel, leg.id, linkedid or by.id, number)


STRANGER = Leg(LegId("x"), "PJSIP/trunk-1", Direction.IN, None, "0999", "Office")
CALLER = replace(A, dialled="0301")


def test_whose_dial_is_answered_has_received_the_call_also_by_a_pickup():
    talks = Conversations(LegPlaces(Directory(Tables())))
    talks.known(A)
    talks.known(B)
    picked_up = replace(B, direction=Direction.IN)
    assert picked_up == talks.dialled(dial(A, B))
    assert picked_up == talks.known(B)
    assert talks.dialled(dial(A, B)) is None, "nothing new"


def test_a_stranger_has_the_number_that_was_dialled_whatever_is_told_later():
    """And the name that belongs to another number is not theirs."""
    talks = Conversations(LegPlaces(Directory(Tables())))
    talks.known(CALLER)
    talks.known(STRANGER)
    expected = replace(STRANGER, number="0123", name="")
    assert expected == talks.dialled(dial(CALLER, STRANGER, "0123"))
    assert expected == talks.known(STRANGER)
    assert talks.dialled(dial(CALLER, STRANGER)) is None, "the answer of the dial says no number"
    talks.note(STRANGER.id, LegGone(STRANGER.id))
    assert STRANGER == talks.known(STRANGER)


def test_a_stranger_whose_dial_names_an_endpoint_has_what_the_caller_dialled_unless_they_show_a_number():
    talks = Conversations(LegPlaces(Directory(Tables())))
    talks.known(CALLER)
    talks.known(replace(STRANGER, number=""))
    talks.known(replace(B, number="0302"))
    called = talks.dialled(dial(CALLER, STRANGER))
    assert called is not None
    assert (called.number, called.name) == ("0301", "")
    shown = talks.dialled(dial(CALLER, B))
    assert shown is not None
    assert shown.number == "0302"


def test_nobody_knows_more_of_a_leg_that_was_not_told_of_nor_of_a_local_channel():
    talks = Conversations(LegPlaces(Directory(Tables())))
    local = talks.known(Leg(LegId("l"), "Local/9@q-1;1", Direction.IN))
    assert talks.dialled(dial(A, STRANGER, "0123")) is None
    assert talks.dialled(dial(A, local, "0123")) is None
    talks.known(replace(STRANGER, number="", name=""))
    assert talks.dialled(dial(A, STRANGER)) is None, "nobody says a number"


def test_who_is_rung_behind_the_local_channel_with_which_a_call_begins_has_made_it():
    """Originate Local/1002@default: `;2` rings the user, then `;1` the other one."""
    talks = Conversations(LegPlaces(Directory(Tables())))
    first = talks.known(Leg(LegId("o"), "Local/1002@default-1;1", Direction.OUT))
    second = talks.known(Leg(LegId("o2"), "Local/1002@default-1;2", Direction.IN))
    user = talks.known(Leg(LegId("u"), "PJSIP/bill-1", Direction.IN))
    talks.known(STRANGER)
    made = talks.dialled(dial(second, user, linkedid=first.id))
    assert made is not None
    assert made.direction is Direction.OUT
    called = talks.dialled(dial(first, STRANGER, "0123", linkedid=first.id))
    assert called is not None
    assert called.direction is Direction.IN
    talks.note(first.id, LegGone(first.id))
    assert talks.known(user).direction is Direction.OUT


def test_who_fetches_a_call_that_was_parked_has_received_it():
    """Both dialled once; the one whose Linkedid has become the other's came to the other's call."""
    talks = Conversations(LegPlaces(Directory(Tables())))
    for leg in (A, B):
        talks.known(leg)
    talks.note(A.id, LegBridged(ONE, A))
    later = replace(B, direction=Direction.IN)
    talks.note_parked_call_retrieved(later, OTHER)
    assert B == talks.known(later), "there is nobody"
    talks.note_parked_call_retrieved(B, ONE)
    assert B == talks.known(later), "its Linkedid is its own"
    talks.note_parked_call_retrieved(later, ONE)
    assert later == talks.known(later)


def test_who_comes_to_one_who_was_called_has_called():
    """An attended transfer: the rules for calls made hold on."""
    talks = Conversations(LegPlaces(Directory(Tables())))
    called = replace(A, direction=Direction.IN)
    for leg in (called, B):
        talks.known(leg)
    talks.note(A.id, LegBridged(ONE, called))
    talks.note_parked_call_retrieved(replace(B, direction=Direction.IN), ONE)
    assert B == talks.known(B)


SUPPORT = PlaceRule(Rule.NEVER, "queue:support")


def with_queue() -> Conversations:
    """A queue with a rule."""
    return Conversations(LegPlaces(Directory(Tables(places=(Place(PlaceKind.QUEUE, "support", Rule.NEVER),)))))


def test_who_is_behind_a_local_channel_is_in_the_queue_of_its_other_half():
    """Also when Asterisk has optimised the channel away. Their own application says Dial."""
    talks = with_queue()
    near, far = (Leg(LegId(half), f"Local/9@default-01;{half}", Direction.IN) for half in "12")
    for leg, bridge in ((far, OTHER), (B, OTHER), (near, ONE), (A, ONE)):
        talks.known(leg)
        talks.note(leg.id, LegBridged(bridge, leg))
    changed = talks.runs(far.id, "Queue", "support,c")
    assert [(one.id, one.at) for one in changed] == [(far.id, SUPPORT), (A.id, SUPPORT)]
    assert talks.runs(A.id, "Dial", "Local/9@default") == []
    for leg in (near, far):
        talks.note(leg.id, LegGone(leg.id))
    talks.note(A.id, LegBridged(OTHER, A))
    assert talks.runs(A.id, "Dial", "Local/9@default") == []
    assert (talks.rule_at(A.id), talks.rule_at(B.id)) == (SUPPORT, None)


def test_who_comes_late_to_a_local_channel_is_in_the_queue_too():
    talks = with_queue()
    near, far = (Leg(LegId(half), f"Local/9@default-01;{half}", Direction.IN) for half in "12")
    for leg, bridge in ((far, OTHER), (near, ONE)):
        talks.known(leg)
        talks.note(leg.id, LegBridged(bridge, leg))
    assert [one.id for one in talks.runs(far.id, "Queue", "support")] == [far.id]
    talks.known(A)
    talks.note(A.id, LegBridged(ONE, A))
    assert [(one.id, one.at) for one in talks.runs(A.id, "Dial", "")] == [(A.id, SUPPORT)]
    assert talks.runs(near.id, "AppDial", "") == []


def test_who_has_opted_out_has_until_they_hang_up():
    """Also when news come that do not know it, and when it was known before the leg was told of."""
    talks = told(("a", ONE), ("b", ONE))
    talks.opt_out((LegId("a"), LegId("c")))
    known = [talks.leg(LegId("a")), talks.known(A), talks.known(B), talks.known(replace(A, id=LegId("c")))]
    assert [one and one.opted_out for one in known] == [True, True, False, True]
    talks.note(A.id, LegGone(A.id))
    assert not talks.known(A).opted_out
