"""Cases of following a call: who talks with whom changes, and the recording has to say what became of each voice.

A case is a coroutine over a `Scene`: people who talk, transfer and hang up, and what must be true afterwards. `case` puts it
into the registry; a test runs each once (`make test`), `make faults` many times, several side by side. A further case is
a few lines:

    @case("blind")
    async def blind(scene: Scene) -> str:
        "1000 is sent on by REFER."
        there, _ = await scene.connect()
        await there.send_to(scene.third)
        await scene.rings(scene.third)
        await scene.talk(scene.third)
        return await scene.voices(scene.third)

It returns a word for the table of what was seen, and fails by an assertion.
"""

import asyncio
import contextlib
import inspect
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from numbers_to_dial import lay
from rtp_sender import PACKET_S
from sip_caller import SipCalled, SipCaller
from soundness import assert_explained, assert_not_more_told, file_begins_s, told_away
from trouble import alarms, product, until

from callrec.domain.calls.model import Heard
from callrec.domain.calls.policy import Tracks
from callrec.domain.directory.model import Line
from callrec.domain.library.file_names import is_annotations
from callrec.domain.library.manifest import Manifest
from callrec.domain.library.spans import common, length_s
from callrec.protocols.json_documents import decode_manifest
from callrec_lab.audio_checks import Sound, load, presence, spans
from callrec_lab.phones import Answer, Behaviour, PhoneCall
from callrec_lab.register import register
from callrec_lab.stack import Stack, Wishes

SIDECAR = ".json"
SEATS = 10
"""So many scenes can play at the same time: each has seven phones of its own, the first one's user is always recorded."""
PEOPLE = 7
CODECS = {f"1{seat}0{who}": codec for seat in range(SEATS) for who, codec in ((4, "alaw"), (5, "g722"))}
"""All others have one codec."""
TONES_HZ = {f"1{seat}0{who}": 1000 + 150 * who for seat in range(SEATS) for who in range(PEOPLE)}
BEFORE_S, TALK_S = 1.0, 6.0
NEAR_S = 0.3
"""By how much what a file holds may differ from what a phone heard: edges, keys, and packets that were on their way."""
LOST_S = 1.5
KEPT_S = 0.1
"""So much less than the phone heard the file may hold after nearly every transfer: the time until a recorder begins."""
LATE_S = 1.2
"""By how much a conversation may begin later than the scene counts: a PBX brings people together in its own time."""
SLOW_S = 2.0
"""So much longer than a test says, a conversation may last on a busy machine."""
STORED_S = 20.0
RINGS_S = 30.0
NO_PLC, PLC = ("false", "true")


