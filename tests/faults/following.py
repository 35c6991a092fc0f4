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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trouble import alarms, library, product, until

from callrec.domain.lifecycle import Manifest
from callrec.domain.model import Heard
from callrec.lab.ears import Sound, load, presence
from callrec.lab.phones import PhoneCall
from callrec.lab.stack import Stack, Wishes

SEATS = 8
"""So many scenes can play at the same time: each has four phones of its own, the first one's user is always recorded."""
PEOPLE = 4
TONES_HZ = {f"1{seat}0{who}": 1000 + 150 * who for seat in range(SEATS) for who in range(PEOPLE)}
BEFORE_S, TALK_S = 1.0, 6.0
NEAR_S = 0.3
"""By how much what a file holds may differ from what a phone heard: edges, keys, and packets that were on their way."""
LOST_S = 1.5
HEALED_S = 1.0
"""So long a voice is in the file that a deaf leg had lost before."""
LATE_S = 1.2
"""By how much a conversation may begin later than the scene counts: a PBX brings people together in its own time."""
SLOW_S = 2.0
"""So much longer than a test says, a conversation may last on a busy machine."""
STORED_S = 20.0
QUEUE = "72{seat}"
MENU_S = 2.5
NO_PLC, PLC = ("false", "true")


@dataclass
class Scene:
    """Four people with a phone each, and the calls that they have."""

    stack: Stack
    seat: int
    calls: list[PhoneCall] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    said: dict[str, float] = field(default_factory=dict)
    """How long each has at least talked with the recorded one, in seconds."""
    on_phone: dict[str, PhoneCall] = field(default_factory=dict)
    """The call of each that the recording is compared with."""

    def __post_init__(self) -> None:
        self.recorded, self.partner, self.third, self.fourth = (f"1{self.seat}0{who}" for who in range(PEOPLE))
        self.known = {manifest.recording.id for _, manifest in self._entries()}

    async def connect(self) -> tuple[PhoneCall, PhoneCall]:
        """The partner calls the recorded one, and they talk for a while."""
        there = await self.dial(self.partner, self.recorded)
        here = await self.rings(self.recorded)
        await asyncio.gather(there.answered(), here.answered())
        await self.talk(self.partner, seconds=BEFORE_S)
        return there, here

    async def dial(self, who: str, number: str, *, is_mute: bool = False) -> PhoneCall:
        """A further call of this phone. `is_mute`: it sends nothing until it hums."""
        call = await self.stack.phone(who).call(number, tone_hz=0 if is_mute else TONES_HZ[who])
        return self._have(who, call)

    async def rings(self, who: str) -> PhoneCall:
        """This phone is called, and answers by itself."""
        call = self._have(who, await self.stack.phone(who).rings())
        return await call.answered()

    async def talk(self, *numbers: str, seconds: float = TALK_S) -> None:
        """So long these say their tones, beside the recorded one."""
        await asyncio.sleep(seconds)
        for number in numbers:
            self.said[number] = self.said.get(number, 0.0) + seconds

    async def parked_at(self) -> str:
        """Where the recorded one is parked."""
        slot = ""

        async def is_parked() -> bool:
            nonlocal slot
            said = await self.stack.pbx.cli("parking show default")
            found = re.findall(r"Space\s*:\s*(\d+)\s.*?Channel\s*:\s*PJSIP/(\S+)-[0-9a-f]+", said, re.DOTALL)
            slot = next((space for space, line in found if line == self.stack.line(self.recorded)), "")
            return bool(slot)

        await until(is_parked, hint="the recorded one is parked")
        return slot

    async def end(self) -> None:
        """The recorded one hangs up first, and whoever is left; what they heard is on the disk."""
        for call in [self.on_phone[self.recorded], *self.calls] if self.recorded in self.on_phone else self.calls:
            with contextlib.suppress(Exception):  # gone by itself in this moment
                await call.hangup()

    async def entry(self) -> tuple[Manifest, Sound, Sound]:
        """The one new recording of the recorded one, with what it says (left) and hears (right)."""
        (one,) = await self.entries(1)
        return one

    async def entries(self, count: int) -> list[tuple[Manifest, Sound, Sound]]:
        """So many new ones."""
        await self.end()
        await until(lambda: len(self._new()) == count, limit_s=STORED_S, hint=f"{count} recordings of {self.recorded}")
        return [await self._listen(path, manifest) for path, manifest in self._new()]

    async def _listen(self, path: str, manifest: Manifest) -> tuple[Manifest, Sound, Sound]:
        assert manifest.media is not None, manifest.recording.cause
        media = self.stack.daemon.monitor / Path(path).parent / manifest.media.name
        await until(media.exists, limit_s=STORED_S, hint=f"{media.name} beside its sidecar, which comes first")
        left, right = load(media)
        return manifest, left, right

    async def voices(self, *others: str, silent_s: float = 0.0, plc: bool = False) -> str:
        """`kept`, `healed` (lost, and there again) or `deaf`, by what the file holds of the others against what their phones have
        said. The entry has to say the same: whole, or what is missing, from when to when, with an alarm. Whatever the file
        holds, both phones have to hear each other; where that may fail (`plc`), the word says `phone mute` beside it.

        `silent_s`: so long a partner sent silence before the first word, which is missing as well when the word is."""
        manifest, left, right = await self.entry()
        recording = manifest.recording
        assert abs(seconds(left, self.recorded) - left.length_s) <= NEAR_S, "what the recorded one says"
        held = {number: seconds(right, number) for number in (self.partner, *others)}
        short = {number: self.said[number] - held_s for number, held_s in held.items()}
        deaf = {number for number, short_s in short.items() if short_s > LOST_S}
        told = [one for one in recording.missing if one.cause == "deaf-leg"]
        assert told or not deaf, (short, recording.missing, recording.speech)
        assert all(short_s <= LATE_S for number, short_s in short.items() if number not in deaf), short
        if told:
            told_s = sum(one.to_s - one.from_s for one in told) - silent_s
            assert -LATE_S <= told_s - sum(short.values()) <= SLOW_S, (told, short)
            assert (manifest.state.value, {one.side for one in told}) == ("partial", {Heard.HEARS})
            await until(lambda: self._has_alarm(recording.id), hint="an alarm")
        else:
            assert manifest.state.value == "sound", (recording.cause, recording.missing)
        mute = self._mute(others)
        assert plc or not mute, f"seconds heard on the phones: {mute}"
        healed = told and all(held[number] > HEALED_S for number in others)
        return ("healed" if healed else "deaf" if told else "kept") + (", phone mute" if mute else "")

    def _mute(self, others: tuple[str, ...]) -> dict[str, float]:
        """Who has not heard whom on the phone: by `listener hears speaker`, with the seconds that were heard."""
        pairs = [(self.recorded, other) for other in others] + [(other, self.recorded) for other in others]
        heard_s = {
            (listener, speaker): seconds(self.on_phone[listener].heard(), speaker) for listener, speaker in pairs
        }
        due_s = {pair: next(self.said[one] for one in pair if one in others) - LOST_S for pair in pairs}
        return {f"{a} hears {b}": heard_s[a, b] for a, b in pairs if heard_s[a, b] < due_s[a, b]}

    def _has_alarm(self, recording: str) -> bool:
        return any(f'"{recording}"' in line for line in alarms(self.stack, "deaf-leg"))

    def _have(self, who: str, call: PhoneCall) -> PhoneCall:
        self.calls.append(call)
        self.on_phone[who] = call
        return call

    def _entries(self) -> Iterator[tuple[str, Manifest]]:
        for path, manifest in library(self.stack).sidecars():
            assert isinstance(manifest, Manifest), manifest
            if any(party.number == self.recorded for party in manifest.recording.parties):
                yield path, manifest

    def _new(self) -> list[tuple[str, Manifest]]:
        return [one for one in self._entries() if one[1].recording.id not in self.known]


