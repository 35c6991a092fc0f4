"""User files of Wazo and FreePBX as ours, on realistic files (tests/golden/foreign)."""

import itertools
from pathlib import Path

import pytest

from callrec.domain.directory.user_file.csv_text import FileRefused, records, unescaped
from callrec.domain.directory.user_file.file_rules import parse
from callrec.domain.directory.user_file.foreign_files import FileFormat, Given, recognised, translated
from callrec.domain.directory.user_file.rows import Generate

FOLDER = Path(__file__).parents[3] / "golden/foreign"
WAZO, FREEPBX = ((FOLDER / f"{name}.csv").read_text("utf-8") for name in ("wazo", "freepbx"))
NAMES = itertools.count()
GENERATE = Generate(lambda: f"line{next(NAMES)}", lambda: "generated-secret", lambda: "123456")
AUTO = Given()


def rows(text: str) -> list[dict[str, str]]:
    """What our file says: each row by column, without empty values, with its line."""
    (_, header), *found = records(text)
    return [
        {"at": str(at), **{name: unescaped(name, cell) for name, cell in zip(header, cells, strict=True) if cell}}
        for at, cells in found
    ]


def test_wazos_columns_become_ours() -> None:
    done = translated(WAZO, AUTO)
    assert done.format is FileFormat.WAZO
    assert rows(done.text) == [
        {
            "at": "2", "firstname": "John", "lastname": "Doe", "language": "en_US", "enableclient": "1",
            "username": "john.doe", "password": "s3cret-pass", "outcallerid": "default", "mobilephonenumber": "+15550100",
            "enablehint": "1", "enablexfer": "1", "phonenumber": "1000", "context": "default", "protocol": "sip",
            "linename": "johnline", "linesecret": "johnsecret", "incallexten": "2050", "incallcontext": "from-extern",
            "incallringseconds": "20", "voicemailname": "John Doe", "voicemailmailbox": "1000", "voicemailpassword": "4711",
            "voicemailemail": "john@example.com", "voicemailattach": "1", "voicemaildelete": "0", "voicemailskippass": "0",
            "callrecord": "1", "onlinerecord": "1",
        },
        {
            "at": "3", "firstname": "Éve", "lastname": "O'Hara", "outcallerid": "anonymous", "enablehint": "0",
            "enablexfer": "1", "phonenumber": "1001", "context": "default", "protocol": "sip", "onlinerecord": "0",
        },
        {
            "at": "4", "firstname": "Bill", "lastname": "Bush", "language": "fr_FR", "phonenumber": "1002",
            "context": "default", "protocol": "sccp",
        },
    ]  # fmt: skip
    assert done.left_out == (
        "entity_id", "email", "ring_seconds", "simultaneous_calls", "enabled", "dtmf_hangup_enabled", "voicemail_context",
        "the rules of some kinds of calls only (line 3): set them by the API, or by callrec users set",
    )  # fmt: skip


def test_freepbxs_columns_become_ours() -> None:
    done = translated(FREEPBX, Given(context="inside", language="de_DE"))
    assert done.format is FileFormat.FREEPBX
    assert rows(done.text) == [
        {
            "at": "2", "firstname": "John", "lastname": "Doe", "language": "de_DE",
            "outcallerid": "Example Ltd <15550100>", "phonenumber": "1000", "context": "inside", "protocol": "sip",
            "linename": "1000", "linesecret": "f00ba4secret", "voicemailname": "John Doe", "voicemailmailbox": "1000",
            "voicemailpassword": "4711", "voicemailemail": "john@example.com", "voicemailattach": "1",
            "voicemaildelete": "0", "callrecord": "1", "onlinerecord": "1",
        },
        {
            "at": "3", "firstname": "Anna", "lastname": "Maria van Dyck", "phonenumber": "1001", "context": "inside",
            "protocol": "sip", "linename": "1001", "linesecret": "s3cr3t-of-anna",
        },
        {
            "at": "4", "firstname": "Reception", "phonenumber": "1002", "context": "inside", "protocol": "sip",
            "linename": "1002", "linesecret": "another-secret", "outcallerid": "15550102",
        },
    ]  # fmt: skip
    assert done.left_out[-1].startswith("the rules of some kinds of calls only (line 3, 4)")
    assert {"ringtimer", "recording_priority", "emergency_cid", "callwaiting_enable", "language"} & set(
        done.left_out
    ) == {"ringtimer", "recording_priority", "callwaiting_enable", "language"}, "empty columns are not named"


