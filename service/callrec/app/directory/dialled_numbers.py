"""Keys of groups, queues, conferences, paging and parking dial a number that the PBX has itself: Asterisk is asked for it.

callrec keeps none of them, so a wrong number would show only at the first press of the key. While Asterisk does not
answer, such a key is taken as it is.
"""

from collections.abc import Sequence

from callrec.app.ports.asterisk import KnownNumber, Numbers
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import KEY_TYPES, Takes
from callrec.domain.directory.key_sets import KeyFault
from callrec.domain.directory.model import FunctionKey
from callrec.domain.errors import Refused


async def number_of(key: FunctionKey, tables: Directory, numbers: Numbers) -> KnownNumber | None:
    """What Asterisk has at the number of this key, for its owner's phones; None for keys of other types, for an owner without a
    line, and when Asterisk does not tell."""
    kind = KEY_TYPES.get(key.type)
    if kind is None or kind.takes not in {Takes.NUMBER, Takes.LOT} or not key.destination:
        return None
    found = None
    for context in dict.fromkeys(line.context for line in tables.lines_of(key.user)):
        found = await numbers.known(key.destination, context)
        if found is None or found.is_there:
            return found
    return found


async def undialled(keys: Sequence[FunctionKey], tables: Directory, numbers: Numbers) -> list[KeyFault]:
    """The faults of those of these keys whose number Asterisk does not have. Keys that are stored already are not asked for."""
    stored = {place for key in keys for place in tables.keys_of(key.user)}
    found = []
    for at, key in enumerate(keys):
        known = None if key in stored else await number_of(key, tables, numbers)
        if known and not known.is_there:
            found.append(KeyFault(at, key.number, "destination", f"this PBX has no number {key.destination[:40]}"))
    return found


async def check_number(key: FunctionKey, tables: Directory, numbers: Numbers) -> None:
    """Raises Refused when Asterisk does not have the number of this key."""
    for fault in await undialled([key], tables, numbers):
        raise Refused("key-destination", fault.reason, hint="Asterisk was asked: dialplan show NUMBER@CONTEXT")
