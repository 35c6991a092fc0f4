"""Edits at random, on a real store: it holds what a dictionary would hold, and what is taken is what the records take."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import ask
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.domain.directory.edit import Change, Edit, Table, TableRecord, place
from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.unique_keys import claims
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

EDITS = 150
NUMBERS = [str(number) for number in range(1000, 1012)]
OURS = (Table.USERS, Table.LINES, Table.INCALLS, Table.VOICEMAILS)

Held = dict[tuple[Table, str], TableRecord]


def fresh(chance: random.Random) -> TableRecord:
    """A record of any kind, of few enough keys that they meet."""
    number, user = chance.choice(NUMBERS), UserId(str(chance.randrange(1, 9)))
    match chance.randrange(4):
        case 0:
            return User(user, chance.choice(("Ann", "Böb")), username=chance.choice(("", f"u{number}")))
        case 1:
            return Line(
                f"l{chance.choice(NUMBERS)}", user, number, "default", secret=chance.choice(("x", "y\\n\u2028"))
            )
        case 2:
            return Incall(number, "from-extern", user, chance.randrange(1, 9))
        case _:
            return Voicemail(number, "default", user, "J", "1", attach=chance.random() < 0.5)


def other(table_record: TableRecord, chance: random.Random) -> TableRecord:
    """The record as another one of its kind: often under another key."""
    while type(made := fresh(chance)) is not type(table_record):
        pass
    return replace(made, id=table_record.id) if isinstance(table_record, User) and isinstance(made, User) else made


def changes(held: Held, chance: random.Random) -> Iterator[Change]:
    """One to four changes of different records."""
    for before in chance.sample(list(held.values()), min(len(held), chance.randrange(5))):
        yield Change(before, chance.choice((None, other(before, chance))))
    for _ in range(chance.randrange(1, 3)):
        yield Change(None, fresh(chance))


def after(held: Held, edit: Edit) -> Held | None:
    """What is held then; None when two records would be in one place, or take the same."""
    gone = {place(change.before) for change in edit.changes if change.before}
    left = {where: table_record for where, table_record in held.items() if where not in gone}
    for change in edit.changes:
        if change.after is None:
            continue
        if place(change.after) in left:
            return None
        left[place(change.after)] = change.after
    taken = [(claim.kind, claim.key) for claim in claims(tables_of(left))]
    return left if len(taken) == len(set(taken)) else None


def tables_of(held: Held) -> Tables:
    of = {table: tuple(table_record for (where, _), table_record in held.items() if where is table) for table in OURS}
    return Tables(of[Table.USERS], of[Table.LINES], of[Table.INCALLS], of[Table.VOICEMAILS])  # type: ignore[arg-type]


async def held_by(store: RedisStore) -> Held:
    there = await store.tables()
    return {
        place(table_record): table_record
        for table_record in (*there.users, *there.lines, *there.incalls, *there.voicemails)
    }


@pytest.mark.parametrize("seed", range(3))
async def test_a_store_is_a_dictionary_that_refuses_what_is_taken(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    held: Held = {}
    refused = 0
    async with open_store("embedded:", tmp_path / "s") as store:
        for number in range(EDITS):
            edit = Edit(tuple(changes(held, chance)))
            expected = after(held, edit)
            if expected is None:
                with pytest.raises(Refused, match=r"taken|twice"):
                    await store.edit(edit, f"r{number}")
                refused += 1
            else:
                await store.edit(edit, f"r{number}")
                held = expected
            if number % 10 == 0:
                assert held == await held_by(store)
        assert held == await held_by(store)
        stored = await ask(store._client, "HGETALL", keys.CLAIMS)
        assert {f"{claim.kind}:{claim.key}": claim.user for claim in claims(tables_of(held))} == stored
    assert EDITS / 10 < refused < EDITS * 0.9