@dataclass
class Scene:
    """Seven people with a phone each, and the calls that they have. The last three: one with PCMA, one with G.722, and one whose
    calls with the recorded one may go past the PBX (direct media)."""

    stack: Stack
    seat: int
    calls: list[PhoneCall] = field(default_factory=list)
    began_s: float = field(default_factory=time.time)
    """What was recorded before is another scene's."""
    said: dict[str, float] = field(default_factory=dict)
    """How long each has at least talked with the recorded one, in seconds."""
    on_phone: dict[str, PhoneCall] = field(default_factory=dict)
    """The call of each that the recording is compared with."""

    def __post_init__(self) -> None:
        self.people = [f"1{self.seat}0{who}" for who in range(PEOPLE)]
        self.recorded, self.partner, self.third, self.fourth, self.alaw, self.wide, self.direct = self.people

    async def connect(self) -> tuple[PhoneCall, PhoneCall]:
        """The partner calls the recorded one, and they talk for a while."""
        there, here = await self.put_through(self.partner, self.recorded)
        await self.talk(self.partner, seconds=BEFORE_S)
        return there, here

    async def put_through(self, caller: str, called: str, number: str = "") -> tuple[PhoneCall, PhoneCall]:
        """One calls another, who answers by themselves. `number`: what is dialled for that, if not theirs."""
        there = await self.dial(caller, number or called)
        here = await self.rings(called)
        await asyncio.gather(there.answered(), here.answered())
        return there, here

    async def dial(self, who: str, number: str, *, is_mute: bool = False) -> PhoneCall:
        """A further call of this phone. `is_mute`: it sends nothing until it hums."""
        call = await self.stack.phone(who).call(number, tone_hz=0 if is_mute else TONES_HZ[who])
        return self._have(who, call)

    async def rings(self, who: str) -> PhoneCall:
        """This phone is called, and answers by itself."""
        return await (await self.rung(who)).answered()

    async def rung(self, who: str) -> PhoneCall:
        """This phone is called; it may answer later, or never."""
        return self._have(who, await self.stack.phone(who).rings())

    @asynccontextmanager
    async def behaving(self, behaviour: Behaviour, *numbers: str) -> AsyncIterator[None]:
        """These phones treat calls so; afterwards they answer again."""
        for number in numbers:
            await self.stack.phone(number).behave(behaviour)
        try:
            yield
        finally:
            for number in numbers:
                await self.stack.phone(number).behave(Answer(tone_hz=TONES_HZ[number]))

    @asynccontextmanager
    async def called(self, number: str, codec: str = "PCMU") -> AsyncIterator[SipCalled]:
        """A phone of ours is called in the place of this user's; afterwards that is called again."""
        line, ports = self._line(number), self.stack.pbx.ports
        try:
            async with SipCalled(line.name, line.secret, pbx=ports.sip, tone_hz=TONES_HZ[number], codec=codec) as phone:
                yield phone
        finally:
            assert self.stack.bank is not None
            await register(line.name, line.secret, registrar=ports.sip, phone=None)  # ours is not there any more
            await self.stack.bank.register_one(line.name, line.secret)

    def caller(self, number: str, called: str, codec: str = "PCMU", packet_s: float = PACKET_S) -> SipCaller:
        """A phone of ours calls in the place of this user's."""
        line, tone_hz = self._line(number), TONES_HZ[number]
        sip = self.stack.pbx.ports.sip
        return SipCaller(
            line.name, line.secret, pbx=sip, number=called, tone_hz=tone_hz, codec=codec, packet_s=packet_s
        )

    def _line(self, number: str) -> Line:
        return next(line for line in self.stack.pbx.tables.lines if line.number == number)

    async def refuses(self, who: str) -> None:
        """This phone is called, and the call is over."""
        async with asyncio.timeout(RINGS_S):
            await (await self.stack.phone(who).calls.get()).ended()

    def calls_of(self, who: str) -> list[PhoneCall]:
        """All that this phone had in the scene."""
        return [call for call in self.calls if call.phone is self.stack.phone(who)]

    async def talk(self, *numbers: str, seconds: float = TALK_S) -> None:
        """So long these say their tones, beside the recorded one."""
        await asyncio.sleep(seconds)
        for number in numbers:
            self.said[number] = self.said.get(number, 0.0) + seconds

    async def parked_at(self, who: str = "") -> str:
        """Where this one is parked; without a number the recorded one."""
        slot, line_of_parked = "", self.stack.line(who or self.recorded)

        async def is_parked() -> bool:
            nonlocal slot
            said = await self.stack.pbx.cli("parking show default")
            found = re.findall(r"Space\s*:\s*(\d+)\s.*?Channel\s*:\s*PJSIP/(\S+)-[0-9a-f]+", said, re.DOTALL)
            slot = next((space for space, line in found if line == line_of_parked), "")
            return bool(slot)

        await until(is_parked, hint=f"{who or 'the recorded one'} is parked")
        return slot

    async def end(self) -> None:
        """The recorded one hangs up first, and whoever is left; what they heard is on the disk."""
        for call in [self.on_phone[self.recorded], *self.calls] if self.recorded in self.on_phone else self.calls:
            with contextlib.suppress(Exception):  # gone by itself in this moment
                await call.hangup()

    async def entry(self, *, limit_s: float = STORED_S) -> tuple[Manifest, Sound, Sound]:
        """The one new recording of the recorded one, with what it says (left) and hears (right)."""
        (one,) = await self.entries(1, limit_s=limit_s)
        return one

    async def entries(self, count: int, *, limit_s: float = STORED_S) -> list[tuple[Manifest, Sound, Sound]]:
        """So many new ones."""
        return [await self._listen(path, manifest) for path, manifest in await self.stored(count, limit_s=limit_s)]

    async def stored(self, count: int, *, limit_s: float = STORED_S) -> list[tuple[str, Manifest]]:
        """The same with their paths, and without the sound, which one that failed does not have."""
        await self.end()
        try:
            await until(lambda: len(self.new()) == count, limit_s=limit_s)
        except AssertionError as error:
            found, said = [manifest.recording for _, manifest in self.new()], alarms(self.stack, "")
            raise AssertionError(f"{count} recordings of {self.recorded} are due: {found}, {said}") from error
        return list(self.new())

    async def _listen(self, path: str, manifest: Manifest) -> tuple[Manifest, Sound, Sound]:
        assert manifest.media is not None, manifest.recording.cause
        media = self.stack.daemon.monitor / Path(path).parent / manifest.media.name
        await until(media.exists, limit_s=STORED_S, hint=f"{media.name} beside its sidecar, which comes first")
        left, right = await asyncio.to_thread(load, media)
        return manifest, left, right

    async def voices(self, *others: str, plc: bool = False) -> str:
        """`kept`: the file holds of the others what the recorded one's own phone has heard, but for a tenth of a second at most;
        `nearly kept`: for three tenths; `told`: little CPU was free, and the entry says what is missing of it, and when. Both
        phones have to hear each other; where that may fail (`plc`), the word says `phone mute` beside it, and the file has to
        hold what the others have said."""
        manifest, left, right = await self.entry()
        self._assert_own_voice(manifest, left)
        numbers = (self.partner, *others)
        held = {number: seconds(right, number) for number in numbers}
        told = {number: told_s(manifest, Heard.HEARS, right, number) for number in numbers}
        known = {number: held[number] + told[number] for number in numbers}
        assert all(known[one] >= self.said[one] - LATE_S for one in numbers), (held, told, self.said, manifest)
        assert_explained(manifest)
        assert_not_more_told(
            manifest, Heard.HEARS, [one for number in numbers for one in spans(right, TONES_HZ[number])]
        )
        mute = self._mute(others)
        assert plc or not mute, f"seconds heard on the phones: {mute}"
        heard = self.on_phone[self.recorded].heard()
        short_s = 0.0 if mute else max(seconds(heard, number) - known[number] for number in numbers)
        assert short_s <= NEAR_S, (short_s, held, told, self._torn(right, heard, numbers), manifest)
        word = "told" if manifest.recording.missing else "kept" if short_s <= KEPT_S else "nearly kept"
        return word + (", phone mute" if mute else "")

    @staticmethod
    def _torn(right: Sound, heard: Sound, numbers: tuple[str, ...]) -> dict[str, list[list[tuple[float, float]]]]:
        """Where each voice is in the file, and where it was on the phone."""
        return {
            number: [
                [(round(a, 2), round(b, 2)) for a, b in spans(sound, TONES_HZ[number])] for sound in (right, heard)
            ]
            for number in numbers
        }

    def _assert_own_voice(self, manifest: Manifest, left: Sound) -> None:
        """It is in the whole file but where the entry says that it is missing."""
        held, began_s = spans(left, TONES_HZ[self.recorded]), file_begins_s(manifest)
        away = common(told_away(manifest, Heard.SAYS, held), [(began_s, began_s + left.length_s)])
        lacks_s = left.length_s - seconds(left, self.recorded)
        assert -NEAR_S <= lacks_s <= NEAR_S + length_s(away), ("what the recorded one says", lacks_s, away, manifest)
        assert_not_more_told(manifest, Heard.SAYS, held)

    def _mute(self, others: tuple[str, ...]) -> dict[str, float]:
        """Who has not heard whom on the phone: by `listener hears speaker`, with the seconds that were heard."""
        pairs = [(self.recorded, other) for other in others] + [(other, self.recorded) for other in others]
        heard_s = {
            (listener, speaker): seconds(self.on_phone[listener].heard(), speaker) for listener, speaker in pairs
        }
        due_s = {pair: next(self.said[one] for one in pair if one in others) - LOST_S for pair in pairs}
        return {f"{a} hears {b}": heard_s[a, b] for a, b in pairs if heard_s[a, b] < due_s[a, b]}

    def _have(self, who: str, call: PhoneCall) -> PhoneCall:
        self.calls.append(call)
        self.on_phone[who] = call
        return call

    def new(self) -> list[tuple[str, Manifest]]:
        """What was recorded of the recorded one since the scene began, each with its path. Older sidecars are not read: in a long
        run there are thousands, and phones that are played by this process would stand still meanwhile."""
        folder, found = self.stack.daemon.monitor, []
        for file in sorted(folder.rglob(f"*{SIDECAR}")):
            with contextlib.suppress(FileNotFoundError):  # a recording goes when its user must not be recorded
                if file.stat().st_mtime >= self.began_s and not is_annotations(file.name):
                    manifest = decode_manifest(file.read_bytes())
                    if any(party.number == self.recorded for party in manifest.recording.parties):
                        found.append((str(file.relative_to(folder)).removesuffix(SIDECAR), manifest))
        return [one for one in found if one[1].recording.from_s >= self.began_s]


