"""Names that mean something else in Asterisk's files: no line and no context can have them. Asked where a record comes in, and
again where the files are written."""

import re

LINES = frozenset(
    {"trunk", "udp", "global", "system", "user", "user-auth", "user-aor", "anonymous", "callrec-stamp", "callrec-line"}
)
"""In pjsip.conf or sccp.conf; `anonymous` would admit everybody. Behind an `@`, too: Dial takes `x@trunk` for the number x at the
trunk when there is no endpoint of that whole name (chan_pjsip.c: request)."""
LINE_CHARACTERS = "A-Za-z0-9_.@+-"
_ANY_CASE = "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name) for name in sorted(LINES))
LINE_PATTERN = rf"(?!(?:[{LINE_CHARACTERS}]*@)?(?:{_ANY_CASE})(?![{LINE_CHARACTERS}]))[{LINE_CHARACTERS}]{{1,80}}"
"""A line's name, none of the reserved ones. Spelt in both cases and without flags: JSON schemas know none."""
_CONTEXT = re.compile(r"general|globals|zonemessages|callrec-.*|pbx-.*", re.IGNORECASE)


def is_reserved_context(name: str) -> bool:
    """Whether a context of this name is a section of Asterisk's own, or one of the PBX."""
    return _CONTEXT.fullmatch(name) is not None
