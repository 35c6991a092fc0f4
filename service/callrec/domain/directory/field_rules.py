"""Which fields of a user may be set one by one, and by which rule: the rules of the import file's columns."""

from collections.abc import Mapping

from callrec.domain.directory.user_file.columns import BY_NAME
from callrec.domain.directory.value_checks import matching
from callrec.domain.errors import Refused
from callrec.domain.rules import RecordRules

FLAGS = frozenset(
    {
        *("call_record", "online_record", "enablehint", "enablexfer"),
        *("dnd", "voicemail_enabled", "filter_enabled", "agent_logged_in"),
    }
)
FORWARDS = frozenset({"forward_unconditional", "forward_no_answer", "forward_busy"})
FORWARD = matching(r"[0-9]{1,40}", "the number to forward to: digits, at most 40")
TEXTS = frozenset({"firstname", "lastname", "language", "outcallerid", "mobilephonenumber", "bosssecretary"})


def checked(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields, with defaults in place of empty texts. Raises Refused that names the first field with a wrong value."""
    return {name: _checked(name, value) for name, value in fields.items()}


def _checked(name: str, value: object) -> object:
    match name, value:
        case "rules", RecordRules():
            return value
        case "language", None:
            return None
        case flag, bool() if flag in FLAGS:
            return value
        case text, str() if text in TEXTS:
            return _checked_text(text, value)
        case forward, str() if forward in FORWARDS:
            if value and not FORWARD.accepts(value):
                raise Refused("user-field", f"{forward} must be {FORWARD.says}")
            return value
        case known, _ if known in FLAGS | TEXTS | FORWARDS | {"rules"}:
            raise Refused("user-field", f"{known} cannot be a {type(value).__name__}")
        case _:
            raise Refused(
                "user-field",
                f"{name[:40]!r} cannot be set",
                hint=f"these can: {', '.join(sorted(FLAGS | TEXTS | FORWARDS))}, rules",
            )


def _checked_text(name: str, value: str) -> str:
    column = BY_NAME[name]
    if value and not column.check.accepts(value):
        raise Refused("user-field", f"{name} must be {column.check.says}")
    if not value and (column.required or name == "language"):
        raise Refused("user-field", f"{name} must have a value")
    return value or column.default
