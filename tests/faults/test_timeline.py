"""The file's time line is the call's: where Asterisk wrote nothing silence stands, and each word stands where it was said.

What the file holds is compared with when a phone of the tests' own has sent its packets (`RtpSender.spurts`), by the clock of the
same machine.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from following import set_plc
from free_cpu import calls_at_once, is_starved
from rtp_sender import PACKET_S
from sip_caller import SipCaller
from soundness import assert_sound, longest
from trouble import Stored, aftermath, phone, product, settled, stored

from callrec.domain.calls.model import LATE_PACKETS, Recording
from callrec.domain.errors import Unavailable
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.spans import Span, common
from callrec.domain.library.timeline import EXACT_S
from callrec_lab.audio_checks import Sound, tones
from callrec_lab.phones import Answer
from callrec_lab.stack import Stack, Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TALK_S, HOLD_S, SHORT_S, RING_S, PROMPT_S = 3.0, 6.0, 2.5, 4.0, 1.0
FIRST_SILENCE_S = 1.2
FIRST_HZ, SECOND_HZ = 1000, 1600
EDGE_S = 0.05
"""Windows in which a tone is heard, frames, and a packet's way."""
COUNTED_S = 20.0
"""Asterisk counts what is lost every five seconds, and is asked every ten."""
TORN_S = 0.15
APART_S = 1.0
"""What is less apart is one word."""
WORD_S = 0.5
"""Shorter tones are clicks of late packets."""
VAGUE_S = 2.2
"""To a step of Asterisk's buffer it is known where a silence was that was not seen while it lasted."""
STOOD_STILL_S = 0.3
"""So long a phone stands still on a starved machine."""


class Talk:
    """A call of a phone of ours (it says FIRST_HZ) with one of the bank (SECOND_HZ). One of the two is always recorded."""

    def __init__(self, stack: Stack, seat: int, *, calls: bool) -> None:
        """`calls`: whether the recorded one is the caller, whose phone is ours."""
        self._stack, self._calls = stack, calls
        self.recorded, self.other, self.third = (f"1{seat}0{who}" for who in range(3))
        ours, self._called = (self.recorded, self.other) if calls else (self.other, self.recorded)
        line = next(line for line in stack.pbx.tables.lines if line.number == ours)
        self.ours = SipCaller(line.name, line.secret, pbx=stack.pbx.ports.sip, number=self._called, tone_hz=FIRST_HZ)

    async def play(self, what: "Callable[[Talk], Awaitable[None]]", before_s: float) -> "Talk":
        """Both talk for so long, this happens, and both talk again."""
        async with self.ours:
            self.here = await (await phone(self._stack, self._called).rings()).answered()
            await asyncio.sleep(before_s)
            await what(self)
            await asyncio.sleep(TALK_S)
        return self

    async def hold(self, seconds: float = HOLD_S) -> None:
        """Ours puts the other on hold, and neither sends anything."""
        await asyncio.gather(self.ours.hold(), self.here.hum(0))
        await asyncio.sleep(seconds)
        await asyncio.gather(self.ours.take_back(), self.here.hum(SECOND_HZ))

    async def two_holds(self) -> None:
        """One after the other, with words between."""
        await self.hold(SHORT_S)
        await asyncio.sleep(TALK_S)
        await self.hold()

    async def spoken_hold(self) -> None:
        """The held one goes on to speak for a while."""
        await self.ours.hold()
        await asyncio.sleep(SHORT_S)
        await self.here.hum(0)
        await asyncio.sleep(HOLD_S)
        await asyncio.gather(self.ours.take_back(), self.here.hum(SECOND_HZ))

    async def silence(self, seconds: float = SHORT_S) -> None:
        """Neither sends anything, and nobody holds anybody."""
        self.ours.media.sends = False
        await self.here.hum(0)
        await asyncio.sleep(seconds)
        await self.here.hum(SECOND_HZ)
        self.ours.media.sends = True

    async def long_silence(self) -> None:
        """The same for longer than a recorder may write nothing."""
        await self.silence(2 * HOLD_S)

    async def first_silence(self) -> None:
        """Neither sends anything for a second, at once: click-to-call, where each phone waits for the other's first packet."""
        await self.silence(FIRST_SILENCE_S)

    async def lossy(self) -> None:
        """Three of a hundred packets of ours are lost on their way, long enough for Asterisk to count them twice."""
        self.ours.media.loses = 0.03
        await asyncio.sleep(COUNTED_S)

    async def transferred(self) -> None:
        """The other sends ours on to a third, who lets it ring; ours sends nothing meanwhile."""
        await phone(self._stack, self.third).behave(Answer(after_s=RING_S, tone_hz=SECOND_HZ))
        await self._keys(self.third)
        self.ours.media.sends = False
        await (await phone(self._stack, self.third).rings()).answered()
        self.ours.media.sends = True

    async def parked(self) -> None:
        """The other parks ours, who sends nothing; a third fetches the call."""
        await self._keys("*70")
        self.ours.media.sends = False
        await asyncio.sleep(RING_S)
        await (await phone(self._stack, self.third).call("701", tone_hz=SECOND_HZ)).answered()
        self.ours.media.sends = True

    async def _keys(self, target: str) -> None:
        await self.here.press("*1")
        await asyncio.sleep(PROMPT_S)
        with contextlib.suppress(Unavailable):  # the PBX lets the phone go with the last key
            await self.here.press(target)

    async def shown(self, recording: str) -> dict[str, Any]:
        """`callrec recordings show`."""
        code, said = await self._stack.daemon.callrec("recordings", "show", recording, "--json")
        assert code == 0, said
        found: dict[str, Any] = json.loads(said)
        return found

    def stored(self) -> Stored:
        """Its recording."""
        (found,) = [
            one
            for one in stored(self._stack)
            if self.recorded in {party.number for party in one.manifest.recording.parties}
        ]
        return found

    def sound(self, found: Stored) -> Sound:
        """The side on which our phone is."""
        return found.left if self._calls else found.right


