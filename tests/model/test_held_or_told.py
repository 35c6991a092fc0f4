"""What was said in a recorded call is held by a recorder, or an entry tells that it is missing.

A world of its own knows when somebody talked with the recorded user, and when which recorder was at work and not muted: recorders
begin late, are refused, do not stop, break off; mutes come late; phones come, go and are replaced. The session hears of it by
events, as in life. At the end its entries are compared with that.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from callrec.domain.calls.commands import Arm, AwaitVoice, CloseCapture, Command, HandOver, MuteCapture, OpenCapture
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureGrew,
    CaptureMuted,
    CaptureOpened,
    CaptureRefused,
    Controlled,
    DeadlinePassed,
    Event,
    LegAppeared,
    LegBridged,
    LegGone,
    LegUnbridged,
    MuteRefused,
    OptOutPressed,
    PartnerHeard,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.model import Capture, Control, Direction, Instant, Leg, Recording
from callrec.domain.calls.policy import Terms, Tracks, decide
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.model import User
from callrec.domain.library.assessment import conclude
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.conclusion import Conclusion
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.spans import Span, common, joined, length_s, without
from callrec.domain.rules import RecordRules, Rule, UserId

DORA = User(UserId("4"), "Dora", call_record=True, online_record=True)
CEM = User(UserId("3"), "Cem")
EVE = User(UserId("5"), "Eve", rules=RecordRules(*[Rule.NEVER] * 4))
RATE_HZ = 8000
FIRST_S, LAST_S = 100.0, 2000.0
LACKS_S = 0.1
"""As much as a recording may lack and still be sound."""
HANGUP_S = 0.2
"""So long a phone may send nothing before its hangup: a recorder that ends so long before it is not noticed."""
PIECE_S = 0.05
"""Of each capture: a frame at each end, and what is too little to be made good."""
CALLS, IN_ONE = 500, 50
HAPPENS = {"replaced": 33, "joined": 10, "pause": 15, "resume": 15, "gone": 10, "moved": 10, "digit": 7}
"""How often."""


@dataclass
class Recorder:
    """One MixMonitor: when it was at work, and muted."""

    capture: Capture
    from_s: float
    to_s: float = math.inf
    muted: list[list[float]] = field(default_factory=list)

    @property
    def is_muted(self) -> bool:
        """At this moment."""
        return bool(self.muted) and self.muted[-1][1] == math.inf


class World:
    """A call, what happens in it, and what is true of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - no secret: the same calls on every machine
        self.now_s = FIRST_S
        self.due: list[tuple[float, int, Callable[[], object]]] = []
        self.numbers = itertools.count(1)
        tracks = self.random.choice((Tracks.STEREO, Tracks.STEREO, Tracks.PARTICIPANTS))
        self.session = Session(CallId("c"), "c.1", NodeId("n"), Terms(opt_out=True, tracks=tracks))
        self.legs: dict[LegId, Leg] = {}
        self.bridges: dict[LegId, BridgeId | None] = {}
        self.company: dict[LegId, list[list[float]]] = {}
        self.talk: list[list[float]] = []
        self.recorders: dict[CaptureId, Recorder] = {}
        self.muted_s: dict[CaptureId, float] = {}
        self.handed: list[Recording] = []
        self.is_paused = False

    # -- what is true ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Note who has company, and whether the recorded user says something that is to be recorded."""
        in_bridges = [bridge for bridge in self.bridges.values() if bridge]
        for leg in {*self.company, *self.legs}:
            bridge = self.bridges.get(leg)
            _note(self.company.setdefault(leg, []), self.now_s, is_so=bool(bridge) and in_bridges.count(bridge) > 1)
        _note(self.talk, self.now_s, is_so=not self.is_paused and any(map(self.is_recorded, set(in_bridges))))

    def is_recorded(self, bridge: BridgeId) -> bool:
        """Whether policy wants this conversation recorded. Who has opted out the session knows."""
        legs = [self.session.legs.get(leg, self.legs[leg]) for leg, one in self.bridges.items() if one == bridge]
        return len(legs) > 1 and decide(legs).rule is Rule.ALWAYS

    # -- the session -------------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """It hears, and asks for something."""
        now = Instant(1e6 + self.now_s, self.now_s)
        self.session, commands = handle(self.session, event, now)
        for command in commands:
            self.do(command)
        if self.is_paused and not (self.session.recording and self.session.recording.is_paused):
            self.is_paused = False
        self.look()

    def later(self, after_s: float, what: Callable[[], object]) -> None:
        """So long after now."""
        heapq.heappush(self.due, (self.now_s + after_s, next(self.numbers), what))

    def soon(self, what: Callable[[], object]) -> None:
        """As Asterisk answers: mostly at once."""
        spans = ((0.002, 0.03), (0.002, 0.03), (0.03, 0.3), (0.3, 1.5))
        self.later(self.random.uniform(*self.random.choices(spans, (4, 2, 3, 1))[0]), what)

    def do(self, command: Command) -> None:
        """As Asterisk does it, or refuses."""
        match command:
            case OpenCapture(capture) if self.random.random() < 0.08:
                is_away = self.random.random() < 0.3
                self.soon(lambda: self.tell(CaptureRefused(capture.id, "refused", is_away)))
            case OpenCapture(capture):
                self.soon(lambda: self.begin(capture))
            case CloseCapture(capture) if self.random.random() < 0.1:
                is_away = self.random.random() < 0.5
                self.soon(lambda: self.tell(CaptureRefused(capture.id, "refused", is_away)))
            case CloseCapture(capture):
                self.soon(lambda: self.end(capture.id))
            case MuteCapture(capture, muted):
                if capture.id not in self.recorders or self.random.random() < 0.06:
                    self.soon(lambda: self.tell(MuteRefused(capture.id, muted, "refused")))
                else:
                    self.later(self.next_mute_s(capture.id), lambda: self.mute(capture.id, muted=muted))
            case Arm(wait, capture_id, after_s):
                self.later(after_s, lambda: self.tell(DeadlinePassed(wait, capture_id)))
            case AwaitVoice(capture, leg, since_s) if self.random.random() < 0.7:
                self.later(self.random.uniform(2, 4), lambda: self.tell(PartnerHeard(capture.id, leg, since_s)))
            case HandOver(recording):
                self.handed.append(recording)

    # -- recorders ---------------------------------------------------------------------------------------------------

    def begin(self, capture: Capture) -> None:
        """Its files are there now; the daemon may hear of it late."""
        if capture.leg not in self.legs:
            self.tell(CaptureRefused(capture.id, "gone"))
            return
        self.recorders[capture.id] = Recorder(capture, self.now_s)
        (self.soon if self.random.random() < 0.3 else lambda what: self.later(0.001, what))(
            lambda: self.tell(CaptureOpened(capture.id, f"0x{capture.id}"))
        )
        self.later(2.1, lambda: self.grow(capture.id))
        if self.random.random() < 0.06:
            self.later(self.random.uniform(0.5, 15), lambda: self.end(capture.id))

    def grow(self, capture: CaptureId) -> None:
        """A first step is full."""
        if self.recorders[capture].to_s == math.inf:
            self.tell(CaptureGrew(capture))

    def end(self, capture: CaptureId) -> None:
        """It was asked to stop, or breaks off, or its leg is gone."""
        recorder = self.recorders.get(capture)
        if recorder is None or recorder.to_s < math.inf:
            return
        ended_s = recorder.to_s = self.now_s
        (self.soon if self.random.random() < 0.2 else lambda what: self.later(0.005, what))(
            lambda: self.tell(CaptureClosed(capture, self.now_s - ended_s))
        )

    def next_mute_s(self, capture: CaptureId) -> float:
        """After how long: the daemon waits for each answer, so they come in order."""
        after_s = max(self.random.choice((0.01, 0.01, 0.2, 0.9)), self.muted_s.get(capture, 0.0) + 0.01 - self.now_s)
        self.muted_s[capture] = self.now_s + after_s
        return after_s

    def mute(self, capture: CaptureId, *, muted: bool) -> None:
        """Nothing but silence is written from here on, or the voices again."""
        recorder = self.recorders[capture]
        if muted and not recorder.is_muted:
            recorder.muted.append([self.now_s, math.inf])
        elif not muted and recorder.is_muted:
            recorder.muted[-1][1] = self.now_s
        self.later(0.001, lambda: self.tell(CaptureMuted(capture, muted)))

    # -- people ------------------------------------------------------------------------------------------------------

    def comes(self, user: User | None, bridge: BridgeId) -> None:
        """A phone that answers there."""
        name = f"l{next(self.numbers)}"
        leg = Leg(LegId(name), f"PJSIP/{name}-1", Direction.IN if self.legs else Direction.OUT, user, name)
        self.legs[leg.id], self.bridges[leg.id] = leg, None
        self.tell(LegAppeared(leg))
        self.enters(leg.id, bridge)

    def enters(self, leg: LegId, bridge: BridgeId) -> None:
        """A phone that is in no bridge."""
        if leg in self.legs and not self.bridges[leg]:
            self.bridges[leg] = bridge
            self.tell(LegBridged(bridge, self.legs[leg], RATE_HZ))

    def leaves(self, leg: LegId) -> None:
        """It is in none then."""
        if bridge := self.bridges.get(leg):
            self.bridges[leg] = None
            self.tell(LegUnbridged(bridge, leg))

    def goes(self, leg: LegId) -> None:
        """It hangs up, which ends what records it."""
        if leg not in self.legs:
            return
        self.leaves(leg)
        del self.legs[leg], self.bridges[leg]
        for recorder in self.recorders.values():
            if recorder.capture.leg == leg:
                self.end(recorder.capture.id)
        self.tell(LegGone(leg))

    def act(self) -> None:
        """Something happens."""
        leg = self.random.choice(list(self.legs))
        bridge = self.bridges[leg] or BridgeId("b1")
        match self.random.choices(*zip(*HAPPENS.items(), strict=True))[0]:
            case "replaced":  # a transfer: one after the other, 0 to 300 ms apart
                user = DORA if self.legs[leg].user is DORA else self.random.choice((None, None, CEM, CEM, EVE))
                self.comes(user, bridge)
                self.later(self.random.uniform(0, 0.3), lambda: self.goes(leg))
            case "joined":
                self.comes(self.random.choice((None, CEM, EVE, DORA)), BridgeId(self.random.choice(("b1", "b2"))))
            case "pause" if self.session.state is not State.PAUSED:
                self.tell(Controlled(Control.PAUSE, "reply"))
                self.is_paused = self.is_paused or self.session.state is State.PAUSED
            case "resume":
                self.tell(Controlled(Control.RESUME, "reply"))
            case "gone" if len(self.legs) > 2:
                self.goes(leg)
            case "moved":
                self.leaves(leg)
                there = BridgeId(self.random.choice(("b1", "b2")))
                self.later(self.random.choice((0.005, 0.05, 0.3, 2)), lambda: self.enters(leg, there))
            case "digit":
                self.tell(OptOutPressed(leg))
        self.look()

    def live(self) -> "World":
        """From the answer until nothing more happens."""
        self.comes(DORA, BridgeId("b1"))
        self.comes(self.random.choice((None, CEM)), BridgeId("b1"))
        end_s, next_s = self.now_s + self.random.uniform(5, 40), self.now_s + self.random.uniform(0.01, 4)
        while min(due_s := self.due[0][0] if self.due else math.inf, next_s) < end_s:
            if due_s <= next_s:
                self.now_s, _, what = heapq.heappop(self.due)
                what()
            else:
                self.now_s = next_s
                next_s += self.random.uniform(*self.random.choice(((0.01, 0.4), (0.5, 8))))
                if self.legs:
                    self.act()
        self.now_s = end_s
        for leg in list(self.legs):
            self.goes(leg)
        while self.due and self.now_s < end_s + LAST_S:
            self.now_s, _, what = heapq.heappop(self.due)
            what()
        return self

    # -- what became of it -------------------------------------------------------------------------------------------

    def entry(self, recording: Recording) -> Conclusion:
        """Of a recording that was handed over. Where its leg was alone a recorder has written nothing."""
        files = {}
        for capture in recording.all_captures:
            if recorder := self.recorders.get(capture.id):
                written_s = length_s(common([(recorder.from_s, recorder.to_s)], _spans(self.company[capture.leg])))
                size = int(written_s * RATE_HZ) * 2
                files[capture.id] = CaptureFiles(capture.id, RATE_HZ, size, size)
        return conclude(recording, files)

    def held(self, entry: Conclusion) -> list[Span]:
        """When its file has what was said."""
        recording, found = entry.recording, list[Span]()
        usable = [(capture, [_here(recording.from_s, recording.to_s or 0.0)]) for capture in recording.captures]
        usable += [(voice.capture, [_here(*span) for span in voice.held]) for voice in entry.partners]
        for capture, spans in usable:
            if recorder := self.recorders.get(capture.id):
                found += without(common([(recorder.from_s, recorder.to_s)], spans), _spans(recorder.muted))
        return joined(found)


