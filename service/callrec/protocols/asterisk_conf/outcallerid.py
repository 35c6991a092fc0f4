"""What the trunk sees of a user who dials out: the column `outcallerid`, taken apart."""

import re
from dataclasses import dataclass

from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf.words import DISPLAYED, NUMBER, fits

DEFAULT, ANONYMOUS = "default", "anonymous"
_NAMED = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^"<>]*?))\s*<(?P<number>[^<>]*)>\s*')


@dataclass(frozen=True, slots=True)
class Shown:
    """A name and a number to show; what is empty stays as it is."""

    name: str = ""
    number: str = ""


def shown(outcallerid: str) -> Shown | None:
    """`0123456789`, `"ACME" <0123456789>` or `ACME`; None for `default` and `anonymous`. Raises Refused."""
    if outcallerid in {DEFAULT, ANONYMOUS, ""}:
        return None
    if NUMBER.fullmatch(outcallerid):
        return Shown(number=outcallerid)
    if named := _NAMED.fullmatch(outcallerid):
        name = fits(DISPLAYED, named["quoted"] or named["bare"] or "", "outcallerid")
        return Shown(name, fits(NUMBER, named["number"], "outcallerid"))
    if '"' in outcallerid:
        raise Refused("value-unfit", f"The outcallerid {outcallerid!r} is no name and no number")
    return Shown(name=fits(DISPLAYED, outcallerid, "outcallerid").strip())
