"""What the manager says, in domain words: who is at which channel, and what becomes of strangers' texts."""

import pytest

from callrec.app.calls.ami_events import (
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
    may_speak,
    translate,
)
from callrec.domain.calls.events import (
    DialEnded,
    Event,
    HoldChanged,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegGone,
    LegParked,
    LegUnbridged,
    MusicChanged,
    SupervisorCame,
    SupervisorLeft,
)
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.model import Direction, Leg
from callrec.domain.directory.directory import Directory
from callrec.protocols.ami import Message
from callrec_lab.simulated_asterisk import ALICE, BOB, TABLES, event

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


@pytest.mark.parametrize("channel", ["Snoop/1.1-00000001", "Recorder/ARI-1;1", "CBAnn/1-1;1", "MulticastRTP/basic-1"])
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


SUPERVISOR = Leg(LegId("9.1"), "PJSIP/bob-00000009", Direction.OUT, BOB, "1002", "Bob")


def spies(name: str, spyer: str) -> Message:
    """A supervisor's leg, or a channel of Asterisk's own, begins or ends to listen in on alice's leg."""
    channel = spyer if "/" in spyer else f"PJSIP/{spyer}-00000009"
    who = {"SpyerChannel": channel, "SpyerUniqueid": "9.1", "SpyerLinkedid": "9.1", "SpyerCallerIDNum": "1"}
    return Message((("Event", name), *who.items(), ("SpyeeChannel", "PJSIP/alice-00000001"), ("SpyeeUniqueid", "1.1")))


@pytest.mark.parametrize(
    ("arguments", "speaks"),
    [
        ("PJSIP/alice,q", False),
        ("PJSIP/alice,qw", True),
        ("PJSIP/alice,W", True),
        ("PJSIP/alice,qB", True),
        ("PJSIP/alice,d", True),
        ("PJSIP/alice,qg(wards)o", False),
        ("PJSIP/windward", False),
        ("", False),
    ],
)
def test_a_supervisor_may_speak_by_the_options_of_their_application(arguments: str, speaks: bool) -> None:
    assert may_speak(arguments) is speaks


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (event("Newchannel", "1.1", "x"), LegAppeared(Leg(LegId("1.1"), "PJSIP/x-00000001", Direction.OUT))),
        (event("Hangup", "1.1", "x"), LegGone(LegId("1.1"))),
        (event("Hangup", "1.1", "x", Cause="3"), LegGone(LegId("1.1"), 3)),
        (event("Hangup", "1.1", "x", Cause="9" * 5000), LegGone(LegId("1.1"), 999)),
        (event("Newstate", "1.1", "x", ChannelState="6"), LegAnswered(LegId("1.1"))),
        (event("Newstate", "1.1", "x", ChannelState="5"), None),
        (event("DialBegin", "1.1", "x"), None),
        (
            event("BridgeEnter", "1.1", "x", BridgeUniqueid="b"),
            LegBridged(BridgeId("b"), Leg(LegId("1.1"), "PJSIP/x-00000001", Direction.OUT)),
        ),
        (event("BridgeLeave", "1.1", "x", BridgeUniqueid="b"), LegUnbridged(BridgeId("b"), LegId("1.1"))),
        (event("DialEnd", "1.1", "x", DialStatus="NO ANSWER\r\n"), DialEnded("NOANSWER")),
        (event("BridgeEnter", "1.1", "x", BridgeTechnology=HOLDING), None),
        (event("BridgeEnter", "1.1", "x", BridgeTechnology=HOLDING, BridgeType="parking"), LegParked(LegId("1.1"))),
        (event("Hold", "1.1", "x", MusicClass="default"), HoldChanged(LegId("1.1"), holds_others=True)),
        (event("Unhold", "1.1", "x"), HoldChanged(LegId("1.1"), holds_others=False)),
        (event("MusicOnHoldStart", "1.1", "x", Class="default"), MusicChanged(LegId("1.1"), plays=True)),
        (event("MusicOnHoldStop", "1.1", "x"), MusicChanged(LegId("1.1"), plays=False)),
        (event("FullyBooted", "1.1", "x"), None),
        (spies("ChanSpyStart", "bob"), SupervisorCame(LegId("1.1"), SUPERVISOR)),
        (spies("ChanSpyStop", "bob"), SupervisorLeft(LegId("1.1"), LegId("9.1"))),
        (spies("ChanSpyStart", "Snoop/1.1"), None),
    ],
    ids=lambda value: value.event if isinstance(value, Message) else "",
)
def test_each_event_has_its_word(said: Message, expected: Event | None) -> None:
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


@pytest.mark.parametrize("channel", ["UnicastRTP/127.0.0.1:4000-0x7f", "AudioSocket/127.0.0.1:9092-40325ec2"])
def test_a_program_has_received_its_call_and_no_number(channel: str) -> None:
    """ARI makes its channel, so its Linkedid is its own; Dial names an address and an id."""
    made = Message((("Event", "Newchannel"), ("Channel", channel), ("Uniqueid", "1.2"), ("Linkedid", "1.2")))
    assert is_leg(made)
    assert leg_of(made, DIRECTORY) == Leg(LegId("1.2"), channel, Direction.IN)
    dialled = event("DialBegin", "1.1", "alice", DestChannel=channel, DialString="127.0.0.1:9092/40325ec2")
    dial = dial_of(dialled)
    assert dial is not None
    assert dial.number == ""


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
