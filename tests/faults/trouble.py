"""What the fault tests share: a product to break, its recordings to listen to, and the checks that end every run.

`aftermath` is the end of every fault: whatever was done to the product, the checks of docs/PROMISES.md hold again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from free_cpu import is_starved
from soundness import UNTOLD_S, lacks_s, missing_s

from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.disk.journal_reader import UnfinishedRecordings
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.redis.connection import Address, ask
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.access.audit_log.library_check import check_library
from callrec.app.library.catalog import entries, every, export, rebuild, verify
from callrec.app.ports.library import Catalogue
from callrec.domain.errors import Unavailable
from callrec.domain.library.manifest import Manifest, StoredState
from callrec_lab.audio_checks import NOTHING, Sound, heard_s, load, presence
from callrec_lab.phones import DIGIT_S, PAUSE_S, Phone, PhoneCall
from callrec_lab.prompt_checks import PROMPTS, words
from callrec_lab.stack import Stack, Wishes, start

if TYPE_CHECKING:
    from redis.asyncio import Redis

USERS = Path(__file__).parent / "users.csv"
TONES_HZ = {f"10{nth:02d}": 1000 + 150 * nth for nth in range(14)} | {"outside": 3200}
"""What each phone says: at least 150 Hz apart from each other, the confirmation tones and the music on hold."""
CODECS = {"1011": "g722"}
HEARD = 0.99
TALK_S = 1.5
KEYS_S = 2 * (DIGIT_S + PAUSE_S) + 0.2
"""At most so long a phone's tone is away while it presses `*3`."""
EDGES_S = 0.1
"""The beginning and the end of a tone hold all pitches."""
TOLD_S = 0.4
"""How long the dialplan's own confirmation lasts, during which its listener hears nothing else."""
NEAR_S = 0.3
"""By how much the instants of a test, which are not taken from the sound, may differ from it."""
SETTLED_S = 60.0
POLL_S = 0.05
LAMPS_S = 1.0
"""Within this time after readiness every lamp is right."""
BOUND_S = 30.0
"""How long anything may take before a test gives up: no promise of ours."""


@asynccontextmanager
async def product(folder: Path, wishes: Wishes | None = None) -> AsyncIterator[Stack]:
    """Everything running, with the users of this folder. However it was left, nothing of it is left behind."""
    async with start(folder, wishes or Wishes(users=USERS, codecs=CODECS, tones_hz=TONES_HZ), print) as stack:
        try:
            await until(lambda: _is_mirrored(stack), hint="every phone's user is in Asterisk's database")
            yield stack
        finally:
            if not stack.daemon.pid:  # its store outlives a killed daemon: only the next one ends it
                await stack.daemon.start()


async def _is_mirrored(stack: Stack) -> bool:
    """Asterisk knows what to do without the daemon: it is told user by user, after the daemon is ready."""
    return f"{len(stack.pbx.tables.lines)} results" in await stack.pbx.cli("database show callrec/user")


def phone(stack: Stack, number: str) -> Phone:
    """The phone of a user, or the outside world."""
    assert stack.bank is not None
    return stack.bank.outside if number == "outside" else stack.phone(number)


async def connect(
    stack: Stack, caller: str, called: str, *, dialled: str = "", shown: str = ""
) -> tuple[PhoneCall, PhoneCall]:
    """Both sides of an answered call."""
    there = await phone(stack, caller).call(dialled or called, tone_hz=TONES_HZ[caller], shown=shown)
    here = await phone(stack, called).rings()
    await asyncio.gather(there.answered(), here.answered())
    return there, here


async def dial(stack: Stack, number: str, code: str = "*26") -> PhoneCall:
    """Dial a code and listen to the end."""
    call = await phone(stack, number).call(code)
    await call.answered()
    await call.ended()
    return call