def _note(spans: list[list[float]], now_s: float, *, is_so: bool) -> None:
    if is_so and (not spans or spans[-1][1] < math.inf):
        spans.append([now_s, math.inf])
    elif not is_so and spans and spans[-1][1] == math.inf:
        spans[-1][1] = now_s


def _spans(noted: list[list[float]]) -> list[Span]:
    return [(from_s, to_s) for from_s, to_s in noted]


def _here(from_s: float, to_s: float) -> Span:
    """Of Unix times."""
    return from_s - 1e6, to_s - 1e6


@pytest.mark.parametrize("first", range(0, CALLS, IN_ONE))
def test_what_was_said_is_held_or_told(first: int) -> None:
    """How much is missing in a call, and how much its entries say."""
    for seed in range(first, first + IN_ONE):
        world = World(seed).live()
        assert world.session.over, (seed, "is never closed")
        entries = [world.entry(recording) for recording in world.handed]
        told = [_here(one.from_s, one.to_s) for entry in entries for one in entry.recording.missing]
        failed = (entry.recording for entry in entries if entry.state is StoredState.FAILED)
        told += [_here(one.from_s, one.to_s or one.from_s) for one in failed]
        held = [span for entry in entries for span in world.held(entry)]
        due = _spans(world.talk)
        lacks_s, told_s = length_s(without(due, held)), length_s(common(due, told))
        captures = sum(len(one.captures) for one in world.handed)
        most_s = (LACKS_S + HANGUP_S) * len(entries) + PIECE_S * captures
        assert lacks_s - told_s <= most_s, (seed, "is untold", without(due, [*held, *told]))