def seconds(sound: Sound, number: str) -> float:
    """How long this phone's tone is heard."""
    return presence(sound, TONES_HZ[number]) * sound.length_s


def told_s(manifest: Manifest, side: Heard, sound: Sound, number: str) -> float:
    """How long this voice is missing on its side of the file as the entry says, while its phone was there."""
    parties = [one for one in manifest.recording.parties if one.number == number]
    there = [(one.from_s, one.from_s if one.to_s is None else one.to_s) for one in parties]
    return length_s(common(told_away(manifest, side, spans(sound, TONES_HZ[number])), there))


async def press(call: PhoneCall, keys: str) -> None:
    """Keys after which the PBX may end the call before the phone is done with the last one."""
    try:
        await call.press(keys)
    except Exception:
        if not call.is_over:
            raise


Play = Callable[[Scene], Awaitable[str]]


@dataclass(frozen=True)
class Case:
    """One thing that may happen to a call. `plc`: with a setting by which the fault meets the phone instead of the recorder;
    `tracks`: with a track for each participant. `alone`: it is played when its name is asked for, and with no pattern."""

    name: str
    play: Play
    plc: bool
    length_s: float
    alone: bool = False
    tracks: bool = False

    @property
    def says(self) -> str:
        """Its first sentence."""
        return (inspect.getdoc(self.play) or "").partition("\n")[0]