@dataclass
class Talk:
    """A call that is recorded from `began_s` on, to `ended_s`: both as the phones' Asterisk stamps them, in Unix time."""

    there: PhoneCall
    began_s: float
    ended_s: float = 0.0
    other_hz: float = 0.0
    """What the other phone says, where the recording is of the whole call."""

    @property
    def length_s(self) -> float:
        """From stamp to stamp: what this process was doing meanwhile has no part in it."""
        return self.ended_s - self.began_s

    @property
    def least_s(self) -> float:
        """A whole call lasts at least from the other's first word to the last one, as the caller's phone has heard them: a busy
        PBX brings the two together late."""
        heard = heard_s(self.there.heard(), self.other_hz) if self.other_hz else None
        return min(self.length_s, heard[1] - heard[0]) if heard else self.length_s

    def ended(self) -> None:
        """The recording ends now: Asterisk was killed just before."""
        self.ended_s = time.time()

    async def press(self) -> None:
        """Press `*3` for the end of the recording."""
        await self.there.press("*3")
        self.ended_s = self.there.pressed_s[-1]

    async def hangup(self) -> None:
        """End the call, and the recording when it was not stopped before."""
        await self.there.hangup()
        self.ended_s = self.ended_s or self.there.ended_s


async def begin(stack: Stack, caller: str, called: str, *, press: bool = False) -> Talk:
    """A call that is recorded from now on: one of them is flagged, or the caller presses `*3`."""
    there, _ = await connect(stack, caller, called)
    if press:
        await there.press("*3")
    if press:
        return Talk(there, there.pressed_s[-1])
    return Talk(there, there.answered_s, other_hz=TONES_HZ[called])


def between_presses_s(call: PhoneCall) -> float:
    """From the last press but one to the last one."""
    return call.pressed_s[-1] - call.pressed_s[-2]


@asynccontextmanager
async def conversation(
    stack: Stack, caller: str, called: str, *, dialled: str = ""
) -> AsyncIterator[tuple[PhoneCall, PhoneCall]]:
    """Both sides of an answered call; over at the end of the block."""
    there, here = await connect(stack, caller, called, dialled=dialled)
    try:
        yield there, here
    finally:
        await there.hangup()
        await here.ended()


async def until(what: Callable[[], bool | Awaitable[bool]], *, limit_s: float = BOUND_S, hint: str = "") -> None:
    """Wait for something that sends no event, such as what another process does to a file."""
    deadline_s = time.monotonic() + limit_s
    while True:
        found = what()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline_s, f"not within {limit_s:g} s: {hint or what}"
        await asyncio.sleep(POLL_S)


# -- what the product knows --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording as the library has it: the sidecar, and both channels when there is a file."""

    manifest: Manifest
    path: str
    left: Sound = NOTHING
    right: Sound = NOTHING

    @property
    def id(self) -> str:
        """Its id."""
        return self.manifest.recording.id

    @property
    def length_s(self) -> float:
        """How long it plays."""
        return self.left.length_s

    def holds(
        self,
        left: str,
        right: str,
        length_s: float,
        *,
        least_s: float | None = None,
        keys_s: float = 0.0,
        told_s: float = 0.0,
    ) -> None:
        """Each phone's tone is on its own side for the whole length, and nowhere else. `least_s`: how much there has to be, where
        that is less.

        Keys pause the presser's tone; a prompt that the dialplan plays to the presser takes the other's place for `told_s`.
        """
        known_s, near_s = self.length_s + lacks_s(self.manifest), NEAR_S + keys_s
        least_s = length_s if least_s is None else least_s
        assert least_s - near_s <= known_s <= length_s + near_s, (known_s, self.length_s, least_s, length_s)
        for side, sound, own, other in (("left", self.left, left, right), ("right", self.right, right, left)):
            due_s = sound.length_s - (keys_s if own == left else told_s) - missing_s(self.manifest)
            heard = presence(sound, TONES_HZ[own]) * sound.length_s
            assert heard >= HEARD * due_s - UNTOLD_S, (side, heard, due_s, heard_s(sound, TONES_HZ[own]))
            foreign_s = presence(sound, TONES_HZ[other]) * sound.length_s
            assert foreign_s <= max((1 - HEARD) * sound.length_s, EDGES_S), (side, foreign_s)


def library(stack: Stack) -> MonitorLibrary:
    """The monitor directory."""
    return MonitorLibrary(stack.daemon.monitor)


