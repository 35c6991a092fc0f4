"""When Asterisk is asked how well RTP arrives, and what becomes of the answer."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import pytest

from callrec.app.calls.capture_files.silence_watch import SilenceWatch
from callrec.app.calls.watches.quality_watch import AGAIN_S, FIRST_S, LOOK_S, MOST_SILENT, UNTOLD_S, QualityWatch
from callrec.domain.calls.captures.rtp_counts import REPORT_S, RtpCount
from callrec.domain.calls.events import Event, LegMeasured, PacketsHeldBack, RtpRenumbered, VoiceUnheard
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Direction, Leg, Quality, Recording, Renumbering
from callrec.domain.calls.session import Session, State
from callrec.domain.library.file_names import Side
from callrec.domain.library.spans import Span
from callrec.domain.rules import Rule
from callrec.protocols.rtp_counters import LastCounts
from callrec_lab.simulated_asterisk import Asterisk, Clock, FragileSpool, away, virtual

A, B, LOCAL = LegId("1.1"), LegId("1.2"), LegId("1.3")
GOOD, COUNTED = Quality(500, 0, 1.5), RtpCount(1, 500, 0, 1.5)
CAPTURE = CaptureId("c-1-1")


def session(state: State = State.RECORDING) -> Session:
    capture = Capture(CAPTURE, A, "PJSIP/a-1", 8000, 0.0)
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


class Silences(SilenceWatch):
    """What the file shows, as it is said here."""

    def __init__(self) -> None:
        self.looked, self.found, self.silent = 0.0, float("-inf"), dict[Side, float]()
        self.spans: dict[Side, list[Span]] = {Side.READ: [], Side.WRITE: []}

    def looked_s(self, capture: CaptureId) -> float:
        """Up to when its sound is known."""
        assert capture == CAPTURE
        return self.looked

    def found_s(self, capture: CaptureId) -> float:
        """When a new silence was found last."""
        assert capture in {CAPTURE, "c-2-1"}
        return self.found

    def ended(self, capture: CaptureId, side: Side) -> Sequence[Span]:
        """The last silences that have ended."""
        assert capture == CAPTURE
        return self.spans[side]

    def silent_s(self, capture: CaptureId, side: Side) -> float | None:
        """Since when the side is silent."""
        assert capture == CAPTURE
        return self.silent.get(side)


class House:
    """A watch of one call, its Asterisk, and what was told, with the time."""

    def __init__(self, folder: Path) -> None:
        self.asterisk = Asterisk(FragileSpool(folder))
        self.calls = [session()]
        self.silences = Silences()
        self.told: list[tuple[float, Event]] = []

    def hear(self, event: Event) -> None:
        """An event of the call."""
        self.told.append((asyncio.get_running_loop().time(), event))

    async def watch(self, seconds: float) -> list[tuple[float, Event]]:
        """What is told while so much time passes."""
        self.quality = QualityWatch(self.asterisk, Clock(), self.silences)
        task = asyncio.create_task(self.quality.watch(lambda: [(one, self.hear) for one in self.calls]))
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()
        return [(round(at_s - began_s), event) for at_s, event in self.told]

    @cached_property
    def began_s(self) -> float:
        """The first moment of the test."""
        return asyncio.get_running_loop().time()

    def at(self, seconds: float, change: Callable[[], object]) -> None:
        """So long after the beginning this happens."""
        asyncio.get_running_loop().call_later(seconds, change)

    def counts(self, leg: LegId, *count: int) -> None:
        """What Asterisk answers from now on: source, received, lost."""
        self.asterisk.rtp_counts[leg] = RtpCount(*count, 1.5)

    def of(self, *kinds: type[Event]) -> list[Event]:
        """What was told of these kinds."""
        return [event for _, event in self.told if isinstance(event, kinds)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@virtual
async def test_a_leg_is_asked_soon_and_then_when_the_call_is_older_by_a_tenth(house: House) -> None:
    """At once, after 2 s, each 10 s, and after an hour each six minutes."""
    house.asterisk.rtp_counts = {A: COUNTED}
    told = [at_s for at_s, _ in await house.watch(7200)]
    assert told[:5] == [LOOK_S, *(LOOK_S + FIRST_S + AGAIN_S * nth for nth in range(4))]
    assert told[-1] - told[-2] == pytest.approx(0.1 * told[-2], abs=2 * LOOK_S)
    assert len(told) < 60


@virtual
async def test_a_recording_that_begins_between_two_looks_is_asked_at_once(house: House) -> None:
    """In an hour's call its first minutes were not counted: the next question was that of the former recording."""
    house.asterisk.rtp_counts = {A: COUNTED}

    def begin_another() -> None:
        (before,) = house.calls
        assert before.recording is not None
        another = replace(before.recording.captures[0], id=CaptureId("c-2-1"))
        house.calls[:] = [replace(before, recording=replace(before.recording, captures=(another,)))]

    house.at(3600.5, begin_another)
    told = [at_s for at_s, _ in await house.watch(3620)]
    assert [at_s - 3600 for at_s in told if at_s > 3600] == [LOOK_S, LOOK_S + FIRST_S, LOOK_S + FIRST_S + AGAIN_S]