def seconds(sound: Sound, number: str) -> float:
    """How long this phone's tone is heard."""
    return presence(sound, TONES_HZ[number]) * sound.length_s


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
    """One thing that may happen to a call. `plc`: with a setting by which the fault meets the phone instead of the recorder."""

    name: str
    play: Play
    plc: bool
    length_s: float

    @property
    def says(self) -> str:
        """Its first sentence."""
        return (inspect.getdoc(self.play) or "").partition("\n")[0]


CASES: dict[str, Case] = {}


def case(name: str, *, plc: bool = False, length_s: float = 8.0) -> Callable[[Play], Play]:
    """Put this into the registry. `length_s`: about how long it plays."""

    def keep(play: Play) -> Play:
        assert name not in CASES, name
        CASES[name] = Case(name, play, plc, length_s)
        return play

    return keep


async def set_plc(stack: Stack, *, on: bool) -> None:
    """With PLC on equal codecs or without, from the next call on."""
    wanted = PLC if on else NO_PLC
    stack.pbx.write_conf("codecs.conf", f"[plc]\ngenericplc = {wanted}\ngenericplc_on_equal_codecs = {wanted}\n")
    await stack.pbx.cli("module reload plc")
    assert f"PLC on equal codecs: {'Enabled' if on else 'Disabled'}" in await stack.pbx.cli("core show settings")


