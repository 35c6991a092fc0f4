"""The rules of a user file: what is taken, what is refused, and with which words."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeds import tables_of

from callrec.domain.directory.model import Incall, Line, Voicemail
from callrec.domain.directory.unique_keys import WHY_ONCE, Kind
from callrec.domain.directory.user_file.columns import BY_NAME, COLUMNS, Section
from callrec.domain.directory.user_file.file_rules import TOGETHER, FileRefused, Generate, RowError, parse
from callrec.domain.directory.value_checks import is_plain
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

BASIC = """\
entityid|firstname|lastname|phonenumber|context|protocol|mobilephonenumber
1|John|Doe|1000|default|sip|00123456789
1|George|Clinton|1001|default|sip|00123456789
1|Bill|Bush|1002|default|sip|00123456789
"""
VOICEMAIL = """\
entityid|firstname|lastname|language|phonenumber|context|protocol|voicemailname|voicemailmailbox|voicemailpassword
1|John|Doe|en_US|1000|default|sip|John Doe|1000|1234
"""
INCALL = """\
entityid|firstname|lastname|phonenumber|context|protocol|incallexten|incallcontext
1|John|Doe|1000|default|sip|2050|from-extern
"""
SPECIFIED = 29


def generate():
    count = itertools.count(1)
    return Generate(line_name=lambda: f"line{next(count)}", secret=lambda: "s" * 20, mailbox_password=lambda: "739184")


def rows_of(text):
    return parse(text, generate())


def errors_of(text):
    with pytest.raises(FileRefused) as refused:
        rows_of(text)
    return refused.value.errors


def one(header, values):
    """The only error of a file of one row."""
    (error,) = errors_of(f"{header}\n{values}\n")
    return (error.line, error.column, error.value)


def test_basic_example():
    """The specification's first example gives three users with a SIP line each."""
    tables = tables_of(rows_of(BASIC))
    assert ["John Doe", "George Clinton", "Bill Bush"] == [user.name for user in tables.users]
    assert [("1000", "default", "sip")] * 1 == [(x.number, x.context, x.protocol) for x in tables.lines[:1]]
    assert ["line1", "line2", "line3"] == [line.name for line in tables.lines]
    assert all(len(line.secret) == 20 for line in tables.lines)
    assert {"00123456789"} == {user.mobilephonenumber for user in tables.users}


def test_voicemail_example():
    """The second example adds a mailbox in the line's context."""
    (row,) = rows_of(VOICEMAIL)
    assert Voicemail("1000", "default", UserId(""), "John Doe", "1234") == row.voicemail
    assert row.user.language == "en_US"


def test_incall_example():
    """The third example adds an incall with the default ring time."""
    (row,) = rows_of(INCALL)
    assert Incall("2050", "from-extern", UserId(""), 30) == row.incall
    assert row.with_id(UserId("7")).incall == Incall("2050", "from-extern", UserId("7"), 30)


def test_defaults_of_a_bare_user():
    """A row with a first name only is a user without line; every default is the specification's."""
    (row,) = rows_of("firstname\nAda\n")
    user = row.user
    assert (None, None, None) == (row.line, row.incall, row.voicemail)
    assert (1, True, True, False, "no", "default") == (
        user.entityid,
        user.enablexfer,
        user.enablehint,
        user.enableclient,
        user.bosssecretary,
        user.outcallerid,
    )
    assert (False, False, None) == (user.call_record, user.online_record, user.language)
    assert frozenset({"firstname"}) == row.given
    assert row.with_id(UserId("9")).user.id == "9"


def test_our_columns_and_the_ignored_one():
    """The recording boxes are set from the file; callerid is accepted and ignored."""
    (row,) = rows_of("onlinerecord|callerid|firstname|callrecord\n1|whatever|Ada|1\n")
    assert (True, True) == (row.user.online_record, row.user.call_record)


def test_sccp_line_is_named_after_its_number():
    """An SCCP line has no name and no secret of its own."""
    (row,) = rows_of("firstname|phonenumber|context|protocol\nAda|1000|default|sccp\n")
    assert Line("1000", UserId(""), "1000", "default", "sccp") == row.line
    header = "firstname|phonenumber|context|protocol|linename|linesecret"
    assert ["linename", "linesecret"] == [e.column for e in errors_of(f"{header}\nAda|1000|default|sccp|abc|xyz\n")]