@dataclass(frozen=True)
class Played:
    """A kind of call: who is recorded, and what happens in it."""

    calls: bool
    what: Callable[[Talk], Awaitable[None]]
    before_s: float = TALK_S


WAITS = {
    "the recorded one holds": Played(True, Talk.hold),
    "the other one holds": Played(False, Talk.hold),
    "two holds": Played(True, Talk.two_holds),
    "the held one goes on to speak": Played(False, Talk.spoken_hold),
    "a transfer's target rings": Played(True, Talk.transferred),
    "parked": Played(True, Talk.parked),
}
LOSSES = {"three packets of a hundred": Played(True, Talk.lossy)}
SILENCES = {"two seconds": Played(True, Talk.silence), "longer": Played(False, Talk.long_silence)}
FIRSTS = {"at the beginning": Played(True, Talk.first_silence, before_s=0.0)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Talk]]:
    """All calls, as many at a time as the machine carries, on a PBX that has no music on hold."""
    folder, kinds = tmp_path_factory.mktemp("timeline"), {**WAITS, **SILENCES, **FIRSTS, **LOSSES}
    users = folder / "users.csv"
    head = "entityid|firstname|lastname|phonenumber|context|protocol|language|onlinerecord|callrecord"
    people = [(f"1{seat}0{who}", int(not who)) for seat in range(len(kinds)) for who in range(3)]
    lines = (f"1|User|{name}|{name}|default|sip|en_US|1|{flag}" for name, flag in people)
    users.write_text("\n".join([head, *lines]) + "\n")
    wishes = Wishes(users=users, tones_hz={name: SECOND_HZ for name, _ in people})
    async with product(folder, wishes) as stack:
        stack.pbx.write_conf("musiconhold.conf", "[general]\n")
        await stack.pbx.cli("moh reload")
        await set_plc(stack, on=True)  # otherwise a transferred leg may be deaf (docs/decisions/0017-the-deaf-leg.md)
        room = asyncio.Semaphore(calls_at_once())

        async def play(seat: int, kind: Played) -> Talk:
            async with room:
                return await Talk(stack, seat, calls=kind.calls).play(kind.what, kind.before_s)

        played = await asyncio.gather(*(play(seat, kind) for seat, kind in enumerate(kinds.values())))
        await settled(stack)
        yield dict(zip(kinds, played, strict=True))
        await aftermath(stack)


def words(sound: Sound, hz: float, *, apart_s: float) -> list[Span]:
    """From when to when a tone is heard in a file, without what is shorter than WORD_S; joined where less than `apart_s` is
    between. Late packets tear holes in it."""
    heard = _joined(((tone.from_s, tone.to_s) for tone in tones(sound) if abs(tone.hz - hz) <= 20), TORN_S)
    return _joined((one for one in heard if one[1] - one[0] >= WORD_S), apart_s)


def _joined(spans: Iterable[Span], apart_s: float) -> list[Span]:
    found: list[Span] = []
    for from_s, to_s in spans:
        if found and from_s - found[-1][1] < apart_s:
            found[-1] = found[-1][0], to_s
        else:
            found.append((from_s, to_s))
    return found


def said_by(talk: Talk) -> list[Span]:
    """From when to when our phone has spoken, as it is heard: a busy machine tears its packets apart for some 100 ms."""
    return [one for one in _joined(talk.ours.media.spurts, APART_S) if one[1] - one[0] > WORD_S]


def assert_true_times(talk: Talk, found: Stored) -> None:
    """Each word of our phone stands in the file where it was said."""
    recording = found.manifest.recording
    began_s = recording.captures[0].from_s
    heard = words(talk.sound(found), FIRST_HZ, apart_s=APART_S)
    said = [(from_s - began_s, to_s - began_s) for from_s, to_s in said_by(talk)]
    assert len(heard) == len(said), (heard, said, recording)
    edges = [(a[1], b[1]) for a, b in zip(heard[:-1], said[:-1], strict=True)]
    edges += [(a[0], b[0]) for a, b in zip(heard[1:], said[1:], strict=True)]
    exact_s = recording.timeline_exact_s
    assert exact_s is not None
    assert np.max(np.abs(np.subtract(*zip(*edges, strict=True)))) <= exact_s + EDGE_S, (heard, said, recording)
    due_s = (recording.to_s or 0.0) - recording.from_s
    assert found.length_s == pytest.approx(due_s, abs=EXACT_S + 2 * EDGE_S)


