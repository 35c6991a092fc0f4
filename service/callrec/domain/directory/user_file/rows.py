"""One user with line, incall and voicemail <-> the cells of one row: what import and export both mean by a column."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import TypeVar

from callrec.domain.directory import unique_keys as c
from callrec.domain.directory.frozen_record import frozen_record
from callrec.domain.directory.model import Incall, Line, User, Voicemail
from callrec.domain.directory.user_file.columns import DEFAULTS, Section
from callrec.domain.rules import UserId

NO_USER = UserId("")
"""The id of a user who is not stored yet."""
UNSAID = (
    *("rules", "dnd", "voicemail_enabled", "filter_enabled", "agent_logged_in"),
    *("forward_unconditional", "forward_no_answer", "forward_busy"),
)
"""The fields of a user that no file says: an update leaves them, and a user who has some is as a row says all the same."""
_UNSAID = attrgetter(*UNSAID)
TableRecord = TypeVar("TableRecord", User, Line, Incall, Voicemail)


@dataclass(frozen=True, slots=True)
class Generate:
    """Where names and secrets come from that a row leaves out: this module has no randomness of its own."""

    line_name: Callable[[], str]
    secret: Callable[[], str]
    mailbox_password: Callable[[], str]
    """Digits: it is typed on a phone."""


@frozen_record(frozen=True, slots=True)
class Row:
    """One user with the sections of the file. A new user's id is empty until `with_id`."""

    at_line: int
    user: User
    line: Line | None = None
    incall: Incall | None = None
    voicemail: Voicemail | None = None
    given: frozenset[str] = frozenset()
    """The columns in which the file's row has a value of its own; the others hold defaults, or generated names and secrets."""
    password: str = field(default="", repr=False)
    """What the client's password hash is to be made of."""
    made_secret: bool = False
    """The line's secret is generated: somebody has to be told of it."""
    made_password: bool = False
    """So is the mailbox' password."""

    def with_id(self, user: UserId) -> "Row":
        """The same row, belonging to the user of that id."""
        return Row(
            self.at_line,
            _USER_OF(self.user, user),
            self.line and _LINE_OF(self.line, user),
            self.incall and _INCALL_OF(self.incall, user),
            self.voicemail and _VOICEMAIL_OF(self.voicemail, user),
            self.given,
            self.password,
            self.made_secret,
            self.made_password,
        )

    def table_records(self) -> tuple[User, Line | None, Incall | None, Voicemail | None]:
        """Its records."""
        return self.user, self.line, self.incall, self.voicemail

    def claims(self) -> tuple[c.Claim, ...]:
        """What this row takes for itself."""
        return (
            *c.claims_of_user(self.user),
            *(c.claims_of_line(self.line) if self.line else ()),
            *(c.claims_of_incall(self.incall) if self.incall else ()),
            *(c.claims_of_voicemail(self.voicemail) if self.voicemail else ()),
        )


def _of_another(kind: type[TableRecord], owner: str) -> Callable[[TableRecord, UserId], TableRecord]:
    """`replace` of the one field that says whose a record is: twice as fast, and a large file needs it half a million times."""
    names = [one.name for one in fields(kind)]
    values, place = attrgetter(*names), names.index(owner)

    def made(table_record: TableRecord, user: UserId) -> TableRecord:
        said = list(values(table_record))
        said[place] = user
        return kind(*said)

    return made


_USER_OF = _of_another(User, "id")
_LINE_OF, _INCALL_OF, _VOICEMAIL_OF = (
    _of_another(Line, "user"),
    _of_another(Incall, "user"),
    _of_another(Voicemail, "user"),
)


