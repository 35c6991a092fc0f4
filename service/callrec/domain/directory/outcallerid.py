"""The name and number that a trunk gets for a user's outgoing calls: the column `outcallerid`, parsed."""

import re
from dataclasses import dataclass

from callrec.domain.errors import Refused

DEFAULT, ANONYMOUS = "default", "anonymous"
MOST = 80
_NAMED = re.compile(r' *(?:"(?P<quoted>[^"]*)"|(?P<bare>[^"<>]*?)) *<(?P<number>[^<>]*)> *')
_NUMBER = re.compile(r"[0-9*#+]{1,40}")
_NAME = re.compile(r'[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff;"<>\\${}]*')
"""A name without characters that would end it, or begin a comment or an expression of the dialplan."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The name and number to show; an empty one stays as it is."""

    name: str = ""
    number: str = ""


def shown(outcallerid: str) -> Shown | None:
    """`0123456789`, `"ACME" <0123456789>` or `ACME`; None for `default` and `anonymous`. Raises Refused."""
    if outcallerid in {DEFAULT, ANONYMOUS, ""}:
        return None
    if _NUMBER.fullmatch(outcallerid):
        return Shown(number=outcallerid)
    named = _NAMED.fullmatch(outcallerid)
    name = (named["quoted"] or named["bare"] or "") if named else outcallerid
    number = named["number"] if named else ""
    fits = _NAME.fullmatch(name) and (not named or _NUMBER.fullmatch(number))
    if not fits or len(outcallerid) > MOST:
        raise Refused(
            "value-unfit", f"The outcallerid {outcallerid[:MOST]!r} must be a name, a number, or name <number>"
        )
    return Shown(name.strip(), number)


def is_showable(outcallerid: str) -> bool:
    """Whether `shown` accepts it."""
    try:
        shown(outcallerid)
    except Refused:
        return False
    return True
