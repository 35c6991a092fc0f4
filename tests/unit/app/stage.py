"""A stage for the use cases: time that passes at once, a real spool, and an Asterisk that does what real ones do to files.

`virtual` runs a test in a loop whose clock jumps to the next thing that is due: nothing sleeps, whatever the deadlines are.
The journal in memory keeps the promises of the one on the disk; test_engine.py holds both to them.
"""
# ruff: noqa: D102 - the stand-ins keep the promises of the ports that they stand for

import asyncio
import functools
import itertools
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.engine import Engine
from callrec.app.ports import FileClosed, FileCreated, SpoolEvent
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, OutcomeUnknown, Unavailable
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import BridgeId, Instant, LegId, NodeId, Recording, RecordingId, Take, TakeId
from callrec.domain.naming import LegFile, Side, leg_file
from callrec.domain.policy import Terms
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.model import Line, Rule, Tables, User, UserId
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


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time."""

    def __init__(self) -> None:
        super().__init__(_Impatient(self))
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, _executor: Any, work: Callable[..., Any], *arguments: Any) -> Any:
        """What worker threads do is done at once: else time would run away from them."""
        done = self.create_future()
        try:
            done.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 - the asker gets whatever it was
            done.set_exception(error)
        return done


class _Impatient(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits, and nothing is due"
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
    """See call_actor.Observer."""

    def __init__(self) -> None:
        self.facts: list[str] = []
        self.alarms: list[str] = []
        self.lost: list[str] = []
        self.defects: list[str] = []

    def told(self, fact: m.Tell) -> None:
        self.facts.append(fact.fact)

    def alarmed(self, alarm: m.Alarm, _call: str) -> None:
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

    def capture(self, take: TakeId) -> Any:
        self._look()
        return super().capture(take)

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
        self.notes: dict[LegId, tuple[TakeId, Rule]] = {}
        """And beside it, in CALLREC_TAKE and CALLREC_RULE."""
        self.running: dict[TakeId, str] = {}
        self.stopped: list[str] = []
        self.listened: set[LegId] = set()
        """The legs that are listened to."""
        self.muted: list[tuple[TakeId, bool]] = []
        self.lit: dict[UserId, bool] = {}
        self.always_lit: dict[UserId, bool] = {}
        self.tones: list[str] = []
        self.legs: list[Message] = []
        self.asked_rates: list[LegId] = []
        self.packet_counts: list[int | None] = []
        self.bridges_made_s: dict[BridgeId, float] = {}
        self.holding: set[LegId] = set()
        self._numbers = itertools.count(1)

    def _do(self, name: str) -> None:
        if name in self.faults:
            raise self.faults[name]

    async def start(self, take: Take, rule: Rule) -> str:
        self._do("start")
        self.notes[take.leg] = take.id, rule
        mixmonitor = f"0x{next(self._numbers)}"
        self.recorders[take.leg] = self.running[take.id] = mixmonitor
        if not self.silent:
            for side in Side:
                self._make(self.spool.path(take, side))
                self.news(FileCreated(LegFile(take.id, side, take.rate_hz)))
        return mixmonitor

    def _make(self, path: str) -> None:
        Path(path).touch()

    async def stop(self, take: Take) -> None:
        self._do("stop")
        self.stopped.append(take.mixmonitor)
        self.recorders[take.leg] = ""
        self.close(take.id)

    def close(self, take: TakeId) -> None:
        """The recorder of this take ends."""
        self.running.pop(take, None)
        for name in sorted(path.name for path in self.folder.glob(f"{take}.*")):
            file = leg_file(name)
            assert file
            self.news(FileClosed(file))

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return Path(self.spool.path(Take(TakeId("c-1-1"), LegId(""), "", 8000, 0), "read")).parent

    def grow(self, take: str, seconds: float = 1) -> None:
        """Both sides get longer."""
        for path in self.folder.glob(f"{take}.*"):
            with path.open("ab") as file:
                file.write(SECOND[: int(len(SECOND) * seconds)] if seconds < 1 else SECOND * int(seconds))

    def goes_on(self, take: Take, seconds: int = 1) -> None:
        """The recorder of a former daemon, at work, with so much on the disk."""
        self.recorders[take.leg] = self.running[take.id] = take.mixmonitor or "0x9"
        self.notes[take.leg] = take.id, Rule.ON_DEMAND
        for side in Side:
            self._make(self.spool.path(take, side))
        self.grow(take.id, seconds)

    def degraded(self, stem: str, seconds: int = 1) -> None:
        """What the dialplan captured by itself: both sides of `degraded-<stem>`."""
        for side in Side:
            (self.folder / f"degraded-{stem}.{side.value}.sln").write_bytes(SECOND * seconds)

    async def mute(self, take: Take, *, muted: bool) -> None:
        self._do("mute")
        self.muted.append((take.id, muted))

    async def listen(self, leg: LegId, *, on: bool) -> None:
        self._do("listen")
        (self.listened.add if on else self.listened.discard)(leg)

    async def recorder_on(self, leg: LegId) -> str:
        self._do("recorder_on")
        return self.recorders.get(leg, "")

    async def take_on(self, leg: LegId) -> tuple[TakeId, Rule] | None:
        self._do("take_on")
        return self.notes.get(leg)

    async def note_made(self, leg: LegId) -> None:
        self._do("note_made")
        self.made.add(leg)

    async def has_made(self, leg: LegId) -> bool:
        self._do("has_made")
        return leg in self.made

    async def is_holding(self, leg: LegId) -> bool:
        self._do("is_holding")
        return leg in self.holding

    async def packets(self, _leg: LegId) -> int | None:
        self._do("packets")
        return self.packet_counts.pop(0) if self.packet_counts else None

    async def rate_hz(self, leg: LegId) -> int:
        self._do("rate_hz")
        self.asked_rates.append(leg)
        return 8000

    async def announce(self, _take: Take, outcome: m.Outcome) -> None:
        self._do("announce")
        self.tones.append(outcome.value)

    async def tell(self, _leg: LegId, outcome: m.Outcome, language: str) -> None:
        self.tones.append(f"{outcome.value} {language}")

    async def online(self, user: UserId, *, lit: bool) -> None:
        self._do("online")
        self.lit[user] = lit

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

    def __init__(self, folder: Path) -> None:
        self.spool = FragileSpool(folder / "spool")
        self.spool.prepare()
        self.journal, self.heard, self.clock = MemoryJournal(), Heard(), Clock()
        self.asterisk = Asterisk(self.spool)
        self.directory = Directory(TABLES)
        self.handed: list[Recording] = []
        self.link_is_up = True
        self.engine = Engine(
            node=NodeId("n"),
            terms=Terms(),
            clock=self.clock,
            ids=Ids(),
            journal=self.journal,
            recorder=self.asterisk,
            spool=self.spool,
            announcer=self.asterisk,
            lamps=self.asterisk,
            observer=self.heard,
            endpoints=self.directory,
            hand_over=self.handed.append,
            link_is_up=lambda: self.link_is_up,
        )
        self.asterisk.news = self.spool_event

    def spool_event(self, event: SpoolEvent) -> None:
        """As homecoming passes it on."""
        file = event.file if isinstance(event, FileCreated | FileClosed) else None
        if isinstance(file, LegFile):
            takes = self.engine.takes
            takes.file_created(file) if isinstance(event, FileCreated) else takes.file_closed(file)

    @asynccontextmanager
    async def running(self) -> Any:
        """The engine at work."""
        task = asyncio.create_task(self.engine.run())
        await asyncio.sleep(0)
        try:
            yield self.engine
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
            self.engine.asterisk(event("Newchannel", f"{nth}.{leg}", name, linkedid=f"{nth}.1"))
        for leg, name in ((1, caller), (2, called)):
            self.engine.asterisk(
                event("BridgeEnter", f"{nth}.{leg}", name, linkedid=f"{nth}.1", BridgeUniqueid=f"b{nth}")
            )

    def hang_up(self, nth: int = 1) -> None:
        """Both go; their recorders go with them."""
        for leg, name in ((1, "alice"), (2, "bob")):
            for take in [take for take in self.asterisk.running if self._leg_of(take) == f"{nth}.{leg}"]:
                self.asterisk.close(take)
            self.engine.asterisk(event("Hangup", f"{nth}.{leg}", name, linkedid=f"{nth}.1"))

    def _leg_of(self, take: TakeId) -> str:
        return next(
            one.leg for entry in reversed(self.journal.entries) for one in entry.recording.takes if one.id == take
        )


def event(name: str, leg: str, endpoint: str, *, linkedid: str = "", **more: str) -> Message:
    """A manager event of a phone's channel."""
    headers = {"Event": name, "Channel": f"PJSIP/{endpoint}-00000001", "Uniqueid": leg, "Linkedid": linkedid or leg}
    return Message(tuple({**headers, **more}.items()))


def away(code: str = "ami-down") -> Unavailable:
    """What is raised by what is away."""
    return (OutcomeUnknown if code.endswith("outcome-unknown") else Unavailable)(code, "away")
