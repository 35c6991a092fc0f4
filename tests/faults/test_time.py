"""A recording accounts for its time: what is missing is told, and who waits is no loss."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from proxy import Proxy, proxied
from sip_caller import SipCaller
from soundness import assert_sound, longest, missing_s
from trouble import (
    HEARD,
    TONES_HZ,
    Stored,
    aftermath,
    alarms,
    connect,
    one,
    phone,
    presence,
    product,
    settled,
    stored,
    until,
)

from callrec.domain.calls.model import Recording
from callrec.domain.errors import Unavailable
from callrec.domain.library.manifest import StoredState
from callrec_lab.phones import Answer, PhoneCall, RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

SILENT_S, HOLD_S, QUIET_S, RING_S, MUSIC_S, TALK_S = 2.0, 12.0, 12.0, 4.0, 3.0, 1.5
PROMPT_S = 1.0
STOPPED_S = 3.0
NEAR_S = 0.25
"""What the beginning and end of a call, and the keys of a transfer, may take; more is told."""
SECOND_ROUND = "7100"
SOON_S = 0.1
NOBODY, OTHERS, TRIES = "7199", 3, 40
"""What no extension has, and how many dial it again and again: their events come while the daemon compares its calls."""


@dataclass
class House:
    """The product, whose daemon reaches the manager through a proxy, and whose PBX has no music on hold but one class."""

    stack: Stack
    proxy: Proxy
    silent_s: float
    hold_s: float
    quiet_s: float
    """How long each of these lasted: a busy machine sleeps longer than it was told to."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """All calls in which nothing is stopped take place at the same time, before the first test."""
    async with proxied() as (proxy, wishes), product(tmp_path_factory.mktemp("time"), wishes) as stack:
        stack.pbx.write_conf("musiconhold.conf", "[queue]\nmode = files\ndirectory = moh\n")
        await stack.pbx.cli("moh reload")
        await _lay_second_round(stack)
        silent_s, hold_s, quiet_s, *_ = await asyncio.gather(
            _silence(stack), _hold(stack), _quiet(stack), _transfer(stack), _parked(stack), _second_round(stack)
        )
        await settled(stack)
        yield House(stack, proxy, silent_s, hold_s, quiet_s)
        await aftermath(stack)


async def _lay_second_round(stack: Stack) -> None:
    """As a queue does it: an agent hangs up, the caller hears music, and the next agent's phone rings."""
    agents = [
        next(line.name for line in stack.pbx.tables.lines if line.number == number) for number in ("1002", "1012")
    ]
    text = (
        (stack.pbx.root / "etc/extensions.conf").read_text()
        + f"""
[default](+)
exten => {SECOND_ROUND},1,Gosub(callrec-call,s,1({agents[0]}))
 same => n,Dial(PJSIP/{agents[0]},30,g)
 same => n,MusicOnHold(queue,{MUSIC_S:g})
 same => n,Dial(PJSIP/{agents[1]},30)
"""
    )
    stack.pbx.write_conf("extensions.conf", text)
    await stack.pbx.cli("dialplan reload")


def _flagged(stack: Stack, number: str, called: str) -> SipCaller:
    """A phone of ours in the place of this user's."""
    line = next(line for line in stack.pbx.tables.lines if line.number == number)
    return SipCaller(line.name, line.secret, pbx=stack.pbx.ports.sip, number=called, tone_hz=TONES_HZ[number])


async def _silence(stack: Stack) -> float:
    there, here = await connect(stack, "1013", "1003")
    await asyncio.sleep(TALK_S)
    await asyncio.gather(there.hum(0), here.hum(0))
    since_s = time.monotonic()
    await asyncio.sleep(SILENT_S)
    await asyncio.gather(there.hum(TONES_HZ["1013"]), here.hum(TONES_HZ["1003"]))
    silent_s = time.monotonic() - since_s
    await asyncio.sleep(TALK_S)
    await there.hangup()
    return silent_s


async def _hold(stack: Stack) -> float:
    async with _flagged(stack, "1005", "1004") as call:
        here = await phone(stack, "1004").rings()
        await asyncio.sleep(TALK_S)
        await asyncio.gather(call.hold(), here.hum(0))
        since_s = time.monotonic()
        await asyncio.sleep(HOLD_S)
        await asyncio.gather(call.take_back(), here.hum(TONES_HZ["1004"]))
        hold_s = time.monotonic() - since_s
        await asyncio.sleep(TALK_S)
    return hold_s


