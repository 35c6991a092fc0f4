"""What the store's script is told of an edit."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from callrec.adapters.redis.edit_arguments import CARRIED, HASHES, TOGETHER, arguments
from callrec.domain.directory import doubles
from callrec.domain.directory.edit import Change, Edit, Table
from callrec.domain.directory.model import Group, Incall, Line, Place, Role, User
from callrec.domain.errors import Refused
from callrec.domain.rules import PlaceKind, Rule, UserId

ANN, BOB = User(UserId("1"), "Ann", username="ann"), User(UserId("2"), "Bob")
DESK, SOFT = Line("desk", ANN.id, "1000", "default"), Line("soft", ANN.id, "1001", "default")
CLAIMS = 10
"""Frozen: events of other versions have it."""


def told(*changes: Change) -> dict[tuple[str, int], list[str]]:
    """The fields by operation and table."""
    _, *chunks = arguments(Edit(changes))
    found: dict[tuple[str, int], list[str]] = {}
    for op, number, lines in zip(*[iter(chunks)] * 3, strict=True):
        assert isinstance(lines, bytes)
        found.setdefault((str(op), int(number)), []).extend(lines.decode().splitlines()[::2])
    return found


def test_a_new_record_comes_with_what_it_takes() -> None:
    assert {("new", 1): ["1"], ("new", 2): ["PJSIP/desk"], ("new", CLAIMS): [
        "username:ann", "extension:1000@default", "endpoint:PJSIP/desk",
    ]} == told(Change(None, ANN), Change(None, DESK))  # fmt: skip


def test_places_and_groups_have_the_numbers_behind_the_unique_keys() -> None:
    """Those of an event that a daemon of an earlier version reads stay."""
    place = Place(PlaceKind.QUEUE, "Support", Rule.ALWAYS)
    assert {("new", len(HASHES) - 1): ["queue:support"]} == told(Change(None, place))
    assert {("new", len(HASHES)): ["sales"]} == told(Change(None, Group("sales")))
    assert HASHES[CLAIMS - 1].endswith("claims")


def test_what_a_record_keeps_is_not_told() -> None:
    assert {("patch", 1): ["1"], ("put", 2): ["PJSIP/desk"]} == told(
        Change(ANN, replace(ANN, lastname="Lee")), Change(DESK, replace(DESK, secret="x"))
    )


def test_what_moves_between_two_records_of_a_user_is_not_told() -> None:
    """It stays that user's. What moves to another user goes, and is new."""
    swapped = Change(DESK, replace(DESK, number="1001")), Change(SOFT, replace(SOFT, number="1000"))
    assert {("put", 2): ["PJSIP/desk", "PJSIP/soft"]} == told(*swapped)
    others = replace(SOFT, user=BOB.id)
    swapped = Change(DESK, replace(DESK, number="1001")), Change(others, replace(others, number="1000"))
    numbers = {"extension:1000@default", "extension:1001@default"}
    found = told(*swapped)
    assert (numbers, numbers) == (set(found["gone", CLAIMS]), set(found["new", CLAIMS]))


def test_a_renamed_line_goes_and_is_new() -> None:
    found = told(Change(DESK, replace(DESK, name="front")))
    assert (["PJSIP/desk"], ["PJSIP/front"]) == (found["gone", 2], found["new", 2])
    assert (["endpoint:PJSIP/desk"], ["endpoint:PJSIP/front"]) == (found["gone", CLAIMS], found["new", CLAIMS])


@pytest.mark.parametrize("count", [1, CARRIED + 1, TOGETHER, 2 * TOGETHER + 1])
def test_a_chunk_has_at_most_a_thousand_fields(count: int) -> None:
    """And the event of a small edit carries the records."""
    carry, *chunks = arguments(Edit(tuple(Change(None, Role(f"role-{n}")) for n in range(count))))
    assert ("carry" if count <= CARRIED else "") == carry
    sizes = [
        str(lines, "ascii").count("\n") // 2 for op, _, lines in zip(*[iter(chunks)] * 3, strict=True) if op == "new"
    ]  # type: ignore[arg-type] # bytes
    assert (count, True) == (sum(sizes), max(sizes) <= TOGETHER)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ((Change(None, ANN), Change(None, replace(BOB, username="ann"))), "the edit has username ann twice"),
        ((Change(None, BOB), Change(None, BOB)), "the edit has one record twice"),
        ((Change(BOB, replace(BOB, lastname="A")), Change(BOB, replace(BOB, lastname="B"))), "the edit has one record twice"),
        ((Change(Incall("1", "a", BOB.id), None),) * 2, "the edit has one record twice"),
    ],
)  # fmt: skip
def test_what_is_there_twice_is_refused(changes: tuple[Change, ...], what: str) -> None:
    with pytest.raises(Refused) as refused:
        arguments(Edit(changes))
    assert ("table-conflict", what) == (refused.value.code, refused.value.message)


def test_what_only_looks_as_if_it_were_there_twice_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hashes may be the same by chance."""
    everything = frozenset(hash(("claims", f"agent:{n}")) for n in range(1)) | {hash(("new", Table.USERS, "1"))}
    monkeypatch.setattr(doubles.Doubles, "suspects", lambda _: everything)
    assert ["1", "2"] == told(Change(None, ANN), Change(None, BOB))["new", 1]


def test_changes_may_be_made_each_time_that_they_are_asked_for() -> None:
    class Changes:
        def __iter__(self) -> Iterator[Change]:
            return iter((Change(None, ANN), Change(DESK, None)))

    assert arguments(Edit(tuple(Changes()))) == arguments(Edit(Changes()))
