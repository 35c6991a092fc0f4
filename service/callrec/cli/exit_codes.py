"""How a command ends: the exit code of each of the four kinds of errors, and their text for a terminal.

0 done; 1 refused, or a check found a fault; 2 usage: the command line or a setting is wrong; 3 unavailable: the same command may
work later.
"""

from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Refused, Unavailable

DONE, FOUND, USAGE, UNAVAILABLE = 0, 1, 2, 3
_CODES: dict[type[CallrecError], int] = {
    Refused: FOUND,
    Corrupt: FOUND,
    Misconfigured: USAGE,
    Unavailable: UNAVAILABLE,
}


def exit_code(error: CallrecError) -> int:
    """The exit code for a CallrecError."""
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))


def sentence(error: CallrecError) -> str:
    """The error in one line, with its hint."""
    return plain(str(error))


def plain(text: object) -> str:
    """Text for a terminal. Characters that could move the cursor, change a colour or reverse the text are shown as escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))
