"""Keys of groups, queues, conferences, paging and parking dial a number that the PBX has itself: Asterisk is asked for it.

callrec keeps none of them, so a wrong number would show only at the first press of the key. While Asterisk does not
answer, such a key is taken as it is. Pages, API and commands have this rule; the doctor asks again for stored keys.
"""

from collections.abc import Iterable, Sequence

from callrec.app.ports.asterisk import KnownNumber, Numbers
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import KEY_TYPES, Takes
from callrec.domain.directory.key_sets import KeyFault
from callrec.domain.directory.model import FunctionKey
from callrec.domain.errors import Refused


def has_number(key: FunctionKey) -> bool:
    """Whether the key dials a number of the PBX."""
    kind = KEY_TYPES.get(key.type)
    return kind is not None and kind.takes in {Takes.NUMBER, Takes.LOT} and bool(key.destination)


async def number_of(key: FunctionKey, tables: Directory, numbers: Numbers) -> KnownNumber | None:
    """What Asterisk has at the number of this key, for its owner's phones; None for keys of other types, for an owner without a
    line, and when Asterisk does not tell."""
    if not has_number(key):
        return None
    found = None
    for context in dict.fromkeys(line.context for line in tables.lines_of(key.user)):
        found = await numbers.known(key.destination, context)
        if found is None or found.is_there:
            return found
    return found


async def absent(keys: Iterable[FunctionKey], tables: Directory, numbers: Numbers) -> frozenset[FunctionKey]:
    """Those of these keys whose number Asterisk does not have. Keys that are stored already are not asked for."""
    wanted = [key for key in keys if has_number(key) and key not in tables.keys_of(key.user)]
    known = [(key, await number_of(key, tables, numbers)) for key in wanted]
    return frozenset(key for key, found in known if found and not found.is_there)


async def undialled(keys: Sequence[FunctionKey], tables: Directory, numbers: Numbers) -> list[KeyFault]:
    """The faults of those of these keys whose number Asterisk does not have. Keys that are stored already are not asked for."""
    missing = await absent(keys, tables, numbers)
    return [KeyFault(at, key.number, "destination", says(key)) for at, key in enumerate(keys) if key in missing]


async def check_number(key: FunctionKey, tables: Directory, numbers: Numbers) -> None:
    """Raises Refused when Asterisk does not have the number of this key."""
    for fault in await undialled([key], tables, numbers):
        raise Refused("key-destination", fault.reason, hint="Asterisk was asked: dialplan show NUMBER@CONTEXT")


def says(key: FunctionKey) -> str:
    """What is said of a key whose number Asterisk does not have."""
    return f"this PBX has no number {key.destination[:40]}"
