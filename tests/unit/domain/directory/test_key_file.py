"""Function keys as a file: what is exported can be imported, all of it or nothing, and each error has its line."""

from dataclasses import replace

import pytest

from callrec.domain.directory import key_file
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change
from callrec.domain.directory.key_file import exported_keys, imported_keys, readable_keys
from callrec.domain.directory.model import FunctionKey, Line, Tables, User
from callrec.domain.directory.user_file.csv_text import FileRefused
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN, EVE, BARE = User(UserId("1"), "John"), User(UserId("2"), "Eve"), User(UserId("3"), "Bare")
LINES = (
    Line("desk", JOHN.id, "1000", "default"),
    Line("cell", JOHN.id, "1009", "default"),
    Line("eve", EVE.id, "1001", "default"),
)
DND = FunctionKey(JOHN.id, 1, "dnd", supervision=True)
TO_EVE = FunctionKey(JOHN.id, 2, "user", EVE.id, "=Eve")
OUT = FunctionKey(BARE.id, 1, "customized", "0123")
FILE = """user|number|type|destination|label|supervision
1000@default|1|dnd|||1
1000@default|2|user|1001@default|'=Eve|0
id:3|1|customized|0123||0
"""
NAMES = {"1000@default": JOHN.id, "1000": JOHN.id, "1001@default": EVE.id, "id:3": BARE.id}


def tables(*keys):
    return Tables((JOHN, EVE, BARE), LINES, keys=keys)


def find(text):
    if text not in NAMES:
        raise Refused("no-such-user", f"no user is {text!r}")
    return NAMES[text]


def imported(text, *keys, **how):
    return imported_keys(text, Directory(tables(*keys)), find, **how).changes


def errors_of(text, *keys):
    with pytest.raises(FileRefused) as refused:
        imported(text, *keys)
    return [(error.line, error.column) for error in refused.value.errors]


def test_what_is_exported_is_imported_as_it_was():
    assert exported_keys(tables(OUT, TO_EVE, DND)) == FILE
    assert imported(FILE) == (Change(None, DND), Change(None, TO_EVE), Change(None, OUT))
    assert imported(FILE, DND, TO_EVE, OUT) == ()


def test_other_keys_of_the_user_stay_or_go():
    other = FunctionKey(JOHN.id, 9, "forwards_off")
    text = "user,number,type\n1000,1,dnd\n"
    louder = replace(DND, label="x")
    assert imported(text, other, louder) == (Change(louder, replace(DND, supervision=False)),)
    assert imported(text, other, DND, replace=True) == (
        Change(DND, replace(DND, supervision=False)),
        Change(other, None),
    )


def test_every_error_has_its_line_and_column():
    rows = ("nobody;x;dnd;;2", "1000;3;user;who;", "1000;4", "1000;5;customized;letters;", "1000;6;listen;300;1")
    bad = "user;number;type;destination;supervision\n\n" + "\n".join(rows)
    assert errors_of(bad) == [
        *((3, "number"), (3, "supervision"), (3, "user"), (4, "destination"), (5, "")),
        *((6, "destination"), (7, "type")),
    ]


def test_a_key_that_does_the_same_as_one_that_stays_is_refused_at_its_line():
    assert errors_of("user,number,type\n1000,2,dnd\n", DND) == [(2, "destination")]


def test_a_file_without_keys_or_with_another_header_is_refused():
    assert errors_of("") == [(1, "user"), (1, "number"), (1, "type")]
    assert errors_of("user|number|type|colour|user\n") == [(1, "user"), (1, "colour"), (1, "user")]
    assert errors_of("user|number|type\n") == [(1, "")]
    assert errors_of('user|number|type\n1000|1|"dnd\n') == [(2, "")]


def test_a_file_has_an_end(monkeypatch):
    monkeypatch.setattr(key_file, "MOST_ROWS", 1)
    with pytest.raises(Refused) as refused:
        imported("user,number,type\n1000,1,dnd\n1000,2,forwards_off\n")
    assert refused.value.code == "file-too-large"


def test_a_key_of_a_user_who_is_gone_is_exported_by_its_id():
    lost = FunctionKey(UserId("9"), 1, "user", UserId("8"))
    assert exported_keys(Tables(keys=(lost,))).splitlines()[1] == "9|1|user|8||0"


def test_a_key_that_the_pbx_cannot_dial_is_refused_at_its_line_among_the_other_errors():
    file = "user,number,type,destination\n1000,1,queue,6000\n1000,x,dnd,\n1001@default,2,queue,6000\n"
    queue = FunctionKey(JOHN.id, 1, "queue", "6000")
    assert readable_keys(file, find) == [queue, FunctionKey(EVE.id, 2, "queue", "6000")]
    with pytest.raises(FileRefused) as refused:
        imported_keys(file, Directory(tables()), find, refused={queue: "this PBX has no number 6000"})
    assert [(error.line, error.column, error.reason) for error in refused.value.errors] == [
        (2, "destination", "this PBX has no number 6000"),
        (3, "number", "must be a number from 1 to 250"),
    ]
