"""Function keys: the kinds, what they dial, their lamps, and every reason to refuse one."""

from dataclasses import replace

import pytest

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit, Table
from callrec.domain.directory.function_keys import (
    KEY_TYPES,
    SERVED,
    Takes,
    blf_of,
    bound,
    dials,
    meant,
    owner_of,
)
from callrec.domain.directory.model import (
    DEFAULT_CODES,
    Feature,
    FeatureCode,
    FunctionKey,
    Line,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.directory.record_edits import changing, creating
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN, EVE = User(UserId("1"), "John", agentnumber="2101"), User(UserId("2"), "Eve")
BOX = Voicemail("1002", "default", EVE.id, "Eve")
DESK = Line("desk", JOHN.id, "1000", "default")
THEIRS = Line("eve", EVE.id, "1002", "default")
CODES = {code.feature: code for code in DEFAULT_CODES}
RECORD = FunctionKey(JOHN.id, 1, "call_record", supervision=True)
TO_EVE = FunctionKey(JOHN.id, 2, "user", EVE.id, "Eve", supervision=True)


def place(key, lines=(DESK,), keys=(), users=(JOHN, EVE)):
    tables = Directory(Tables(users, (*lines, THEIRS), voicemails=(BOX,), keys=keys))
    before = tables.records(Table.KEYS).get(f"{key.user}:{key.number}")
    return creating(key, tables) if before is None else changing(before, key, tables)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("*26", "*73512***226"), ("*3", "*73512***23"), ("*2*6", "*73512***22**6"), ("26", "*73512***226")],
)
def test_what_a_bound_key_dials_doubles_the_inner_stars_of_its_code(code, expected):
    assert expected == bound(UserId("12"), code)


@pytest.mark.parametrize(("user", "code"), [("1\n", "*26"), ("", "*26"), ("x", "*26"), ("1", ""), ("1", "*2;6")])
def test_of_what_is_no_id_or_no_code_no_key_is_made(user, code):
    with pytest.raises(Refused) as refused:
        bound(UserId(user), code)
    assert refused.value.code == "key-pattern"


@pytest.mark.parametrize(
    ("key", "lines", "expected"),
    [
        (RECORD, (), ("*7351***226", "*7351***226")),
        (replace(RECORD, supervision=False), (), ("*7351***226", "")),
        (replace(RECORD, type="online_record"), (), ("*3", "*7351***23")),
        (TO_EVE, (THEIRS,), ("1002", "1002")),
        (TO_EVE, (), ("", "")),
        (FunctionKey(JOHN.id, 3, "customized", "5551", supervision=True), (), ("5551", "5551")),
        (FunctionKey(JOHN.id, 3, "blind_transfer"), (), ("*1", "")),
        (replace(RECORD, type="forward_busy"), (), ("*7351***223", "*7351***223")),
        (replace(RECORD, type="forward_busy", destination="1002"), (), ("*7351***223*1002", "*7351***223*1002")),
        (FunctionKey(JOHN.id, 3, "voicemail_leave", "1002"), (), ("*971002", "")),
        (FunctionKey(JOHN.id, 3, "phone_status"), (), ("*10", "")),
        (FunctionKey(JOHN.id, 3, "conference", "5000", supervision=True), (), ("5000", "5000")),
        (FunctionKey(JOHN.id, 3, "parking_position", "701", supervision=True), (), ("701", "701")),
        (FunctionKey(JOHN.id, 3, "queue", "5001"), (), ("5001", "")),
        (FunctionKey(JOHN.id, 3, "parking"), (), ("*70", "")),
        (FunctionKey(JOHN.id, 3, "parking", "*71"), (), ("*71", "")),
        (FunctionKey(JOHN.id, 3, "group_pickup"), (), ("*8", "")),
    ],
)
def test_what_a_key_dials_and_the_lamp_that_shows_it(key, lines, expected):
    assert expected == (dials(key, lines, CODES), blf_of(key, lines, CODES))


@pytest.mark.parametrize("name", SERVED)
def test_every_served_type_can_be_given(name):
    kind = KEY_TYPES[name]
    destination = {
        Takes.NOTHING: "", Takes.USER: EVE.id, Takes.DIGITS: "5551", Takes.FORWARD: "1002", Takes.MAILBOX: "1002",
        Takes.AGENT: "2101", Takes.NUMBER: "5000", Takes.LOT: "",
    }[kind.takes]  # fmt: skip
    key = FunctionKey(JOHN.id, 250, name, destination, "a label", kind.supervised)
    assert Edit((Change(None, key),)) == place(key)


