"""All function keys of a user at once, and keys copied to others."""

from dataclasses import replace

import pytest

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change
from callrec.domain.directory.key_sets import KeyFault, KeysRefused, LeftOut, Unfit, copied, replacing
from callrec.domain.directory.model import FunctionKey, Line, Tables, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN, EVE = User(UserId("1"), "John", agentnumber="2101"), User(UserId("2"), "Eve", agentnumber="2102")
BILL = User(UserId("3"), "Bill")
LINES = (Line("desk", JOHN.id, "1000", "default"), Line("1002", BILL.id, "1002", "default", "sccp"))
DND = FunctionKey(JOHN.id, 1, "dnd", supervision=True)
TO_EVE = FunctionKey(JOHN.id, 2, "user", EVE.id, "Eve", supervision=True)
AGENT = FunctionKey(JOHN.id, 3, "agent_toggle", "2101")
OUT = FunctionKey(JOHN.id, 4, "customized", "0123")


def tables(*keys):
    return Directory(Tables((JOHN, EVE, BILL), LINES, keys=keys))


def test_keys_are_added_changed_moved_and_removed_in_one_edit():
    moved, louder = replace(TO_EVE, number=5), replace(DND, label="Quiet")
    edit = replacing(JOHN.id, [louder, moved, OUT], tables(DND, TO_EVE))
    assert edit.changes == (Change(DND, louder), Change(TO_EVE, None), Change(None, OUT), Change(None, moved))
    assert not replacing(JOHN.id, [DND, TO_EVE], tables(DND, TO_EVE))


def test_two_keys_may_change_their_places():
    swapped = [replace(DND, number=2), replace(TO_EVE, number=1)]
    edit = replacing(JOHN.id, swapped, tables(DND, TO_EVE))
    assert edit.changes == (Change(DND, swapped[1]), Change(TO_EVE, swapped[0]))


def test_every_fault_is_told_with_the_place_of_its_key_and_its_field():
    wanted = [
        *(replace(DND, label="x" * 33), replace(DND, number=7), replace(OUT, destination="x")),
        *(replace(OUT, number=7), FunctionKey(JOHN.id, 9, "listen"), FunctionKey(JOHN.id, 0, "dnd")),
        *(FunctionKey(JOHN.id, 10, "user", EVE.id), replace(DND, number=8)),
    ]
    with pytest.raises(KeysRefused) as refused:
        replacing(JOHN.id, wanted, tables())
    found = [(fault.at, fault.number, fault.field) for fault in refused.value.faults]
    assert found == [
        *((0, 1, "label"), (1, 7, "destination"), (2, 4, "destination"), (3, 7, "number")),
        *((4, 9, "type"), (5, 0, "number"), (7, 8, "destination")),
    ]
    assert str(refused.value).startswith("key 1: a label has at most 32 characters")
    assert "and 6 more" in refused.value.message
    assert refused.value.code == "keys-refused"


def test_a_single_fault_stands_alone_and_a_key_that_stays_is_not_checked_again():
    stays = FunctionKey(JOHN.id, 9, "listen")
    with pytest.raises(KeysRefused) as refused:
        replacing(JOHN.id, [stays, replace(stays, number=8)], tables(stays))
    assert refused.value.faults == (
        KeyFault(1, 8, "type", "keys of type listen are not served by this PBX", "key-not-served"),
    )
    assert "more" not in refused.value.message


def test_of_an_unknown_user_there_are_no_keys():
    with pytest.raises(Refused) as refused:
        replacing(UserId("99"), [], tables())
    assert refused.value.code == "no-such-user"


def test_copied_keys_belong_to_their_new_user_and_an_agent_key_has_their_number():
    found = copied([AGENT, DND, OUT], EVE, tables(), keep=False)
    assert (
        found.keys
        == found.come
        == tuple(
            replace(key, user=EVE.id, destination="2102" if key is AGENT else key.destination)
            for key in (DND, AGENT, OUT)
        )
    )
    assert found.left_out == ()


def test_what_a_user_cannot_have_is_left_out_with_the_reason():
    own = FunctionKey(EVE.id, 1, "forwards_off")
    dialling = FunctionKey(EVE.id, 8, "customized", "0123")
    found = copied([DND, TO_EVE, AGENT, OUT], EVE, tables(own, dialling), keep=True)
    assert [(one.key.number, one.reason) for one in found.left_out] == [
        (1, "key 1 is in use"),
        (2, "it would call the user's own phone"),
        (4, "key 8 does the same"),
    ]
    assert [key.number for key in found.keys] == [1, 3, 8]
    assert [key.number for key in found.come] == [3]
    sccp = copied([DND, OUT], BILL, tables(), keep=False)
    assert [key.type for key in sccp.come] == ["customized"]
    dnd = replace(DND, user=BILL.id)
    assert sccp.left_out == (LeftOut(dnd, "key-sccp", "an SCCP phone has no key of type dnd"),)


def test_a_key_whose_number_the_pbx_does_not_have_is_left_out():
    queue = FunctionKey(DND.user, 5, "queue", "6000")
    its = replace(queue, user=EVE.id)
    found = copied([DND, queue], EVE, tables(), keep=False, absent={its})
    assert found.left_out == (LeftOut(its, Unfit.NO_NUMBER, "this PBX has no number 6000"),)
    assert [key.number for key in found.keys] == [1]


def test_without_keeping_the_user_has_the_copied_keys_only():
    own = FunctionKey(EVE.id, 8, "customized", "0123")
    assert [key.number for key in copied([OUT], EVE, tables(own), keep=False).keys] == [4]
