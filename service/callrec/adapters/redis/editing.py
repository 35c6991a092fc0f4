"""An edit of the tables as the arguments of its script, and as the event that tells others of it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import cast

from callrec.adapters.redis import keys
from callrec.adapters.redis.records import (
    CONTEXT,
    ENTITY,
    INCALL,
    KEY,
    LINE,
    PROFILE,
    ROLE,
    USER,
    VOICEMAIL,
    Record,
    dump_json,
)
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.provisioning.claims import Claim
from callrec.domain.provisioning.edit import Change, Edit, Noun, Table, place
from callrec.domain.provisioning.model import (
    DEFAULT_CONTEXTS,
    DEFAULT_ENTITIES,
    DEFAULT_PROFILES,
    DEFAULT_ROLES,
    User,
)

RECORDS = cast(
    "dict[Table, Record[Noun]]",  # each is of its own noun, and only met with it
    {
        Table.USERS: USER,
        Table.LINES: LINE,
        Table.INCALLS: INCALL,
        Table.VOICEMAILS: VOICEMAIL,
        Table.CONTEXTS: CONTEXT,
        Table.ENTITIES: ENTITY,
        Table.PROFILES: PROFILE,
        Table.KEYS: KEY,
        Table.ROLES: ROLE,
    },
)
_CLAIMS = "claims"
_ORDER = (*Table, _CLAIMS)
HASHES = (
    keys.USERS,
    keys.LINES,
    keys.INCALLS,
    keys.VOICEMAILS,
    keys.CONTEXTS,
    keys.ENTITIES,
    keys.PROFILES,
    keys.FUNCTION_KEYS,
    keys.ROLES,
    keys.CLAIMS,
)
"""In the order of `Table`, the claims last: an operation names its hash by its place here."""
_NUMBERS = {name: number for number, name in enumerate(_ORDER, start=1)}
_SEEDS: dict[Table, tuple[Noun, ...]] = {
    Table.CONTEXTS: DEFAULT_CONTEXTS,
    Table.ENTITIES: DEFAULT_ENTITIES,
    Table.PROFILES: DEFAULT_PROFILES,
    Table.ROLES: DEFAULT_ROLES,
}
CARRIED = 100
"""How many records an event carries at most; of a larger edit it only tells that there was one."""
TOGETHER = 1000
"""How many fields of a hash the script reads or writes at a time: Lua passes on some thousands of values at most."""

Told = defaultdict[tuple[str, int], list[str]]
"""What the script is told, by the word for what is to be done and the number of the hash: fields and values by turns."""


def arguments(edit: Edit) -> list[str | int]:
    """What the script is told of the edit: whether its event carries the records, and the chunks of its operations.

    Raises Refused for what cannot be stored, or when a record or a claim is there twice.
    """
    told: Told = defaultdict(list)
    for change in edit.changes:
        _tell_record(told, change)
    _tell_claims(told, edit)
    count = sum(map(len, told.values())) // 2
    touched = {number for _, number in told}
    seeds: Told = defaultdict(list)
    for table, nouns in _SEEDS.items():
        if (number := _NUMBERS[table]) in touched:
            for noun in nouns:
                seeds["seed", number] += place(noun)[1], RECORDS[table].dump(noun)
    for pairs in told.values():
        if len(set(pairs[::2])) != len(pairs) // 2:
            raise Refused("table-conflict", "one record is there twice", hint="nothing was changed")
    chunks: list[str | int] = ["carry" if count <= CARRIED else ""]
    for said in (seeds, told):
        for op, number in list(said):
            pairs = said.pop((op, number))  # what is a chunk already takes no memory twice
            for begin in range(0, len(pairs), 2 * TOGETHER):
                chunks += op, number, _lines(pairs[begin : begin + 2 * TOGETHER])
    return chunks


def _lines(pairs: Sequence[str]) -> str:
    text = "\n".join((*pairs, ""))
    if text.count("\n") != len(pairs):
        raise Refused("text-not-storable", "a name holds a line break", hint="nothing was changed")
    return text


def _tell_record(told: Told, change: Change) -> None:
    before, after = change.before, change.after
    old = place(before) if before else None
    new = place(after) if after else None
    if old and old != new:
        told["gone", _NUMBERS[old[0]]] += old[1], ""
    if new is None or after is None:
        return
    table, field = new
    if old != new:
        told["new", _NUMBERS[table]] += field, RECORDS[table].dump(after)
    elif isinstance(before, User) and isinstance(after, User):
        becomes, was = json.loads(USER.whole(after)), json.loads(USER.whole(before))
        differing = {name: becomes[name] for name in becomes if becomes[name] != was[name]}
        told["patch", _NUMBERS[table]] += field, dump_json(differing)
    else:
        told["put", _NUMBERS[table]] += field, RECORDS[table].dump(after)


def _tell_claims(told: Told, edit: Edit) -> None:
    number = _NUMBERS[_CLAIMS]
    former = {_field(claim): claim.user for change in edit.changes for claim in change.claims_before()}
    there: dict[str, str] = {}
    for change in edit.changes:
        for claim in change.claims_after():
            field = _field(claim)
            if field in there:
                raise Refused("table-conflict", f"{claim.kind} {claim.key} is there twice", hint="nothing was changed")
            there[field] = claim.user
    gone = (field for field, user in former.items() if there.get(field) != user)
    new = [(field, user) for field, user in there.items() if former.get(field) != user]
    if pairs := list(chain.from_iterable((field, "") for field in gone)):
        told["gone", number] += pairs
    if pairs := list(chain.from_iterable(new)):
        told["new", number] += pairs


def _field(claim: Claim) -> str:
    return f"{claim.kind}:{claim.key}"


def changed_records(text: str) -> tuple[tuple[Table, str, Noun | None], ...]:
    """The records that an event carries: table, key, and what stands there now (None: nothing). Raises Corrupt."""
    try:
        found: Sequence[tuple[str, str, str | bool]] = json.loads(text)
        return tuple(
            (table, field, RECORDS[table].load(value) if isinstance(value, str) else None)
            for number, field, value in found
            if (name := _ORDER[int(number) - 1]) != _CLAIMS
            for table in [Table(name)]
        )
    except (ValueError, TypeError, IndexError, RecursionError):
        raise Corrupt("store-event", "the records of an event cannot be read") from None
