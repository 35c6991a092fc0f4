"""How a command ends: the one place where the four kinds of errors become exit codes, and what a terminal is shown of them.

0 done; 1 refused, or something was found that should not be; 2 usage: the command line or a setting has to be written
differently; 3 unavailable: the same command may work later.
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
    """The exit code for an error of ours."""
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))


def sentence(error: CallrecError) -> str:
    """The error in one line, with its hint."""
    return plain(str(error))


def plain(text: object) -> str:
    """Text for a terminal: what could move the cursor, change a colour or turn the writing round is shown as its escape."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))
