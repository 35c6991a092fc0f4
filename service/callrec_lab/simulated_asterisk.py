"""A simulated PBX for the use cases: time that passes at once, a real spool, an Asterisk that does to files what real ones do.

`virtual` runs a test in a loop whose clock jumps to the next thing that is due: nothing sleeps, whatever the deadlines are.
The journal in memory keeps the promises of the one on the disk; unit/app/calls/test_call_router.py holds both to them.
"""
# ruff: noqa: D102 - the stand-ins keep the promises of the ports that they stand for

import asyncio
import contextlib
import functools
import itertools
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.background import Background
from callrec.app.calls.call_router import CallRouter
from callrec.app.calls.capture_files.file_watch import FileWatch
from callrec.app.calls.capture_files.spool_router import SpoolRouter
from callrec.app.calls.worker import CallPorts
from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.calls.events import Played
from callrec.domain.calls.ids import BridgeId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Capture, Instant, LegAudio, Recording, Signal, Told
from callrec.domain.calls.policy import Terms
from callrec.domain.directory.directory import Directory, Party
from callrec.domain.directory.model import Line, Tables, User
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, OutcomeUnknown, Unavailable
from callrec.domain.library.captures import CaptureFiles, FileClosed, FileCreated, SpoolEvent
from callrec.domain.library.file_names import CaptureFile, Side, leg_file
from callrec.domain.rules import PlaceKind, PlaceRule, Rule, UserId
from callrec.domain.vocabulary import Outcome
from callrec.protocols.ami import Message

EPOCH_S = 1_795_341_600.0
SECOND = b"\x01\x02" * 8000
ALICE, BOB, EVER = (
    User(UserId("1"), "Alice", online_record=True),
    User(UserId("2"), "Bob", online_record=True),
    User(UserId("3"), "Ever", call_record=True, online_record=True),
)
TABLES = Tables(
    users=(ALICE, BOB, EVER),
    lines=tuple(Line(user.firstname.lower(), user.id, f"100{user.id}", "default") for user in (ALICE, BOB, EVER)),
)


_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time."""

    def __init__(self) -> None:
        super().__init__(_Impatient(self))
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Arguments]], _Result], *args: *_Arguments
    ) -> asyncio.Future[_Result]:
        """What worker threads do is done at once: else time would run away from them."""
        del executor
        done: asyncio.Future[_Result] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the asker gets whatever it was
            done.set_exception(error)
        return done


class _Impatient(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing is due")
        self._loop.now_s += max(timeout, 0.0)
        return super().select(0)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run this test in virtual time."""

    @functools.wraps(test)
    def run(*arguments: object, **named: object) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*arguments, **named))

    return run


class Clock:
    """The loop's time, on both clocks."""

    def now(self) -> Instant:
        now_s = asyncio.get_running_loop().time()
        return Instant(EPOCH_S + now_s, now_s)


class Ids:
    """c1, c2, ..."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new_call(self) -> str:
        return f"c{next(self._numbers)}"


class MemoryJournal:
    """See ports.Journal; `fault` is raised by every append while it is set, and `delay_s` is how long one takes."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.fault: CallrecError | None = None
        self.delay_s = 0.0
        self._live: dict[RecordingId, Entry] = {}

    async def append(self, entry: Entry) -> None:
        await asyncio.sleep(self.delay_s)
        if self.fault:
            raise self.fault
        self.entries.append(entry)
        if entry.step is Step.FINISHED:
            self._live.pop(entry.recording.id, None)
        else:
            self._live[entry.recording.id] = entry

    def live(self) -> Sequence[Entry]:
        return list(self._live.values())

    def steps(self, recording: str) -> list[str]:
        """What was written about a recording."""
        return [entry.step.value for entry in self.entries if entry.recording.id == recording]


class Heard:
    """See ports.Observer."""

    def __init__(self) -> None:
        self.facts: list[str] = []
        self.alarms: list[str] = []
        self.lost: list[str] = []
        self.defects: list[str] = []

    def told(self, fact: Tell) -> None:
        self.facts.append(fact.fact)

    def alarmed(self, alarm: Alarm, _call: str) -> None:
        self.alarms.append(alarm.cause)

    def dropped(self, what: str) -> None:
        self.lost.append(what)

    def broke(self, where: str, error: BaseException) -> None:
        self.defects.append(f"{where}: {error!r}")


