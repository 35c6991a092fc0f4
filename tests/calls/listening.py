"""What the tests of the whole product share: calls between its phones, its news, and recordings to listen to.

How exactly the instants are known: when a phone's last key was sent, and when it hung up, its own Asterisk tells to a few
milliseconds, whatever this process is doing. In a sound, a window of 20 ms every 10 ms tells an instant to about 15 ms.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, NamedTuple, TypeVar

import aiohttp
import av
import numpy as np
from laboratory import TONES_HZ as FIRST_TONES_HZ
from laboratory import until

from callrec.adapters.redis.connection import Address, ask
from callrec.domain.lifecycle import Manifest, State
from callrec.lab.ears import (
    HEARD_AMPLITUDE,
    NOTHING,
    STEP_S,
    WINDOW_S,
    Samples,
    Sound,
    _amplitude,
    _windows,
    heard_s,
    load,
)
from callrec.lab.ears import presence as presence_of
from callrec.lab.phones import DIGIT_S, PAUSE_S, Phone, PhoneCall
from callrec.lab.stack import Stack
from callrec.protocols.asterisk_conf import users_files
from callrec.protocols.documents import decode_manifest

T = TypeVar("T")

USERS = Path(__file__).parent / "users.csv"
WIDE = ("1001", "1010", "1011", "1015", "1016", "1017", "1032", "1033")
CODECS = dict.fromkeys(WIDE, "g722")
TONES_HZ = FIRST_TONES_HZ | {"outside": 1180} | {str(1003 + n): 1500 + 120 * (7 * n % 16) for n in range(53)}
"""What each phone says. In one call the tones are at least 100 Hz apart from each other and from every other sound."""
OUTSIDE = "outside"
EXTERN, STRANGERS_CODE = "from-extern", "2026"
PROFILES = {
    "discreet": {"confirm": "presser", "on_demand_overrides_always": "pause", "format": "flac"},
    "silent": {"confirm": "none", "names": "xivo", "format": "opus"},
    "fragile": {"format": "mp3"},
}
"""Settings other than the usual ones, as few daemons as possible: tests say `@pytest.mark.profile(...)`."""

STARTED_HZ, STARTED_LAST_HZ, FAILED_HZ = 660, 880, 330
"""dialplan/sounds/synthesise.py: two rising notes, two falling ones, three low ones."""

NOTCH_HZ = 60
TOLERANCE_S = 0.060
HEARD = 0.99
KEYS_S = 2 * (DIGIT_S + PAUSE_S) + 0.16
"""At most so long a phone's tone is away while it presses `*3`: the keys, and what the phone needs before them."""
EDGE_S = 0.05
ANSWER_S = 0.20
"""So soon after its answer a phone speaks."""
RESTART_S = PAUSE_S + 0.06
"""So soon after the last key the tone of the presser is back."""
APART_S = 0.23
"""Between the beginnings of calls that take place at the same time: so many people do not press in the same instant."""
NEWS_S = 8.0
SCENES_S = 30.0
BLOCK_MS = 200


def tone_of(number: str) -> int:
    """What the phone of this number says."""
    return TONES_HZ[number]


def phone(stack: Stack, number: str) -> Phone:
    """The phone of a user, or the outside world."""
    assert stack.bank is not None
    return stack.bank.outside if number == OUTSIDE else stack.phone(number)


def user_id(stack: Stack, number: str) -> str:
    """The user behind a number."""
    return next(line.user for line in stack.pbx.tables.lines if line.number == number)


@asynccontextmanager
async def conversation(
    stack: Stack, caller: str, called: str, *, dialled: str = "", shown: str = ""
) -> AsyncIterator[tuple[PhoneCall, PhoneCall]]:
    """Both sides of an answered call; over at the end of the block, with everything heard on the disk."""
    there = await phone(stack, caller).call(dialled or called, tone_hz=tone_of(caller), shown=shown)
    try:
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        yield there, here
    finally:
        await there.hangup()
    await here.ended()


