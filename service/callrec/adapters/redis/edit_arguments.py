"""An edit of the tables as the arguments of its script, and as the records in its event."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import cast

from callrec.adapters.redis import keys
from callrec.adapters.redis.records import (
    CONTEXT,
    ENTITY,
    GROUP,
    INCALL,
    KEY,
    LINE,
    PLACE,
    PROFILE,
    ROLE,
    USER,
    VOICEMAIL,
    Record,
    dump_json,
)
from callrec.domain.directory.doubles import Doubles
from callrec.domain.directory.edit import Change, Edit, Table, TableRecord, place
from callrec.domain.directory.model import (
    DEFAULT_CONTEXTS,
    DEFAULT_ENTITIES,
    DEFAULT_PROFILES,
    DEFAULT_ROLES,
    User,
)
from callrec.domain.directory.unique_keys import Claim
from callrec.domain.errors import Corrupt, Refused

RECORDS = cast(
    "dict[Table, Record[TableRecord]]",  # each gets records of its own type only
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
        Table.PLACES: PLACE,
        Table.GROUPS: GROUP,
    },
)
_CLAIMS = "claims"
_NEWER = (Table.PLACES, Table.GROUPS)
_ORDER = (*(table for table in Table if table not in _NEWER), _CLAIMS, *_NEWER)
"""The claims keep the number that they had before there were places: a daemon of an earlier version may read the event."""
TABLES = (
    keys.USERS,
    keys.LINES,
    keys.INCALLS,
    keys.VOICEMAILS,
    keys.CONTEXTS,
    keys.ENTITIES,
    keys.PROFILES,
    keys.FUNCTION_KEYS,
    keys.ROLES,
)
HASHES = (*TABLES, keys.CLAIMS, keys.PLACES, keys.GROUPS)
"""In the order of `_ORDER`: an operation names its hash by the number of its place here. The claims are the unique keys."""
_NUMBERS = {name: number for number, name in enumerate(_ORDER, start=1)}
_SEEDS: dict[Table, tuple[TableRecord, ...]] = {
    Table.CONTEXTS: DEFAULT_CONTEXTS,
    Table.ENTITIES: DEFAULT_ENTITIES,
    Table.PROFILES: DEFAULT_PROFILES,
    Table.ROLES: DEFAULT_ROLES,
}
CARRIED = 100
"""The most records in an event; the event of a larger edit has none."""
TOGETHER = 1000
"""How many fields of a hash the script reads or writes at once: a Lua function takes a few thousand arguments at most."""


class _Told:
    """The operations for the script, by operation and number of the hash: lines of fields and values, alternating."""

    def __init__(self) -> None:
        self.count = 0
        self._open: dict[tuple[str, int], list[str]] = {}
        self._full: dict[tuple[str, int], list[bytes]] = {}

    def tell(self, op: str, number: int, field: str, value: str = "") -> None:
        """Add one operation. Raises Refused for a field or value with a line break."""
        self.count += 1
        group = op, number
        if group not in self._open:
            self._open[group], self._full[group] = [], []
        pairs = self._open[group]
        pairs += field, value
        if len(pairs) == 2 * TOGETHER:
            self._full[group].append(_lines(pairs))
            pairs.clear()

    def chunks(self) -> Iterator[str | int | bytes]:
        """Three arguments for each chunk."""
        for (op, number), chunks in self._full.items():
            for chunk in chunks:
                yield from (op, number, chunk)
            if rest := self._open[op, number]:
                yield from (op, number, _lines(rest))


def arguments(edit: Edit) -> list[str | int | bytes]:
    """The script's arguments for the edit: whether its event carries the records, and the chunks of its operations.

    Raises Refused for text that cannot be stored, and for a record or a unique key that the edit has twice.
    """
    told, seeds, doubles = _Told(), _Told(), Doubles()
    touched: set[Table] = set()
    for change in edit.changes:
        for op, table, field in _operations(change):
            touched.add(table)
            doubles.add((op, table, field))
            told.tell(op, _NUMBERS[table], field, _value(op, change))
    _tell_claims(told, edit, doubles)
    if suspects := doubles.suspects():
        _refuse_doubles(edit, suspects)
    for table, table_records in _SEEDS.items():
        if table in touched:
            for table_record in table_records:
                seeds.tell("seed", _NUMBERS[table], place(table_record)[1], RECORDS[table].dump(table_record))
    return ["carry" if told.count <= CARRIED else "", *seeds.chunks(), *told.chunks()]


def _lines(pairs: Sequence[str]) -> bytes:
    text = "\n".join((*pairs, ""))
    if text.count("\n") != len(pairs):
        raise Refused("text-not-storable", "a name contains a line break", hint="nothing was changed")
    return text.encode()


def _operations(change: Change) -> Iterator[tuple[str, Table, str]]:
    """The operations of a change on the tables: operation, table, field."""
    before, after = change.before, change.after
    old = place(before) if before else None
    new = place(after) if after else None
    if old and old != new:
        yield "gone", *old
    if new and old != new:
        yield "new", *new
    elif new:
        yield "patch" if isinstance(before, User) else "put", *new


def _value(op: str, change: Change) -> str:
    """The value of an operation: nothing for a removed record, the changed fields of a user, else the whole record."""
    before, after = change.before, change.after
    if op == "gone" or after is None:
        return ""
    if op == "patch" and isinstance(before, User) and isinstance(after, User):
        becomes, was = json.loads(USER.whole(after)), json.loads(USER.whole(before))
        return dump_json({name: becomes[name] for name in becomes if becomes[name] != was[name]})
    return RECORDS[place(after)[0]].dump(after)


def _tell_claims(told: _Told, edit: Edit, doubles: Doubles) -> None:
    """Add the operations for unique keys: removed ones that no other record of the same user takes, and new ones. The keys that a
    record keeps, nearly all of a large update, are not stored meanwhile."""
    number = _NUMBERS[_CLAIMS]
    given_up: dict[str, str] = {}
    for change in edit.changes:
        if change.before is not None:
            kept = _users(change.claims_after())
            given_up |= {
                field: user for field, user in _users(change.claims_before()).items() if kept.get(field) != user
            }
    for change in edit.changes:
        had = _users(change.claims_before())
        for claim in change.claims_after():
            field = _field(claim)
            doubles.add((_CLAIMS, field))
            if had.get(field) == claim.user:
                continue
            if given_up.get(field) == claim.user:
                del given_up[field]
            else:
                told.tell("new", number, field, claim.user)
    for field in given_up:
        told.tell("gone", number, field)


def _refuse_doubles(edit: Edit, suspects: frozenset[int]) -> None:
    """Compare the keys and records that have one of these hashes. Raises Refused for the first that the edit has twice."""
    claims = (
        ((_CLAIMS, _field(claim)), f"{claim.kind} {claim.key}")
        for change in edit.changes
        for claim in change.claims_after()
    )
    records = ((operation, "one record") for change in edit.changes for operation in _operations(change))
    seen: set[tuple[str, ...]] = set()
    for key, what in chain[tuple[tuple[str, ...], str]](claims, records):
        if hash(key) in suspects:
            if key in seen:
                raise Refused("table-conflict", f"the edit has {what} twice", hint="nothing was changed")
            seen.add(key)


def _users(claims: Iterable[Claim]) -> dict[str, str]:
    """The user of each claimed field."""
    return {_field(claim): claim.user for claim in claims}


def _field(claim: Claim) -> str:
    return f"{claim.kind}:{claim.key}"


def changed_records(text: str) -> tuple[tuple[Table, str, TableRecord | None], ...]:
    """The changed records in an event: table, key, and the new record (None: removed). Raises Corrupt."""
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