class FragileSpool(DiskSpool):
    """A spool on the disk; `fault` is raised by every look at it while it is set."""

    fault: CallrecError | None = None

    def _names(self) -> list[str]:
        self._look()
        return super()._names()

    def capture_files(self, capture: CaptureId) -> CaptureFiles | None:
        self._look()
        return super().capture_files(capture)

    def block(self, capture: Capture) -> bool:
        self._look()
        return super().block(capture)

    def _look(self) -> None:
        if self.fault:
            raise self.fault


class Asterisk:
    """Recorder, lamps, announcer and listing in one: it makes, grows and closes files as MixMonitor does.

    `faults` maps the name of a method to what it raises; `silent` makes a recorder that says yes and opens no file.
    """

    is_up = True

    def __init__(self, spool: DiskSpool) -> None:
        self.spool = spool
        self.news: Callable[[SpoolEvent], object] = lambda _event: None
        self.faults: dict[str, CallrecError] = {}
        self.silent = False
        self.made: set[LegId] = set()
        self.recorders: dict[LegId, str] = {}
        """What stands in CALLREC_MIXMONITOR on each leg."""
        self.notes: dict[LegId, tuple[CaptureId, Rule]] = {}
        """And beside it, in CALLREC_TAKE and CALLREC_RULE."""
        self.running: dict[CaptureId, str] = {}
        self.stopped: list[str] = []
        self.partner_recorders: dict[LegId, str] = {}
        """What stands in CALLREC_PARTNER_MIXMONITOR on each leg."""
        self.partner_captures: set[CaptureId] = set()
        self.muted: list[tuple[CaptureId, bool]] = []
        self.paused: dict[LegId, float] = {}
        self.opted_out: set[LegId] = set()
        """What stands in CALLREC_PAUSED on each leg."""
        self.lit: dict[UserId, bool] = {}
        self.blinking: frozenset[UserId] = frozenset()
        self.always_lit: dict[UserId, bool] = {}
        self.tones: list[str] = []
        self.legs: list[Message] = []
        self.applications: dict[LegId, tuple[str, str]] = {}
        self.requested_rates: list[LegId] = []
        self.undecodable: dict[LegId, str] = {}
        self.faxes: set[LegId] = set()
        self.packet_counts: list[int | None] = []
        self.rtp_counts: dict[LegId, RtpCount] = {}
        self.delays_s: dict[LegId, float] = {}
        self.tell_last: list[LegId] = []
        """Whose last counts the dialplan is to tell."""
        self.places: dict[LegId, str] = {}
        self.queues: dict[LegId, str] = {}
        self.came_in: dict[LegId, str | None] = {}
        self.bridges_made_s: dict[BridgeId, float] = {}
        self.holding: set[LegId] = set()
        self._numbers = itertools.count(1)

    def _do(self, name: str) -> None:
        if name in self.faults:
            raise self.faults[name]

    async def start(self, capture: Capture, rule: Rule) -> str:
        self._do("start")
        mixmonitor = f"0x{next(self._numbers)}"
        self._noted(capture)[capture.leg] = self.running[capture.id] = mixmonitor
        if capture.is_partner:
            self.partner_captures.add(capture.id)
        else:
            self.notes[capture.leg] = capture.id, rule
        if not self.silent:
            for side in Side:
                self._make(self.spool.path(capture, side))
                self.news(FileCreated(CaptureFile(capture.id, side, capture.rate_hz)))
        return mixmonitor

    def _make(self, path: str) -> None:
        with contextlib.suppress(IsADirectoryError):
            Path(path).open("ab").close()

    async def mixmonitor_of(self, capture: Capture) -> str:
        self._do("mixmonitor_of")
        is_noted = capture.id in self.partner_captures or self.notes.get(capture.leg, ("",))[0] == capture.id
        return self._noted(capture).get(capture.leg, "") if is_noted else ""

    async def stop(self, capture: Capture) -> None:
        self._do("stop")
        if not (mixmonitor := capture.mixmonitor or await self.mixmonitor_of(capture)):
            return  # it cannot be named
        self.stopped.append(mixmonitor)
        self._noted(capture)[capture.leg] = ""
        self.close(capture.id)

    def _noted(self, capture: Capture) -> dict[LegId, str]:
        return self.partner_recorders if capture.is_partner else self.recorders

    def close(self, capture: CaptureId) -> None:
        """The recorder of this capture ends."""
        self.running.pop(capture, None)
        for name in sorted(path.name for path in self.folder.glob(f"{capture}.*") if path.is_file()):
            if file := leg_file(name):
                self.news(FileClosed(file))

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return Path(self.spool.path(Capture(CaptureId("c-1-1"), LegId(""), "", 8000, 0), "read")).parent

    def grow(self, capture: str, seconds: float = 1) -> None:
        """Both sides get longer."""
        for path in self.folder.glob(f"{capture}.*"):
            with path.open("ab") as file:
                file.write(SECOND[: int(len(SECOND) * seconds)] if seconds < 1 else SECOND * int(seconds))

    def goes_on(self, capture: Capture, seconds: int = 1) -> None:
        """The recorder of a former daemon, at work, with so much on the disk."""
        self.recorders[capture.leg] = self.running[capture.id] = capture.mixmonitor or "0x9"
        self.notes[capture.leg] = capture.id, Rule.ON_DEMAND
        for side in Side:
            self._make(self.spool.path(capture, side))
        self.grow(capture.id, seconds)

    def fallback(self, stem: str, seconds: int = 1) -> None:
        """What the dialplan captured by itself: both sides of `degraded-<stem>`."""
        for side in Side:
            (self.folder / f"degraded-{stem}.{side.value}.sln").write_bytes(SECOND * seconds)

    async def mute(self, capture: Capture, *, muted: bool, since_s: float | None = None) -> None:
        self._do("mute")
        self.muted.append((capture.id, muted))
        if muted and since_s is not None:
            self.paused[capture.leg] = since_s

    async def note_pause(self, legs: Sequence[LegId], since_s: float | None) -> None:
        self._do("note_pause")
        for leg in legs:
            if since_s is None:
                self.paused.pop(leg, None)
            else:
                self.paused[leg] = since_s

    async def note_opt_out(self, leg: LegId) -> None:
        self._do("note_opt_out")
        self.opted_out.add(leg)

    async def has_opted_out(self, leg: LegId) -> bool:
        self._do("has_opted_out")
        return leg in self.opted_out

    async def paused_since_s(self, leg: LegId) -> float | None:
        self._do("paused_since_s")
        return self.paused.get(leg)

    async def recorder_on(self, leg: LegId) -> str:
        self._do("recorder_on")
        return self.recorders.get(leg, "")

    async def capture_on(self, leg: LegId) -> tuple[CaptureId, Rule] | None:
        self._do("take_on")
        return self.notes.get(leg)

    async def note_made(self, leg: LegId) -> None:
        self._do("note_made")
        self.made.add(leg)

    async def has_made(self, leg: LegId) -> bool:
        self._do("has_made")
        return leg in self.made

    async def note_place(self, leg: LegId, place: str) -> None:
        self._do("note_place")
        self.places[leg] = place

    async def place_on(self, leg: LegId) -> str:
        self._do("place_on")
        return self.places.get(leg, "")

    async def note_queue(self, leg: LegId, queue: str) -> None:
        self._do("note_queue")
        self.queues[leg] = queue

    async def queue_on(self, leg: LegId) -> str:
        self._do("queue_on")
        return self.queues.get(leg, "")

    async def came_in_at(self, leg: LegId, _channel: str) -> str | None:
        self._do("came_in_at")
        return self.came_in.get(leg, "")

    async def is_holding(self, leg: LegId) -> bool:
        self._do("is_holding")
        return leg in self.holding

    async def application_on(self, leg: LegId) -> tuple[str, str]:
        self._do("application_on")
        return self.applications.get(leg, ("Dial", ""))

    async def rtp_count(self, leg: LegId) -> RtpCount | None:
        self._do("rtp_count")
        return self.rtp_counts.get(leg)

    async def tell_last_counts(self, leg: LegId) -> None:
        self._do("tell_last_counts")
        self.tell_last.append(leg)

    async def largest_delay_s(self, leg: LegId) -> float | None:
        self._do("largest_delay_s")
        return self.delays_s.get(leg)

    async def packets(self, _leg: LegId) -> int | None:
        self._do("packets")
        return self.packet_counts.pop(0) if self.packet_counts else None

    async def audio(self, leg: LegId) -> LegAudio:
        self._do("audio")
        self.requested_rates.append(leg)
        return LegAudio(8000, self.undecodable.get(leg, ""))

    async def sends_fax(self, leg: LegId) -> bool:
        self._do("sends_fax")
        return leg in self.faxes

    async def play(
        self, leg: LegId, what: Outcome | Told | Signal, language: str = "", way: LegId | None = None
    ) -> Played:
        self._do("play")
        by = f"in the voice of {way}" if way else ""
        self.tones.append(" ".join(filter(None, (what.value, language, by))))
        return Played(leg, 0.32, "", 16)

    async def online(self, user: UserId, *, lit: bool, blinks: bool = False) -> None:
        self._do("online")
        self.lit[user] = lit
        self.blinking = self.blinking | {user} if blinks else self.blinking - {user}

    async def always(self, user: UserId, *, lit: bool) -> None:
        self._do("always")
        self.always_lit[user] = lit

    async def channels(self) -> Sequence[Message]:
        self._do("channels")
        return self.legs

    async def bridges_s(self) -> Mapping[BridgeId, float]:
        return self.bridges_made_s