def test_given_line_name_and_secret_are_kept():
    """What the file says is not generated."""
    (row,) = rows_of("firstname|phonenumber|context|protocol|linename|linesecret\nAda|1000|default|sip|ada|hush!\n")
    assert ("ada", "hush!") == (row.line.name, row.line.secret)


def test_quotes_blanks_and_blank_lines():
    """Quotes protect the separator, blanks around values and blank lines do not count."""
    rows = rows_of('\nfirstname | lastname\n\n "Ada|Byron"|x\n   \r\n"Q ""q"""| Lovelace \n')
    assert [('Q "q"', "Lovelace")] == [(row.user.firstname, row.user.lastname) for row in rows[1:]]
    assert [4, 6] == [row.at_line for row in rows]


def test_line_numbers_count_physical_lines():
    """A quoted line break inside a value does not shift the number of the next row."""
    first, second = errors_of('firstname|callerid\n"A\nB"|\n|x\n')
    assert (2, "firstname") == (first.line, first.column)
    assert (4, "firstname") == (second.line, second.column)


@pytest.mark.parametrize(
    ("header", "values", "column"),
    [
        ("firstname|entityid", "A|0", "entityid"),
        ("firstname|entityid", "A|\u0661", "entityid"),
        ("firstname|lastname", "|Doe", "firstname"),
        ("firstname", "A" * 129, "firstname"),
        ("firstname|language", "A|en_GB", "language"),
        ("firstname|enableclient", "A|ja", "enableclient"),
        ("firstname|username", "A|a", "username"),
        ("firstname|username", "A|a b", "username"),
        ("firstname|agentnumber", "A|x", "agentnumber"),
        ("firstname|mobilephonenumber", "A|+", "mobilephonenumber"),
        ("firstname|bosssecretary", "A|both", "bosssecretary"),
        ("firstname|outcallerid", f"A|{'1' * 81}", "outcallerid"),
        ("firstname|phonenumber|context|protocol", "A|10a|default|sip", "phonenumber"),
        ("firstname|phonenumber|context|protocol", "A|1000|de/fault|sip", "context"),
        ("firstname|phonenumber|context|protocol", "A|1000|default|iax", "protocol"),
        ("firstname|phonenumber|context|protocol", "A|1000|default|", "protocol"),
        ("firstname|phonenumber|context", "A|1000|default", "protocol"),
        ("firstname|phonenumber|context|protocol|linename", "A|1|d|sip|A/BC", "linename"),
        ("firstname|incallexten|incallcontext|incallringseconds", "A|1|d|0", "incallringseconds"),
        ("firstname|incallringseconds|incallexten|incallcontext", "A|5||d", "incallexten"),
        (
            "firstname|language|phonenumber|context|protocol|voicemailname|voicemailpassword|voicemailmailbox",
            "A|en_US|1000|d|sip|A|1|#1",
            "voicemailmailbox",
        ),
        ("firstname|enableclient|username|password", "A|1|ada|", "password"),
        ("firstname|lastname", "A\x07|x", "firstname"),
        ("firstname|lastname", "A\u2028B|x", "firstname"),
    ],
)
def test_one_bad_value_is_one_error(header, values, column):
    """Each rule is told with the line and the column that break it."""
    line, name, _ = one(header, values)
    assert (2, column) == (line, name)


def test_voicemail_needs_language_and_line():
    """A mailbox without line or language is refused, not dropped in silence."""
    found = errors_of("firstname|voicemailname|voicemailmailbox|voicemailpassword\nA|A|1000|1234\n")
    assert ["language", "phonenumber"] == [error.column for error in found]


def test_every_error_of_every_row_is_told():
    """The second and the third row's errors stand beside the first one's, in the file's order."""
    found = errors_of("firstname|entityid|language\n|x|y\nAda|1|\nBob|-1|\n")
    assert [(2, "entityid"), (2, "language"), (2, "firstname"), (4, "entityid")] == [(e.line, e.column) for e in found]


