"""User files of Wazo and FreePBX: their columns as ours.

A file becomes the text of a user file of ours, line by line, so that all rules and errors are the same; errors name the line of
the file that was given. What has no column of ours is left out, and named.

Wazo: the CSV of its user import. FreePBX: that of its Bulk Handler for extensions.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.directory.user_file.columns import BY_NAME
from callrec.domain.directory.user_file.csv_text import column_of, escaped, records, written

Values = Mapping[str, str]


class FileFormat(StrEnum):
    """Whose columns a file has."""

    CALLREC = "callrec"
    WAZO = "wazo"
    FREEPBX = "freepbx"


@dataclass(frozen=True, slots=True)
class Given:
    """What those who import say where the file does not. `language`: of a mailbox."""

    format: FileFormat | None = None
    """None: as the header says, where that is certain."""
    context: str = "default"
    language: str = "en_US"


@dataclass(frozen=True, slots=True)
class Translated:
    """A file as one of ours. `left_out`: columns with values that were not taken over, and why where it is not plain."""

    text: str
    format: FileFormat
    left_out: tuple[str, ...] = ()


AS_IT_IS = Given(FileFormat.CALLREC)
RULES = ("in_internal", "in_external", "out_internal", "out_external")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on", "enabled", "enable"}), frozenset({"0", "false", "no", "off"})
_ALWAYS = frozenset({"always", "force", "yes"})
_WAZO_SAME = {
    "firstname": "firstname", "lastname": "lastname", "language": "language", "mobile_phone_number": "mobilephonenumber",
    "username": "username", "password": "password", "cti_profile_name": "profileclient", "exten": "phonenumber",
    "context": "context", "line_protocol": "protocol", "sip_username": "linename", "sip_secret": "linesecret",
    "incall_exten": "incallexten", "incall_context": "incallcontext", "incall_ring_seconds": "incallringseconds",
    "voicemail_name": "voicemailname", "voicemail_number": "voicemailmailbox", "voicemail_password": "voicemailpassword",
    "voicemail_email": "voicemailemail", "outgoing_caller_id": "outcallerid",
}  # fmt: skip
_WAZO_FLAGS = {
    "supervision_enabled": "enablehint", "call_transfer_enabled": "enablexfer", "online_call_record_enabled": "onlinerecord",
    "voicemail_attach_audio": "voicemailattach", "voicemail_delete_messages": "voicemaildelete",
}  # fmt: skip
_WAZO_RULES = tuple(
    f"call_record_{way}_{realm}_enabled" for way in ("incoming", "outgoing") for realm in ("internal", "external")
)
_WAZO_TAKEN = {*_WAZO_SAME, *_WAZO_FLAGS, *_WAZO_RULES, "call_record_enabled", "voicemail_ask_password"}
_WAZO_ONLY = frozenset(
    {"exten", "line_protocol", "sip_username", "mobile_phone_number", "incall_exten", "ring_seconds"}
)
_WAZO_OTHERS = frozenset(
    {
        *("entity_id", "uuid", "subscription_type", "email", "ring_seconds", "simultaneous_calls", "enabled"),
        *("cti_profile_enabled", "dtmf_hangup_enabled", "call_permission_password", "line_site", "userfield"),
        *("voicemail_context", "voicemail_timezone", "call_permissions", "description", "outgoing_internal_caller_id"),
    }
)
"""Columns of Wazo's that have none of ours."""
_FREEPBX_TAKEN = frozenset(
    {
        *("extension", "name", "tech", "secret", "outboundcid", "recording_ondemand"),
        *("voicemail", "voicemail_enable", "vm", "voicemail_vmpwd", "vmpwd", "voicemail_email", "email"),
        *("voicemail_options", "attach", "delete", *(f"recording_{one}" for one in RULES)),
    }
)
_FREEPBX_CERTAIN = frozenset({"extension", "name", "tech"})
_TECHNOLOGIES = {"pjsip": "sip", "sip": "sip", "": "sip", "sccp": "sccp"}


def translated(text: str, given: Given = AS_IT_IS) -> Translated:
    """The file as one of ours. Raises FileRefused where its quoting is broken."""
    wanted = given.format or recognised(text)
    if wanted is FileFormat.CALLREC:
        return Translated(text, wanted)
    return _Translation(wanted, given).of(text, known_columns(wanted))


def known_columns(whose: FileFormat) -> frozenset[str]:
    """The columns by which the separator of such a file is found."""
    if whose is FileFormat.CALLREC:
        return frozenset(BY_NAME)
    return frozenset(_WAZO_TAKEN | _WAZO_OTHERS if whose is FileFormat.WAZO else _FREEPBX_TAKEN)


def recognised(text: str) -> FileFormat:
    """Whose file it is, where its header leaves no doubt: FreePBX's has `extension`, `name` and `tech`; Wazo's has columns that
    only Wazo has, and no other than Wazo's. Every other file is taken for one of ours, whose rules then name what is wrong."""
    for file_format in (FileFormat.FREEPBX, FileFormat.WAZO):
        known = known_columns(file_format)
        _, header = next(records(text, known), (1, []))
        names = set(map(column_of, header)) - {""}
        if file_format is FileFormat.FREEPBX and names >= _FREEPBX_CERTAIN:
            return file_format
        if file_format is FileFormat.WAZO and names & _WAZO_ONLY and names <= known and not names <= BY_NAME.keys():
            return file_format
    return FileFormat.CALLREC


