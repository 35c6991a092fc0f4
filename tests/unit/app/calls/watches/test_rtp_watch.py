"""When the counters of a leg are looked at, and what is told of the times in which they stand still."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from callrec.app.calls.watches.rtp_watch import LOOK_S, MOST, STEADY, TELL_S, RtpWatch
from callrec.domain.calls.events import Event, RtpStoodStill
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    POLICY,
    Capture,
    Direction,
    Leg,
    Recording,
    RtpGap,
    Waiting,
    WaitingKind,
)
from callrec.domain.calls.session import Session, State
from callrec.domain.rules import Rule
from callrec_lab.simulated_asterisk import Asterisk, Clock, FragileSpool, away, virtual

A, B = LegId("1.1"), LegId("1.2")
PACKET_S = 0.02


def session(name: str = "c", state: State = State.RECORDING, channel: str = "PJSIP/a-1") -> Session:
    legs = {A: Leg(A, channel, Direction.IN), B: Leg(B, "PJSIP/b-1", Direction.OUT)}
    capture = Capture(CaptureId(f"{name}-1-1"), A, channel, 8000, 0.0)
    recording = Recording(
        RecordingId(f"{name}-1"), CallId(name), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, captures=(capture,)
    )
    return Session(
        CallId(name), "1.1", NodeId("n"), legs=legs, bridges={BridgeId("b"): (A, B)}, state=state, recording=recording
    )


class Counting(Asterisk):
    """Each leg gets 50 packets a second, but in these times; it notes when it was asked."""

    silences: tuple[tuple[float, float], ...] = ()
    counts: bool = True

    def __init__(self, spool: FragileSpool) -> None:
        super().__init__(spool)
        self.asked_s: list[float] = []

    async def packets(self, _leg: LegId) -> int | None:
        """What a leg has received by now."""
        now_s = asyncio.get_running_loop().time()
        self.asked_s.append(now_s)
        self._do("packets")
        silent_s = sum(max(0.0, min(end, now_s) - start) for start, end in self.silences)
        return round((now_s - silent_s) / PACKET_S) if self.counts else None


@dataclass
class House:
    """A watch of some calls, and what was told."""

    asterisk: Counting
    calls: list[Session] = field(default_factory=lambda: [session()])
    overdue: dict[CaptureId, float] = field(default_factory=dict)
    told: list[RtpGap] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """An event of a call."""
        assert isinstance(event, RtpStoodStill)
        self.told.append(event.gap)

    async def watch(self, seconds: float, *changes: tuple[float, Callable[[], object]]) -> list[RtpGap]:
        """What is told while so much time passes, and this is changed at these moments."""
        watch = RtpWatch(self.asterisk, Clock(), lambda: self.overdue)
        task = asyncio.create_task(watch.watch(lambda: [(one, self.hear) for one in self.calls]))
        for at_s, change in changes:
            asyncio.get_running_loop().call_later(at_s, change)
        await asyncio.sleep(seconds)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        return self.told

    def is_overdue(self, at_s: float) -> None:
        """A step of the first call's files is due since then."""
        self.overdue = {CaptureId("c-1-1"): at_s}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(Counting(FragileSpool(tmp_path)))


def near(gap: RtpGap, since_s: float | None, from_s: float, to_s: float, until_s: float | None) -> bool:
    """Whether it is that one."""
    found, due = (gap.since_s, gap.from_s, gap.to_s, gap.until_s), (since_s, from_s, to_s, until_s)
    return all(a is b if a is None or b is None else a == pytest.approx(b) for a, b in zip(found, due, strict=True))


@virtual
async def test_a_leg_on_which_packets_come_is_asked_a_few_times_and_no_more(house: House) -> None:
    """An hour costs four questions."""
    assert await house.watch(3600) == []
    assert len(house.asterisk.asked_s) == STEADY + 1


@virtual
async def test_phones_that_send_late_are_told_when_they_do(house: House) -> None:
    """Looked at each tenth of a second: what was before the first look is not known."""
    house.asterisk.silences = ((0.0, 0.73),)
    (gap,) = await house.watch(5)
    assert near(gap, None, 0.1, 0.7, 0.8)


@virtual
async def test_a_silence_that_lasts_is_told_again_and_again(house: House) -> None:
    """With a later end: the call may end in it. Whoever hears the last one knows all."""
    house.asterisk.silences = ((0.0, 3.05),)
    *lasting, last = await house.watch(5)
    assert len(lasting) == 2
    assert all(one.until_s is None and one.from_s == pytest.approx(0.1) for one in lasting)
    assert lasting[1].to_s - lasting[0].to_s == pytest.approx(TELL_S)
    assert near(last, None, 0.1, 3.0, 3.1)