def stored(stack: Stack, *numbers: str) -> list[Stored]:
    """The recordings with exactly these parties in this order (the presser or the caller first), oldest first; all without.
    A sidecar whose media is not linked into place yet, a moment later, is none."""
    found = []
    for path, manifest in library(stack).sidecars():
        assert isinstance(manifest, Manifest), manifest
        if manifest.media and not (stack.daemon.monitor / Path(path).parent / manifest.media.name).exists():
            continue
        if not numbers or [party.number for party in manifest.recording.parties] == list(numbers):
            found.append((manifest.recording.from_s, path, manifest))
    return [_loaded(stack, path, manifest) for _, path, manifest in sorted(found, key=lambda one: one[:2])]


def one(stack: Stack, *numbers: str) -> Stored:
    """The only recording of calls between these numbers."""
    found = stored(stack, *numbers)
    assert len(found) == 1, [(each.id, each.manifest.state, each.manifest.recording.cause) for each in found]
    return found[0]


def _loaded(stack: Stack, path: str, manifest: Manifest) -> Stored:
    if manifest.media is None:
        return Stored(manifest, path)
    left, right = load(stack.daemon.monitor / Path(path).parent / manifest.media.name)
    return Stored(manifest, path, left, right)


async def lamp(stack: Stack, number: str, code: str = "3") -> str:
    """A user's lamp: INUSE is lit, NOT_INUSE dark. `code`: the digits after the separator, `3` or `26`."""
    ports = stack.pbx.ports
    user = next(line.user for line in stack.pbx.tables.lines if line.number == number)
    url = f"http://127.0.0.1:{ports.http}/ari/deviceStates/Custom:*735{user}***2{code}"
    headers = {"Authorization": aiohttp.encode_basic_auth(ports.ari_user, ports.ari_secret)}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url) as answer:
        return str((await answer.json())["state"])


async def until_lamp(stack: Stack, number: str, state: str, code: str = "3", *, limit_s: float = BOUND_S) -> None:
    """Wait for a lamp."""

    async def shows() -> bool:
        return await lamp(stack, number, code) == state

    await until(shows, limit_s=limit_s, hint=f"lamp {code} of {number} is {state}")


async def assert_lamps(stack: Stack, state: str, *numbers: str, code: str = "3") -> None:
    """That these lamps show this within a second of the daemon's readiness: to be called right after `daemon.ready()`."""
    ready_s = time.monotonic()
    for number in numbers:
        await until_lamp(stack, number, state, code)
    took_s = time.monotonic() - ready_s
    assert took_s <= LAMPS_S or is_starved(), f"lamps {code} of {numbers} took {took_s:.1f} s to be {state}"


async def is_flagged(stack: Stack, number: str) -> bool:
    """The user's always-record flag in the store."""
    async with opened_store(stack) as store:
        tables = await store.tables()
    user = next(line.user for line in tables.lines if line.number == number)
    return next(one.call_record for one in tables.users if one.id == user)


def opened_store(stack: Stack) -> AbstractAsyncContextManager[RedisStore]:
    """The product's store, beside the daemon."""
    return open_store(stack.daemon.settings.get("redis_url", "embedded:"), stack.daemon.state, join=True)


def opened_catalogue(stack: Stack) -> AbstractAsyncContextManager[Catalogue]:
    """The product's catalogue, beside the daemon."""
    return open_catalogue(stack.daemon.settings.get("database_url", "sqlite:"), stack.daemon.state)


@asynccontextmanager
async def client(stack: Stack) -> AsyncIterator["Redis"]:
    """A connection to the product's own store."""
    connected = Address.of_socket(stack.daemon.state.absolute() / "valkey/valkey.sock").client()
    try:
        yield connected
    finally:
        await connected.aclose()


@asynccontextmanager
async def emptied(stack: Stack) -> AsyncIterator[None]:
    """FLUSHALL. At the end an operator imports the users as they were, looks, and decides that these are the tables."""
    saved = stack.daemon.state / "saved.csv"
    code, said = await stack.daemon.callrec("users", "export", str(saved))
    assert code == 0, said
    async with client(stack) as store:
        await ask(store, "FLUSHALL")
    yield
    for arguments in (("users", "import", str(saved)), ("extensions", "set", "call_record", "--enable")):
        code, said = await stack.daemon.callrec(*arguments)
        assert code == 0, said
    async with opened_store(stack) as opened:
        revision = (await opened.standing("")).revision
    code, said = await stack.daemon.callrec("doctor")
    assert f"callrec confgen --accept-store {revision}" in said, said
    code, said = await stack.daemon.callrec("confgen", "--accept-store", str(revision))
    assert code == 0, said
    await stack.daemon.ready()


