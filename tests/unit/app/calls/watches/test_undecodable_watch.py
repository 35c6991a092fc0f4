"""When a leg that no recorder could hear is asked again."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.app.calls.watches.undecodable_watch import AGAIN_MOST_S, AGAIN_S, LOOK_S, UndecodableWatch
from callrec.domain.calls.events import Event, LegAudioTold
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Direction, Leg, LegAudio, Recording
from callrec.domain.calls.session import Session, State
from callrec.domain.rules import Rule
from callrec_lab.simulated_asterisk import Asterisk, Clock, FragileSpool, away, virtual

A = LegId("1.1")
G729 = "no-decoder: g729"
CAPTURE = Capture(CaptureId("c-1-1"), A, "PJSIP/a-1", 8000, 0.0, cause=G729)
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, captures=(CAPTURE,)
)
LEG = Leg(A, "PJSIP/a-1", Direction.IN)
WAITS = Session(
    CallId("c"), "1.1", NodeId("n"), legs={A: LEG}, undecodable={A: G729}, state=State.SUSPECT, recording=RECORDING
)


class House:
    """A watch of one call, its Asterisk, and what was told, with the time."""

    def __init__(self, folder: Path) -> None:
        self.asterisk = Asterisk(FragileSpool(folder))
        self.asterisk.undecodable = {A: G729}
        self.call = WAITS
        self.told: list[tuple[float, Event]] = []

    async def watch(self, seconds: float) -> list[tuple[float, Event]]:
        """What is told while so much time passes."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        watch = UndecodableWatch(self.asterisk, Clock())
        told: list[tuple[float, Event]] = []

        def hear(event: Event) -> None:
            told.append((round(loop.time() - began_s, 2), event))

        task = asyncio.create_task(watch.watch(lambda: [(self.call, hear)]))
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])
        return told


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@virtual
async def test_it_is_asked_each_second_and_less_and_less_often(house: House) -> None:
    told = await house.watch(3600)
    at_s = [at_s for at_s, _ in told]
    assert at_s[:3] == [LOOK_S, LOOK_S + AGAIN_S, LOOK_S + 2 * AGAIN_S]
    assert at_s[-1] - at_s[-2] == AGAIN_MOST_S
    assert {event for _, event in told} == {LegAudioTold(A, LegAudio(8000, G729))}


@virtual
async def test_a_fax_is_told_whatever_the_codec(house: House) -> None:
    house.asterisk.undecodable, house.asterisk.faxes = {}, {A}
    assert (await house.watch(LOOK_S + 0.1))[0][1] == LegAudioTold(A, LegAudio(8000, "t38"))


@virtual
async def test_an_asterisk_that_cannot_be_asked_is_asked_again(house: House) -> None:
    house.asterisk.faults["audio"] = away("ami-down")
    assert await house.watch(5) == []
    house.asterisk.faults.clear()
    assert await house.watch(LOOK_S + 0.1)


@pytest.mark.parametrize(
    "call",
    [
        replace(WAITS, state=State.RECORDING),
        replace(WAITS, undecodable={}),
        replace(WAITS, legs={}),
        replace(WAITS, recording=None),
    ],
    ids=["recording", "heard", "gone", "no recording"],
)
@virtual
async def test_no_other_call_is_asked(house: House, call: Session) -> None:
    house.call = call
    assert await house.watch(5) == []
