"""The rule for a password that somebody chooses. User files accept shorter ones too (4 characters), as the specification says."""

from callrec.domain.directory.value_checks import is_plain
from callrec.domain.errors import Refused

LEAST, MOST = 8, 64
"""Characters."""


def check_new(password: str) -> str:
    """The same password. Raises Refused (`password`) for one that is too short, too long, or has a control character."""
    if not (LEAST <= len(password) <= MOST and is_plain(password)):
        says = f"a password has {LEAST} to {MOST} characters, none of them a control character"
        raise Refused("password", says, hint="choose another one")
    return password
