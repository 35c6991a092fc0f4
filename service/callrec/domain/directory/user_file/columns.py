"""The columns of an import file: one table of name, section, rule and default. The documentation is tested against it."""

from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.directory import outcallerid, reserved_names
from callrec.domain.directory.model import LANGUAGES
from callrec.domain.directory.value_checks import Check, between, flag, matching, one_of, text


class Section(StrEnum):
    """What a column describes. A section is there when any of its columns has a value; the user always is."""

    USER = "user"
    LINE = "line"
    INCALL = "incall"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its rule holds for every value that is not empty; an empty value means `default`."""

    name: str
    section: Section
    check: Check
    required: bool = False
    """Required when its section is there."""
    default: str = ""
    secret: bool = False
    """Its value is never repeated in an error."""


FLAG = flag()
CONTEXT = matching(
    r"[A-Za-z0-9_][A-Za-z0-9_-]{0,38}", "a context's name: letters, digits, _ and -, at most 39, the first of them no -"
)
NUMBER = matching(r"[0-9*#]{1,40}", "digits, * and #, at most 40")
MAILBOX = matching(r"[0-9][0-9*#]{0,39}", "digits, * and #, at most 40, the first of them a digit")
"""At the beginning of a line `#` is a directive to Asterisk, and voicemail ignores what begins with `*`, which means something
else when a mailbox or a password is asked for (app_voicemail.c): so no such mailbox exists, and no such password is right."""
MAILBOX_PASSWORD = matching(r"[0-9#][0-9*#]{0,79}", "digits, * and #, at most 80, the first of them no *")
USERNAME = matching(r"[a-zA-Z0-9._~!$&'()*+,;=%-]{2,64}", "2 to 64 letters, digits or any of ._~!$&'()*+,;=%-")
CLIENT_PASSWORD = text(64, least=4)
AGENT = matching(r"[0-9]{1,40}", "digits, at most 40")
MOBILE = matching(r"\+?[0-9*#]{1,128}", "digits, * and #, at most 128, with an optional + before them")
LINE_NAME = matching(
    reserved_names.LINE_PATTERN,
    f"letters, digits and any of _ . @ + -, at most 80, and none of {', '.join(sorted(reserved_names.LINES))}, also behind an @",
)
LINE_SECRET = matching(r"[!-~]{1,80}", "printable ASCII characters without blanks, at most 80")
EMAIL = matching(
    r"[A-Za-z0-9.!%&'*+/=?^_`~-]{1,64}@[A-Za-z0-9.!%&'*+/=?^_`~-]{1,189}",
    "one e-mail address in ASCII; a domain of other letters as xn--...",
)
OUTCALLERID = Check(
    "default, anonymous, a number, a name, or a name and behind it a number in <>, "
    f'at most {outcallerid.MOST} characters; in a name no control character and none of ; " < > \\ $ {{ }}',
    outcallerid.is_showable,
    most=outcallerid.MOST,
    accepts_all=lambda values: set(values) <= {"", outcallerid.DEFAULT, outcallerid.ANONYMOUS},
)
PASSWORD_HASH = matching(
    r"\$argon2(id|i|d)\$v=[0-9]{1,3}\$m=[0-9]{1,7},t=[0-9]{1,3},p=[0-9]{1,3}"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}",
    "a password's hash as argon2 encodes it: $argon2id$v=19$m=...,t=...,p=...$salt$hash",
)
IGNORED = text(1024)

_U, _L, _I, _V = Section.USER, Section.LINE, Section.INCALL, Section.VOICEMAIL

COLUMNS = (
    Column("entityid", _U, between(1, 999_999_999), default="1"),
    Column("firstname", _U, text(128), required=True),
    Column("lastname", _U, text(128)),
    Column("language", _U, one_of(*LANGUAGES)),
    Column("enableclient", _U, FLAG, default="0"),
    Column("username", _U, USERNAME),
    Column("password", _U, CLIENT_PASSWORD, secret=True),
    Column("profileclient", _U, text(64)),
    Column("outcallerid", _U, OUTCALLERID, default="default"),
    Column("agentnumber", _U, AGENT),
    Column("mobilephonenumber", _U, MOBILE),
    Column("bosssecretary", _U, one_of("no", "boss", "secretary"), default="no"),
    Column("enablehint", _U, FLAG, default="1"),
    Column("enablexfer", _U, FLAG, default="1"),
    Column("phonenumber", _L, NUMBER, required=True),
    Column("context", _L, CONTEXT, required=True),
    Column("protocol", _L, one_of("sip", "sccp"), required=True),
    Column("linename", _L, LINE_NAME),
    Column("linesecret", _L, LINE_SECRET, secret=True),
    Column("incallexten", _I, NUMBER, required=True),
    Column("incallcontext", _I, CONTEXT, required=True),
    Column("incallringseconds", _I, between(1, 3600), default="30"),
    Column("voicemailname", _V, text(80), required=True),
    Column("voicemailmailbox", _V, MAILBOX, required=True),
    Column("voicemailpassword", _V, MAILBOX_PASSWORD, secret=True),
    Column("voicemailemail", _V, EMAIL),
    Column("voicemailattach", _V, FLAG, default="0"),
    Column("voicemaildelete", _V, FLAG, default="0"),
    Column("voicemailskippass", _V, FLAG, default="0"),
    # Not in the specification's table: the first was accepted and ignored there, the others are ours.
    Column("callerid", _U, IGNORED),
    Column("callrecord", _U, FLAG, default="0"),
    Column("onlinerecord", _U, FLAG, default="0"),
    Column("passwordhash", _U, PASSWORD_HASH, secret=True),
)
BY_NAME = {column.name: column for column in COLUMNS}
DEFAULTS = {column.name: column.default for column in COLUMNS}
REQUIRED = tuple(column for column in COLUMNS if column.required)
NAMES_OF = {section: tuple(column.name for column in COLUMNS if column.section is section) for section in Section}
