"""Keys follow a number that changes, and go with what is removed; all others stay."""

from dataclasses import replace

import pytest

from callrec.domain.directory.dead_keys import dead_keys
from callrec.domain.directory.edit import Change
from callrec.domain.directory.model import FunctionKey, Line, Tables, User, Voicemail
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", agentnumber="5001")
EVE = User(UserId("2"), "Eve")
DESK = Line("desk", JOHN.id, "1000", "default", secret="s")
EVES = Line("eve", EVE.id, "1001", "default", secret="s")
ELSEWHERE = Line("shop", EVE.id, "3001", "sales", secret="s")
BOX = Voicemail("1000", "default", JOHN.id, "John Doe", "1234")
FAR = Voicemail("1000", "sales", EVE.id, "Eve", "1234")
LEAVE = FunctionKey(EVE.id, 1, "voicemail_leave", "1000")
LOGIN = FunctionKey(JOHN.id, 1, "agent_login", "5001", "in", supervision=True)
LOGOFF = FunctionKey(JOHN.id, 2, "agent_logoff")
CALL = FunctionKey(EVE.id, 3, "user", JOHN.id)
OTHERS = (
    FunctionKey(JOHN.id, 7, "dnd"),
    FunctionKey(EVE.id, 7, "customized", JOHN.id),
    FunctionKey(EVE.id, 8, "forward_busy", "1000"),
    FunctionKey(EVE.id, 9, "no_such_type", "1000"),
)
KEYS = (LEAVE, LOGIN, LOGOFF, CALL, *OTHERS)
TABLES = Tables((JOHN, EVE), (DESK, EVES), (), (BOX,), keys=KEYS)


def gone(*table_records):
    """They are removed."""
    return tuple(Change(table_record, None) for table_record in table_records)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        (gone(JOHN, DESK, BOX), gone(LEAVE, LOGIN, LOGOFF, CALL, OTHERS[0])),
        (gone(JOHN, DESK, BOX, LOGIN), gone(LEAVE, LOGOFF, CALL, OTHERS[0])),
        (gone(BOX), gone(LEAVE)),
        (gone(EVES), gone(LEAVE)),
        (gone(DESK), ()),
        (((Change(EVES, replace(EVES, context="sales"))),), gone(LEAVE)),
        (((Change(EVES, replace(EVES, number="1009"))),), ()),
        (((Change(EVES, replace(EVES, user=JOHN.id))),), gone(LEAVE)),
        (((Change(BOX, replace(BOX, context="sales"))),), gone(LEAVE)),
        (((Change(BOX, replace(BOX, password="1"))),), ()),
        (((Change(BOX, replace(BOX, mailbox="99"))),), (Change(LEAVE, replace(LEAVE, destination="99")),)),
        ((*gone(BOX), Change(None, replace(BOX, user=EVE.id))), ()),
        (((Change(JOHN, replace(JOHN, agentnumber=""))),), gone(LOGIN, LOGOFF)),
        (((Change(JOHN, replace(JOHN, agentnumber="5002"))),), (Change(LOGIN, replace(LOGIN, destination="5002")),)),
        (((Change(JOHN, replace(JOHN, firstname="J"))),), ()),
        (((Change(EVE, replace(EVE, agentnumber="5003"))),), ()),
    ],
)
def test_what_becomes_of_keys(changes, needed):
    assert needed == dead_keys(changes, TABLES)


def test_a_mailbox_of_that_number_in_another_of_the_owners_contexts_keeps_the_key():
    tables = replace(TABLES, lines=(DESK, EVES, ELSEWHERE), voicemails=(BOX, FAR))
    assert () == dead_keys(gone(BOX), tables)
    assert gone(LEAVE) == dead_keys(gone(BOX, FAR), tables)
    assert () == dead_keys((Change(BOX, replace(BOX, mailbox="99")),), tables)


def test_keys_follow_mailboxes_that_take_each_others_numbers():
    """The number is somebody else's then: the key leads where it has led."""
    other = Voicemail("1001", "default", EVE.id, "Eve", "1234")
    there = replace(TABLES, voicemails=(BOX, other))
    for_john = (Change(LEAVE, replace(LEAVE, destination="1001")),)
    swapped = Change(BOX, replace(BOX, mailbox="1001")), Change(other, replace(other, mailbox="1000"))
    assert for_john == dead_keys(swapped, there) == dead_keys(swapped[::-1], there)
    passed_on = Change(BOX, replace(BOX, mailbox="1005")), Change(other, replace(other, mailbox="1000"))
    assert (Change(LEAVE, replace(LEAVE, destination="1005")),) == dead_keys(passed_on, there)


def test_a_key_does_not_lead_to_a_stranger_where_its_owner_moves_to():
    """There is a mailbox of that number, and another one's."""
    there = replace(TABLES, voicemails=(BOX, FAR))
    assert gone(LEAVE) == dead_keys((Change(EVES, replace(EVES, context="sales")),), there)


def test_an_sccp_phone_has_customized_keys_only():
    """The others go when their owner gets such a phone; of who has one already, nothing does."""
    custom = FunctionKey(JOHN.id, 9, "customized", "5")
    there = replace(TABLES, keys=(*KEYS, custom))
    of_john = gone(*(key for key in KEYS if key.user == JOHN.id))
    cisco = replace(DESK, name="1000", protocol="sccp", secret="")
    assert of_john == dead_keys((Change(DESK, cisco),), there) == dead_keys((Change(None, cisco),), there)
    assert () == dead_keys((Change(cisco, replace(cisco, number="1009")),), replace(there, lines=(cisco, EVES)))


def test_a_key_goes_with_its_mailbox_to_another_context_of_its_owner():
    tables = replace(TABLES, lines=(DESK, EVES, ELSEWHERE))
    moved = Change(BOX, replace(BOX, mailbox="99", context="sales"))
    assert (Change(LEAVE, replace(LEAVE, destination="99")),) == dead_keys((moved,), tables)


def test_no_user_gets_two_keys_that_do_the_same():
    """The number was another mailbox's in the owner's other context: that one has a key already."""
    tables = replace(TABLES, lines=(DESK, EVES, ELSEWHERE), voicemails=(BOX, replace(FAR, mailbox="99")))
    tables = replace(tables, keys=(LEAVE, replace(LEAVE, number=2, destination="99")))
    assert gone(LEAVE) == dead_keys((Change(BOX, replace(BOX, mailbox="99")),), tables)


def test_a_key_that_was_dead_before_is_nobodys_business():
    """It is there from a former version; no edit of something else takes it away."""
    stale = replace(TABLES, keys=(replace(LEAVE, destination="77"), replace(LOGIN, destination="5000")))
    assert () == dead_keys((*gone(BOX), Change(JOHN, replace(JOHN, agentnumber="5002"))), stale)