async def _quiet(stack: Stack) -> float:
    """Both phones fall silent for longer than a recorder may; nobody holds anybody."""
    async with _flagged(stack, "1006", "1009") as call:
        here = await phone(stack, "1009").rings()
        await asyncio.sleep(3 * TALK_S)
        call.media.sends = False
        await here.hum(0)
        since_s = time.monotonic()
        await asyncio.sleep(QUIET_S)
        quiet_s = time.monotonic() - since_s
        call.media.sends = True
        await here.hum(TONES_HZ["1009"])
        await asyncio.sleep(TALK_S)
    return quiet_s


async def _keys(call: PhoneCall, target: str) -> None:
    """`*1` and the target: the PBX lets the phone go with the last key."""
    await call.press("*1")
    await asyncio.sleep(PROMPT_S)
    with contextlib.suppress(Unavailable):
        await call.press(target)


async def _transfer(stack: Stack) -> None:
    await phone(stack, "1001").behave(Answer(after_s=RING_S, tone_hz=TONES_HZ["1001"]))
    there, here = await connect(stack, "1005", "1000")
    await asyncio.sleep(TALK_S)
    await _keys(here, "1001")
    third = await phone(stack, "1001").rings()
    await third.answered()
    await asyncio.sleep(TALK_S)
    await there.hangup()


async def _parked(stack: Stack) -> None:
    there, here = await connect(stack, "1006", "1007")
    await asyncio.sleep(TALK_S)
    await _keys(here, "*70")
    await asyncio.sleep(RING_S)
    fetching = await (await phone(stack, "1008").call("701", tone_hz=TONES_HZ["1008"])).answered()
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await fetching.ended()


async def _second_round(stack: Stack) -> None:
    there, here = await connect(stack, "1013", "1002", dialled=SECOND_ROUND)
    await asyncio.sleep(TALK_S)
    await here.hangup()
    other = await (await phone(stack, "1012").rings()).answered()
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await other.ended()


def _with(stack: Stack, *numbers: str) -> Stored:
    """The only recording in which these take part, in whatever order and however often."""
    found = [each for each in stored(stack) if {p.number for p in each.manifest.recording.parties} == set(numbers)]
    assert len(found) == 1, [(each.id, each.manifest.recording.parties) for each in found]
    return found[0]


def _assert_whole(found: Stored) -> None:
    """A wait is no loss. On a busy machine a recorder may begin late by a few packets, and says so."""
    assert_sound(found.manifest)
    assert missing_s(found.manifest) <= NEAR_S, found.manifest


def _waits(recording: Recording) -> list[tuple[str, float]]:
    return [(one.kind.value, (one.to_s or 0.0) - one.from_s) for one in recording.waiting]


async def test_p1_two_seconds_in_which_neither_phone_sends_are_missing(house: House) -> None:
    """They were *sound*, and what was said afterwards stood two seconds too early: silence stands there in the file now."""
    found = one(house.stack, "1013", "1003")
    recording = found.manifest.recording
    missing = longest(found.manifest)
    assert (found.manifest.state, recording.cause, missing.cause) == (StoredState.PARTIAL, "timeline", "timeline")
    assert missing.to_s - missing.from_s == pytest.approx(house.silent_s, abs=NEAR_S)
    due_s = (recording.to_s or 0.0) - recording.from_s
    assert found.length_s == pytest.approx(due_s, abs=NEAR_S)


async def test_a_hold_without_music_is_one_take_and_no_alarm(house: House) -> None:
    """It was *partial*, `stalled`, with two alarms and three takes."""
    found = _with(house.stack, "1005", "1004")
    recording = found.manifest.recording
    _assert_whole(found)
    assert len(recording.captures) == 1, recording
    assert _waits(recording) == [("hold", pytest.approx(house.hold_s, abs=NEAR_S))]
    due_s = (recording.to_s or 0.0) - recording.from_s
    assert found.length_s == pytest.approx(due_s, abs=NEAR_S)
    assert not alarms(house.stack, "stalled")


async def test_p1_a_long_silence_of_both_is_told_and_is_no_dead_recorder(house: House) -> None:
    """Asterisk counts no packets meanwhile: the recorder is there, and has nothing to write."""
    found = _with(house.stack, "1006", "1009")
    recording = found.manifest.recording
    missing = longest(found.manifest)
    assert (found.manifest.state, missing.cause, len(recording.captures)) == (StoredState.PARTIAL, "timeline", 1), (
        recording
    )
    assert missing.to_s - missing.from_s == pytest.approx(house.quiet_s, abs=2 * NEAR_S)
    assert not alarms(house.stack, "stalled")


