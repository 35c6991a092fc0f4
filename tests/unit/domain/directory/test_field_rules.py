"""Which fields of a user may be set one by one."""

import pytest

from callrec.domain.directory.field_rules import checked
from callrec.domain.errors import Refused
from callrec.domain.rules import RecordRules, Rule


def test_good_fields_stay_but_for_an_empty_text_which_becomes_its_default():
    rules = RecordRules(in_external=Rule.ALWAYS)
    assert {
        "call_record": True,
        "language": None,
        "outcallerid": "default",
        "rules": rules,
        "firstname": "Ada",
    } == checked({"call_record": True, "language": None, "outcallerid": "", "rules": rules, "firstname": "Ada"})


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("call_record", "yes", "cannot be a str"),
        ("call_record", 1, "cannot be a int"),
        ("firstname", None, "cannot be a NoneType"),
        ("rules", {}, "cannot be a dict"),
        ("firstname", "", "must have a value"),
        ("language", "", "must have a value"),
        ("language", "xx", "must be one of"),
        ("lastname", "a\r\nb", "control character"),
        ("lastname", "\ud800", "control character"),
        ("id", "7", "cannot be set"),
        ("username", "ada", "cannot be set"),
    ],
)
def test_bad_fields_are_refused(name, value, word):
    """A wrong type, a wrong value and an unknown field are refused with the reason."""
    with pytest.raises(Refused, match=word) as refused:
        checked({name: value})
    assert refused.value.code == "user-field"
