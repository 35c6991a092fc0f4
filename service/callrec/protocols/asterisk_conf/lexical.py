"""The lexical rules of Asterisk's configuration files: no value can begin a line, a comment, an option or a section.

`;` begins a comment except after a backslash (config.c: process_text_line), a line ends only at LF, and a section or a directive
(`#`) begins only at the beginning of a line. The only value that callrec writes there is a mailbox' number.
"""

import re

from callrec.domain.directory import reserved_names
from callrec.domain.directory.user_file import columns
from callrec.domain.errors import Refused

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,39}")
LINE = re.compile(f"[{reserved_names.LINE_CHARACTERS}]{{1,79}}")
"""One character less than the tables allow: Asterisk cuts a section's name after 79 (config.c: struct ast_category)."""
NUMBER = re.compile(r"[0-9*#+]{1,40}")
MAILBOX = re.compile(columns.MAILBOX.pattern)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(_[A-Za-z]{2,4})?")
SECRET = re.compile(r"[!-~]{1,80}")
"""Printable ASCII without blanks; `;` is escaped where it is written."""
PASSWORD = re.compile(r"[0-9*#]{0,80}")
"""More than the tables allow, so that mailboxes of older versions stay, also with an empty password."""
EMAIL = re.compile(f"({columns.EMAIL.pattern})?")

MOST_NAME_BYTES = 79
"""Asterisk cuts a longer name (callerid.h, app_voicemail.c: 80 with the final NUL), possibly within a UTF-8 character."""
_NEVER = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>${}"
_QUOTED = re.compile(f" *[{_NEVER}][{_NEVER} ]*")
_PLAIN = re.compile(rf' *[{_NEVER}"\\][{_NEVER}"\\ ]*')
_LISTED = re.compile(rf' *[{_NEVER}"\\,][{_NEVER}"\\, ]*')


def fits(pattern: re.Pattern[str], value: str, what: str, *, secret: bool = False) -> str:
    """The value, when the whole of it matches; raises Refused, which does not repeat a secret."""
    if pattern.fullmatch(value) is None:
        shown = "" if secret else f" {value[:60]!r}"
        message = f"the {what}{shown} does not fit into a configuration file"
        raise Refused("value-unfit", message, hint=f"a {what} must match {pattern.pattern}")
    return value


def section(name: str, *rows: str, template: str = "") -> str:
    """A section and its rows, with a blank line after it."""
    head = f"[{name}]({template})" if template else f"[{name}]"
    return "\n".join((head, *rows, "", ""))


def escaped(value: str) -> str:
    """A value with `;` escaped, so that it does not begin a comment."""
    return value.replace(";", "\\;")


def quoted(name: str) -> str:
    """A person's name for a caller id between quotes: quotes and backslashes are escaped with a backslash.

    A name is only displayed: a character that cannot be written becomes a blank, and the user keeps the phone. The result
    contains no angle bracket and no dialplan expression.
    """
    return escaped(re.sub(r'(["\\])', r"\\\1", _cut(_QUOTED, name)))


def plain(name: str) -> str:
    """A name without quotes around it, where Asterisk reads no escapes."""
    return escaped(_cut(_PLAIN, name))


def listed(name: str) -> str:
    """A name between commas."""
    return escaped(_cut(_LISTED, name))


def _cut(unwritable: re.Pattern[str], name: str) -> str:
    written = unwritable.sub(" ", name).strip().encode()
    return written[:MOST_NAME_BYTES].decode(errors="ignore").rstrip()