@virtual
async def test_a_file_that_does_not_grow_raises_the_question(house: House) -> None:
    """The silence has begun before; its end is told to a tenth of a second, once for each step that is due."""
    house.asterisk.silences = ((5.0, 8.44),)
    (*_, gap) = await house.watch(20, (6.35, lambda: house.is_overdue(6.3)))
    assert near(gap, None, 6.4, 8.4, 8.5)
    assert len(house.asterisk.asked_s) == STEADY + 1 + 21 + STEADY


@virtual
async def test_a_second_silence_behind_the_first_is_bounded_on_both_sides(house: House) -> None:
    house.asterisk.silences = ((0.0, 0.55), (0.65, 1.15))
    first, second = await house.watch(5)
    assert near(first, None, 0.1, 0.5, 0.6)
    assert near(second, 0.6, 0.7, 1.1, 1.2)


@virtual
async def test_when_the_conversation_changes_or_a_wait_ends_it_is_looked_at(house: House) -> None:
    """A transfer; a hold, in which nothing is asked."""
    one = house.calls[0]
    recording = one.recording
    assert recording is not None
    held = replace(recording, waiting=(Waiting(20.0, None, WaitingKind.HOLD),))
    house.asterisk.silences = ((19.95, 30.25),)
    changes: list[tuple[float, Callable[[], object]]] = [
        (10.0, lambda: setattr(one, "bridges", {BridgeId("other"): (A, B)})),
        (20.0, lambda: setattr(one, "recording", held)),
        (30.0, lambda: setattr(one, "recording", recording)),
    ]
    told = await house.watch(40, *changes)
    assert sum(9.9 < at_s < 19 for at_s in house.asterisk.asked_s) == STEADY + 1
    assert not [at_s for at_s in house.asterisk.asked_s if 20.15 < at_s < 29.95]
    assert any(near(gap, None, 30.0, 30.2, 30.3) or near(gap, None, 30.1, 30.2, 30.3) for gap in told)


@virtual
async def test_a_technology_that_does_not_count_is_not_asked_again(house: House) -> None:
    house.asterisk.counts = False
    assert await house.watch(20, (5.0, lambda: house.is_overdue(5.0))) == []
    assert len(house.asterisk.asked_s) == 1


@virtual
async def test_an_asterisk_that_cannot_be_asked_is_asked_at_the_next_look(house: House) -> None:
    """What is told is as wide as the looks."""
    house.asterisk.silences = ((0.0, 0.55),)
    house.asterisk.faults["packets"] = away("ami-down")
    (gap,) = await house.watch(5, (0.25, house.asterisk.faults.clear))
    assert near(gap, None, 0.3, 0.5, 0.6)


@pytest.mark.parametrize(
    "one",
    [
        session(state=State.IDLE),
        session(state=State.PAUSED),
        session(channel="Local/1000@default-1;1"),
        session(channel="AudioSocket/x-1"),
        replace(session(), legs={}),
        replace(session(), recording=None),
    ],
    ids=["not recorded", "paused", "half of a Local channel", "a program", "gone", "no capture"],
)
@virtual
async def test_of_these_nothing_is_asked(house: House, one: Session) -> None:
    house.calls = [one]
    assert await house.watch(5) == []
    assert house.asterisk.asked_s == []


@virtual
async def test_a_capture_that_has_ended_is_forgotten(house: House) -> None:
    """What comes again is looked at as a new one."""
    calls = house.calls
    await house.watch(10, (3.05, lambda: setattr(house, "calls", [])), (5.05, lambda: setattr(house, "calls", calls)))
    assert len(house.asterisk.asked_s) == 2 * (STEADY + 1)


@virtual
async def test_of_very_many_calls_some_are_asked_at_a_time(house: House) -> None:
    """Those that were asked longest ago, so that each has its turn."""
    house.calls = [session(f"c{nth}") for nth in range(3 * MOST)]
    house.asterisk.silences = ((0.0, 100.0),)
    await house.watch(3 * LOOK_S + LOOK_S / 2)
    assert len(house.asterisk.asked_s) == 3 * MOST
    await house.watch(TELL_S * 5)
    assert {round(gap.from_s, 1) for gap in house.told} != set()
    assert len(house.told) >= 3 * MOST
