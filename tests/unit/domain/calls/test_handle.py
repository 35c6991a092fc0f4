"""The session that `handle` gets stays as it is, also when an event fails."""

from dataclasses import replace

import pytest

from callrec.domain.calls.events import LegAnswered
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, LegId, NodeId
from callrec.domain.calls.model import Direction, Instant, Leg
from callrec.domain.calls.session import Change, Session

NOW = Instant(1_000.0, 10.0)
ANSWERED = LegAnswered(LegId("a"))


def test_an_event_changes_a_copy_of_the_session() -> None:
    session = Session(CallId("c"), "c", NodeId("n"))
    before = replace(session)
    after, _ = handle(session, ANSWERED, NOW)
    assert (before, frozenset({"a"})) == (session, after.answered_legs)


def test_an_event_that_fails_in_the_middle_leaves_the_session_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(CallId("c"), "c", NodeId("n"))
    before, changed = replace(session), []

    def fails(change: Change) -> None:
        changed.append(change.session.answered_legs)
        raise RuntimeError("a defect")

    monkeypatch.setattr("callrec.domain.calls.handle.note_waiting", fails)
    with pytest.raises(RuntimeError, match="a defect"):
        handle(session, ANSWERED, NOW)
    assert (before, [frozenset({"a"})]) == (session, changed)


def test_a_copy_has_every_value_and_none_of_its_own() -> None:
    """Also of fields that are added later."""
    session = Session(CallId("c"), "c.1", NodeId("n"), faults=3, answered_legs=frozenset({LegId("a")}))
    copy = session.copied()
    assert (copy is session, copy == replace(session)) == (False, True)
    copy.faults = 4
    assert session.faults == 3


def test_conversations_follow_legs_and_bridges() -> None:
    """They are found once for the same ones, which are replaced and never changed."""
    legs = {LegId(name): Leg(LegId(name), f"PJSIP/{name}-1", Direction.IN) for name in "ab"}
    session = Session(CallId("c"), "c.1", NodeId("n"), legs=legs, bridges={BridgeId("x"): tuple(legs)})
    assert session.conversations() is session.conversations()
    assert [one.id for one in session.conversation_of(LegId("a"))] == ["a", "b"]
    copy = session.copied()
    copy.legs = {LegId("a"): legs[LegId("a")]}
    assert (copy.conversations(), len(session.conversations())) == ([], 1)
    copy = session.copied()
    copy.bridges = {}
    assert (copy.conversations(), len(session.conversations())) == ([], 1)