@virtual
async def test_both_phones_are_asked_and_no_local_channel(house: House) -> None:
    house.asterisk.rtp_counts = {A: COUNTED, B: RtpCount(2, 10, 2, 0.0), LOCAL: COUNTED}
    assert [event for _, event in await house.watch(2)] == [LegMeasured(A, GOOD), LegMeasured(B, Quality(10, 2, 0.0))]


@virtual
async def test_a_leg_that_does_not_count_tells_nothing(house: House) -> None:
    assert await house.watch(30) == []


@virtual
async def test_an_asterisk_that_cannot_be_asked_is_asked_again(house: House) -> None:
    house.asterisk.rtp_counts = {A: COUNTED}
    house.asterisk.faults["rtp_count"] = away("ami-down")
    assert await house.watch(5) == []
    house.asterisk.faults.clear()
    assert len(await house.watch(5)) == 2


@virtual
async def test_a_call_that_is_not_recorded_is_not_asked(house: House) -> None:
    house.asterisk.rtp_counts = {A: COUNTED}
    house.calls = [session(State.IDLE)]
    assert await house.watch(30) == []


@virtual
async def test_a_leg_that_comes_again_is_asked_as_a_new_one(house: House) -> None:
    """It was gone for a while: nothing of it is kept."""
    house.asterisk.rtp_counts = {A: COUNTED}
    calls = house.calls
    asyncio.get_running_loop().call_later(4.5, setattr, house, "calls", [])
    asyncio.get_running_loop().call_later(6.5, setattr, house, "calls", calls)
    assert [at_s for at_s, _ in await house.watch(10)] == [1, 3, 5, 7, 9], "at 5 s once more, since it has left"


def renumbered(house: House, leg: LegId = A, source: int = 2, received: int = 50, lost: int = 0) -> None:
    """Before 11 s the leg's phone goes on with other numbers."""
    assert house.began_s >= 0
    house.counts(A, 1, 1, 0)
    house.counts(B, 1, 1, 0)
    house.at(11.0, lambda: house.counts(leg, source, received, lost))


def silent(house: House, side: Side, since_s: float, *, found_s: float = 11.5, looked_s: float = 11.5) -> None:
    """At 12.0 s the file has turned silent."""

    def turn() -> None:
        house.silences.found, house.silences.looked = house.began_s + found_s, house.began_s + looked_s
        house.silences.silent[side] = house.began_s + since_s

    house.at(12.0, turn)


@virtual
async def test_a_file_that_turns_silent_has_its_legs_asked_at_once_and_after_the_next_report(house: House) -> None:
    """Twice more, since Asterisk reckons what is lost each five seconds. Else at 1, 3, 13 and 23 s."""
    assert house.began_s >= 0
    house.asterisk.rtp_counts = {A: COUNTED}
    house.at(5.0, lambda: setattr(house.silences, "found", house.began_s + 4.5))
    asked = [at_s for at_s, _ in await house.watch(20)]
    assert asked == [1, 3, 5, 8, 11, 13]
    assert REPORT_S == 6.0


