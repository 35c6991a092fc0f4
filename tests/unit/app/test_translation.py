"""What the manager says, in domain words: who is at which channel, and what becomes of strangers' texts."""

import pytest
from stage import ALICE, BOB, TABLES, event

from callrec.app.translation import (
    HOLDING,
    WANTED,
    Dial,
    by_name,
    clean_name,
    clean_number,
    dial_of,
    dialled_number,
    endpoint_of,
    is_leg,
    leg_of,
    translate,
)
from callrec.domain import messages as m
from callrec.domain.model import BridgeId, Direction, Leg, LegId
from callrec.domain.provisioning.directory import Directory
from callrec.protocols.ami import Message

DIRECTORY = Directory(TABLES)
STRANGER = {"CallerIDNum": "06 12-34", "CallerIDName": "Eve\u202e"}


@pytest.mark.parametrize(
    ("channel", "endpoint"),
    [
        ("PJSIP/alice-0000001f", "PJSIP/alice"),
        ("SCCP/1000-00000001", "SCCP/1000"),
        ("PJSIP/a-b-c-0000001f", "PJSIP/a-b-c"),
        ("PJSIP/alice", ""),
        ("Local/1000@default-0000002a;1", ""),
        ("SIP/alice-0000001f", ""),
        ("", ""),
    ],
)
def test_the_endpoint_is_what_stands_before_the_last_dash(channel: str, endpoint: str) -> None:
    assert endpoint_of(channel) == endpoint


@pytest.mark.parametrize(
    "channel", ["Snoop/1.1-00000001", "Recorder/ARI-1;1", "CBAnn/1-1;1", "UnicastRTP/127.0.0.1:4000-1"]
)
def test_asterisks_own_channels_are_no_legs(channel: str) -> None:
    """Nobody talks on them: nothing of theirs is news."""
    said = Message((("Event", "Newchannel"), ("Channel", channel), ("Uniqueid", "1.1")))
    assert not is_leg(said)
    assert translate(said, DIRECTORY) is None


def test_a_user_is_known_by_the_endpoint_whatever_the_caller_id_says() -> None:
    assert leg_of(event("Newchannel", "1.1", "alice", **STRANGER), DIRECTORY) == Leg(
        LegId("1.1"), "PJSIP/alice-00000001", Direction.OUT, ALICE, "1001", "Alice"
    )
    assert leg_of(event("Newchannel", "1.2", "bob", linkedid="1.1"), DIRECTORY) == Leg(
        LegId("1.2"), "PJSIP/bob-00000001", Direction.IN, BOB, "1002", "Bob"
    )


def test_a_stranger_is_cleaned() -> None:
    leg = leg_of(event("Newchannel", "1.1", "trunk", **STRANGER), DIRECTORY)
    assert (leg.user, leg.number, leg.name) == (None, "0612-34", "Eve")


@pytest.mark.parametrize(
    ("text", "number", "name"),
    [
        ("+33 (0)6;12", "+330612", "+33 (0)6;12"),
        ("<unknown>", "", ""),
        ("é\x00\r\n", "", "é"),
        ("a" * 200, "a" * 64, "a" * 128),
    ],
)
def test_numbers_and_names_are_kept_as_text_of_bounded_length(text: str, number: str, name: str) -> None:
    assert (clean_number(text), clean_name(text)) == (number, name)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (event("Newchannel", "1.1", "x"), m.LegAppeared(Leg(LegId("1.1"), "PJSIP/x-00000001", Direction.OUT))),
        (event("Hangup", "1.1", "x"), m.LegGone(LegId("1.1"))),
        (event("Hangup", "1.1", "x", Cause="3"), m.LegGone(LegId("1.1"), 3)),
        (event("Hangup", "1.1", "x", Cause="9" * 5000), m.LegGone(LegId("1.1"), 999)),
        (event("Newstate", "1.1", "x", ChannelState="6"), m.LegAnswered(LegId("1.1"))),
        (event("Newstate", "1.1", "x", ChannelState="5"), None),
        (event("DialBegin", "1.1", "x"), None),
        (
            event("BridgeEnter", "1.1", "x", BridgeUniqueid="b"),
            m.Bridged(BridgeId("b"), Leg(LegId("1.1"), "PJSIP/x-00000001", Direction.OUT)),
        ),
        (event("BridgeLeave", "1.1", "x", BridgeUniqueid="b"), m.Unbridged(BridgeId("b"), LegId("1.1"))),
        (event("DialEnd", "1.1", "x", DialStatus="NO ANSWER\r\n"), m.DialEnded("NOANSWER")),
        (event("BridgeEnter", "1.1", "x", BridgeTechnology=HOLDING), None),
        (event("BridgeEnter", "1.1", "x", BridgeTechnology=HOLDING, BridgeType="parking"), m.Parked(LegId("1.1"))),
        (event("Hold", "1.1", "x", MusicClass="default"), m.HoldChanged(LegId("1.1"), is_held=True)),
        (event("Unhold", "1.1", "x"), m.HoldChanged(LegId("1.1"), is_held=False)),
        (event("MusicOnHoldStart", "1.1", "x", Class="default"), m.MusicChanged(LegId("1.1"), plays=True)),
        (event("MusicOnHoldStop", "1.1", "x"), m.MusicChanged(LegId("1.1"), plays=False)),
        (event("FullyBooted", "1.1", "x"), None),
    ],
    ids=lambda value: value.event if isinstance(value, Message) else "",
)
def test_each_event_has_its_word(said: Message, expected: m.Event | None) -> None:
    """And each is asked for."""
    assert translate(said, DIRECTORY) == expected
    assert said.event in WANTED