async def together(*calls: Coroutine[None, None, T]) -> list[T]:
    """Do these at the same time; what goes wrong in one ends all, in order."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(call) for call in calls]
    return [task.result() for task in running]


@dataclass(frozen=True, slots=True)
class Played:
    """A call that has ended: both phones with what they heard, its recordings, and the news while it lasted."""

    caller: PhoneCall
    called: PhoneCall
    stored: "list[Stored]"
    news: "News"


Play = Callable[[PhoneCall, PhoneCall], Coroutine[None, None, None]]


async def play(
    stack: Stack, caller: str, called: str, what: Play, *, dialled: str = "", shown: str = "", recordings: int = 1
) -> Played:
    """A call in which people do `what`; waits for so many recordings of it."""
    async with News(stack) as news:
        async with conversation(stack, caller, called, dialled=dialled, shown=shown) as (there, here):
            await what(there, here)
        numbers = (shown if caller == OUTSIDE else caller, dialled if called == OUTSIDE else called)
        stored = await news.stored(*numbers, count=recordings)
    return Played(there, here, stored, news)


class Scenes(Generic[T]):
    """Calls that take place at the same time, because talking takes time: each test awaits its own."""

    def __init__(self, **scenes: Coroutine[None, None, T]) -> None:
        self._tasks = {
            name: asyncio.create_task(_after(nth * APART_S, scene), name=name)
            for nth, (name, scene) in enumerate(scenes.items())
        }

    async def of(self, name: str) -> T:
        """One call, when all have ended: who listens takes time from those who talk. Raises what went wrong in it."""
        await self.ended()
        return await self._tasks[name]

    async def ended(self) -> None:
        """Wait until no call is left, also of tests that were not chosen; what went wrong in one is its own test's."""
        _, left = await asyncio.wait(self._tasks.values(), timeout=SCENES_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


async def _after(seconds: float, scene: Coroutine[None, None, T]) -> T:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        scene.close()
        raise
    return await scene


class Pause(NamedTuple):
    """When a tone was away."""

    from_s: float
    to_s: float

    @property
    def length_s(self) -> float:
        """How long."""
        return self.to_s - self.from_s


def pauses(sound: Sound, hz: float, *, shortest_s: float = 0.2) -> list[Pause]:
    """When this tone was away between its first and its last moment, for at least so long."""
    where = np.flatnonzero(_amplitude(_windows(sound), sound.rate, hz) >= HEARD_AMPLITUDE)
    gaps = itertools.pairwise(where)
    found = [Pause(float(one * STEP_S + WINDOW_S), float(other * STEP_S)) for one, other in gaps]
    return [gap for gap in found if gap.length_s >= shortest_s]


def presence(sound: Sound, hz: float) -> float:
    """See ears; here nothing at all is no proof of anything."""
    assert sound.length_s > 0, "nothing to listen to"
    return presence_of(sound, hz)


def voice(sound: Sound, hz: float) -> Sound:
    """From the first to the last moment of this tone."""
    return sound.between(*(heard_s(sound, hz) or (0.0, 0.0)))


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording as the library has it: the sidecar, and both channels when there is a file."""

    manifest: Manifest
    path: Path
    left: Sound = NOTHING
    right: Sound = NOTHING

    @property
    def id(self) -> str:
        """The recording's."""
        return self.manifest.recording.id

    @property
    def length_s(self) -> float:
        """How long it plays."""
        return self.left.length_s

    @property
    def numbers(self) -> list[str]:
        """The parties', in their order: the first one is on the left."""
        return [party.number for party in self.manifest.recording.parties]

    def assert_sides(self, left_hz: int, right_hz: int, *, keys_at: str = "", first_s: float = EDGE_S) -> None:
        """Each tone is on its own side, from start to end, and nowhere else.

        `keys_at` names sides and ends where keys were pressed, which pause the presser's own tone: `left-start`, `right-end`, ...
        `first_s`: so late a tone may begin otherwise, since a phone needs a moment after its answer.
        """
        assert self.manifest.state is State.SOUND
        assert self.left.length_s == self.right.length_s
        for side, sound, own_hz, other_hz in (
            ("left", self.left, left_hz, right_hz),
            ("right", self.right, right_hz, left_hz),
        ):
            first, last = heard_s(sound, own_hz) or (0.0, 0.0)
            assert first <= (RESTART_S if f"{side}-start" in keys_at else first_s), (side, first)
            assert last >= sound.length_s - (KEYS_S if f"{side}-end" in keys_at else EDGE_S), (side, last)
            assert presence(sound.between(first, last), own_hz) >= HEARD, side
            assert presence(sound, other_hz) <= 1 - HEARD, side

    def assert_no_tones(self) -> None:
        """The confirmation is for people: the file does not hold it."""
        for sound in (self.left, self.right):
            assert max(presence(sound, hz) for hz in (STARTED_HZ, STARTED_LAST_HZ, FAILED_HZ)) <= 0.01


def is_told(heard: Sound, first_hz: int, last_hz: int) -> bool:
    """Whether a confirmation of two notes was heard, in this order, each for at least half of its length."""
    places = [heard_notes(heard, hz) for hz in (first_hz, last_hz)]
    return any(0 < late - early < 0.4 for early in places[0] for late in places[1])


def heard_notes(heard: Sound, hz: int, *, shortest_s: float = 0.08) -> list[float]:
    """The beginnings of all notes of this pitch."""
    where = np.flatnonzero(_amplitude(_windows(heard), heard.rate, hz) >= HEARD_AMPLITUDE)
    runs = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1) if len(where) else []
    return [float(run[0] * STEP_S) for run in runs if len(run) * STEP_S >= shortest_s]


