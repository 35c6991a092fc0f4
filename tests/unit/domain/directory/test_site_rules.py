"""What an import file may refer to on this site."""

import pytest

from callrec.domain.directory.model import Context, ContextKind, Entity, Profile, Range, Tables
from callrec.domain.directory.user_file.file_rules import Generate, parse
from callrec.domain.directory.user_file.site_rules import Site

GENERATE = Generate(line_name=lambda: "abc", secret=lambda: "secret", mailbox_password=lambda: "739184")
SITE = Site.of(
    Tables(
        contexts=(
            Context("default", ContextKind.INTERNAL, (Range("100", "199"), Range("5", "5"))),
            Context("empty", ContextKind.INTERNAL),
            Context("from-extern", ContextKind.INCALL, (Range("2000", "2099"),)),
        ),
        entities=(Entity(1, "one"), Entity(7, "seven")),
        profiles=(Profile("agent"),),
    )
)


def errors(header: str, row: str) -> list[str]:
    """What is wrong with a row, in words."""
    (parsed,) = parse(f"firstname|{header}\nJohn|{row}\n", GENERATE)
    return [str(error) for error in SITE.errors(parsed)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("entityid|profileclient", "7|agent"),
        ("phonenumber|context|protocol", "199|default|sip"),
        ("phonenumber|context|protocol", "5|default|sccp"),
        ("incallexten|incallcontext", "2050|from-extern"),
        ("lastname", "Doe"),
    ],
)
def test_what_the_site_has_may_be_used(header, row):
    assert [] == errors(header, row)


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("entityid", "2", "line 2, entityid: '2' must be an entity; there are: 1, 7"),
        ("profileclient", "boss", "line 2, profileclient: 'boss' must be a profile; there are: agent"),
        (
            "phonenumber|context|protocol",
            "100|sales|sip",
            "line 2, context: 'sales' must be a context of users; there are: default, empty",
        ),
        (
            "phonenumber|context|protocol",
            "2050|from-extern|sip",
            "line 2, context: 'from-extern' must be a context of users; there are: default, empty",
        ),
        (
            "phonenumber|context|protocol",
            "200|default|sip",
            "line 2, phonenumber: '200' must be in a range of the context default: 100-199, 5",
        ),
        (
            "phonenumber|context|protocol",
            "1|empty|sip",
            "line 2, phonenumber: '1' must be in a range of the context empty: none",
        ),
        (
            "incallexten|incallcontext",
            "100|default",
            "line 2, incallcontext: 'default' must be a context of incoming numbers; there are: from-extern",
        ),
        (
            "incallexten|incallcontext",
            "3000|from-extern",
            "line 2, incallexten: '3000' must be in a range of the context from-extern: 2000-2099",
        ),
    ],
)
def test_what_it_does_not_have_is_said_with_what_there_is(header, row, expected):
    assert [expected] == errors(header, row)


def test_of_very_many_contexts_twenty_are_named():
    site = Site.of(Tables(contexts=tuple(Context(f"c{nth:02}", ContextKind.INTERNAL) for nth in range(30))))
    (row,) = parse("firstname|phonenumber|context|protocol\nJohn|1|x|sip\n", GENERATE)
    (error,) = site.errors(row)
    assert error.reason.endswith("c18, c19 and 10 more")