def test_secrets_are_not_repeated():
    """An error does not show a password, and shows only the beginning of a long value."""
    header = "firstname|lastname|phonenumber|context|protocol|linesecret"
    long, secret = errors_of(f"{header}\nA|{'x' * 200}|1000|default|sip|pass word\n")
    assert ("x" * 80, "***") == (long.value, secret.value)


def test_taken_twice_in_one_file():
    """A number, line name, mailbox, user name or agent of an earlier line is named with that line."""
    header = "firstname|phonenumber|context|protocol|linename|username|agentnumber|incallexten|incallcontext"
    found = errors_of(f"{header}\nA|1000|d|sip|a|ada|5|2050|x\nB|1000|d|sip|a|ada|5|1000|d\n")
    assert ["username", "agentnumber", "phonenumber", "linename", "incallexten"] == [error.column for error in found]
    said = "must be unique: line 2 has it already"
    assert [said, said + WHY_ONCE[Kind.AGENT], said, said, said] == [error.reason for error in found]


def test_a_rule_is_asked_of_every_value():
    """Also of those beyond the ones whose verdicts are kept, and of a wrong one that comes twice."""
    rows = "".join(f"A|{n}\n" for n in range(TOGETHER + 5))
    assert [2, TOGETHER + 8, TOGETHER + 9] == [
        error.line for error in errors_of(f"firstname|agentnumber\nA|x\n{rows}A|x\nA|y\n")
    ]


def test_header_errors():
    """Unknown, doubled and missing columns, and a file without header, refuse the whole file."""
    assert [("shoesize", "is no column of a user file")] == [
        (e.column, e.reason) for e in errors_of("firstname|shoesize\nA|46\n")
    ]
    assert [("firstname", "must be there only once")] == [
        (e.column, e.reason) for e in errors_of("firstname|firstname\nA|B\n")
    ]
    assert ["firstname"] == [e.column for e in errors_of("lastname\nDoe\n")]
    assert ["must be a header: the file is empty"] == [e.reason for e in errors_of("\n\n")]
    assert [3] == [e.line for e in errors_of("\n\nfirstname|shoesize\nA|46\n")]
    assert ["must be a row: the file has none"] == [e.reason for e in errors_of("firstname\n")]


def test_a_first_row_that_is_no_header_is_not_repeated():
    """It may be a user's, with a secret."""
    (error,) = errors_of("John|Doe|1000|default|sip|desk|my-secret\nA|B|C|D|E|F|G\n")
    assert "line 1: must be a header: none of its values is the name of a column" == str(error)


def test_wrong_number_of_values():
    """A row shorter or longer than the header is one error."""
    assert ["must have as many values as the header: 2, not 3"] == [
        e.reason for e in errors_of("firstname|lastname\na|b|c\n")
    ]


def test_broken_quoting_keeps_the_errors_before_it():
    """What follows an open quote cannot be understood; what came before is still told."""
    found = errors_of('firstname|entityid\nA|x\nB|"1\nC|2\n')
    assert [2, 3] == [error.line for error in found]
    assert "cannot be read" in found[1].reason


def test_refusal_reads_well():
    """The refusal is one sentence with its first error, and is one of our four kinds."""
    refused = FileRefused([RowError(3, "entityid", "x", "must be a number"), RowError(2, "language", "y", "must be z")])
    assert isinstance(refused, Refused)
    assert "line 2, language: 'y' must be z, and 1 more" == refused.message
    assert "line 2, language: 'y' must be z" == FileRefused(refused.errors[:1]).message


SPECIFIED_COLUMNS = """\
entityid firstname* lastname language** enableclient username password profileclient outcallerid agentnumber mobilephonenumber
bosssecretary enablehint enablexfer
phonenumber* context* protocol* linename linesecret
incallexten* incallcontext* incallringseconds
voicemailname* voicemailmailbox* voicemailpassword voicemailemail voicemailattach voicemaildelete voicemailskippass
"""
"""The specification's table, with its stars: * is required in its section, ** is required with a voicemail."""


