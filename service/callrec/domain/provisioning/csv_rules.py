"""A user file's text -> its rows, or every error of every row; never something in between.

Separator `|`, quote `"`, a header in any order, blank lines skipped. Three stages, each a list that a new rule is added
to: the rule of a column (`columns.COLUMNS`), the rules between the columns of one row (`ROW_RULES`), and what
must be unique in the file (`claims`). What only the store or the site knows is asked later, by the importer.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from callrec.domain.errors import Refused
from callrec.domain.provisioning.claims import Claim, claims
from callrec.domain.provisioning.columns import BY_NAME, COLUMNS, Section
from callrec.domain.provisioning.model import Incall, Line, Tables, User, UserId, Voicemail

SHOWN_CHARS = 80
"""How much of a wrong value an error repeats."""
NOBODY = UserId("")
"""The id of a user who is not stored yet."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing wrong: where (line of the file from 1, column), what was there, and why it cannot be."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}" + (f", {self.column}: {self.value!r}" if self.column else ":") + f" {self.reason}"


class FileRefused(Refused):
    """The file has errors: nothing of it is taken. `errors` holds them all, in the order of the file."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.line))
        more = f", and {len(self.errors) - 1} more" if len(self.errors) > 1 else ""
        super().__init__("file-refused", f"{self.errors[0]}{more}", hint="nothing was changed; mend these lines first")


@dataclass(frozen=True, slots=True)
class Row:
    """One user of the file with the sections that were there. Ids are NOBODY until `with_id`."""

    at_line: int
    user: User
    line: Line | None
    incall: Incall | None
    voicemail: Voicemail | None
    given: frozenset[str]
    """The columns in which this row has a value of its own; the others hold defaults, or generated names and secrets."""

    def with_id(self, user: UserId) -> "Row":
        """The same row, belonging to the user of that id."""
        return replace(
            self,
            user=replace(self.user, id=user),
            line=self.line and replace(self.line, user=user),
            incall=self.incall and replace(self.incall, user=user),
            voicemail=self.voicemail and replace(self.voicemail, user=user),
        )

    def claims(self) -> Iterator[Claim]:
        """What this row takes for itself."""
        return claims(tables_of([self]))


@dataclass(frozen=True, slots=True)
class Generate:
    """Where names and secrets come from that a row leaves out: this module has no randomness of its own."""

    line_name: Callable[[], str]
    secret: Callable[[], str]


RowRule = Callable[[Mapping[str, str], frozenset[Section]], Iterator[tuple[str, str]]]


def tables_of(rows: Sequence[Row]) -> Tables:
    """The rows as tables. Feature codes are no part of a user file."""
    return Tables(
        users=tuple(row.user for row in rows),
        lines=tuple(row.line for row in rows if row.line),
        incalls=tuple(row.incall for row in rows if row.incall),
        voicemails=tuple(row.voicemail for row in rows if row.voicemail),
        codes=(),
    )


def parse(text: str, generate: Generate) -> tuple[Row, ...]:
    """All rows of a good file; FileRefused with every error of any other.

    Only a wrong header or broken quoting ends the search early: what follows could not be understood.
    """
    records = _records(text)
    _, header = next(records, (1, []))
    names = _checked_header(header)
    errors: list[RowError] = []
    rows: list[Row] = []
    try:
        for at_line, cells in records:
            found = list(_errors_of(at_line, names, cells))
            errors += found
            if not found:
                rows.append(_row(at_line, dict(zip(names, cells, strict=True)), generate))
    except FileRefused as broken:
        raise FileRefused([*errors, *_taken_twice(rows), *broken.errors]) from None
    errors += _taken_twice(rows)
    if not rows and not errors:
        errors.append(RowError(2, "", "", "must be a row: the file has none"))
    if errors:
        raise FileRefused(errors)
    return tuple(rows)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, stripped cells) of every record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="|", quotechar='"', skipinitialspace=True, strict=True)
    at_line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if stripped not in ([], [""]):
                yield at_line, stripped
            at_line = reader.line_num + 1
    except csv.Error as error:
        raise FileRefused([RowError(at_line, "", "", f"cannot be read: {error}")]) from None


def _checked_header(header: list[str]) -> list[str]:
    errors = [
        RowError(1, name, name[:SHOWN_CHARS], "is no column of a user file") for name in header if name not in BY_NAME
    ]
    errors += [RowError(1, name, name, "must be there only once") for name in BY_NAME if header.count(name) > 1]
    if not header:
        errors.append(RowError(1, "", "", "must be a header: the file is empty"))
    elif not errors and "firstname" not in header:
        errors.append(RowError(1, "firstname", "", "must be among the columns"))
    if errors:
        raise FileRefused(errors)
    return header


def _errors_of(at_line: int, names: list[str], cells: list[str]) -> Iterator[RowError]:
    if len(cells) != len(names):
        yield RowError(at_line, "", "", f"must have {len(names)} values as the header has, not {len(cells)}")
        return
    values = dict(zip(names, cells, strict=True))
    sections = _sections(values)
    for name, value in values.items():
        column = BY_NAME[name]
        if value and not column.check.accepts(value):
            yield RowError(at_line, name, _shown(name, value), f"must be {column.check.says}")
    for column in COLUMNS:
        if column.required and column.section in sections and not values.get(column.name):
            yield RowError(at_line, column.name, "", f"must have a value: it is required for a {column.section}")
    for rule in ROW_RULES:
        for name, reason in rule(values, sections):
            yield RowError(at_line, name, _shown(name, values.get(name, "")), reason)


def _sections(values: Mapping[str, str]) -> frozenset[Section]:
    return frozenset({Section.USER} | {BY_NAME[name].section for name, value in values.items() if value})


def _shown(name: str, value: str) -> str:
    return "***" if value and BY_NAME[name].secret else value[:SHOWN_CHARS]


def _client_needs_a_login(values: Mapping[str, str], _: frozenset[Section]) -> Iterator[tuple[str, str]]:
    if values.get("enableclient") == "1":
        for name in ("username", "password"):
            if not values.get(name):
                yield name, "must have a value when enableclient is 1"


def _voicemail_needs_language_and_line(
    values: Mapping[str, str], sections: frozenset[Section]
) -> Iterator[tuple[str, str]]:
    if Section.VOICEMAIL not in sections:
        return
    if not values.get("language"):
        yield "language", "must have a value when a voicemail is added"
    if Section.LINE not in sections:
        yield "phonenumber", "must have a value when a voicemail is added: it belongs to a line"


def _only_sip_has_names(values: Mapping[str, str], _: frozenset[Section]) -> Iterator[tuple[str, str]]:
    if values.get("protocol") == "sccp":
        for name in ("linename", "linesecret"):
            if values.get(name):
                yield name, "must be empty for an SCCP line: it is named after its number"


ROW_RULES: tuple[RowRule, ...] = (
    _client_needs_a_login,
    _voicemail_needs_language_and_line,
    _only_sip_has_names,
)
"""(values, sections) -> (column, reason) of each broken rule between the columns of one row."""


def _taken_twice(rows: Sequence[Row]) -> Iterator[RowError]:
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        for claim in row.claims():
            before = first.setdefault((claim.kind, claim.key), row.at_line)
            if before != row.at_line:
                yield RowError(row.at_line, claim.column, claim.value, f"must be unique: line {before} has it already")


def _row(at_line: int, values: Mapping[str, str], generate: Generate) -> Row:
    """A row whose values are all good. The client's password is checked and not kept: nobody logs in with it here."""
    sections = _sections(values)
    given = frozenset(name for name, value in values.items() if value)
    cells = {column.name: values.get(column.name) or column.default for column in COLUMNS}
    return Row(
        at_line=at_line,
        user=_user(cells),
        line=_line(cells, generate) if Section.LINE in sections else None,
        incall=_incall(cells) if Section.INCALL in sections else None,
        voicemail=_voicemail(cells) if Section.VOICEMAIL in sections else None,
        given=given,
    )


