"""Whether Asterisk has the numbers of stored function keys: a dialplan changes later than the keys that dial its numbers.

Page, API and commands ask for the number of a new key only, and not while Asterisk is away.
"""

from collections.abc import Sequence

from callrec.app.directory.dialled_numbers import has_number, number_of
from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.ports.asterisk import KnownNumber, Numbers
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import FunctionKey

CHECK = "function keys"
MOST_NUMBERS = 500
"""The most numbers that are asked for: each takes a millisecond or two of Asterisk."""
_SHOWN = 5


async def look_at_keys(numbers: Numbers, tables: Directory) -> list[Finding]:
    """The finding for the keys that dial numbers of the dialplan; none when no user has such a key."""
    keys = sorted(filter(has_number, tables.tables().keys), key=lambda key: (len(key.user), key.user, key.number))
    if not keys:
        return []
    once = _Once(numbers)
    known = [(key, await number_of(key, tables, once)) for key in keys]
    gone = [key for key, found in known if found and not found.is_there]
    dark = [key for key, found in known if found and found.is_there and key.supervision and not found.hint]
    if gone or dark:
        return [_wrong(gone, dark, tables)]
    unknown = sum(found is None for _, found in known)
    if unknown:
        says = f"Asterisk was not asked for, or did not tell, the numbers of {unknown} of {len(keys)} keys"
        return [
            Finding(CHECK, Verdict.UNSEEN, f"{says}: callrec users, page Function keys, asks for those of one user")
        ]
    return [Finding(CHECK, Verdict.OK, f"the dialplan has the numbers of all {len(keys)} keys that dial one")]


class _Once:
    """Implements Numbers: each number is asked for once, and at most MOST_NUMBERS are."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._known: dict[tuple[str, str], KnownNumber | None] = {}

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """See Numbers."""
        place = number, context
        if place not in self._known and len(self._known) < MOST_NUMBERS:
            self._known[place] = await self._numbers.known(number, context)
        return self._known.get(place)


def _wrong(gone: Sequence[FunctionKey], dark: Sequence[FunctionKey], tables: Directory) -> Finding:
    says, write = [], []
    if gone:
        says.append(f"this PBX does not have the number of {_listed(gone, tables)}")
        write.append("give the dialplan these numbers, or the keys others: callrec keys set USER KEY TYPE --to NUMBER")
    if dark:
        says.append(f"the number has no hint, so the lamp stays dark, of {_listed(dark, tables)}")
        write.append("extensions.conf, for a conference: exten => NUMBER,hint,confbridge:NUMBER")
        write.append("res_parking.conf, for parking positions: parkinghints = yes")
    return Finding(CHECK, Verdict.WRONG, "; ".join(says), "\n".join(write))


def _listed(keys: Sequence[FunctionKey], tables: Directory) -> str:
    shown = [f"key {key.number} of {_owner(key, tables)} ({key.type} {key.destination})" for key in keys[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")


def _owner(key: FunctionKey, tables: Directory) -> str:
    return next((line.number for line in tables.lines_of(key.user)), f"id:{key.user}")
