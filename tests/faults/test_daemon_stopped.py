"""The daemon is stopped as a whole, as by SIGSTOP or for want of memory: its ports stay open, and nobody answers. Calls go on."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from soundness import assert_sound
from trouble import TALK_S, Stored, begin, phone, says, settled, stored, until

from callrec.adapters.disk.heartbeat_file import NAME
from callrec.domain.rules import Rule
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

FLAGGED = "1005"
AT_ONCE_S = 5.0
"""A call rings in far less; while it waited for the daemon it did not ring at all."""


@pytest_asyncio.fixture(loop_scope="module")
async def frozen(whole: Stack) -> AsyncIterator[Stack]:
    """A daemon that has stood still for so long that the dialplan knows. It goes on after the test, whatever that did."""
    whole.daemon.freeze()
    try:
        await until(lambda: not lives(whole), hint="the dialplan takes the daemon for dead")
        yield whole
    finally:
        whole.daemon.thaw()


@pytest.fixture
def before(stack: Stack) -> set[str]:
    """The recordings of other tests."""
    return {recording.id for recording in stored(stack)}


def the_only(stack: Stack, before: set[str]) -> Stored:
    """The one recording of this test. The dialplan does not always know with whom its user talks."""
    (recording,) = (recording for recording in stored(stack) if recording.id not in before)
    return recording


def lives(stack: Stack) -> bool:
    """What the dialplan reads."""
    return (stack.daemon.spool / NAME).stat().st_mtime >= int(time.time())


async def test_p10_a_call_rings_at_once_and_is_recorded_once_though_the_daemon_goes_on_in_its_middle(
    frozen: Stack, before: set[str]
) -> None:
    async with asyncio.timeout(AT_ONCE_S):
        talk = await begin(frozen, FLAGGED, "1001")
    await asyncio.sleep(TALK_S)  # the length of this part of the conversation
    frozen.daemon.thaw()
    await frozen.daemon.ready()
    await asyncio.sleep(TALK_S)  # and of this one
    await talk.hangup()
    await settled(frozen)
    recording = the_only(frozen, before)
    recording.holds(FLAGGED, "1001", talk.length_s)
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ALWAYS


async def test_p10_a_call_that_begins_and_ends_while_the_daemon_stands_still_is_one_recording(
    frozen: Stack, before: set[str]
) -> None:
    async with asyncio.timeout(AT_ONCE_S):
        talk = await begin(frozen, FLAGGED, "1002")
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await talk.hangup()
    frozen.daemon.thaw()
    await frozen.daemon.ready()
    await settled(frozen)
    recording = the_only(frozen, before)
    recording.holds(FLAGGED, "1002", talk.length_s)
    assert_sound(recording.manifest)


async def test_p10_keys_and_codes_work_while_the_daemon_stands_still(frozen: Stack, before: set[str]) -> None:
    """`*3` records, and `*26` is done by Asterisk; both are the daemon's when it goes on."""
    talk = await begin(frozen, "1003", "1004", press=True)
    call = await phone(frozen, "1009").call("*26", tone_hz=0)
    async with asyncio.timeout(AT_ONCE_S):
        await call.answered()
    await call.ended()
    assert says(call, "call-recording-on")
    await asyncio.sleep(TALK_S)  # the length of the recording
    frozen.daemon.thaw()
    await frozen.daemon.ready()
    await talk.press()
    await talk.hangup()
    await settled(frozen)
    recording = the_only(frozen, before)
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ON_DEMAND


async def test_p10_a_call_that_asked_just_before_goes_on_with_the_daemon(whole: Stack, before: set[str]) -> None:
    """What is left: it waits for as long as the daemon stands still. Then it rings, and is recorded once."""
    await until(lambda: lives(whole))
    whole.daemon.freeze()
    try:
        call = await phone(whole, FLAGGED).call("1000", tone_hz=1000)
        await until(lambda: not lives(whole))
    finally:
        whole.daemon.thaw()
    there = await phone(whole, "1000").rings()
    await asyncio.gather(call.answered(), there.answered())
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await call.hangup()
    await settled(whole)
    recording = the_only(whole, before)
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ALWAYS