class Stage:
    """An engine with everything around it; `handed` is what intake was given."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.spool = FragileSpool(folder / "spool")
        self.spool.prepare()
        self.journal, self.heard, self.clock = MemoryJournal(), Heard(), clock or Clock()
        self.asterisk = Asterisk(self.spool)
        self.directory = Directory(TABLES)
        self.handed: list[Recording] = []
        self.link_is_up = True
        self.files, self.background = FileWatch(self.spool, self.clock), Background(self.heard)
        self.call_ports = CallPorts(
            clock=self.clock,
            journal=self.journal,
            recorder=self.asterisk,
            leg_notes=self.asterisk,
            leg_status=self.asterisk,
            spool=self.spool,
            announcer=self.asterisk,
            device_states=self.asterisk,
            observer=self.heard,
            files=self.files,
            background=self.background,
            link_is_up=lambda: self.link_is_up,
            hand_over=self.handed.append,
        )
        self.call_router = CallRouter(self.call_ports, node=NodeId("n"), terms=Terms(), ids=Ids(), endpoints=self)
        self.asterisk.news = SpoolRouter(
            self.files,
            orphan_closed=lambda: None,
            fallback_created=lambda _file: None,
            fallback_closed=lambda _file: None,
        ).event

    def by_endpoint(self, name: str) -> Party | None:
        """See ports.Endpoints: in the tables of this moment."""
        return self.directory.by_endpoint(name)

    def language_at(self, context: str, exten: str) -> str:
        """See ports.Endpoints."""
        return self.directory.language_at(context, exten)

    def rules_at(self, context: str, exten: str) -> tuple[PlaceRule, ...]:
        """See ports.Endpoints."""
        return self.directory.rules_at(context, exten)

    def has_rules_at(self) -> bool:
        """See ports.Endpoints."""
        return self.directory.has_rules_at()

    def rule_of(self, kind: PlaceKind, name: str) -> PlaceRule | None:
        """See ports.Endpoints."""
        return self.directory.rule_of(kind, name)

    def has_rule_of(self, *kinds: PlaceKind) -> bool:
        """See ports.Endpoints."""
        return self.directory.has_rule_of(*kinds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CallRouter]:
        """The engine at work."""
        task = asyncio.create_task(self.call_router.run())
        await asyncio.sleep(0)
        try:
            yield self.call_router
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    async def passes(self, seconds: float) -> None:
        """Time passes."""
        await asyncio.sleep(seconds)

    def call(self, caller: str = "alice", called: str = "bob", nth: int = 1) -> None:
        """Two phones talk: legs <nth>.1 and <nth>.2."""
        for leg, name in ((1, caller), (2, called)):
            self.call_router.asterisk(event("Newchannel", f"{nth}.{leg}", name, linkedid=f"{nth}.1"))
        for leg, name in ((1, caller), (2, called)):
            self.call_router.asterisk(
                event("BridgeEnter", f"{nth}.{leg}", name, linkedid=f"{nth}.1", BridgeUniqueid=f"b{nth}")
            )

    def hang_up(self, nth: int = 1) -> None:
        """Both go; their recorders go with them."""
        for leg, name in ((1, "alice"), (2, "bob")):
            for capture in [capture for capture in self.asterisk.running if self._leg_of(capture) == f"{nth}.{leg}"]:
                self.asterisk.close(capture)
            self.call_router.asterisk(event("Hangup", f"{nth}.{leg}", name, linkedid=f"{nth}.1"))

    def _leg_of(self, capture: CaptureId) -> str:
        return next(
            one.leg
            for entry in reversed(self.journal.entries)
            for one in entry.recording.all_captures
            if one.id == capture
        )


def event(name: str, leg: str, endpoint: str, *, linkedid: str = "", **more: str) -> Message:
    """A manager event of a phone's channel."""
    headers = {"Event": name, "Channel": f"PJSIP/{endpoint}-00000001", "Uniqueid": leg, "Linkedid": linkedid or leg}
    return Message(tuple({**headers, **more}.items()))


def away(code: ErrorCode = "ami-down") -> Unavailable:
    """What is raised by what is away."""
    return (OutcomeUnknown if code.endswith("outcome-unknown") else Unavailable)(code, "away")