async def run(stack: Stack, one: Case, seat: int) -> str:
    """One run of a case; however it ends, its calls do."""
    scene = Scene(stack, seat)
    try:
        return await one.play(scene)
    finally:
        await scene.end()


@asynccontextmanager
async def following_stack(folder: Path) -> AsyncIterator[Stack]:
    """A product with four users for each seat, all of one codec; who is always recorded may pause with `*3`."""
    users = folder / "users.csv"
    head = "entityid|firstname|lastname|phonenumber|context|protocol|language|onlinerecord|callrecord"
    lines = (f"1|User|{number}|{number}|default|sip|en_US|1|{int(number[-1] == '0')}" for number in TONES_HZ)
    users.write_text("\n".join([head, *lines]) + "\n")
    wishes = Wishes(users=users, tones_hz=TONES_HZ, settings={"on_demand_overrides_always": "pause"})
    async with product(folder, wishes) as stack:
        await _lay_queues(stack)
        yield stack


async def _lay_queues(stack: Stack) -> None:
    """`QUEUE` of each seat: the partner is its first member, and when they have hung up the third is rung behind a Local channel.
    With a 9 behind it: a menu, and then the partner."""
    queues, extensions = ["[general]\n"], ["\n[default](+)\n"]
    for seat in range(SEATS):
        partner, third = (f"1{seat}0{who}" for who in (1, 2))
        member = stack.line(partner)
        for name, where in (("first", f"PJSIP/{member}"), ("second", f"Local/{third}@default/n")):
            queues.append(f"[{name}-{seat}]\nstrategy = ringall\nmember => {where}\n")
        number = QUEUE.format(seat=seat)
        extensions.append(f"""exten => {number},1,Gosub(callrec-call,s,1())
 same => n,Queue(first-{seat},c)
 same => n,Queue(second-{seat})
exten => {number}9,1,Answer()
 same => n,Playtones(350/3000)
 same => n,Wait({MENU_S:g})
 same => n,StopPlaytones()
 same => n,Gosub(callrec-call,s,1({member}))
 same => n,Dial(PJSIP/{member},30)
""")
    stack.pbx.write_conf("queues.conf", "".join(queues))
    text = (stack.pbx.root / "etc/extensions.conf").read_text()
    stack.pbx.write_conf("extensions.conf", text + "".join(extensions))
    await stack.pbx.cli("queue reload all")
    await stack.pbx.cli("dialplan reload")