def test_a_key_takes_the_place_of_the_one_with_its_number_and_is_given_once():
    other = replace(TO_EVE, number=1)
    assert Edit((Change(RECORD, other),)) == place(other, keys=(RECORD,))
    assert not place(RECORD, keys=(RECORD,))


@pytest.mark.parametrize("name", [name for name in KEY_TYPES if name not in SERVED])
def test_what_is_not_served_is_refused_by_name(name):
    with pytest.raises(Refused, match=f"keys of type {name} are not served") as refused:
        place(FunctionKey(JOHN.id, 1, name))
    assert "key-not-served" == refused.value.code


@pytest.mark.parametrize(
    ("key", "lines", "keys", "code"),
    [
        (replace(RECORD, type="nosuch"), (DESK,), (), "key-type"),
        (replace(RECORD, number=0), (DESK,), (), "key-number"),
        (replace(RECORD, number=251), (DESK,), (), "key-number"),
        (replace(RECORD, label="x" * 33), (DESK,), (), "key-label"),
        (replace(RECORD, label="a\nb"), (DESK,), (), "key-label"),
        (replace(RECORD, destination="1"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "blind_transfer", supervision=True), (DESK,), (), "key-supervision"),
        (replace(TO_EVE, destination="9"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "customized"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "customized", "55,${X}"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "paging"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "parking", "lot"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "group", "5000", supervision=True), (DESK,), (), "key-supervision"),
        (FunctionKey(JOHN.id, 1, "group_pickup", "1000"), (DESK,), (), "key-destination"),
        (replace(RECORD, type="forward_busy", destination="*98"), (DESK,), (), "key-destination"),
        (replace(RECORD, type="forward_busy", destination="1000"), (DESK,), (), "key-destination"),
        (replace(RECORD, type="agent_login", destination="2102"), (DESK,), (), "key-destination"),
        (FunctionKey(EVE.id, 1, "agent_login"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "voicemail_leave", "1003"), (DESK,), (), "key-destination"),
        (FunctionKey(JOHN.id, 1, "voicemail_leave", "1002"), (), (), "key-destination"),
        (RECORD, (replace(DESK, protocol="sccp"),), (), "key-sccp"),
    ],
)
def test_each_reason_to_refuse_a_key(key, lines, keys, code):
    with pytest.raises(Refused) as refused:
        place(key, lines, keys)
    assert code == refused.value.code


def test_an_sccp_phone_takes_customized_keys():
    assert place(FunctionKey(JOHN.id, 1, "customized", "*98"), (replace(DESK, protocol="sccp"),))


def test_two_keys_that_do_the_same_are_refused_with_both_numbers():
    with pytest.raises(Refused, match="key 1 does the same as key 7 would"):
        place(replace(RECORD, number=7, label="again"), keys=(RECORD,))


def test_nobody_has_no_keys():
    with pytest.raises(Refused) as refused:
        place(RECORD, users=(EVE,))
    assert "no-such-user" == refused.value.code


@pytest.mark.parametrize(
    ("dialled", "expected"),
    [
        ("*7351***225", (Feature.DND, "")),
        ("*7351***221", (Feature.FORWARD_UNCONDITIONAL, "")),
        ("*7351***221*1002", (Feature.FORWARD_UNCONDITIONAL, "1002")),
        ("*7351***22**6*1002", (Feature.PICKUP, "1002")),
        ("*7351***22**6", (Feature.PICKUP, "")),
        ("*7351***221*", None),
        ("*7351***277", None),
        ("*7351**225", None),
        ("*735", None),
    ],
)
def test_a_dialled_key_means_its_feature_and_its_destination(dialled, expected):
    codes = [FeatureCode(Feature.PICKUP, "*2*6") if one.feature is Feature.PICKUP else one for one in DEFAULT_CODES]
    found = meant(dialled, codes)
    assert expected == (found and (found[0].feature, found[1]))
    if found:
        assert JOHN.id == owner_of(dialled)


def test_what_no_key_dials_has_no_owner():
    assert owner_of("1000") is None
