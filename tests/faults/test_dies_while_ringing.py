"""The daemon dies while phones ring: the hook before Dial has asked it, so no recorder has begun when a call is answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from soundness import assert_sound
from trouble import NEAR_S, TONES_HZ, Stored, aftermath, leave_alone, phone, stored

from callrec.domain.library.recorded_user import recorded_user
from callrec_lab.audio_checks import presence
from callrec_lab.phones import Answer, PhoneCall, RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TALK_S = 3.0
FLAGGED = ("1005", "1006", "1013")
OUTWARD = "0123"
CALLS = (("1005", "1000"), ("1001", "1006"), ("1013", OUTWARD), ("1002", "1003"))
"""Caller and called. The third one stays until the daemon is back, and nobody is flagged in the last one."""
STAYS = "1013"


def _name(number: str) -> str:
    return "outside" if number == OUTWARD else number


@dataclass
class Played:
    """The calls of each caller and called, by the caller."""

    stack: Stack
    calls: dict[str, tuple[PhoneCall, PhoneCall]]

    def recordings(self, *numbers: str) -> list[Stored]:
        """Those of these two."""
        return [
            found
            for found in stored(self.stack)
            if {party.number for party in found.manifest.recording.parties} == set(numbers)
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Played]:
    """Four calls that ring when the daemon dies."""
    calls = {}
    for caller, called in CALLS:
        await phone(stack, _name(called)).behave(RingForever())
        there = await phone(stack, caller).call(called, tone_hz=TONES_HZ[caller])
        calls[caller] = there, await phone(stack, _name(called)).rings()
    await leave_alone(stack)
    for caller, called in CALLS:
        there, here = calls[caller]
        await here.answer(TONES_HZ[_name(called)])
        await there.answered()
    await asyncio.sleep(TALK_S)
    for caller, (there, _) in calls.items():
        if caller != STAYS:
            await there.hangup()
    await stack.daemon.start()
    await stack.daemon.ready()
    await asyncio.sleep(TALK_S)
    await calls[STAYS][0].hangup()
    for _, called in CALLS:
        await phone(stack, _name(called)).behave(Answer(tone_hz=TONES_HZ[_name(called)]))
    await aftermath(stack)
    yield Played(stack, calls)


@pytest.mark.parametrize(("caller", "called"), CALLS[:3])
async def test_p1_a_call_that_rang_when_the_daemon_died_is_recorded(played: Played, caller: str, called: str) -> None:
    """From its answer on, with both voices, in one recording, on the left who is flagged."""
    (found,) = played.recordings(caller, called)
    recording = found.manifest.recording
    left, right = (caller, called) if caller in FLAGGED else (called, caller)
    assert_sound(found.manifest)
    assert recorded_user(recording) == next(party.user for party in recording.parties if party.number == left)
    there, here = played.calls[caller]
    heard = (there if left == caller else here).heard()
    due_s = presence(heard, TONES_HZ[_name(right)]) * heard.length_s - NEAR_S
    assert due_s >= TALK_S - 2 * NEAR_S
    for side, who in ((found.left, left), (found.right, right)):
        assert presence(side, TONES_HZ[_name(who)]) * side.length_s >= due_s, (who, due_s, recording)


async def test_a_call_of_nobody_who_is_recorded_is_not(played: Played) -> None:
    """Though it rang when the daemon died."""
    assert len(stored(played.stack)) == len(FLAGGED)
