"""The main cases with phones that nobody here wrote: baresip, a process for each. A plain call, a hold, a blind transfer (REFER).

Each phone keeps what it heard of its last conversation: every call has phones of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from soundness import assert_sound
from trouble import TONES_HZ, USERS, Stored, aftermath, presence, product, settled, stored

from callrec_lab.audio_checks import Sound, interruptions
from callrec_lab.baresip import Baresip, find_baresip
from callrec_lab.pbx import MUSIC_HZ
from callrec_lab.stack import Stack, Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

RECORDED, PARTNER, THIRD = "1005", "1004", "1003"
TALK_S, HOLD_S = 3.0, 2.0
GAP_S = 0.3
EDGE_S = 0.5
"""By how much the sleep of a test may differ from what a phone did."""
Phones = tuple[Baresip, Baresip, Baresip]


@dataclass
class Played:
    """A call: its recording, and what the recorded user's phone heard."""

    stored: Stored
    heard: Sound


async def _plain(phones: Phones) -> None:
    _, partner, _ = phones
    await asyncio.sleep(TALK_S)
    await partner.hangup()


async def _hold(phones: Phones) -> None:
    _, partner, _ = phones
    await asyncio.sleep(TALK_S)
    await partner.hold()
    await asyncio.sleep(HOLD_S)
    await partner.resume()
    await asyncio.sleep(TALK_S)
    await partner.hangup()


async def _transfer(phones: Phones) -> None:
    recorded, partner, third = phones
    await asyncio.sleep(TALK_S)
    await partner.send_to(THIRD)
    await third.until("CALL_ESTABLISHED")
    await asyncio.sleep(TALK_S)
    await recorded.hangup()


PLAYS: dict[str, Callable[[Phones], Awaitable[None]]] = {"plain": _plain, "hold": _hold, "transfer": _transfer}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Played]]:
    """All calls, by name."""
    folder = tmp_path_factory.mktemp("baresip")
    program = await asyncio.to_thread(find_baresip, print)
    async with product(folder / "product", Wishes(users=USERS, phones=False)) as stack:
        told = {}
        for name, play in PLAYS.items():
            async with AsyncExitStack() as rack:
                recorded, partner, third = [
                    await rack.enter_async_context(
                        Baresip(program, folder / name / number, _account(stack, number), tone_hz=TONES_HZ[number])
                    )
                    for number in (RECORDED, PARTNER, THIRD)
                ]
                await partner.call(RECORDED)
                await recorded.until("CALL_ESTABLISHED")
                await play((recorded, partner, third))
                await recorded.until("CALL_CLOSED")
            await settled(stack)
            told[name] = Played(stored(stack)[-1], recorded.heard())
        assert len(stored(stack)) == len(PLAYS)
        yield told
        await aftermath(stack)


def _account(stack: Stack, number: str) -> str:
    line = next(line for line in stack.pbx.tables.lines if line.number == number)
    return f"<sip:{line.name}@127.0.0.1:{stack.pbx.ports.sip};transport=udp>;auth_pass={line.secret}"


def seconds(sound: Sound, hz: float) -> float:
    """How long this tone is heard."""
    return presence(sound, hz) * sound.length_s


def assert_covered(played: Played, *others: str) -> None:
    """The recorded user's voice is there from start to end, without a gap; nobody else is named, or on the left."""
    stored, recording = played.stored, played.stored.manifest.recording
    assert_sound(stored.manifest)
    assert {party.number for party in recording.parties} == {RECORDED, *others}
    own_hz = TONES_HZ[RECORDED]
    assert stored.length_s - seconds(stored.left, own_hz) <= GAP_S
    assert all(to_s - from_s <= GAP_S for from_s, to_s in interruptions(stored.left, own_hz))
    assert all(seconds(stored.left, TONES_HZ[number]) < GAP_S for number in others)


async def test_a_plain_call_is_recorded_as_the_phone_heard_it(played: dict[str, Played]) -> None:
    """Both voices, for as long as they talked."""
    call = played["plain"]
    assert_covered(call, PARTNER)
    heard_s = seconds(call.heard, TONES_HZ[PARTNER])
    assert heard_s > TALK_S - EDGE_S
    assert seconds(call.stored.right, TONES_HZ[PARTNER]) >= heard_s - GAP_S


async def test_a_hold_has_its_music_and_both_voices_after_it(played: dict[str, Played]) -> None:
    """The partner holds: a re-INVITE, `sendonly`."""
    call = played["hold"]
    assert_covered(call, PARTNER)
    (wait,) = call.stored.manifest.recording.waiting
    assert wait.kind.value == "music"
    assert abs(seconds(call.stored.right, MUSIC_HZ) - HOLD_S) < EDGE_S
    assert seconds(call.stored.right, TONES_HZ[PARTNER]) > 2 * TALK_S - 2 * EDGE_S


async def test_a_transfer_has_the_voice_of_the_next_partner(played: dict[str, Played]) -> None:
    """REFER: the third speaks, and all of it that the recorded user's phone heard is in the file."""
    call = played["transfer"]
    assert_covered(call, PARTNER, THIRD)
    for number in (PARTNER, THIRD):
        heard_s = seconds(call.heard, TONES_HZ[number])
        assert seconds(call.stored.right, TONES_HZ[number]) >= max(heard_s - GAP_S, TALK_S - 2 * EDGE_S), number