@virtual
async def test_only_so_many_legs_are_asked_in_one_look(house: House) -> None:
    """Many phones may be muted at once."""
    assert house.began_s >= 0
    house.calls = []
    for nth in range(MOST_SILENT):
        call = session()
        call.legs = {LegId(f"{nth}.{leg}"): replace(one, id=LegId(f"{nth}.{leg}")) for leg, one in call.legs.items()}
        call.bridges = {BridgeId("b"): tuple(call.legs)}
        assert call.recording is not None
        own = replace(call.recording.captures[0], leg=next(iter(call.legs)))
        call.recording = replace(call.recording, captures=(own,))
        house.calls.append(call)
        house.asterisk.rtp_counts |= dict.fromkeys(call.legs, COUNTED)
    house.at(4.5, lambda: setattr(house.silences, "found", house.began_s + 4.5))
    told = [at_s for at_s, _ in await house.watch(6.9)]
    assert [told.count(at_s) for at_s in (1, 3, 5, 6)] == [2 * MOST_SILENT] * 2 + [MOST_SILENT] * 2


@virtual
@pytest.mark.parametrize(("leg", "side"), [(A, Side.READ), (B, Side.WRITE)])
async def test_a_recorder_is_deaf_when_its_file_is_silent_since_the_renumbering(
    house: House, leg: LegId, side: Side
) -> None:
    """The recorded leg's own voice, and a partner's. It is told once."""
    renumbered(house, leg)
    silent(house, side, 10.6)
    await house.watch(40)
    (told,) = house.of(RtpRenumbered)
    assert isinstance(told, RtpRenumbered)
    assert told.renumbering.leg == leg
    assert house.of(VoiceUnheard) == [VoiceUnheard(CAPTURE, leg, house.began_s + 10.6)]


@virtual
@pytest.mark.parametrize(
    ("side", "since_s"), [(Side.WRITE, 10.6), (Side.READ, 14.0)], ids=["the other side", "silent later"]
)
async def test_a_voice_that_is_in_the_file_is_heard(house: House, side: Side, since_s: float) -> None:
    """Its numbers were ahead. Who is muted afterwards is no deaf leg."""
    renumbered(house)
    silent(house, side, since_s, looked_s=15.0)
    await house.watch(40)
    assert (len(house.of(RtpRenumbered)), house.of(VoiceUnheard)) == (1, [])


@virtual
async def test_of_the_same_source_it_is_known_when_asterisk_reports(house: House) -> None:
    """It may have been a report before: the silence tells when."""
    renumbered(house, source=1, received=500, lost=65_386)
    silent(house, Side.READ, 8.0)
    await house.watch(40)
    assert house.of(VoiceUnheard) == [VoiceUnheard(CAPTURE, A, house.began_s + 8.0)]


@virtual
async def test_it_is_waited_for_until_the_file_is_written_beyond_the_renumbering(house: House) -> None:
    """Asterisk writes in steps of two seconds."""
    renumbered(house)
    silent(house, Side.READ, 10.6, looked_s=10.8)
    house.at(20.0, lambda: setattr(house.silences, "looked", house.began_s + 19.5))
    told = await house.watch(40)
    assert [at_s for at_s, event in told if isinstance(event, VoiceUnheard)] == [20]


@virtual
@pytest.mark.parametrize("state", [State.PAUSED, State.RECORDING])
async def test_in_a_pause_and_a_wait_every_file_is_silent(house: House, state: State) -> None:
    """What it says counts when it has been written for a while behind it."""
    renumbered(house)
    silent(house, Side.READ, 10.6)
    (call,) = house.calls

    def quiet(now: State, alone_s: float | None) -> None:
        call.state, call.alone_s = now, alone_s

    house.at(9.5, lambda: quiet(state, None if state is State.PAUSED else 0.0))
    house.at(18.5, lambda: quiet(State.RECORDING, None))
    for at_s, looked_s in ((18.0, 17.9), (19.5, 18.5), (22.5, 21.0)):
        house.at(at_s, partial(setattr, house.silences, "looked", house.began_s + looked_s))
    told = await house.watch(40)
    assert [at_s for at_s, event in told if isinstance(event, VoiceUnheard)] == [23]


