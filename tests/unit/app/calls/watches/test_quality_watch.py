"""When Asterisk is asked how well RTP arrives, and what becomes of the answer."""

import asyncio
from pathlib import Path

import pytest
from call_stage import Asterisk, Clock, FragileSpool, away, virtual

from callrec.app.calls.watches.quality_watch import AGAIN_S, FIRST_S, LOOK_S, QualityWatch
from callrec.domain.calls.events import Event, LegMeasured
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Direction, Leg, Quality, Recording
from callrec.domain.calls.session import Session, State
from callrec.domain.rules import Rule

A, B, LOCAL = LegId("1.1"), LegId("1.2"), LegId("1.3")
GOOD = Quality(500, 0, 1.5)


def session(state: State = State.RECORDING) -> Session:
    capture = Capture(CaptureId("c-1-1"), A, "PJSIP/a-1", 8000, 0.0)
    channels = {A: "PJSIP/a-1", B: "PJSIP/b-1", LOCAL: "Local/1@default-1;1"}
    return Session(
        CallId("c"),
        "1.1",
        NodeId("n"),
        legs={leg: Leg(leg, channel, Direction.IN) for leg, channel in channels.items()},
        bridges={BridgeId("b"): tuple(channels)},
        state=state,
        recording=Recording(
            RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, captures=(capture,)
        ),
    )


class House:
    """A watch of one call, its Asterisk, and what was told, with the time."""

    def __init__(self, folder: Path) -> None:
        self.asterisk = Asterisk(FragileSpool(folder))
        self.calls = [session()]
        self.told: list[tuple[float, Event]] = []

    def hear(self, event: Event) -> None:
        """An event of the call."""
        self.told.append((asyncio.get_running_loop().time(), event))

    async def watch(self, seconds: float) -> list[tuple[float, Event]]:
        """What is told while so much time passes."""
        watch = QualityWatch(self.asterisk, Clock())
        task = asyncio.create_task(watch.watch(lambda: [(one, self.hear) for one in self.calls]))
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])
        return [(round(at_s - began_s), event) for at_s, event in self.told]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@virtual
async def test_a_leg_is_asked_soon_and_then_when_the_call_is_older_by_a_tenth(house: House) -> None:
    """At once, after 2 s, each 10 s, and after an hour each six minutes."""
    house.asterisk.qualities = {A: GOOD}
    told = [at_s for at_s, _ in await house.watch(7200)]
    assert told[:5] == [LOOK_S, *(LOOK_S + FIRST_S + AGAIN_S * nth for nth in range(4))]
    assert told[-1] - told[-2] == pytest.approx(0.1 * told[-2], abs=2 * LOOK_S)
    assert len(told) < 60


@virtual
async def test_both_phones_are_asked_and_no_local_channel(house: House) -> None:
    house.asterisk.qualities = {A: GOOD, B: Quality(10, 2, 0.0), LOCAL: GOOD}
    assert [event for _, event in await house.watch(2)] == [LegMeasured(A, GOOD), LegMeasured(B, Quality(10, 2, 0.0))]


@virtual
async def test_a_leg_that_does_not_count_tells_nothing(house: House) -> None:
    assert await house.watch(30) == []


@virtual
async def test_an_asterisk_that_cannot_be_asked_is_asked_again(house: House) -> None:
    house.asterisk.qualities = {A: GOOD}
    house.asterisk.faults["quality"] = away("ami-down")
    assert await house.watch(5) == []
    house.asterisk.faults.clear()
    assert len(await house.watch(5)) == 2


@virtual
async def test_a_call_that_is_not_recorded_is_not_asked(house: House) -> None:
    house.asterisk.qualities = {A: GOOD}
    house.calls = [session(State.IDLE)]
    assert await house.watch(30) == []


@virtual
async def test_a_leg_that_comes_again_is_asked_as_a_new_one(house: House) -> None:
    """It was gone for a while: nothing of it is kept."""
    house.asterisk.qualities = {A: GOOD}
    calls = house.calls
    asyncio.get_running_loop().call_later(4.5, setattr, house, "calls", [])
    asyncio.get_running_loop().call_later(6.5, setattr, house, "calls", calls)
    assert [at_s for at_s, _ in await house.watch(10)] == [1, 3, 7, 9]
