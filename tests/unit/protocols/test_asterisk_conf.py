"""All files of all tables, and that no value can become anything but a value, in any field of any table."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from asterisk_reading import read
from conf_tables import BOX, JOHN, LINE, TABLES
from corpus import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.directory.model import DEFAULT_CODES, Feature, FeatureCode, Incall, Line, Tables, User, Voicemail
from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf import Rendered, render, users_files

DND = next(code for code in DEFAULT_CODES if code.feature is Feature.DND)
ROWS = {
    "users_features.conf": {"callrec", "featuredigittimeout", "atxferthreeway", "recordingfailsound"},
    "users_pjsip.conf": {
        *("context", "callerid", "auth", "aors", "language", "mailboxes", "allow_transfer", "set_var"),
        *("named_call_group", "named_pickup_group"),
        *("username", "password", "type", "voicemail_extension"),
    },
    "users_sccp.conf": {
        *("type", "id", "label", "description", "context", "cid_name", "cid_num", "mailbox", "button"),
        *("namedcallgroup", "namedpickupgroup"),
    },
    "users_extensions.conf": {"include", "exten", "same"},
}
LEADS_TO = re.compile(
    r"1,Gosub\(pbx-caller,s,1\)|hint,[A-Za-z0-9_.@+/$-]+|hint,Custom:\$\{EXTEN\}|1,Congestion\(5\)|1,NoOp\(\)|Hangup\(\)"
    r"|1,VoiceMail\(\$\{FILTER\(0-9\*#,\$\{EXTEN:\d+\}\)\}@\$\{CONTEXT\},u\)"
    r"|(1,)?Gosub\((pbx-user|pbx-agent|pbx-voicemail|callrec-always|callrec-service|callrec-pickup),s,1\([^()]*"
    r"(\(0-9\*#,\$\{EXTEN:\d+\}\)\}(@\$\{CONTEXT\})?)?\)\)"
)
"""All that an extension of ours runs, with nothing before or behind it."""
Record = User | Line | Incall | Voicemail | FeatureCode
TABLES_OF: dict[type[Record], str] = {
    User: "users",
    Line: "lines",
    Incall: "incalls",
    Voicemail: "voicemails",
    FeatureCode: "codes",
}
RECORDS: tuple[Record, ...] = (JOHN, LINE, replace(TABLES.lines[2]), TABLES.incalls[0], BOX, DND)


def texts() -> Iterator[tuple[Record, str]]:
    """Every field of every table that holds text."""
    for record in RECORDS:
        for field in fields(record):
            if isinstance(getattr(record, field.name), str) and field.name != "feature":
                yield record, field.name


def with_one(old: Record, new: Record) -> Tables:
    """The tables with one record exchanged."""
    table = TABLES_OF[type(old)]
    records = tuple(new if record == old else record for record in getattr(TABLES, table))
    return replace(TABLES, **{table: records})  # type: ignore[arg-type]  # its own records


def assert_shape(rendered: Rendered) -> None:
    """Each file consists of the sections and rows that decent tables make, and no more of them than there are records."""
    decent = {file.name: read(file.text) for file in render(TABLES).files}
    for file in rendered.files:
        sections = read(file.text)
        assert (
            len(sections) <= len(decent[file.name]) + 3
        )  # a context of its own for the number, the incall, the mailbox
        names = {name for section in sections for name, _ in section.rows}
        if file.name in ROWS:
            assert names <= ROWS[file.name]
        for section in sections:
            for name, value in section.rows:
                if name in {"exten", "same"}:
                    assert LEADS_TO.fullmatch(value.split(",", 1)[1])


def test_all_files_are_made_at_once_and_the_dialplan_is_the_last() -> None:
    names = [
        "users_features.conf",
        "users_pjsip.conf",
        "users_sccp.conf",
        "users_voicemail.conf",
        "users_extensions.conf",
    ]
    assert [file.name for file in render(TABLES).files] == names
    assert list(users_files(TABLES)) == names
    assert_shape(render(TABLES))


def test_the_same_tables_give_the_same_bytes() -> None:
    assert render(TABLES) == render(replace(TABLES))


def test_who_wants_all_or_nothing_is_refused_the_first_record_that_does_not_fit() -> None:
    with pytest.raises(Refused, match="lines PJSIP/1000, linesecret") as caught:
        users_files(replace(TABLES, lines=(replace(LINE, secret="a\n[trunk]"),)))
    assert caught.value.code == "value-unfit"
    assert "trunk" not in str(caught.value)


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    ("record", "field"), list(texts()), ids=lambda one: one if isinstance(one, str) else type(one).__name__
)
def test_hostile_words_stay_values_or_are_left_out(record: Record, field: str, said: str) -> None:
    """And everybody else is in the files as before."""
    rendered = render(with_one(record, replace(record, **{field: said})))  # type: ignore[arg-type]  # a field of text
    assert_shape(rendered)
    by_name = {file.name: file.text for file in rendered.files}
    assert "[zoe](user)" in by_name["users_pjsip.conf"]
    assert (
        "exten => 2051,1,Gosub(pbx-caller,s,1)\n same => n,Gosub(pbx-user,s,1(zoe,30,,t,,1001@default))"
        in by_name["users_extensions.conf"]
    )


_WORDS = st.one_of(
    st.text(max_size=60), st.sampled_from(["a\r\nb", "a;b", '"', "<>", "${X}", "a,b", "[x]", "#include x", "\\", "\\;"])
)


@given(place=st.sampled_from(list(texts())), said=_WORDS)
def test_whatever_the_values_the_files_keep_their_shape(place: tuple[Record, str], said: str) -> None:
    record, field = place
    assert_shape(render(with_one(record, replace(record, **{field: said}))))  # type: ignore[arg-type]  # a field of text


def test_the_order_in_which_records_came_does_not_matter() -> None:
    """A file that an import has made is the same after a restart, when the tables come from the store."""
    backwards = replace(
        TABLES,
        **{
            table: getattr(TABLES, table)[::-1]
            for table in ("users", "lines", "incalls", "voicemails", "contexts", "codes")
        },
    )
    assert render(backwards) == render(TABLES)