def row(
    at_line: int,
    values: Mapping[str, str],
    sections: frozenset[Section],
    given: frozenset[str],
    generate: Generate,
    *,
    of: User | None = None,
) -> Row:
    """What these good values say, of a new user or `of` one who is there. An empty value is its column's default."""
    cells = {**DEFAULTS, **{name: value for name, value in values.items() if value}}
    owner = of.id if of else NO_USER
    line = _line(cells, owner, generate) if Section.LINE in sections else None
    box = _voicemail(cells, owner, generate) if Section.VOICEMAIL in sections else None
    return Row(
        at_line=at_line,
        user=_user(cells, of),
        line=line,
        incall=_incall(cells, owner) if Section.INCALL in sections else None,
        voicemail=box,
        given=given,
        password=cells["password"],
        made_secret=bool(line and line.secret and not cells["linesecret"]),
        made_password=bool(box and not cells["voicemailpassword"]),
    )


def cells(row: Row) -> dict[str, str]:
    """The row as values of columns: the user's, and those of its sections. Without `password`: only its hash is stored."""
    found = _user_cells(row.user)
    if line := row.line:
        sip = line.protocol == "sip"
        found |= {
            "phonenumber": line.number,
            "context": line.context,
            "protocol": line.protocol,
            "linename": line.name if sip else "",
            "linesecret": line.secret if sip else "",
        }
    if incall := row.incall:
        found |= {
            "incallexten": incall.exten,
            "incallcontext": incall.context,
            "incallringseconds": str(incall.ring_s),
        }
    if box := row.voicemail:
        found |= {
            "voicemailname": box.name,
            "voicemailmailbox": box.mailbox,
            "voicemailpassword": box.password,
            "voicemailemail": box.email,
            "voicemailattach": _flag(box.attach),
            "voicemaildelete": _flag(box.delete),
            "voicemailskippass": _flag(box.skippass),
        }
    return found


def _flag(on: bool) -> str:
    return "1" if on else "0"


def _user_cells(user: User) -> dict[str, str]:
    return {
        "entityid": str(user.entityid),
        "firstname": user.firstname,
        "lastname": user.lastname,
        "language": user.language or "",
        "enableclient": _flag(user.enableclient),
        "username": user.username,
        "profileclient": user.profileclient,
        "outcallerid": user.outcallerid,
        "agentnumber": user.agentnumber,
        "mobilephonenumber": user.mobilephonenumber,
        "bosssecretary": user.bosssecretary,
        "enablehint": _flag(user.enablehint),
        "enablexfer": _flag(user.enablexfer),
        "callrecord": _flag(user.call_record),
        "onlinerecord": _flag(user.online_record),
        "passwordhash": user.password_hash,
    }


def _user(cells: Mapping[str, str], of: User | None) -> User:
    """What no file says (rules, and what users set by phone) stays as it is."""
    said = User(
        id=of.id if of else NO_USER,
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
        password_hash=cells["passwordhash"],
        profileclient=cells["profileclient"],
        entityid=int(cells["entityid"]),
    )
    if of is None or _UNSAID(of) == _UNSAID(said):
        return said
    return replace(said, **dict(zip(UNSAID, _UNSAID(of), strict=True)))


def _line(cells: Mapping[str, str], user: UserId, generate: Generate) -> Line:
    sip = cells["protocol"] == "sip"
    return Line(
        name=(cells["linename"] or generate.line_name()) if sip else cells["phonenumber"],
        user=user,
        number=cells["phonenumber"],
        context=cells["context"],
        protocol=cells["protocol"],
        secret=(cells["linesecret"] or generate.secret()) if sip else "",
    )


def _incall(cells: Mapping[str, str], user: UserId) -> Incall:
    return Incall(cells["incallexten"], cells["incallcontext"], user, ring_s=int(cells["incallringseconds"]))


def _voicemail(cells: Mapping[str, str], user: UserId, generate: Generate) -> Voicemail:
    return Voicemail(
        mailbox=cells["voicemailmailbox"],
        context=cells["context"],
        user=user,
        name=cells["voicemailname"],
        password=cells["voicemailpassword"] or generate.mailbox_password(),
        email=cells["voicemailemail"],
        attach=cells["voicemailattach"] == "1",
        delete=cells["voicemaildelete"] == "1",
        skippass=cells["voicemailskippass"] == "1",
    )
