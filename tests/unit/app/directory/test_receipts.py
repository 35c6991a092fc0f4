"""A receipt leads back to its record while it is there and whose it was."""

from dataclasses import replace

import pytest

from callrec.app.directory.receipts import still_there, written
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Entity, FunctionKey, Incall, Line, Profile, Tables, User, Voicemail
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN, EVE = User(UserId("1"), "John"), User(UserId("2"), "Eve")
DESK = Line("desk", JOHN.id, "1000", "default", secret="s")
DID = Incall("2050", "from-extern", JOHN.id)
BOX = Voicemail("1000", "default", JOHN.id, "John Doe", "1234")
KEY = FunctionKey(JOHN.id, 1, "dnd")
SALES, AGENTS = Entity(2, "Sales"), Profile("all the agents")


def tables(*table_records):
    """Only these records."""
    names = {User: "users", Line: "lines", Incall: "incalls", Voicemail: "voicemails", FunctionKey: "keys"}
    names |= {Entity: "entities", Profile: "profiles"}
    return Directory(
        Tables(**{name: tuple(one for one in table_records if type(one) is kind) for kind, name in names.items()})
    )


@pytest.mark.parametrize(
    ("made", "now"),
    [
        (JOHN, replace(JOHN, firstname="Johnny")),
        (DESK, replace(DESK, number="1001")),
        (DID, replace(DID, ring_s=5)),
        (BOX, replace(BOX, password="1")),
        (KEY, replace(KEY, label="Quiet")),
        (SALES, SALES),
        (AGENTS, AGENTS),
    ],
)
def test_a_record_is_found_as_it_is_now(made, now):
    assert now == still_there(written(made), tables(now, EVE))


@pytest.mark.parametrize(
    ("made", "now"),
    [
        (JOHN, EVE),
        (DESK, replace(DESK, user=EVE.id)),
        (DESK, replace(DESK, name="front")),
        (DID, replace(DID, user=EVE.id)),
        (BOX, replace(BOX, user=EVE.id)),
        (KEY, replace(KEY, number=2)),
        (SALES, replace(SALES, name="Trade")),
        (AGENTS, Profile("all")),
    ],
)
def test_what_has_gone_or_is_anothers_is_refused(made, now):
    with pytest.raises(Refused) as refused:
        still_there(written(made), tables(now))
    assert "record-gone-since" == refused.value.code


def test_a_receipt_of_a_former_version_is_read():
    """They are kept for a day, and say nothing of whose it was."""
    assert DESK == still_there("lines PJSIP/desk", tables(DESK))
    with pytest.raises(Refused):
        still_there("lines PJSIP/front", tables(DESK))
