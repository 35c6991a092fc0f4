"""Which records fit, and that one that does not keeps nobody else from the files."""

from dataclasses import replace

import pytest
from conf_tables import BOX, JOHN, LINE, ONE, TABLES, TWO, john

from callrec.domain.directory.model import Context, ContextKind, Incall, Tables, User
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf.validation import sift

INCALL = TABLES.incalls[0]
MIXED, UNFIT = "context-mixed", "value-unfit"


@pytest.mark.parametrize(
    ("tables", "row", "column", "code"),
    [
        (replace(TABLES, lines=(LINE, LINE)), "lines PJSIP/1000", "linename", "twice"),
        (replace(TABLES, lines=(LINE, replace(LINE, name="two"))), "lines PJSIP/two", "phonenumber", "twice"),
        (replace(TABLES, voicemails=(BOX, BOX)), "voicemails 1000@default", "voicemailmailbox", "twice"),
        (replace(TABLES, incalls=(INCALL, INCALL)), "incalls 2050@from-extern", "incallexten", "twice"),
        (replace(TABLES, users=(*TABLES.users, JOHN)), "users 1", "id", "twice"),
        (replace(TABLES, users=(JOHN, User(UserId("x"), "X"), *TABLES.users[1:])), "users x", "id", "value-unfit"),
        (replace(TABLES, lines=(replace(LINE, name="Trunk"),)), "lines PJSIP/Trunk", "linename", "line-name-reserved"),
        (replace(TABLES, lines=(replace(LINE, name="a b"),)), "lines PJSIP/a b", "linename", "value-unfit"),
        (replace(TABLES, lines=(replace(LINE, secret="a b"),)), "lines PJSIP/1000", "linesecret", "value-unfit"),
        (replace(TABLES, lines=(replace(LINE, protocol="h323"),)), "lines H323/1000", "protocol", "value-unfit"),
        (replace(TABLES, lines=(replace(LINE, number="a"),)), "lines PJSIP/1000", "phonenumber", "value-unfit"),
        (replace(TABLES, lines=(replace(LINE, context="general"),)), "lines PJSIP/1000", "context", "context-reserved"),
        (replace(TABLES, lines=(replace(LINE, context="callrec-x"),)), "lines PJSIP/1000", "context", "context-reserved"),
        (replace(TABLES, lines=(replace(LINE, context="from-extern"),)), "lines PJSIP/1000", "context", "context-mixed"),
        (replace(TABLES, incalls=(replace(INCALL, context="default"),)), "incalls 2050@default", "incallcontext", MIXED),
        (replace(TABLES, incalls=(replace(INCALL, ring_s=0),)), "incalls 2050@from-extern", "incallringseconds", "value-unfit"),
        (replace(TABLES, incalls=(replace(INCALL, exten="x"),)), "incalls x@from-extern", "incallexten", "value-unfit"),
        (replace(TABLES, voicemails=(replace(BOX, mailbox="x"),)), "voicemails x@default", "voicemailmailbox", "value-unfit"),
        (replace(TABLES, voicemails=(replace(BOX, mailbox="#1"),)), "voicemails #1@default", "voicemailmailbox", "value-unfit"),
        (replace(TABLES, voicemails=(replace(BOX, mailbox="*1"),)), "voicemails *1@default", "voicemailmailbox", "value-unfit"),
        (replace(TABLES, voicemails=(replace(BOX, email="a b"),)), "voicemails 1000@default", "voicemailemail", "value-unfit"),
        (replace(TABLES, voicemails=(replace(BOX, password="x"),)), "voicemails 1000@default", "voicemailpassword", UNFIT),
        (replace(TABLES, contexts=(Context("a b", ContextKind.INTERNAL),)), "contexts a b", "name", "value-unfit"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_left_out_and_named(tables: Tables, row: str, column: str, code: str) -> None:
    _, (left_out,) = sift(tables)
    assert (f"{left_out.table} {left_out.row}", left_out.column, left_out.code) == (row, column, code)
    assert str(left_out).startswith(f"{row}, {column}: ")


@pytest.mark.parametrize(
    ("tables", "column"),
    [
        (john(language="xx;"), "language"),
        (john(outcallerid='"'), "outcallerid"),
    ],
)
def test_a_user_goes_with_all_that_is_theirs_and_nobody_else_does(tables: Tables, column: str) -> None:
    sifted, left_out = sift(tables)
    assert [(one.table, one.column, one.user) for one in left_out] == [
        ("users", column, "1"),
        ("lines", "user", "1"),
        ("voicemails", "user", "1"),
        ("incalls", "user", "1"),
    ]
    assert {one.code for one in left_out if one.column == "user"} == {"user-missing"}
    assert [line.name for line in sifted.lines] == ["zoe", "1002"]
    assert [incall.exten for incall in sifted.incalls] == ["2051"]


def test_line_names_that_differ_by_case_only_are_one() -> None:
    """Asterisk finds a channel by its name without case. Such a name cannot come in: this is for older ones."""
    lines = (replace(LINE, name="Ann"), replace(LINE, name="ann", number="1005", user=TWO))
    sifted, left_out = sift(replace(TABLES, lines=lines))
    assert [line.name for line in sifted.lines] == ["Ann"]
    assert [(one.row, one.column, one.code) for one in left_out] == [("PJSIP/ann", "linename", "twice")]


@pytest.mark.parametrize("name", ["Alice", "bob.smith", "ACME-1106", "1107@tenant1", "sip+emil", "x" * 79])
def test_line_names_of_existing_pbxs_stand_in_the_files(name: str) -> None:
    sifted, left_out = sift(replace(TABLES, lines=(replace(LINE, name=name),), voicemails=()))
    assert (left_out, [line.name for line in sifted.lines]) == ((), [name])


def test_a_name_that_asterisk_would_cut_is_left_out() -> None:
    """Of 80 characters a section keeps 79: it would be another line's."""
    _, (left_out,) = sift(replace(TABLES, lines=(replace(LINE, name="x" * 80),), voicemails=()))
    assert (left_out.row, left_out.column, left_out.code) == (f"PJSIP/{'x' * 74}", "linename", "value-unfit")


def test_mailboxes_in_contexts_that_differ_by_case_only_are_one() -> None:
    """Asterisk says so itself: Ignoring duplicated mailbox."""
    line = replace(LINE, name="two", number="1000", user=TWO, context="Default")
    box = replace(BOX, user=TWO, context="Default")
    _, left_out = sift(Tables(TABLES.users, (LINE, line), (), (BOX, box)))
    assert [(one.row, one.code) for one in left_out] == [("1000@Default", "twice")]


def test_a_record_that_is_left_out_takes_nothing_from_others() -> None:
    lines = (LINE, replace(LINE, name="two"), replace(LINE, name="two", number="1005", user=TWO))
    sifted, left_out = sift(replace(TABLES, lines=lines))
    assert [line.number for line in sifted.lines] == ["1000", "1005"]
    assert len(left_out) == 1


def test_a_context_that_no_table_has_is_what_its_first_record_makes_of_it() -> None:
    tables = Tables(
        users=(JOHN,),
        lines=(replace(LINE, context="sales"),),
        incalls=(Incall("2050", "sales", ONE), Incall("2050", "dids", ONE)),
    )
    sifted, (left_out,) = sift(tables)
    kinds = {context.name: context.kind.value for context in sifted.contexts}
    assert kinds == {"default": "internal", "dids": "incall", "from-extern": "incall", "sales": "internal"}
    assert left_out.code == "context-mixed"


def test_contexts_that_exist_always_are_what_the_tables_say() -> None:
    sifted, left_out = sift(Tables(contexts=(Context("default", ContextKind.INCALL),)))
    assert left_out == ()
    assert sifted.contexts[0] == Context("default", ContextKind.INCALL)


def test_neither_the_row_nor_the_reason_shows_a_secret_or_a_control_character() -> None:
    _, (left_out,) = sift(replace(TABLES, lines=(replace(LINE, name="a\nb", secret="hush;hush"),)))
    assert left_out.row == "PJSIP/a\\nb"
    assert "hush" not in str(left_out)