async def valkey(stack: Stack) -> int:
    """The process id of the product's own store."""
    async with client(stack) as connected:
        return int((await ask(connected, "INFO", "server"))["process_id"])


def says(call: PhoneCall, prompt: str) -> bool:
    """Whether this phone heard the words of this prompt, in English, and no others about recording."""
    heard = words(call.heard(), PROMPTS)
    logging.getLogger(__name__).info("heard %s", heard)
    return heard == [("en", prompt)]


async def leave_alone(stack: Stack) -> None:
    """Kill the daemon, and wait until the dialplan takes it for dead: as long as its mark is valid, no recorder changes with the
    partner. Asterisk's clock (EPOCH) goes in ticks, and may be some milliseconds behind."""
    await stack.daemon.kill()
    mark = stack.daemon.spool / ".alive"
    await until(
        lambda: int(mark.stat().st_mtime) < int(time.time() - 0.05), hint="the mark of the daemon is out of date"
    )


async def channels(stack: Stack) -> int:
    """How many channels the PBX has."""
    return len((await stack.pbx.cli("core show channels concise")).split())


async def unready(stack: Stack) -> str:
    """What /readyz complains of; empty when the daemon is ready. Raises nothing: no answer is no complaint."""
    status, said = await stack.daemon.get("/readyz")
    return "" if status == 200 else said


def alarms(stack: Stack, cause: str) -> list[str]:
    """The log lines of alarms with this in their cause."""
    lines = stack.daemon.log.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if '"alarm"' in line and cause in line]


def leg_files(stack: Stack) -> list[Path]:
    """What lies in the spool."""
    return sorted(path for path in stack.daemon.spool.glob("[!.]*") if path.is_file())


# -- the end of every fault run ----------------------------------------------------------------------------------------


async def settled(stack: Stack, *, limit_s: float = SETTLED_S) -> None:
    """Wait until no call is up, and nothing waits to be stored."""
    journal = stack.daemon.state / "journal"

    async def is_quiet() -> bool:
        return not leg_files(stack) and not len(UnfinishedRecordings(journal)) and not await channels(stack)

    await until(is_quiet, limit_s=limit_s, hint=f"nothing left to store; the spool has {leg_files(stack)}")


async def aftermath(stack: Stack) -> None:
    """The checks that end every run: the daemon is ready, nothing is left to do, `verify` is clean, each recording stands in
    the catalogue once, what is not sound is explained, and a rebuild changes nothing."""
    await stack.daemon.ready()
    await settled(stack)
    daemon, disk = stack.daemon, library(stack)
    journal = UnfinishedRecordings(daemon.state / "journal")
    report = await asyncio.to_thread(verify, disk, DiskSpool(daemon.spool), PyAvEncoder(), journal)
    assert report.findings == ()
    proof = await asyncio.to_thread(check_library, disk, DiskLogReader(daemon.state / "audit"), journal)
    assert proof.findings == ()
    assert not list((daemon.monitor / ".incoming").glob("*")), "a temporary file was left"
    truth = export(entries(disk))
    await until(lambda: catalogue_is(stack, truth), hint="the catalogue is what the disk says")
    async with opened_catalogue(stack) as opened:
        assert (await rebuild(disk, opened)).recordings == report.recordings
    assert await catalogue(stack) == truth
    for recording in stored(stack):
        state = recording.manifest.state
        assert bool(recording.manifest.recording.cause) == (state is not StoredState.SOUND)


async def assert_by_command_line(stack: Stack) -> None:
    """As an operator looks: `callrec verify` is clean, and `callrec rebuild` changes nothing."""
    before = await catalogue(stack)
    for code, said in await asyncio.gather(stack.daemon.callrec("verify"), stack.daemon.callrec("rebuild")):
        assert code == 0, said
    assert await catalogue(stack) == before


async def catalogue(stack: Stack) -> bytes:
    """What the catalogue has, as its export."""
    async with opened_catalogue(stack) as opened:
        return export([entry async for entry in every(opened)])


async def catalogue_is(stack: Stack, truth: bytes) -> bool:
    """Whether the catalogue has just this."""
    with contextlib.suppress(Unavailable):
        return await catalogue(stack) == truth
    return False
