"""What an edit consists of: where each record stands, and what it takes for itself."""

import pytest

from callrec.domain.directory.edit import Change, Table, claims_of, place
from callrec.domain.directory.model import (
    Context,
    ContextKind,
    Entity,
    FunctionKey,
    Incall,
    Line,
    Place,
    Profile,
    Range,
    Role,
    User,
    Voicemail,
)
from callrec.domain.directory.unique_keys import Kind
from callrec.domain.rules import PlaceKind, Rule, UserId

JOHN = User(UserId("1"), "John", username="john", agentnumber="7")
DESK = Line("desk", JOHN.id, "1000", "default")
DID = Incall("2050", "from-extern", JOHN.id)
BOX = Voicemail("1000", "default", JOHN.id, "John")
KEY = FunctionKey(JOHN.id, 4, "call_record")
SALES = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))


@pytest.mark.parametrize(
    ("table_record", "expected"),
    [
        (JOHN, (Table.USERS, "1")),
        (DESK, (Table.LINES, "PJSIP/desk")),
        (DID, (Table.INCALLS, "2050@from-extern")),
        (BOX, (Table.VOICEMAILS, "1000@default")),
        (SALES, (Table.CONTEXTS, "sales")),
        (Entity(4, "branch"), (Table.ENTITIES, "4")),
        (Profile("agent"), (Table.PROFILES, "agent")),
        (Role("boss"), (Table.ROLES, "boss")),
        (Place(PlaceKind.QUEUE, "Support", Rule.ALWAYS), (Table.PLACES, "queue:support")),
        (Place(PlaceKind.CONFERENCE, "Room 1", Rule.NEVER), (Table.PLACES, "conference:room 1")),
        (Place(PlaceKind.TRUNK, "Provider", Rule.NEVER), (Table.PLACES, "trunk:Provider")),
        (KEY, (Table.KEYS, "1:4")),
    ],
)
def test_each_record_has_its_table_and_key(table_record, expected):
    assert expected == place(table_record)


@pytest.mark.parametrize(
    ("table_record", "expected"),
    [
        (JOHN, {Kind.USERNAME, Kind.AGENT}),
        (DESK, {Kind.EXTENSION, Kind.ENDPOINT}),
        (DID, {Kind.EXTENSION}),
        (BOX, {Kind.MAILBOX}),
        (KEY, {Kind.KEY}),
        (SALES, set()),
        (None, set()),
    ],
)
def test_what_a_record_takes_for_itself(table_record, expected):
    assert expected == {claim.kind for claim in claims_of(table_record)}
    assert expected == {claim.kind for claim in Change(table_record, None).claims_before()}
    assert expected == {claim.kind for claim in Change(None, table_record).claims_after()}


def test_a_range_holds_numbers_of_its_length():
    one = Range("100", "199")
    assert [True, True, False, False, False] == [one.holds(number) for number in ("100", "199", "200", "1000", "1*0")]
    assert ("100-199", "5") == (str(one), str(Range("5", "5")))
    assert SALES.holds("3050")
    assert not SALES.holds("1000")