def turned(house: House, *spans: Span, side: Side = Side.READ, came: int = 600) -> None:
    """Before 15 s the file had these silences, and of the leg so many packets came in the 12 s before."""
    assert house.began_s >= 0
    house.counts(A, 1, 1, 0)
    house.counts(B, 1, 1, 0)
    house.at(12.9, lambda: house.counts(A, 1, 500, 0))
    house.at(14.5, lambda: house.counts(A, 1, came, 0))

    def show() -> None:
        house.silences.found = house.began_s + 14.5
        house.silences.spans[side] += [(house.began_s + from_s, house.began_s + to_s) for from_s, to_s in spans]

    house.at(14.6, show)


@virtual
@pytest.mark.parametrize(
    ("delay_s", "spans", "told"),
    [
        (0.6, [(13.0, 13.58)], [(13.0, 13.58)]),
        (0.6, [(13.0, 13.2), (13.4, 13.95)], [(13.4, 13.95)]),
        (0.6, [(13.0, 14.0)], []),
        (0.25, [(13.0, 13.25)], []),
        (None, [(13.0, 13.58)], []),
    ],
    ids=["as long", "one of two", "muted", "short", "not counted"],
)
async def test_a_silence_that_is_as_long_as_a_packet_was_late_is_told_once(
    house: House, delay_s: float | None, spans: list[Span], told: list[Span]
) -> None:
    turned(house, *spans)
    house.asterisk.delays_s = {} if delay_s is None else {A: delay_s, B: 0.0}
    await house.watch(40)
    expected = [PacketsHeldBack(CAPTURE, A, house.began_s + from_s, house.began_s + to_s) for from_s, to_s in told]
    assert house.of(PacketsHeldBack) == expected


@virtual
async def test_where_packets_did_not_come_at_all_none_were_held_back(house: House) -> None:
    """A phone that sends nothing for a while, and does not count that time in its stamps."""
    turned(house, (13.0, 13.58), came=570)
    house.asterisk.delays_s = {A: 0.6}
    await house.watch(40)
    assert house.of(PacketsHeldBack) == []


@virtual
async def test_an_asterisk_that_cannot_be_asked_for_the_delay_is_no_fault(house: House) -> None:
    turned(house, (13.0, 13.58))
    house.asterisk.faults["largest_delay_s"] = away("ami-down")
    await house.watch(40)
    assert house.of(PacketsHeldBack) == []


def hangs_up(house: House, at_s: float, *count: int, leg: LegId = A, delay_s: float | None = 0.02) -> None:
    """At this moment, with this source, so many packets received, and so many lost."""
    house.at(
        at_s,
        lambda: house.quality.ended(LastCounts(leg, RtpCount(*count, 1.5), delay_s), house.began_s + at_s),
    )


@virtual
async def test_the_last_counts_of_a_leg_are_told_once(house: House) -> None:
    """By the dialplan, which is asked for it when the leg has counted anything."""
    house.asterisk.rtp_counts = {A: COUNTED}
    house.at(4.5, house.calls.clear)
    hangs_up(house, 4.6, 1, 730, 2)
    hangs_up(house, 4.7, 1, 740, 2)
    hangs_up(house, 4.6, 1, 9, 0, leg=B)
    await house.watch(20)
    assert house.asterisk.tell_last == [A]
    assert house.of(LegMeasured)[-1] == LegMeasured(A, Quality(730, 2, 1.5, largest_delay_ms=20.0))
    assert house.of(RtpRenumbered) == []


@virtual
async def test_a_dialplan_that_could_not_be_asked_is_asked_again(house: House) -> None:
    house.asterisk.rtp_counts = {A: COUNTED}
    house.asterisk.faults["tell_last_counts"] = away("ami-down")
    house.at(2.0, house.asterisk.faults.clear)
    await house.watch(15)
    assert house.asterisk.tell_last == [A]


