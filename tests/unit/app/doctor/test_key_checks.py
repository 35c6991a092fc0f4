"""The doctor asks Asterisk for the numbers of stored keys."""

import pytest

from callrec.app.doctor import key_checks
from callrec.app.doctor.findings import Verdict
from callrec.app.doctor.key_checks import look_at_keys
from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import FunctionKey, Line, Tables, User
from callrec.domain.rules import UserId

JOHN, EVE = UserId("1"), UserId("2")
LINES = (Line("desk", JOHN, "1000", "default"), Line("eve", EVE, "1001", "default"))
QUEUE = FunctionKey(JOHN, 1, "queue", "6000")
ROOM = FunctionKey(EVE, 2, "conference", "5000", supervision=True)
THERE = KnownNumber(True, "")


def directory(*keys: FunctionKey) -> Directory:
    return Directory(Tables((User(JOHN, "John"), User(EVE, "Eve")), LINES, keys=keys))


class Dialplan:
    """Has these numbers; None: it does not tell."""

    def __init__(self, numbers: dict[str, KnownNumber | None]) -> None:
        self._numbers = numbers
        self.asked: list[str] = []

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """What is there."""
        self.asked.append(f"{number}@{context}")
        return self._numbers.get(number, KnownNumber(False, ""))


async def test_without_keys_that_dial_a_number_nothing_is_said() -> None:
    assert await look_at_keys(Dialplan({}), directory(FunctionKey(JOHN, 1, "dnd"))) == []


async def test_keys_whose_numbers_are_there_are_right() -> None:
    (found,) = await look_at_keys(Dialplan({"6000": THERE, "5000": KnownNumber(True, "c")}), directory(QUEUE, ROOM))
    assert (found.verdict, found.says) == (Verdict.OK, "the dialplan has the numbers of all 2 keys that dial one")


async def test_keys_of_numbers_that_are_gone_and_lamps_without_a_hint_are_named() -> None:
    (found,) = await look_at_keys(Dialplan({"5000": THERE}), directory(QUEUE, ROOM))
    assert (found.check, found.verdict) == ("function keys", Verdict.WRONG)
    assert found.says == (
        "this PBX does not have the number of key 1 of 1000 (queue 6000); "
        "the number has no hint, so the lamp stays dark, of key 2 of 1001 (conference 5000)"
    )
    assert "callrec keys set" in found.write
    assert "parkinghints = yes" in found.write


async def test_many_keys_are_counted_and_those_of_a_user_without_a_line_are_left_out() -> None:
    lost = FunctionKey(UserId("9"), 1, "queue", "6000")
    keys = [FunctionKey(JOHN, number, "queue", str(6000 + number)) for number in range(1, 8)]
    (found,) = await look_at_keys(Dialplan({}), directory(lost, *keys))
    assert "key 5 of 1000 (queue 6005) and 2 more" in found.says
    (found,) = await look_at_keys(Dialplan({}), directory(lost))
    assert found.verdict is Verdict.UNSEEN


async def test_each_number_is_asked_for_once_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_checks, "MOST_NUMBERS", 1)
    dialplan = Dialplan({"6000": THERE, "6001": THERE})
    keys = [QUEUE, FunctionKey(JOHN, 2, "paging", "6000"), FunctionKey(JOHN, 3, "queue", "6001")]
    (found,) = await look_at_keys(dialplan, directory(*keys))
    assert (dialplan.asked, found.verdict) == (["6000@default"], Verdict.UNSEEN)
    assert "1 of 3 keys" in found.says
