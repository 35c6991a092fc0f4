"""An edit of the tables as the arguments of its script, and as the event that tells others of it."""

import json
from collections.abc import Iterator, Sequence
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
from callrec.domain.provisioning.edit import Change, Edit, Noun, Table, place
from callrec.domain.provisioning.model import (
    DEFAULT_CONTEXTS,
    DEFAULT_ENTITIES,
    DEFAULT_PROFILES,
    DEFAULT_ROLES,
    User,
    UserId,
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

Operation = tuple[str, int, str, str]
"""What, number of the hash, field, value: see `scripts.EDIT`."""


def arguments(edit: Edit) -> list[str | int]:
    """What the script is told of the edit: whether its event carries the records, and the chunks of its operations.

    Raises Refused for what cannot be stored, or when a record or a claim is there twice.
    """
    found = [operation for change in edit.changes for operation in _of(change)]
    found += _claims(edit)
    touched = {number for _, number, _, _ in found}
    seeds = [
        ("seed", _NUMBERS[table], place(noun)[1], RECORDS[table].dump(noun))
        for table, nouns in _SEEDS.items()
        if _NUMBERS[table] in touched
        for noun in nouns
    ]
    grouped: dict[tuple[str, int], list[str]] = {}
    for op, number, field, value in (*seeds, *found):
        grouped.setdefault((op, number), []).extend((field, value))
    for pairs in grouped.values():
        if len(set(pairs[::2])) != len(pairs) // 2:
            raise Refused("table-conflict", "one record is there twice", hint="nothing was changed")
    chunks = (
        argument
        for (op, number), pairs in grouped.items()
        for begin in range(0, len(pairs), 2 * TOGETHER)
        for argument in (op, number, _lines(pairs[begin : begin + 2 * TOGETHER]))
    )
    return ["carry" if len(found) <= CARRIED else "", *chunks]


def _lines(pairs: Sequence[str]) -> str:
    text = "\n".join((*pairs, ""))
    if text.count("\n") != len(pairs):
        raise Refused("text-not-storable", "a name holds a line break", hint="nothing was changed")
    return text


def _of(change: Change) -> Iterator[Operation]:
    before, after = change.before, change.after
    old = place(before) if before else None
    new = place(after) if after else None
    if old and old != new:
        yield "gone", _NUMBERS[old[0]], old[1], ""
    if new is None or after is None:
        return
    table, field = new
    if old != new:
        yield "new", _NUMBERS[table], field, RECORDS[table].dump(after)
    elif isinstance(before, User) and isinstance(after, User):
        becomes, was = json.loads(USER.whole(after)), json.loads(USER.whole(before))
        yield (
            "patch",
            _NUMBERS[table],
            field,
            dump_json({name: becomes[name] for name in becomes if becomes[name] != was[name]}),
        )
    else:
        yield "put", _NUMBERS[table], field, RECORDS[table].dump(after)


def _claims(edit: Edit) -> Iterator[Operation]:
    number = _NUMBERS[_CLAIMS]
    former = {f"{claim.kind}:{claim.key}": claim.user for change in edit.changes for claim in change.claims_before()}
    there: dict[str, UserId] = {}
    for change in edit.changes:
        for claim in change.claims_after():
            field = f"{claim.kind}:{claim.key}"
            if field in there:
                raise Refused("table-conflict", f"{claim.kind} {claim.key} is there twice", hint="nothing was changed")
            there[field] = claim.user
    for field, user in former.items():
        if there.get(field) != user:
            yield "gone", number, field, ""
    for field, user in there.items():
        if former.get(field) != user:
            yield "new", number, field, user


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
    except (ValueError, TypeError, IndexError):
        raise Corrupt("store-event", "the records of an event cannot be read") from None