def test_a_bare_name_is_found_in_every_technology() -> None:
    found = by_name(DIRECTORY, "bob")
    assert found is not None
    assert found.user == BOB
    assert by_name(DIRECTORY, "nobody") is None


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("0123456@trunk", "0123456"),
        ("trunk/sip:+49301234@10.0.0.1:5060", "+49301234"),
        ("trunk/sips:0123;phone-context=x@host", "0123"),
        ("trunk", ""),
        ("alice@trunk", ""),
        ("alice/sip:alice@127.0.0.1:5061", ""),
        ("g1/0301", "0301"),
        ("user@peer/0302", ""),
        ("0123\r\nAction: x@trunk", "0123Actionx"),
        ("", ""),
    ],
)
def test_the_number_in_what_was_dialled(dial_string: str, number: str) -> None:
    """Of the technologies that carry one there; a name is no number."""
    assert dialled_number(dial_string) == number


def test_an_extension_is_no_number_of_a_stranger() -> None:
    """Dial shows the trunk the extension in which it runs, `s` behind a subroutine; a caller may be called anything."""
    called = event("BridgeEnter", "1.2", "trunk", linkedid="1.1", CallerIDNum="s")
    assert leg_of(called, DIRECTORY).number == ""
    assert leg_of(event("Newchannel", "1.1", "trunk", CallerIDNum="anonymous"), DIRECTORY).number == "anonymous"


def test_what_a_caller_dialled_is_known_from_the_first_news_of_their_leg() -> None:
    """Later it is wherever the dialplan is; and who is rung has dialled nothing."""
    assert leg_of(event("Newchannel", "1.1", "alice", Exten="0123"), DIRECTORY).dialled == "0123"
    assert leg_of(event("Newchannel", "1.1", "alice", Exten="s"), DIRECTORY).dialled == ""
    assert leg_of(event("BridgeEnter", "1.1", "alice", Exten="0123"), DIRECTORY).dialled == ""
    assert leg_of(event("Newchannel", "1.2", "alice", linkedid="1.1", Exten="0123"), DIRECTORY).dialled == ""


@pytest.mark.parametrize(
    ("name", "status", "by", "is_dial"),
    [
        ("DialBegin", "", "1.1", True),
        ("DialEnd", "ANSWER", "1.1", True),
        ("DialEnd", "BUSY", "1.1", False),
        ("DialBegin", "", "", False),  # an Originate: no leg dials
        ("Newstate", "ANSWER", "1.1", False),
    ],
)
def test_who_rings_whom(name: str, status: str, by: str, *, is_dial: bool) -> None:
    """A dial that begins, and one that is answered."""
    said = event(name, by, "alice", DestUniqueid="1.2", DestLinkedid="1.1", DialStatus=status, DialString="0123@trunk")
    expected = Dial(LegId(by), "PJSIP/alice-00000001", LegId("1.2"), "1.1", "0123")
    assert dial_of(said) == (expected if is_dial else None)