def hears_started(call: PhoneCall) -> bool:
    """Whether this phone heard that a recording started."""
    return is_told(call.heard(), STARTED_HZ, STARTED_LAST_HZ)


def hears_stopped(call: PhoneCall) -> bool:
    """Whether this phone heard that a recording stopped."""
    return is_told(call.heard(), STARTED_LAST_HZ, STARTED_HZ)


def hears_failed(call: PhoneCall) -> bool:
    """Whether this phone heard the three low notes."""
    return len(heard_notes(call.heard(), FAILED_HZ)) >= 3


class News:
    """What the daemon publishes from the beginning of the block on, and the recordings that it tells of."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._client = Address.of_socket(stack.daemon.state.absolute() / "valkey/valkey.sock").client()
        self._reading = asyncio.Lock()
        self._cursor = "0-0"
        self.seen: list[dict[str, str]] = []

    async def __aenter__(self) -> "News":
        last = await ask(self._client, "XREVRANGE", "callrec:events", "+", "-", "COUNT", 1)
        self._cursor = last[0][0] if last else "0-0"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def event(self, kind: str, **fields: str) -> dict[str, str]:
        """The first event of this type with these values; waits for it."""
        await self._until(lambda: bool(self.events(kind, **fields)))
        return self.events(kind, **fields)[0]

    def events(self, kind: str, **fields: str) -> list[dict[str, str]]:
        """What was read so far."""
        wanted = {"type": kind, **fields}
        return [event for event in self.seen if wanted.items() <= event.items()]

    async def stored(self, *numbers: str, count: int = 1) -> list[Stored]:
        """All recordings of calls between these numbers, in their order; waits for so many, and there must be no more."""
        await self._until(lambda: len(self._between(numbers)) >= count)
        calls = {manifest.recording.call for _, manifest in self._between(numbers)}
        spool = self._stack.daemon.spool
        await until(lambda: not [file for call in calls for file in spool.glob(f"{call}-*")])
        await self.read()
        found = self._between(numbers)
        assert len(found) == count, [manifest.recording.id for _, manifest in found]
        return [_listen(path, manifest) for path, manifest in found]

    async def one(self, *numbers: str) -> Stored:
        """The only recording of calls between these numbers."""
        return (await self.stored(*numbers))[0]

    async def read(self, block_ms: int = 1) -> None:
        """Take in what is there by now, or comes soon."""
        async with self._reading:
            command = ("XREAD", "COUNT", 500, "BLOCK", block_ms, "STREAMS", "callrec:events", self._cursor)
            found = await ask(self._client, *command)
            for event_id, fields in found[0][1] if found else ():
                self._cursor = event_id
                self.seen.append(fields)

    async def _until(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(NEWS_S):
            while not is_there():
                await self.read(BLOCK_MS)

    def _between(self, numbers: tuple[str, ...]) -> list[tuple[Path, Manifest]]:
        places = sorted({event["path"] for event in self.events("recording-stored")})
        sidecars = [self._stack.daemon.monitor / f"{place}.json" for place in places]
        manifests = [(path, decode_manifest(path.read_bytes())) for path in sidecars]
        return [
            (path, manifest)
            for path, manifest in manifests
            if {party.number for party in manifest.recording.parties} == set(numbers)
        ]


async def listed(stack: Stack, *numbers: str) -> list[Manifest]:
    """What the library has of calls between these numbers, when nothing waits in the spool any more."""
    await until(lambda: not list(stack.daemon.spool.glob("*-*")))
    every = [decode_manifest(path.read_bytes()) for path in stack.daemon.monitor.rglob("*.json")]
    return [one for one in every if {party.number for party in one.recording.parties} == set(numbers)]


def _listen(sidecar: Path, manifest: Manifest) -> Stored:
    if manifest.media is None:
        return Stored(manifest, sidecar)
    path = sidecar.parent / manifest.media.name
    left, right = load(path) if path.suffix == ".wav" else decoded(path)
    return Stored(manifest, path, left, right)


def decoded(path: Path) -> list[Sound]:
    """The channels of a compressed file."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
        return [Sound(samples[channel].astype(np.float64), stream.rate) for channel in range(2)]


