"""A form for a new user is a user file with one row: the same rules, and everything in one edit."""

import pytest

from callrec.domain.directory.edit import Change
from callrec.domain.directory.model import Line, Tables, User, Voicemail
from callrec.domain.directory.user_file.csv_text import FileRefused
from callrec.domain.directory.user_file.one_user import new_user
from callrec.domain.directory.user_file.rows import Generate
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", "Doe")
THERE = Tables((JOHN,), (Line("desk", JOHN.id, "1000", "default", secret="s"),))
MADE = Generate(lambda: "made-name", lambda: "made-secret", lambda: "482913")
NEW = UserId("7")


def test_a_user_with_line_and_voicemail_comes_in_one_edit_with_generated_secrets():
    values = {
        "firstname": "Eve",
        "lastname": "",
        "language": "en_US",
        "phonenumber": "1001",
        "context": "default",
        "protocol": "sip",
        "voicemailname": "Eve",
        "voicemailmailbox": "1001",
    }
    edit, row = new_user(values, THERE, NEW, MADE)
    assert list(edit.changes) == [
        Change(None, User(NEW, "Eve", language="en_US")),
        Change(None, Line("made-name", NEW, "1001", "default", secret="made-secret")),
        Change(None, Voicemail("1001", "default", NEW, "Eve", "482913")),
    ]
    assert (row.made_secret, row.made_password) == (True, True)


def test_every_wrong_value_is_named_with_its_column():
    values = {"firstname": "", "phonenumber": "1000", "context": "default", "protocol": "sip", "language": "xx"}
    with pytest.raises(FileRefused) as refused:
        new_user(values, THERE, NEW, MADE)
    assert {error.column for error in refused.value.errors} == {"firstname", "language"}
    with pytest.raises(FileRefused, match="taken already"):
        new_user({**values, "firstname": "Eve", "language": ""}, THERE, NEW, MADE)


def test_a_user_who_is_there_already_is_not_added_twice():
    there = Tables((JOHN,))
    with pytest.raises(Refused) as refused:
        new_user({"firstname": "John", "lastname": "Doe"}, there, NEW, MADE)
    assert (refused.value.code, "user 1, John Doe" in refused.value.message) == ("table-conflict", True)


@pytest.mark.parametrize("name", ["=1+1", "'=1", "a|b", 'say "hi"', "<script>"])
def test_a_name_is_stored_as_it_was_typed(name):
    edit, _ = new_user({"firstname": name}, THERE, NEW, MADE)
    assert [change.after for change in edit.changes] == [User(NEW, name)]


def test_a_line_break_in_a_value_is_a_blank():
    _, row = new_user({"firstname": "Eve\r\nAnn"}, THERE, NEW, MADE)
    assert row.user.firstname == "Eve Ann"
