"""What the dialplan has told users by itself reaches the store: once, in order, and nothing of it is lost on the way."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from callrec.app.recovery.fallback_changes import FallbackChanges
from callrec.domain.calls.captures.fallback_notes import ChangeNote
from callrec.domain.errors import CallrecError, Corrupt, Refused
from callrec.domain.rules import UserId
from callrec_lab.simulated_asterisk import ALICE, BOB, Heard, away, virtual

if TYPE_CHECKING:
    from collections.abc import Callable

NOON_MS = 1_795_521_600_000


def told(user: UserId, after_ms: int, *, on: bool) -> ChangeNote:
    """What a user was told so long after noon."""
    return ChangeNote(f"{user}/{NOON_MS + after_ms}-1.{after_ms}", user, on=on, at_ms=NOON_MS + after_ms)


class Notes:
    """What the dialplan has noted; `faults` by method."""

    def __init__(self) -> None:
        self.noted: list[ChangeNote] = []
        self.forgotten: list[ChangeNote] = []
        self.faults: dict[str, CallrecError] = {}
        self.before_forgetting: Callable[[], object] = lambda: None

    async def read(self) -> list[ChangeNote]:
        """See ports.ChangeNotes."""
        self._do("told")
        return list(self.noted)

    async def forget(self, word: ChangeNote) -> None:
        """See ports.ChangeNotes."""
        self.before_forgetting()
        self._do("forget")
        self.noted.remove(word)
        self.forgotten.append(word)

    def _do(self, name: str) -> None:
        if name in self.faults:
            raise self.faults[name]


@dataclass
class Store:
    """The part of the store that is used: it knows a request again, and when a flag was set otherwise."""

    flags: dict[UserId, bool] = field(default_factory=lambda: {ALICE.id: False, BOB.id: False})
    set_ms: dict[UserId, int] = field(default_factory=dict)
    events: list[tuple[UserId, bool, str]] = field(default_factory=list)
    requests: set[str] = field(default_factory=set)
    faults: dict[UserId, CallrecError] = field(default_factory=dict)
    answer_is_lost: bool = False

    async def apply_fallback_change(
        self, user: UserId, *, on: bool, told_ms: int, request_id: str, actor: str, made_from_ms: int | None = None
    ) -> bool:
        """See TableStore."""
        if user in self.faults:
            raise self.faults[user]
        is_later = self.set_ms.get(user, 0) in range(told_ms + 1) or self.set_ms.get(user, 0) == made_from_ms
        if request_id not in self.requests and is_later:
            self.requests.add(request_id)
            self.flags[user], self.set_ms[user] = on, told_ms
            self.events.append((user, on, actor))
        if self.answer_is_lost:
            raise away("store-outcome-unknown")
        return self.flags[user]


@dataclass
class Copy:
    """Whether the tables are fresh."""

    fresh: bool = True


class House:
    """A daemon that has just come back."""

    def __init__(self) -> None:
        self.notes, self.store, self.copy, self.heard = Notes(), Store(), Copy(), Heard()
        self.again()

    def again(self) -> None:
        """The next daemon."""
        self.fallback_changes = FallbackChanges(self.notes, self.store, self.copy, self.heard)  # type: ignore[arg-type] # the part that is used


@pytest.fixture
def house() -> House:
    return House()


@virtual
async def test_each_users_last_word_reaches_the_store_and_is_forgotten_then(house: House) -> None:
    """In the order in which they were said, whatever the order of the notes."""
    house.notes.noted = [told(ALICE.id, 20, on=False), told(BOB.id, 15, on=True), told(ALICE.id, 10, on=True)]
    assert await house.fallback_changes.apply() == {ALICE.id: False, BOB.id: True}
    assert house.store.events == [(ALICE.id, False, "user:1"), (BOB.id, True, "user:2")]
    assert house.notes.noted == []
    assert await house.fallback_changes.apply() == {}


@virtual
async def test_nothing_is_forgotten_before_it_is_stored(house: House) -> None:
    """And of two notes the one that counts goes last: whoever dies in between leaves it."""
    house.notes.noted = [told(ALICE.id, 20, on=True), told(ALICE.id, 10, on=False)]
    seen: list[tuple[bool, list[int]]] = []
    house.notes.before_forgetting = lambda: seen.append(
        (house.store.flags[ALICE.id], sorted(word.at_ms - NOON_MS for word in house.notes.noted))
    )
    await house.fallback_changes.apply()
    assert seen == [(True, [10, 20]), (True, [20])]


@virtual
async def test_a_daemon_that_died_before_it_could_forget_does_nothing_twice(house: House) -> None:
    """Nor does it undo what somebody changed in between."""
    house.notes.noted = [told(ALICE.id, 10, on=True)]
    house.notes.faults["forget"] = away()
    with pytest.raises(CallrecError):
        await house.fallback_changes.apply()
    house.again()
    house.notes.faults.clear()
    house.store.flags[ALICE.id], house.store.set_ms[ALICE.id] = False, NOON_MS + 5000
    assert await house.fallback_changes.apply() == {ALICE.id: False}
    assert (len(house.store.events), house.notes.noted) == (1, [])


@virtual
async def test_a_word_given_while_an_older_one_is_forgotten_is_found_by_the_next_look(house: House) -> None:
    newer = told(ALICE.id, 20, on=False)
    house.notes.noted = [told(ALICE.id, 10, on=True)]
    house.notes.before_forgetting = lambda: house.notes.noted.append(newer)
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    assert house.notes.noted == [newer]
    house.notes.before_forgetting = lambda: None
    assert await house.fallback_changes.apply() == {ALICE.id: False}
    assert [on for _, on, _ in house.store.events] == [True, False]


@virtual
async def test_without_the_store_a_word_waits_and_is_known(house: House) -> None:
    house.notes.noted = [told(ALICE.id, 10, on=True)]
    house.copy.fresh = False
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    assert (house.store.events, len(house.notes.noted), house.heard.alarms) == ([], 1, [])


@virtual
async def test_a_store_that_goes_down_again_is_asked_once(house: House) -> None:
    """All of the words wait."""
    house.notes.noted = [told(ALICE.id, 10, on=True), told(BOB.id, 20, on=True)]
    house.store.faults = {user: away("store-unavailable") for user in (ALICE.id, BOB.id)}
    assert await house.fallback_changes.apply() == {ALICE.id: True, BOB.id: True}
    assert (len(house.notes.noted), house.heard.alarms) == (2, ["mirror: store-unavailable"])
    house.store.faults.clear()
    assert await house.fallback_changes.apply() == {ALICE.id: True, BOB.id: True}
    assert house.notes.noted == []


@virtual
async def test_a_lost_answer_is_asked_for_again_and_the_change_happens_once(house: House) -> None:
    house.notes.noted = [told(ALICE.id, 10, on=True)]
    house.store.answer_is_lost = True
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    assert len(house.notes.noted) == 1
    house.store.answer_is_lost = False
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    assert (len(house.store.events), house.notes.noted) == (1, [])


@virtual
async def test_the_word_of_somebody_who_is_gone_is_dropped_and_told(house: House) -> None:
    house.notes.noted = [told(UserId("9"), 10, on=True), told(ALICE.id, 20, on=True)]
    house.store.faults[UserId("9")] = Refused("no-such-user", "gone")
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    assert (house.notes.noted, house.heard.alarms) == ([], ["mirror: no-such-user"])


@virtual
async def test_a_record_that_cannot_be_read_keeps_its_word_and_nobody_elses(house: House) -> None:
    house.notes.noted = [told(ALICE.id, 10, on=True), told(BOB.id, 20, on=True)]
    house.store.faults[ALICE.id] = Corrupt("store-record", "torn")
    assert await house.fallback_changes.apply() == {ALICE.id: True, BOB.id: True}
    assert ([word.user for word in house.notes.noted], house.heard.alarms) == ([ALICE.id], ["mirror: store-record"])


@virtual
async def test_an_asterisk_that_refuses_is_told_and_holds_nothing_up(house: House) -> None:
    """Neither a listing that we may not read nor a note that it does not delete."""
    house.notes.noted = [told(ALICE.id, 10, on=True)]
    house.notes.faults["told"] = Refused("ami-error", "no")
    assert await house.fallback_changes.apply() == {}
    house.notes.faults = {"forget": Refused("ami-error", "no")}
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    assert (len(house.notes.noted), house.heard.alarms) == (1, ["mirror: ami-error"] * 2)


async def test_a_word_that_turned_this_very_flag_over_is_later_whatever_the_clocks_say() -> None:
    """The clock was set back by five minutes between the two; the word was dropped as older."""
    house = House()
    house.store.set_ms[ALICE.id] = 1_000_000
    house.notes.noted = [ChangeNote("1/700000-1.1", ALICE.id, on=True, at_ms=700_000, made_from_ms=1_000_000)]
    assert await house.fallback_changes.apply() == {ALICE.id: True}
    house.store.set_ms[BOB.id] = 1_000_000
    house.notes.noted = [ChangeNote("2/700000-1.1", BOB.id, on=True, at_ms=700_000, made_from_ms=600_000)]
    assert await house.fallback_changes.apply() == {BOB.id: False}, "somebody else came after the phone"
