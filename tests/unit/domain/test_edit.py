"""What an edit consists of: where each record stands, and what it takes for itself."""

import pytest

from callrec.domain.provisioning.claims import Kind
from callrec.domain.provisioning.edit import Change, Edit, Table, claims_of, place
from callrec.domain.provisioning.model import (
    Context,
    ContextKind,
    Entity,
    FunctionKey,
    Incall,
    Line,
    Profile,
    Range,
    Role,
    Tables,
    User,
    UserId,
    Voicemail,
)

JOHN = User(UserId("1"), "John", username="john", agentnumber="7")
DESK = Line("desk", JOHN.id, "1000", "default")
DID = Incall("2050", "from-extern", JOHN.id)
BOX = Voicemail("1000", "default", JOHN.id, "John")
KEY = FunctionKey(JOHN.id, 4, "call_record")
SALES = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        (JOHN, (Table.USERS, "1")),
        (DESK, (Table.LINES, "PJSIP/desk")),
        (DID, (Table.INCALLS, "2050@from-extern")),
        (BOX, (Table.VOICEMAILS, "1000@default")),
        (SALES, (Table.CONTEXTS, "sales")),
        (Entity(4, "branch"), (Table.ENTITIES, "4")),
        (Profile("agent"), (Table.PROFILES, "agent")),
        (Role("boss"), (Table.ROLES, "boss")),
        (KEY, (Table.KEYS, "1:4")),
    ],
)
def test_each_record_has_its_table_and_key(noun, expected):
    assert expected == place(noun)


@pytest.mark.parametrize(
    ("noun", "expected"),
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
def test_what_a_record_takes_for_itself(noun, expected):
    assert expected == {claim.kind for claim in claims_of(noun)}
    assert expected == {claim.kind for claim in Change(noun, None).claims_before()}
    assert expected == {claim.kind for claim in Change(None, noun).claims_after()}


def test_adding_makes_everything_new():
    edit = Edit.adding(Tables((JOHN,), (DESK,), (DID,), (BOX,)))
    assert tuple(Change(None, noun) for noun in (JOHN, DESK, DID, BOX)) == edit.changes
    assert (True, False) == (bool(edit), bool(Edit.adding(Tables())))


def test_a_range_holds_numbers_of_its_length():
    one = Range("100", "199")
    assert [True, True, False, False, False] == [one.holds(number) for number in ("100", "199", "200", "1000", "1*0")]
    assert ("100-199", "5") == (str(one), str(Range("5", "5")))
    assert SALES.holds("3050")
    assert not SALES.holds("1000")
