"""Names that mean something else in Asterisk's files: no line and no context can have them. Asked where a record comes in, and
again where the files are written."""

import re

LINES = frozenset(
    {"trunk", "udp", "global", "system", "user", "user-auth", "user-aor", "anonymous", "callrec-stamp", "callrec-line"}
)
"""In pjsip.conf or sccp.conf; `anonymous` would admit everybody."""
_CONTEXT = re.compile(r"general|globals|zonemessages|callrec-.*|pbx-.*", re.IGNORECASE)


def is_reserved_context(name: str) -> bool:
    """Whether a context of this name is a section of Asterisk's own, or one of the PBX."""
    return _CONTEXT.fullmatch(name) is not None