@virtual
async def test_a_leg_that_goes_on_elsewhere_is_asked_once_more_with_its_largest_delay(house: House) -> None:
    """And for its last counts it is waited for a while."""
    house.asterisk.rtp_counts, house.asterisk.delays_s = {A: COUNTED}, {A: 0.25}
    house.at(4.5, house.calls.clear)
    hangs_up(house, 8.0, 1, 900, 0, delay_s=None)
    hangs_up(house, 40.0, 1, 9000, 0)
    await house.watch(45)
    assert [event.quality.largest_delay_ms for event in house.of(LegMeasured) if isinstance(event, LegMeasured)] == [
        *(None, None),
        250.0,
        None,
    ]


@virtual
async def test_an_asterisk_that_does_not_say_how_late_packets_came_is_no_fault(house: House) -> None:
    house.asterisk.rtp_counts = {A: COUNTED}
    house.asterisk.faults["largest_delay_s"] = away("ami-down")
    house.at(4.5, house.calls.clear)
    await house.watch(10)
    assert house.of(LegMeasured) == [LegMeasured(A, GOOD)] * 3


@virtual
async def test_a_new_source_in_the_last_seconds_of_a_call_is_known_by_its_last_counts(house: House) -> None:
    renumbered(house)
    house.at(14.5, house.calls.clear)
    house.counts(A, 1, 500, 0)
    hangs_up(house, 14.6, 3, 50, 0)
    await house.watch(14.9)
    assert house.of(RtpRenumbered)[-1] == RtpRenumbered(
        Renumbering(A, pytest.approx(house.began_s + 13.6), pytest.approx(house.began_s + 13.6), is_new_source=True)
    )


@virtual
@pytest.mark.parametrize(
    ("silent_s", "received", "spans", "told"),
    [
        (12.0, (1000, 1075), [], True),
        (12.0, (950, 950), [], False),
        (13.2, (1000, 1010), [], False),
        (12.0, (1000, 1075), [(5.0, 5.4)], False),
        (12.0, (1000, 1075), [(5.0, 5.2)], True),
        (None, (1000, 1075), [], False),
        (5.0, (1000, 1075), [], False),
        (13.6, (1000, 1075), [], False),
    ],
    ids=["they came", "none came", "none since", "its way", "a breath", "not silent", "long silent", "a moment"],
)
async def test_who_is_silent_to_the_end_though_their_packets_came_may_have_gone_back_in_their_numbers(
    house: House, silent_s: float | None, received: tuple[int, int], spans: list[Span], told: bool
) -> None:
    """No counter tells in time. One who sends digital silence by themselves is not doubted."""
    assert house.began_s >= 0
    house.counts(A, 1, 500, 0)
    house.silences.spans[Side.READ] += [(house.began_s + from_s, house.began_s + to_s) for from_s, to_s in spans]

    def show() -> None:
        house.silences.looked = house.began_s + 13.8
        if silent_s is not None:
            house.silences.silent[Side.READ] = house.began_s + silent_s

    house.at(11.9, lambda: house.counts(A, 1, received[0], 0))
    house.at(13.9, show)
    hangs_up(house, 14.5, 1, received[1], 0)
    await house.watch(14.9)
    doubt = RtpRenumbered(Renumbering(A, house.began_s + 14.5 - UNTOLD_S, house.began_s + 14.5, behind_s=0.0))
    assert house.of(RtpRenumbered) == ([doubt] if told else [])


@virtual
async def test_last_counts_that_come_while_another_leg_is_asked_are_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have left; Asterisk takes its time to answer for the first."""
    house.asterisk.rtp_counts = {A: COUNTED, B: COUNTED}

    async def slow(_leg: LegId) -> float | None:
        await asyncio.sleep(1.0)
        return None

    monkeypatch.setattr(house.asterisk, "largest_delay_s", slow)
    house.at(4.5, house.calls.clear)
    hangs_up(house, 5.5, 1, 730, 2, leg=B)
    await house.watch(20)
    assert LegMeasured(B, Quality(730, 2, 1.5, largest_delay_ms=20.0)) in house.of(LegMeasured)