async def lamp(stack: Stack, number: str, code: str) -> str:
    """The state of a user's lamp: INUSE is lit, NOT_INUSE dark. `code`: the digits after the separator, `3` or `26`."""
    doors = stack.pbx.doors
    device = f"Custom:*735{user_id(stack, number)}***2{code}"
    url = f"http://127.0.0.1:{doors.http}/ari/deviceStates/{device}"
    headers = {"Authorization": aiohttp.encode_basic_auth(doors.ari_user, doors.ari_secret)}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url) as answer:
        return str((await answer.json())["state"])


async def until_lamp(stack: Stack, number: str, code: str, state: str) -> None:
    """Wait for a lamp."""
    async with asyncio.timeout(5):
        while await lamp(stack, number, code) != state:  # noqa: ASYNC110 - the PBX sends no event to us
            await asyncio.sleep(0.02)


async def lay_test_extensions(stack: Stack) -> None:
    """What the tests dial besides the small PBX: `7002` is answered before its phone rings; strangers reach a star code."""
    text = (
        users_files(stack.pbx.tables)["users_extensions.conf"]
        + f"""
[default](+)
exten => 7002,1,Answer()
 same => n,Gosub(pbx-user,s,1({stack.line("1028")},30,,tT))

[{EXTERN}](+)
exten => {STRANGERS_CODE},1,Goto(callrec-codes,*26,1)
"""
    )
    stack.pbx.write_conf("users_extensions.conf", text)
    await stack.pbx.cli("dialplan reload")


async def settle(stack: Stack, profile: str) -> None:
    """Let the daemon of this stack run with these settings; restarts it when it does not yet."""
    daemon = stack.daemon
    ours = {name for settings in PROFILES.values() for name in settings}
    wanted = {name: value for name, value in daemon.settings.items() if name not in ours} | PROFILES[profile]
    if daemon.settings == wanted:
        return
    await daemon.stop()
    daemon.settings = wanted
    await daemon.start()
    await daemon.ready()


async def set_user(stack: Stack, number: str, *options: str) -> None:
    """As an operator does it: `callrec users set`."""
    code, said = await stack.daemon.callrec("users", "set", number, *options)
    assert code == 0, said


def prompt(language: str, name: str) -> Sound:
    """A prompt as it is shipped."""
    folder = Path(__file__).parents[2] / "dialplan/sounds"
    return load(folder / language / "callrec" / f"{name}.wav")[0]


PROMPTS = [
    (language.name, file.stem)
    for language in sorted((Path(__file__).parents[2] / "dialplan/sounds").iterdir())
    if language.is_dir()
    for file in sorted(language.glob("callrec/call-*.wav"))
]
"""(language, name) of everything that is spoken."""


def likeness(heard: Sound, spoken: Sound, *, beside_hz: Sequence[int] = ()) -> float:
    """How well the sound contains these words anywhere: normalised correlation, 1.0 is perfect, other words stay below 0.3.

    `beside_hz`: tones that were heard at the same time, and are taken out of both.
    """
    step = heard.rate // spoken.rate
    long, short = (_without(samples, spoken.rate, beside_hz) for samples in (heard.samples[::step], spoken.samples))
    long = np.pad(long, len(short) // 2)  # its beginning or its end may be cut off
    if len(long) < len(short):
        return 0.0
    size = 1 << (len(long) + len(short)).bit_length()
    spectrum = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    products = np.fft.irfft(spectrum, size)[: len(long) - len(short) + 1]
    energy = np.concatenate([[0.0], np.cumsum(long**2)])
    norms = np.sqrt((energy[len(short) :] - energy[: -len(short)]) * np.sum(short**2))
    return float(np.max(products / np.maximum(norms, 1e-9)))


def _without(samples: Samples, rate: int, tones_hz: Sequence[int]) -> Samples:
    if not tones_hz:
        return samples
    spectrum = np.fft.rfft(samples)
    pitch = np.fft.rfftfreq(len(samples), 1 / rate)
    for hz in tones_hz:
        spectrum[np.abs(pitch - hz) < NOTCH_HZ] = 0
    return np.fft.irfft(spectrum, len(samples))
