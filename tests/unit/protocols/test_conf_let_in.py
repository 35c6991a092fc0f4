"""What imports and the API let in is in the files: one rule for who asks and who writes."""

from dataclasses import replace

import pytest
from conf_tables import BOX, JOHN, LINE, TABLES
from corpus import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.reserved_names import LINES
from callrec.domain.directory.user_file.columns import BY_NAME
from callrec.protocols.asterisk_conf import render

FIELDS: dict[type, dict[str, str]] = {
    User: {name: name for name in ("firstname", "lastname", "language", "outcallerid", "agentnumber")},
    Line: {"number": "phonenumber", "name": "linename", "secret": "linesecret"},
    Incall: {"exten": "incallexten"},
    Voicemail: {f: f"voicemail{f}" for f in ("mailbox", "name", "password", "email")},
}
"""The fields that stand in files, and the columns whose rules they have."""
_PLACES = [
    (record, field, column)
    for record in (JOHN, LINE, TABLES.incalls[0], BOX)
    for field, column in FIELDS[type(record)].items()
]
_AWKWARD = [
    "#1",
    "-a",
    "user",
    "users",
    "ACME <abc>",
    "ACME <1>",
    "a;b",
    '"',
    "a,b",
    "jörg@example.com",
    "a@b",
    "+1",
    "$",
    "*",
]


def changed(record: User | Line | Incall | Voicemail, field: str, value: str) -> Tables:
    """The tables with one field of one record so."""
    new = replace(record, **{field: value})  # type: ignore[arg-type]  # a field of text
    table = {User: "users", Line: "lines", Incall: "incalls", Voicemail: "voicemails"}[type(record)]
    records = tuple(new if one == record else one for one in getattr(TABLES, table))
    return replace(TABLES, **{table: records})  # type: ignore[arg-type]  # its own records


@pytest.mark.parametrize("place", _PLACES, ids=lambda place: place[2])
@given(
    value=st.one_of(
        st.text(max_size=90), st.sampled_from([*_AWKWARD, *sorted(LINES), *HOSTILE.values()]),
        st.text('0123456789*#+-_abz@.;,"<>${}\\', min_size=1, max_size=8),
    )
)  # fmt: skip
def test_nothing_that_was_let_in_is_left_out(
    place: tuple[User | Line | Incall | Voicemail, str, str], value: str
) -> None:
    record, field, column = place
    if BY_NAME[column].check.accepts(value):
        assert render(changed(record, field, value)).left_out == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("linename", "user"), ("linename", "a/b"),("linename", "anonymous"), ("outcallerid", "ACME <abc>"),
        ("outcallerid", "a;b"), ("voicemailemail", "jörg@example.com"), ("voicemailmailbox", "#1"),
    ],
)  # fmt: skip
def test_what_would_be_left_out_is_not_let_in(column: str, value: str) -> None:
    record, field, _ = next(place for place in _PLACES if place[2] == column)
    assert not BY_NAME[column].check.accepts(value)
    assert not BY_NAME[column].check.accepts_all or not BY_NAME[column].check.accepts_all([value])
    assert {one.column for one in render(changed(record, field, value)).left_out} & {column}


@pytest.mark.parametrize("name", ["users", "user_", "trunk-2", "anonymous1", "1000", "_"])
def test_a_line_may_be_called_nearly_as_what_is_reserved(name: str) -> None:
    assert BY_NAME["linename"].check.accepts(name)
    assert BY_NAME["linename"].check.refused(["desk", name, ""]) == ()
    assert BY_NAME["linename"].check.refused(["desk", name, "user", ""]) == (2,)
