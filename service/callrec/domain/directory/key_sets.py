"""All function keys of a user at once: as a form has them, and copied from another user's phone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.function_keys import KEY_TYPES, Takes, check_alone, twin_of
from callrec.domain.directory.model import FunctionKey, User
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

_FIELDS: Mapping[ErrorCode, str] = {
    "key-number": "number",
    "key-type": "type",
    "key-not-served": "type",
    "key-sccp": "type",
    "key-label": "label",
    "key-supervision": "supervision",
    "key-destination": "destination",
}


@dataclass(frozen=True, slots=True)
class KeyFault:
    """One wrong field of one key; `at`: its place among the wanted keys, from 0."""

    at: int
    number: int
    field: str
    reason: str
    code: ErrorCode = "key-destination"


class KeysRefused(Refused):
    """Keys with faults: `faults` has all of them."""

    def __init__(self, faults: Sequence[KeyFault]) -> None:
        self.faults = tuple(faults)
        more = f", and {len(self.faults) - 1} more" if len(self.faults) > 1 else ""
        first = self.faults[0]
        super().__init__(
            "keys-refused", f"key {first.number}: {first.reason}{more}", hint="nothing was changed: correct these keys"
        )


def replacing(owner: UserId, wanted: Sequence[FunctionKey], tables: Directory) -> Edit:
    """The edit after which this user has exactly these keys. Keys that stay as they are are not checked again, but for their
    twins. Raises KeysRefused with every fault, Refused (`no-such-user`)."""
    if tables.user(owner) is None:
        raise Refused("no-such-user", f"there is no user {owner[:40]!r}", hint="callrec users list shows all")
    former = {key.number: key for key in tables.keys_of(owner)}
    if faults := _faults(wanted, former, tables):
        raise KeysRefused(faults)
    becomes = {key.number: key for key in wanted}
    numbers = sorted(former.keys() | becomes.keys())
    changes = (Change(former.get(number), becomes.get(number)) for number in numbers)
    return Edit(tuple(change for change in changes if change.before != change.after))


def _faults(wanted: Sequence[FunctionKey], former: Mapping[int, FunctionKey], tables: Directory) -> list[KeyFault]:
    found: list[KeyFault] = []
    for at, key in enumerate(wanted):
        if any(key.number == other.number for other in wanted[:at]):
            found.append(
                KeyFault(
                    at, key.number, "number", f"{key.number} is there twice: each key has its own number", "key-number"
                )
            )
        if former.get(key.number) != key:
            try:
                check_alone(key, tables)
            except Refused as refused:
                where = _FIELDS.get(refused.code, "type")
                found.append(KeyFault(at, key.number, where, refused.message, refused.code))
                continue
        if twin := twin_of(key, wanted[:at]):
            says = f"key {twin.number} does the same as key {key.number} would"
            found.append(KeyFault(at, key.number, "destination", says, "key-twice"))
    return found


class Unfit(StrEnum):
    """Why a copied key is left out, when its new owner could have a key like it."""

    IN_USE = "in use"
    OWN_PHONE = "own phone"
    TWICE = "twice"
    NO_NUMBER = "no number"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A key that is not copied, and why. `why`: with the number of the other key, where one is in the way, or the code of the
    error for a key that the user cannot have. `reason`: the same as an English sentence."""

    key: FunctionKey
    why: Unfit | ErrorCode
    reason: str
    other: int = 0


@dataclass(frozen=True, slots=True)
class Copied:
    """What copying keys to one user does: all keys that the user has afterwards, which of them come, and which are left out."""

    user: User
    keys: tuple[FunctionKey, ...]
    come: tuple[FunctionKey, ...]
    left_out: tuple[LeftOut, ...]


def copied(
    keys: Sequence[FunctionKey],
    to: User,
    tables: Directory,
    *,
    keep: bool,
    absent: Collection[FunctionKey] = (),
) -> Copied:
    """These keys, for this user. `keep`: keys that the user has stay, and a key whose number is in use is left out; otherwise the
    user has the copied ones only. A key that the user cannot have is left out. `absent`: keys of this user whose number the PBX
    does not have."""
    has = list(tables.keys_of(to.id)) if keep else []
    come: list[FunctionKey] = []
    left_out: list[LeftOut] = []
    for key in sorted(keys, key=lambda one: one.number):
        made = _owned(key, to)
        if unfit := _unfit(made, [*has, *come], tables, absent):
            left_out.append(unfit)
        else:
            come.append(made)
    whole = sorted([*has, *come], key=lambda one: one.number)
    return Copied(to, tuple(whole), tuple(come), tuple(left_out))


def _owned(key: FunctionKey, to: User) -> FunctionKey:
    """The key as this user's own: an agent key follows the agent number of its new owner."""
    follows = to.agentnumber if KEY_TYPES[key.type].takes is Takes.AGENT and key.destination else key.destination
    return replace(key, user=to.id, destination=follows)


def _unfit(
    key: FunctionKey, others: Sequence[FunctionKey], tables: Directory, absent: Collection[FunctionKey]
) -> LeftOut | None:
    """Why this key is left out; None when it comes."""
    if any(key.number == other.number for other in others):
        return LeftOut(key, Unfit.IN_USE, f"key {key.number} is in use", key.number)
    if KEY_TYPES[key.type].takes is Takes.USER and key.destination == key.user:
        return LeftOut(key, Unfit.OWN_PHONE, "it would call the user's own phone")
    if twin := twin_of(key, others):
        return LeftOut(key, Unfit.TWICE, f"key {twin.number} does the same", twin.number)
    if key in absent:
        return LeftOut(key, Unfit.NO_NUMBER, f"this PBX has no number {key.destination}")
    try:
        check_alone(key, tables)
    except Refused as refused:
        return LeftOut(key, refused.code, refused.message)
    return None