class _Translation:
    """One file on its way."""

    def __init__(self, wanted: FileFormat, given: Given) -> None:
        self._wanted, self._given = wanted, given
        self._row: Callable[[Values], dict[str, str]] = (
            self._wazo_row if wanted is FileFormat.WAZO else self._freepbx_row
        )
        self._used = _WAZO_TAKEN if wanted is FileFormat.WAZO else _FREEPBX_TAKEN
        self._left: dict[str, None] = {}
        self._mixed: list[int] = []
        self._at_line = 0

    def of(self, text: str, known: set[str] | frozenset[str]) -> Translated:
        """The whole file."""
        read = records(text, known)
        _, header = next(read, (1, []))
        names = [column_of(one) for one in header]
        rows: list[tuple[int, dict[str, str]]] = []
        for at_line, cells in read:
            if len(cells) != len(names):
                rows.append((at_line, {"firstname": "\0"}))  # refused by the rules of the columns, with its line
                continue
            self._at_line = at_line
            values = dict(zip(names, cells, strict=True))
            self._left.update((name, None) for name, value in values.items() if value and name not in self._used)
            rows.append((at_line, self._row(values)))
        return Translated("".join(self._lines(rows)), self._wanted, (*self._left, *self._remarks()))

    def _lines(self, rows: list[tuple[int, dict[str, str]]]) -> Iterator[str]:
        """Our text: each row at the line at which the file has it."""
        columns = [name for name in BY_NAME if any(name in row for _, row in rows)] or ["firstname"]
        yield written([columns])
        next_line = 2
        for at_line, row in rows:
            yield "\n" * (at_line - next_line)
            cells = [escaped(name, " ".join(row.get(name, "").splitlines())) for name in columns]
            yield written([cells])
            next_line = at_line + 1

    def _remarks(self) -> Iterator[str]:
        if self._mixed:
            lines = ", ".join(map(str, self._mixed[:10])) + (" and more" if len(self._mixed) > 10 else "")  # noqa: PLR2004
            yield f"the rules of some kinds of calls only (line {lines}): set them by the API, or by callrec users set"

    def _wazo_row(self, values: Values) -> dict[str, str]:
        row = {ours: values[theirs] for theirs, ours in _WAZO_SAME.items() if values.get(theirs)}
        row |= {ours: _flag(values[theirs]) for theirs, ours in _WAZO_FLAGS.items() if values.get(theirs)}
        if values.get("voicemail_ask_password"):
            row["voicemailskippass"] = {"1": "0", "0": "1"}.get(_flag(values["voicemail_ask_password"]), "?")
        if row.get("username") and row.get("password"):
            row["enableclient"] = "1"
        if "voicemailname" in row:
            row.setdefault("language", self._given.language)
        rules = [_flag(values.get(name, "")) for name in _WAZO_RULES]
        self._rule(row, [one == "1" for one in rules], is_all=_flag(values.get("call_record_enabled", "")) == "1")
        return row

    def _freepbx_row(self, values: Values) -> dict[str, str]:
        number, name = values.get("extension", ""), values.get("name", "")
        first, _, last = name.partition(" ")
        technology = values.get("tech", "").lower()
        row = {
            "firstname": first or number, "lastname": last.strip(), "phonenumber": number, "context": self._given.context,
            "protocol": _TECHNOLOGIES.get(technology, technology),
        }  # fmt: skip
        if row["protocol"] == "sip":
            row |= {"linename": number, "linesecret": values.get("secret", "")}
        if caller := values.get("outboundcid", "").replace('"', "").strip():
            row["outcallerid"] = caller
        if _said(values.get("recording_ondemand", "")) in {*_TRUE, "override"}:
            row["onlinerecord"] = "1"
        rules = [_said(values.get(f"recording_{one}", "")) for one in RULES]
        if "never" in rules:
            self._mixed.append(self._at_line)
        else:
            self._rule(row, [one in _ALWAYS for one in rules])
        return row | self._freepbx_mailbox(values, number, name)

    def _freepbx_mailbox(self, values: Values, number: str, name: str) -> dict[str, str]:
        said = {_said(values.get(one, "")) for one in ("voicemail_enable", "vm", "voicemail")}
        if not said & {*_TRUE, "default"} or said & {"novm", "disabled"}:
            return {}
        options = f"{values.get('voicemail_options', '')}|{values.get('attach', '')}|{values.get('delete', '')}"
        return {
            "language": self._given.language, "voicemailname": name or number, "voicemailmailbox": number,
            "voicemailpassword": values.get("voicemail_vmpwd") or values.get("vmpwd", ""),
            "voicemailemail": (values.get("voicemail_email") or values.get("email", "")).partition(",")[0].strip(),
            "voicemailattach": "1" if "attach=yes" in options else "0",
            "voicemaildelete": "1" if "delete=yes" in options else "0",
        }  # fmt: skip

    def _rule(self, row: dict[str, str], always: list[bool], *, is_all: bool = False) -> None:
        """All kinds of calls are always recorded, or none by rule; a file of ours cannot say anything between."""
        if is_all or all(always):
            row["callrecord"] = "1"
        elif any(always):
            self._mixed.append(self._at_line)


def _said(value: str) -> str:
    """FreePBX writes some values with their column before them: `recording_in_external=always`."""
    return value.lower().rpartition("=")[2].strip()


def _flag(value: str) -> str:
    """1 or 0; other values stay, for the rule of the column."""
    said = value.strip().lower()
    return "1" if said in _TRUE else "0" if said in _FALSE else value
