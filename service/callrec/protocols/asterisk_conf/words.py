"""What may stand where in Asterisk's configuration files: no value can begin a line, a comment, an option or a section.

`;` begins a comment unless a backslash stands before it (config.c: process_text_line), a line ends at LF only, and a section or a
directive (`#`) is one only at the beginning of a line. Of our values only a mailbox' number stands there.
"""

import re

from callrec.domain.errors import Refused
from callrec.domain.provisioning import columns, reserved

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,39}")
LINE = re.compile(f"[{reserved.LINE_CHARACTERS}]{{1,79}}")
"""One character less than is let in, where lines may be in no file: Asterisk cuts a section's name after 79 (config.c: struct
ast_category)."""
NUMBER = re.compile(r"[0-9*#+]{1,40}")
MAILBOX = re.compile(columns.MAILBOX.pattern)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(_[A-Za-z]{2,4})?")
SECRET = re.compile(r"[!-~]{1,80}")
"""Printable ASCII without blanks; `;` is escaped where it is written."""
PASSWORD = re.compile(r"[0-9*#]{0,80}")
"""More than is let in: one of an older version keeps its mailbox, which its owner may reach without."""
EMAIL = re.compile(f"({columns.EMAIL.pattern})?")

MOST_NAME_BYTES = 79
"""Asterisk keeps no more of a name (callerid.h, app_voicemail.c: 80 with the end), and would cut a letter in two."""
_NEVER = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>${}"
_QUOTED = re.compile(f" *[{_NEVER}][{_NEVER} ]*")
_PLAIN = re.compile(rf' *[{_NEVER}"\\][{_NEVER}"\\ ]*')
_LISTED = re.compile(rf' *[{_NEVER}"\\,][{_NEVER}"\\, ]*')


def fits(pattern: re.Pattern[str], value: str, what: str, *, secret: bool = False) -> str:
    """The value, when the whole of it matches; raises Refused, which does not repeat a secret."""
    if pattern.fullmatch(value) is None:
        shown = "" if secret else f" {value[:60]!r}"
        message = f"The {what}{shown} does not fit into a configuration file"
        raise Refused("value-unfit", message, hint=f"a {what} must match {pattern.pattern}")
    return value


def section(name: str, *rows: str, template: str = "") -> str:
    """A section and its rows, with a blank line after it."""
    head = f"[{name}]({template})" if template else f"[{name}]"
    return "\n".join((head, *rows, "", ""))


def escaped(value: str) -> str:
    """A value in which `;` begins no comment."""
    return value.replace(";", "\\;")


def quoted(name: str) -> str:
    """A person's name between quotes in a caller id, as Asterisk reads it back: a backslash stands before quotes and backslashes.

    A name is for displays: what cannot be written becomes a blank, and costs nobody the telephone. No angle ends it, nothing in
    it is an expression of the dialplan.
    """
    return escaped(re.sub(r'(["\\])', r"\\\1", _cut(_QUOTED, name)))


def plain(name: str) -> str:
    """A name that stands by itself, where no escape of quotes is read back."""
    return escaped(_cut(_PLAIN, name))


def listed(name: str) -> str:
    """A name between commas."""
    return escaped(_cut(_LISTED, name))


def _cut(unwritable: re.Pattern[str], name: str) -> str:
    written = unwritable.sub(" ", name).strip().encode()
    return written[:MOST_NAME_BYTES].decode(errors="ignore").rstrip()