def _user(cells: Mapping[str, str]) -> User:
    return User(
        id=NOBODY,
        firstname=cells["firstname"],
        lastname=cells["lastname"],
        language=cells["language"] or None,
        call_record=cells["callrecord"] == "1",
        online_record=cells["onlinerecord"] == "1",
        outcallerid=cells["outcallerid"],
        mobilephonenumber=cells["mobilephonenumber"],
        agentnumber=cells["agentnumber"],
        bosssecretary=cells["bosssecretary"],
        enablehint=cells["enablehint"] == "1",
        enablexfer=cells["enablexfer"] == "1",
        enableclient=cells["enableclient"] == "1",
        username=cells["username"],
        profileclient=cells["profileclient"],
        entityid=int(cells["entityid"]),
    )


def _line(cells: Mapping[str, str], generate: Generate) -> Line:
    sip = cells["protocol"] == "sip"
    return Line(
        name=(cells["linename"] or generate.line_name()) if sip else cells["phonenumber"],
        user=NOBODY,
        number=cells["phonenumber"],
        context=cells["context"],
        protocol=cells["protocol"],
        secret=(cells["linesecret"] or generate.secret()) if sip else "",
    )


def _incall(cells: Mapping[str, str]) -> Incall:
    return Incall(cells["incallexten"], cells["incallcontext"], NOBODY, ring_s=int(cells["incallringseconds"]))


def _voicemail(cells: Mapping[str, str]) -> Voicemail:
    return Voicemail(
        mailbox=cells["voicemailmailbox"],
        context=cells["context"],
        user=NOBODY,
        name=cells["voicemailname"],
        password=cells["voicemailpassword"],
        email=cells["voicemailemail"],
        attach=cells["voicemailattach"] == "1",
        delete=cells["voicemaildelete"] == "1",
        skippass=cells["voicemailskippass"] == "1",
    )
