"""The direction of a recorded call."""

import pytest

from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Party, Recording
from callrec.domain.library.call_direction import CallDirection, call_direction
from callrec.domain.library.manifest import OldSystem, Origin
from callrec.domain.rules import Rule, UserId


def between(*parties: tuple[str, str]) -> Recording:
    """A recording of the call 1.1 with these legs, each with its user."""
    return Recording(
        RecordingId("c1-1"), CallId("c1"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 1.0,
        parties=tuple(Party(LegId(leg), UserId(user) if user else None, "1", "", 1.0) for leg, user in parties),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parties", "direction"),
    [
        ([("1.1", "7"), ("1.2", "8")], CallDirection.INTERNAL),
        ([("1.1", "7")], CallDirection.INTERNAL),
        ([("5.5", "7"), ("6.6", "8")], CallDirection.INTERNAL),
        ([("1.1", ""), ("1.2", "8")], CallDirection.INCOMING),
        ([("1.2", "8"), ("1.1", "")], CallDirection.INCOMING),
        ([("1.1", "7"), ("1.2", "")], CallDirection.OUTGOING),
        ([("1.2", "7"), ("1.3", "")], CallDirection.UNKNOWN),
        ([], CallDirection.UNKNOWN),
    ],
)
def test_the_leg_that_began_the_call_is_the_caller(parties: list[tuple[str, str]], direction: CallDirection) -> None:
    assert call_direction(between(*parties)) is direction


@pytest.mark.parametrize(
    ("kind", "direction"),
    [
        ("out", CallDirection.OUTGOING),
        ("in", CallDirection.INCOMING),
        ("internal", CallDirection.INTERNAL),
        ("rg", CallDirection.UNKNOWN),
        ("", CallDirection.UNKNOWN),
    ],
)
def test_an_adopted_recordings_direction_is_what_its_name_says(kind: str, direction: CallDirection) -> None:
    """Who has these numbers today says nothing of that time."""
    origin = Origin(OldSystem.FREEPBX, "a.wav", kind)
    assert call_direction(between(("1.1", "7"), ("1.2", "8")), origin) is direction
