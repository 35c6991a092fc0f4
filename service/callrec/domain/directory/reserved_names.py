"""Names with another meaning in Asterisk's files, which no line and no context can have. They are checked when a record is added
or changed, and again when the files are written."""

import re

LINES = frozenset(
    {"trunk", "udp", "global", "system", "user", "user-auth", "user-aor", "anonymous", "callrec-stamp", "callrec-line"}
)
"""Names in pjsip.conf or sccp.conf; `anonymous` would let every caller in. They are refused after an `@` too: without an
endpoint of the whole name Dial takes `x@trunk` for the number x at the endpoint `trunk` (chan_pjsip.c: request)."""
LINE_CHARACTERS = "A-Za-z0-9_.@+-"
_ANY_CASE = "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name) for name in sorted(LINES))
LINE_PATTERN = rf"(?!(?:[{LINE_CHARACTERS}]*@)?(?:{_ANY_CASE})(?![{LINE_CHARACTERS}]))[{LINE_CHARACTERS}]{{1,80}}"
"""A line's name, none of the reserved ones. Spelt in both cases and without flags: JSON schemas know none."""
_CONTEXT = re.compile(r"general|globals|zonemessages|callrec-.*|pbx-.*", re.IGNORECASE)


def is_reserved_context(name: str) -> bool:
    """Whether Asterisk or the PBX has a section of this name."""
    return _CONTEXT.fullmatch(name) is not None