CASES: dict[str, Case] = {}


def case(
    name: str, *, plc: bool = False, tracks: bool = False, length_s: float = 8.0, alone: bool = False
) -> Callable[[Play], Play]:
    """Put this into the registry. `length_s`: about how long it plays."""

    def keep(play: Play) -> Play:
        assert name not in CASES, name
        CASES[name] = Case(name, play, plc, length_s, alone, tracks)
        return play

    return keep


async def prepare(stack: Stack, *, plc: bool, tracks: bool) -> None:
    """As cases of this kind want it, from the next call on."""
    await set_plc(stack, on=plc)
    wanted = Tracks.PARTICIPANTS if tracks else Tracks.STEREO
    if stack.daemon.settings.get("tracks", Tracks.STEREO) != wanted:
        stack.daemon.settings["tracks"] = wanted
        await stack.daemon.stop()
        await stack.daemon.start()
        await stack.daemon.ready()


KINDS = [(False, False), (True, False), (False, True)]
"""Of cases: `plc` and `tracks`. Those of one kind are played side by side."""


async def set_plc(stack: Stack, *, on: bool) -> None:
    """With PLC on equal codecs or without, from the next call on."""
    wanted = PLC if on else NO_PLC
    stack.pbx.write_conf("codecs.conf", f"[plc]\ngenericplc = {wanted}\ngenericplc_on_equal_codecs = {wanted}\n")
    await stack.pbx.cli("module reload plc")
    assert f"PLC on equal codecs: {'Enabled' if on else 'Disabled'}" in await stack.pbx.cli("core show settings")


async def run(stack: Stack, one: Case, seat: int, failed: Callable[[Scene, Exception], object] | None = None) -> str:
    """One run of a case; however it ends, its calls do. `failed` is told of a failure while all files are there."""
    scene = Scene(stack, seat)
    try:
        return await one.play(scene)
    except Exception as error:
        await scene.end()
        if failed:
            failed(scene, error)
        raise
    finally:
        await scene.end()


@asynccontextmanager
async def following_stack(folder: Path, **settings: str) -> AsyncIterator[Stack]:
    """A product with seven users for each seat; who is always recorded may pause with `*3`."""
    users = folder / "users.csv"
    head = "entityid|firstname|lastname|phonenumber|context|protocol|language|onlinerecord|callrecord"
    lines = (f"1|User|{number}|{number}|default|sip|en_US|1|{int(number[-1] == '0')}" for number in TONES_HZ)
    users.write_text("\n".join([head, *lines]) + "\n")
    settings = {"on_demand_overrides_always": "pause", **settings}
    async with product(folder, Wishes(users=users, codecs=CODECS, tones_hz=TONES_HZ, settings=settings)) as stack:
        await lay(stack, SEATS)
        await _pass_on(stack)
        yield stack


async def _pass_on(stack: Stack) -> None:
    """The small PBX passes on what it cannot decode, and faxes."""
    conf = (stack.pbx.root / "etc/pjsip.conf").read_text()
    wanted = "allow = g722,ulaw,alaw\n"
    assert wanted in conf
    passed = "allow = g722,ulaw,alaw,g729,opus\nt38_udptl = yes\nt38_udptl_ec = none\n"
    stack.pbx.write_conf("pjsip.conf", conf.replace(wanted, passed, 1))
    for command in (
        "module load res_format_attr_opus.so",
        "module load res_pjsip_t38.so",
        "module reload res_pjsip.so",
    ):
        await stack.pbx.cli(command)