def test_the_stars_of_all_columns_are_the_specifications():
    specified = SPECIFIED_COLUMNS.split()
    assert SPECIFIED == len(specified)
    starred = [f"{column.name}{'*' * column.required}" for column in COLUMNS[:SPECIFIED]]
    assert [name for name in specified if name != "language**"] == [name for name in starred if name != "language"]
    assert "language" in starred
    header = "firstname|language|phonenumber|context|protocol|voicemailname|voicemailmailbox"
    assert ["language"] == [e.column for e in errors_of(f"{header}\nA||1000|default|sip|A|1000\n")]
    (row,) = rows_of(f"{header}\nA|en_US|1000|default|sip|A|1000\n")
    assert ("739184", True) == (row.voicemail.password, row.made_password)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(v, True) for v in ("1", "Y", "y", "Yes", "TRUE", "True", "on")]
    + [(v, False) for v in ("0", "n", "No", "False", "OFF")],
)
def test_booleans_in_every_spelling(value, expected):
    (row,) = rows_of(f"firstname|onlinerecord|enablexfer\nA|{value}|{value}\n")
    assert (expected, expected) == (row.user.online_record, row.user.enablexfer)
    assert row.user == rows_of(f"firstname|onlinerecord|enablexfer\nA|{expected:d}|{expected:d}\n")[0].user


@pytest.mark.parametrize("name", ["Alice", "bob.smith", "ACME-1106", "1107@tenant1", "sip+emil", "-", "x" * 80])
def test_line_names_of_existing_pbxs(name):
    (row,) = rows_of(f"firstname|phonenumber|context|protocol|linename\nA|1000|default|sip|{name}\n")
    assert name == row.line.name


@pytest.mark.parametrize("name", ["x" * 81, "a b", "a/b", "a,b", "ä", "TRUNK", "0123@trunk", "a@b@Udp", "user"])
def test_line_names_that_asterisk_would_not_understand(name):
    assert (2, "linename", name[:80]) == one("firstname|phonenumber|context|protocol|linename", f"A|1|d|sip|{name}")


def test_a_header_may_be_written_by_people():
    """Capitals and blanks do not count; a column without a name does, when another one follows."""
    (row,) = rows_of(" First Name |LASTNAME\nAda|Byron\n")
    assert "Ada Byron" == row.user.name
    assert ["must have a name in column 2: name it, or delete the column"] == [
        e.reason for e in errors_of("firstname||lastname\nA||B\n")
    ]
    assert [("Shoe Size", "is no column of a user file")] == [
        (e.column, e.reason) for e in errors_of("firstname|Shoe Size\nA|46\n")
    ]


def test_table_of_columns_is_the_specifications():
    """29 documented columns, one ignored, three of ours; every default keeps its own rule; required ones have none."""
    assert SPECIFIED + 4 == len(COLUMNS) == len(BY_NAME)
    assert ["callerid", "callrecord", "onlinerecord", "passwordhash"] == [column.name for column in COLUMNS[SPECIFIED:]]
    assert {Section.USER: 18, Section.LINE: 5, Section.INCALL: 3, Section.VOICEMAIL: 7} == {
        section: sum(column.section is section for column in COLUMNS) for section in Section
    }
    for column in COLUMNS:
        assert column.check.says
        assert not (column.required and column.default)
        assert not column.default or column.check.accepts(column.default)


@given(st.text(st.characters(codec=None), max_size=60), st.text(alphabet='a1|"\r\n \x00\u202e\ud800', max_size=40))
def test_any_text_is_rows_or_a_refusal(header, body):
    """No text at all breaks the parser, and what it takes has plain values only."""
    for text in (header, f"firstname|lastname\n{body}", f"{header}\n{body}"):
        rows, errors = rows_or_errors(text)
        assert rows or errors
        assert all(len(error.value) <= 80 for error in errors)
        assert all(row.user.firstname and is_plain(row.user.name) for row in rows)


def rows_or_errors(text):
    """What the parser makes of a text: one of the two is empty."""
    try:
        return rows_of(text), ()
    except FileRefused as refused:
        return (), refused.errors
