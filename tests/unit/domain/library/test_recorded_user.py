"""Whose recording it is."""

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Actor, ActorKind, Capture, Party, Recording
from callrec.domain.library.recorded_user import recorded_user
from callrec.domain.rules import Rule, UserId

PRESSER = Actor(ActorKind.USER, UserId("9"))


@pytest.mark.parametrize(
    ("legs", "captured", "actor", "expected"),
    [
        ({"1.1": "", "1.2": "7"}, ["1.2"], POLICY, "7"),
        ({"1.1": "6", "1.2": "7"}, ["1.2", "1.1"], POLICY, "7"),
        ({"1.1": "6", "1.2": "7"}, ["1.2"], PRESSER, "7"),
        ({"1.1": "", "1.2": "7"}, ["1.1"], POLICY, None),
        ({"1.1": "6", "1.2": ""}, ["1.2"], PRESSER, "9"),
        ({"1.1": "6", "1.2": "7"}, [], POLICY, None),
        ({"1.1": "6", "1.2": ""}, [], POLICY, "6"),
        ({"1.1": "6", "1.2": "6"}, [], POLICY, "6"),
        ({}, [], PRESSER, "9"),
        ({}, [], POLICY, None),
    ],
)
def test_the_user_of_the_first_captures_leg(
    legs: dict[str, str], captured: list[str], actor: Actor, expected: str | None
) -> None:
    recording = Recording(
        RecordingId("c1-1"), CallId("c1"), "1.1", NodeId("n"), Rule.ALWAYS, actor, 1.0,
        captures=tuple(Capture(CaptureId("c1-1-1"), LegId(leg), "PJSIP/a-1", 8000, 1.0) for leg in captured),
        parties=tuple(Party(LegId(leg), UserId(user) if user else None, "1", "", 1.0) for leg, user in legs.items()),
    )  # fmt: skip
    assert recorded_user(recording) == expected
