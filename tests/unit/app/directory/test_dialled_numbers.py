"""Keys that dial a number of the PBX: Asterisk is asked for it, in the contexts of their owner's lines."""

import pytest

from callrec.app.directory.dialled_numbers import absent, check_number, number_of, undialled
from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.key_sets import KeyFault
from callrec.domain.directory.model import FunctionKey, Line, Tables, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN, NOBODY = UserId("1"), UserId("2")
QUEUE = FunctionKey(JOHN, 1, "queue", "5000")
LINES = (Line("desk", JOHN, "1000", "default"), Line("lab", JOHN, "1000", "lab"))
ABSENT = KnownNumber(False, "")


def directory(*keys: FunctionKey) -> Directory:
    return Directory(Tables((User(JOHN, "John"), User(NOBODY, "Eve")), LINES, keys=keys))


class Dialplan:
    """Has these numbers; None: it does not tell."""

    def __init__(self, **numbers: KnownNumber | None) -> None:
        self._numbers = numbers
        self.looked: list[str] = []

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """What is there."""
        self.looked.append(f"{number}@{context}")
        return self._numbers.get(context, ABSENT)


async def test_a_number_of_any_of_the_owners_contexts_is_dialled() -> None:
    dialplan = Dialplan(lab=KnownNumber(True, ""))
    assert await undialled([QUEUE], directory(), dialplan) == []
    assert dialplan.looked == ["5000@default", "5000@lab"]


async def test_a_number_that_no_context_has_is_refused_at_its_key() -> None:
    keys = [FunctionKey(JOHN, 3, "dnd"), QUEUE]
    assert await undialled(keys, directory(), Dialplan()) == [
        KeyFault(1, 1, "destination", "this PBX has no number 5000")
    ]
    with pytest.raises(Refused, match="no number 5000") as refused:
        await check_number(QUEUE, directory(), Dialplan())
    assert refused.value.code == "key-destination"


async def test_a_key_that_is_stored_already_is_not_asked_for() -> None:
    dialplan = Dialplan()
    await check_number(QUEUE, directory(QUEUE), dialplan)
    assert dialplan.looked == []


@pytest.mark.parametrize(
    "key",
    [
        FunctionKey(JOHN, 1, "parking"),
        FunctionKey(JOHN, 1, "customized", "5000"),
        FunctionKey(NOBODY, 1, "queue", "5000"),
        FunctionKey(JOHN, 1, "of tomorrow", "5000"),
    ],
    ids=["the usual lot", "any digits", "no line", "unknown"],
)
async def test_other_keys_and_phones_that_are_not_there_ask_for_nothing(key: FunctionKey) -> None:
    dialplan = Dialplan()
    assert await number_of(key, directory(), dialplan) is None
    assert dialplan.looked == []


async def test_what_asterisk_does_not_tell_refuses_nothing() -> None:
    assert await undialled([QUEUE], directory(), Dialplan(default=None)) == []


async def test_the_keys_that_cannot_be_dialled_are_found_among_many() -> None:
    other = FunctionKey(JOHN, 2, "queue", "5001")
    dnd = FunctionKey(JOHN, 3, "dnd")
    assert await absent([QUEUE, other, dnd], directory(other), Dialplan()) == {QUEUE}