@pytest.mark.parametrize(
    ("numbers", "kinds", "waited_s"),
    [
        (("1005", "1000", "1001"), ("hold", "ringing"), RING_S),
        (("1006", "1007", "1008"), ("hold", "parked"), RING_S),
        (("1013", "1002", "1012"), ("music", "ringing"), MUSIC_S),
    ],
    ids=["a transfer's target", "a parking lot", "a queue's second round"],
)
async def test_who_waits_for_the_next_to_talk_with_lacks_nothing(
    house: House, numbers: tuple[str, ...], kinds: tuple[str, ...], waited_s: float
) -> None:
    """Every word is there: both conversations, on their sides. It was *partial*, `gap`."""
    found = _with(house.stack, *numbers)
    recording = found.manifest.recording
    _assert_whole(found)
    waits = dict(_waits(recording))
    assert set(waits) <= set(kinds)
    assert sum(waits.values()) >= waited_s - NEAR_S
    due_s = (recording.to_s or 0.0) - recording.from_s
    assert found.length_s == pytest.approx(due_s, abs=NEAR_S)
    user, first, second = numbers
    for number in (first, second):
        assert presence(found.right, TONES_HZ[number]) * found.right.length_s >= HEARD * (TALK_S - NEAR_S), number
    assert presence(found.left, TONES_HZ[user]) * found.length_s >= HEARD * 2 * (TALK_S - NEAR_S)


async def test_p1_a_daemon_that_was_stopped_at_the_answer_tells_what_it_missed(house: House) -> None:
    """The instant is Asterisk's. So many seconds were missing, and it was *sound*. Others call when the daemon goes on."""
    stack = house.stack
    await phone(stack, "1010").behave(RingForever())
    there = await phone(stack, "1005").call("1010", tone_hz=TONES_HZ["1005"])
    here = await phone(stack, "1010").rings()
    os.kill(stack.daemon.pid, signal.SIGSTOP)
    try:
        await asyncio.gather(here.answer(TONES_HZ["1010"]), there.answered())
        await asyncio.sleep(STOPPED_S)
        others = [asyncio.create_task(_dial_in_vain(stack)) for _ in range(OTHERS)]
        await asyncio.sleep(SOON_S)
    finally:
        os.kill(stack.daemon.pid, signal.SIGCONT)
    await asyncio.sleep(TALK_S)
    await asyncio.gather(*others)
    await there.hangup()
    await settled(stack)
    _assert_late(one(stack, "1005", "1010"), STOPPED_S, here)


async def test_p1_a_call_that_is_answered_while_the_manager_is_cut_off_tells_what_it_lacks(house: House) -> None:
    """Nobody told the daemon of this answer: it asks when the bridge was made. 11.3 s were missing, and it was *sound*."""
    stack = house.stack
    await phone(stack, "1011").behave(RingForever())
    there = await phone(stack, "1006").call("1011", tone_hz=TONES_HZ["1006"])
    here = await phone(stack, "1011").rings()
    house.proxy.cut()
    await asyncio.gather(here.answer(TONES_HZ["1011"]), there.answered())
    await asyncio.sleep(STOPPED_S)
    house.proxy.restore()
    await stack.daemon.ready()
    await until(lambda: any(stack.daemon.spool.glob("*.sln*")))
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await settled(stack)
    _assert_late(one(stack, "1006", "1011"), STOPPED_S, here)


async def _dial_in_vain(stack: Stack) -> None:
    for _ in range(TRIES):
        await (await phone(stack, "1004").call(NOBODY, tone_hz=0)).ended()


def _assert_late(found: Stored, at_least_s: float, here: PhoneCall) -> None:
    """The file and what is missing before it are the whole conversation, as the phone heard it."""
    recording = found.manifest.recording
    assert (found.manifest.state, recording.cause) == (StoredState.PARTIAL, "late-start"), recording
    missing = longest(found.manifest)
    late_s = missing.to_s - missing.from_s
    assert missing.from_s == recording.from_s
    assert found.length_s + late_s == pytest.approx(here.heard().length_s, abs=NEAR_S)
    assert late_s >= at_least_s - NEAR_S