def assert_exact(recording: Recording, *, beside_s: float) -> None:
    """The time line is as exact as ever. On a starved machine phones and counters stand still, and the entry says how far a
    moment may lie from its place."""
    exact_s = recording.timeline_exact_s
    assert exact_s is not None
    assert exact_s == EXACT_S or (is_starved() and EXACT_S < exact_s <= beside_s), recording


@pytest.mark.parametrize("kind", WAITS)
async def test_p1_each_word_stands_where_it_was_said(talks: Mapping[str, Talk], kind: str) -> None:
    """Who waits without music, and says nothing: the file was too short by it, and all that followed stood too early."""
    talk = talks[kind]
    found = talk.stored()
    recording = found.manifest.recording
    assert_sound(found.manifest, unsent=talk.ours.media.unsent)
    told = [(one.from_s, one.to_s) for one in recording.missing if one.cause != LATE_PACKETS]  # a busy machine's
    assert not common(told, [(one.from_s, one.to_s or one.from_s) for one in recording.waiting]), recording
    assert_exact(recording, beside_s=STOOD_STILL_S)
    assert_true_times(talk, found)


@pytest.mark.parametrize("kind", SILENCES)
async def test_p1_a_silence_that_nothing_explains_is_told_and_has_its_place(
    talks: Mapping[str, Talk], kind: str
) -> None:
    """Asterisk writes in steps of two seconds; the counters of the leg tell where in such a step. A machine so busy that they are
    looked at too late is told by the entry."""
    talk = talks[kind]
    found = talk.stored()
    recording = found.manifest.recording
    missing = longest(found.manifest)
    assert (found.manifest.state, missing.cause) == (StoredState.PARTIAL, "timeline"), found.manifest
    (_, silent_from_s), (silent_to_s, _) = said_by(talk)
    assert missing.to_s - missing.from_s == pytest.approx(silent_to_s - silent_from_s, abs=2 * EXACT_S)
    assert_exact(recording, beside_s=VAGUE_S)
    vague_s = EXACT_S + EDGE_S if recording.timeline_exact_s == EXACT_S else VAGUE_S
    assert missing.from_s == pytest.approx(silent_from_s, abs=vague_s), recording
    assert_true_times(talk, found)


@pytest.mark.parametrize("kind", FIRSTS)
async def test_p1_the_first_silence_of_a_call_has_its_place(talks: Mapping[str, Talk], kind: str) -> None:
    """Until both talk the counters of the leg are looked at: the first word stands where it was said."""
    talk = talks[kind]
    found = talk.stored()
    recording = found.manifest.recording
    (said_s, _) = said_by(talk)[-1]
    (heard_s, _) = words(talk.sound(found), FIRST_HZ, apart_s=APART_S)[-1]
    assert_exact(recording, beside_s=VAGUE_S)
    exact_s = (recording.timeline_exact_s or 0.0) + EDGE_S
    assert recording.captures[0].from_s + heard_s == pytest.approx(said_s, abs=exact_s)
    if found.manifest.state is StoredState.SOUND:
        # In one of sixteen calls Asterisk itself writes the silence, by the growth of the file: then nothing is missing
        assert found.length_s == pytest.approx((recording.to_s or 0.0) - recording.from_s, abs=exact_s)
        return
    missing = longest(found.manifest)
    assert (found.manifest.state, missing.cause) == (StoredState.PARTIAL, "timeline"), found.manifest
    assert missing.to_s == pytest.approx(said_s, abs=exact_s)
    assert missing.to_s - missing.from_s == pytest.approx(FIRST_SILENCE_S, abs=2 * EXACT_S + EDGE_S)


@pytest.mark.parametrize("kind", LOSSES)
async def test_p1_more_than_one_percent_of_lost_packets_is_told(talks: Mapping[str, Talk], kind: str) -> None:
    """With the participant whose phone sent them; nothing of the other's is lost."""
    talk = talks[kind]
    found = talk.stored()
    recording = found.manifest.recording
    assert (found.manifest.state, recording.cause) == (StoredState.PARTIAL, "packet-loss"), recording
    ours, here = (
        next(party.quality for party in recording.parties if party.number == number and party.quality)
        for number in (talk.recorded, talk.other)
    )
    assert 0.02 < ours.lost / (ours.received + ours.lost) < 0.04
    assert (here.lost, here.is_lossy) == (0, False)
    assert ours.received + ours.lost > COUNTED_S / 2 / PACKET_S
    assert 0 <= ours.jitter_ms < 100
    shown = await talk.shown(found.id)
    assert {entry["number"]: entry["lost"] for entry in shown["quality"]} == {
        talk.recorded: ours.lost,
        talk.other: here.lost,
    }
    assert shown["timeline_exact_s"] == f"{recording.timeline_exact_s:.3f}"
