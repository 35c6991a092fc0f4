"""A recording's id on the channels of its participants."""

import asyncio
from dataclasses import replace

import pytest
from samples import FULL

from callrec.app.asterisk.recording_marks import RecordingMarks, places
from callrec.app.background import Background
from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.calls.ids import LegId
from callrec.domain.errors import Refused
from callrec.domain.vocabulary import CallFact, DropReason


class House:
    """Legs and an observer."""

    def __init__(self) -> None:
        self.set_there: list[tuple[str, str, str]] = []
        self.seen: list[object] = []
        self.gone: set[str] = set()

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """See LegVariables."""
        if leg in self.gone:
            raise Refused("ami-error", "No such channel")
        self.set_there.append((leg, name, value))

    def told(self, fact: Tell) -> None:
        """See Observer."""
        self.seen.append(fact.fact)

    def alarmed(self, alarm: Alarm, call: str) -> None:
        """See Observer."""
        self.seen.append((alarm.cause, call))

    def dropped(self, what: DropReason) -> None:
        """See Observer."""
        self.seen.append(what)

    def broke(self, where: str, error: BaseException) -> None:
        """See Observer."""
        self.seen.append((where, str(error)))


@pytest.mark.parametrize(
    ("variable", "field", "expected"),
    [("", "", ()), ("REC", "", ("REC",)), ("", "userfield", ("CDR(userfield)",)), ("REC", "x", ("REC", "CDR(x)"))],
)
def test_the_settings_name_the_places(variable: str, field: str, expected: tuple[str, ...]) -> None:
    assert places(variable, field) == expected


async def _marked(fact: Tell, *gone: str) -> House:
    house = House()
    house.gone = set(gone)
    background = Background(house)
    marks = RecordingMarks(house, house, background, ("REC", "CDR(userfield)"))
    async with asyncio.TaskGroup() as tasks:
        background.run_in(tasks)
        marks.told(fact)
    return house


async def test_each_participant_who_is_there_gets_the_id() -> None:
    one, other = FULL.parties[0], FULL.parties[-1]
    recording = replace(FULL, parties=(replace(one, to_s=None), replace(other, leg=LegId("9.9"), to_s=12.0)))
    house = await _marked(Tell(CallFact.RECORDING, recording))
    assert house.seen == ["recording"]
    assert house.set_there == [(one.leg, "REC", FULL.id), (one.leg, "CDR(userfield)", FULL.id)]


async def test_a_channel_that_has_ended_is_no_fault() -> None:
    recording = replace(FULL, parties=(replace(FULL.parties[0], to_s=None),))
    house = await _marked(Tell(CallFact.RECORDING, recording), recording.parties[0].leg)
    assert (house.seen, house.set_there) == (["recording"], [])


async def test_other_facts_mark_nothing() -> None:
    for fact in (Tell(CallFact.RECORDING_ENDED, FULL), Tell(CallFact.RECORDING, None)):
        assert (await _marked(fact)).set_there == []


def test_everything_is_passed_on() -> None:
    house = House()
    marks = RecordingMarks(house, house, Background(house), ())
    marks.alarmed(Alarm("stalled", None), "c")
    marks.dropped(DropReason.EVENT)
    marks.broke("here", ValueError("x"))
    assert house.seen == [("stalled", "c"), DropReason.EVENT, ("here", "x")]