@pytest.mark.parametrize("text", [WAZO, FREEPBX])
def test_a_realistic_file_is_a_good_file_of_ours(text: str) -> None:
    found = parse(translated(text, AUTO).text, GENERATE)
    assert [one.at_line for one in found] == [2, 3, 4]
    assert [one.user.call_record for one in found] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "file_format"),
    [
        ("firstname|lastname|phonenumber|context|protocol\n", FileFormat.CALLREC),
        ("firstname,lastname,language\n", FileFormat.CALLREC),
        ("firstname,exten,colour\n", FileFormat.CALLREC),
        ("extension,name\n", FileFormat.CALLREC),
        ("", FileFormat.CALLREC),
        ("firstname;exten;context;line_protocol\n", FileFormat.WAZO),
        ("Extension,Name,Tech,colour\n", FileFormat.FREEPBX),
    ],
)
def test_a_format_is_recognised_only_when_it_is_certain(text: str, file_format: FileFormat) -> None:
    assert recognised(text) is file_format


def test_a_file_of_ours_stays_as_it_is() -> None:
    assert translated("whatever").text == "whatever"
    assert translated(WAZO, Given(FileFormat.CALLREC)).text == WAZO


def test_errors_name_the_line_of_the_file_that_was_given() -> None:
    text = "firstname,exten,context,line_protocol\n\n\nJohn,1000,default,sip\n\nEve,10x1,default,webrtc\n"
    with pytest.raises(FileRefused) as refused:
        parse(translated(text, AUTO).text, GENERATE)
    assert [(one.line, one.column, one.value) for one in refused.value.errors] == [
        (6, "phonenumber", "10x1"), (6, "protocol", "webrtc"),
    ]  # fmt: skip


def test_a_row_with_too_few_values_is_refused_with_its_line() -> None:
    with pytest.raises(FileRefused) as refused:
        parse(translated("firstname,exten,context,line_protocol\nJohn,1000\n", AUTO).text, GENERATE)
    assert [one.line for one in refused.value.errors] == [2]


def test_what_looks_like_a_formula_or_has_a_line_break_stays_one_value() -> None:
    text = 'firstname,lastname,exten,context,line_protocol\n=1+1,"a\nb",1000,default,sip\n\'=x,c,1001,default,sip\n'
    found = parse(translated(text, AUTO).text, GENERATE)
    assert [(one.user.firstname, one.user.lastname) for one in found] == [("=1+1", "a b"), ("'=x", "c")]


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        ("extension,name,tech", "1000,,pjsip", {"firstname": "1000", "protocol": "sip"}),
        ("extension,name,tech", "1000,A,sccp", {"protocol": "sccp"}),
        ("extension,name,tech", "1000,A,iax2", {"protocol": "iax2"}),
        ("extension,name,tech,recording_in_external", "1000,A,sip,recording_in_external=always", {}),
        (
            "extension,name,tech,vm,vmpwd,email,attach",
            "1000,A,sip,enabled,12,a@b.c,attach=yes",
            {"voicemailattach": "1"},
        ),
        ("extension,name,tech,recording_ondemand", "1000,A,sip,override", {"onlinerecord": "1"}),
    ],
)
def test_older_and_other_values_of_freepbx(columns: str, row: str, said: dict[str, str]) -> None:
    (found,) = rows(translated(f"{columns}\n{row}\n", AUTO).text)
    assert {name: found.get(name) for name in said} == said
    assert "callrecord" not in found


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        ("exten,firstname,call_record_enabled", "1000,A,true", {"callrecord": "1"}),
        (
            "exten,firstname,voicemail_name,voicemail_ask_password",
            "1,A,A,0",
            {"voicemailskippass": "1", "language": "en_US"},
        ),
        ("exten,firstname,voicemail_name,voicemail_ask_password", "1,A,A,maybe", {"voicemailskippass": "?"}),
        ("exten,firstname,supervision_enabled", "1,A,maybe", {"enablehint": "maybe"}),
    ],
)
def test_other_values_of_wazo(columns: str, row: str, said: dict[str, str]) -> None:
    (found,) = rows(translated(f"{columns}\n{row}\n", AUTO).text)
    assert {name: found.get(name) for name in said} == said


def test_many_lines_are_not_all_named() -> None:
    text = "extension,name,tech,recording_in_external\n" + "".join(f"{1000 + n},A,sip,always\n" for n in range(12))
    (said,) = translated(text, AUTO).left_out
    assert "(line 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and more)" in said


def test_a_file_without_rows_is_translated() -> None:
    assert translated("firstname,exten,context,line_protocol\n", AUTO).text == "firstname\n"
