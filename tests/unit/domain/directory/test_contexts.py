"""What may be done to a context."""

import pytest

from callrec.domain.directory.contexts import changed, parse_range
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Context, ContextKind, Incall, Line, Range, Tables
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf.validation import sift

SALES = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))
EXTERN = Context("from-extern", ContextKind.INCALL, (Range("2000", "2999"),))
TABLES = Tables(
    lines=(Line("desk", UserId("1"), "3050", "sales"),),
    incalls=(Incall("2050", "from-extern", UserId("1")),),
    contexts=(SALES, EXTERN),
)


@pytest.mark.parametrize(
    ("text", "expected"), [("1000-1999", Range("1000", "1999")), ("07", Range("07", "07")), ("5-5", Range("5", "5"))]
)
def test_a_range_as_it_is_typed(text, expected):
    assert expected == parse_range(text)


@pytest.mark.parametrize("text", ["", "a", "1-", "100-1000", "200-100", "1-2-3", "1" * 41, "*1-*9", " 1-2"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(Refused) as refused:
        parse_range(text)
    assert "number-range" == refused.value.code


def test_a_context_is_made_changed_and_removed():
    new = Context("lab", ContextKind.INTERNAL)
    wider = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"), Range("1", "9"), Range("10", "19")))
    assert Edit((Change(None, new),)) == changed(TABLES, None, new)
    assert Edit((Change(SALES, wider),)) == changed(TABLES, SALES, wider)
    assert Edit((Change(new, None),)) == changed(Tables(contexts=(SALES, new)), new, None)
    assert not changed(TABLES, SALES, SALES)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (SALES, None, "context-in-use"),
        (SALES, Context("sales", ContextKind.INTERNAL, (Range("3051", "3099"),)), "context-in-use"),
        (SALES, Context("sales", ContextKind.INCALL, SALES.ranges), "context-in-use"),
        (EXTERN, Context("from-extern", ContextKind.INCALL), "context-in-use"),
        (None, Context("a b", ContextKind.INTERNAL), "context-name"),
        (None, Context("-x", ContextKind.INTERNAL), "context-name"),
        (None, Context("pbx-user", ContextKind.INTERNAL), "context-name"),
        (None, Context("Sales", ContextKind.INTERNAL), "context-name"),
        (SALES, Context("FROM-extern", ContextKind.INTERNAL), "context-name"),
        (None, Context("lab", ContextKind.INTERNAL, (Range("100", "199"), Range("150", "160"))), "number-range"),
    ],
)
def test_nobodys_number_is_left_outside_and_no_number_has_two_ranges(before, after, code):
    with pytest.raises(Refused) as refused:
        changed(TABLES, before, after)
    assert code == refused.value.code


def test_a_context_of_an_older_version_can_still_be_changed_and_removed():
    """Whatever it is called."""
    for old in (
        Context("general", ContextKind.INTERNAL),
        Context("SALES", ContextKind.INTERNAL),
        Context("-x", ContextKind.INTERNAL),
    ):
        there = Tables(contexts=(SALES, old))
        wider = Context(old.name, ContextKind.INTERNAL, (Range("1", "9"),))
        assert Edit((Change(old, wider),)) == changed(there, old, wider)
        assert Edit((Change(old, None),)) == changed(there, old, None)


@pytest.mark.parametrize(
    "name", ["general", "Globals", "zonemessages", "callrec-x", "PBX-inside", "-x", "generally", "pbx", "sales"]
)
def test_what_may_be_made_is_what_the_files_have(name):
    """One rule for who asks and who writes."""
    new = Context(name, ContextKind.INTERNAL)
    _, left_out = sift(Tables(contexts=(new,)))
    if left_out:
        with pytest.raises(Refused):
            changed(Tables(), None, new)
    else:
        assert changed(Tables(), None, new)


def test_the_last_context_stays():
    with pytest.raises(Refused) as refused:
        changed(Tables(contexts=(SALES,)), SALES, None)
    assert "context-last" == refused.value.code
