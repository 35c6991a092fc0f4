"""The daemon ends while phones ring or talk, and is back when their calls are over: the dialplan records in its place at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from following import BEFORE_S, NEAR_S, Scene, following_stack, seconds
from soundness import assert_sound
from trouble import aftermath, leave_alone

from callrec_lab.phones import RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TALK_S = 3.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product whose daemon ends."""
    async with following_stack(tmp_path_factory.mktemp("ends")) as running:
        yield running


async def _assert_whole(scene: Scene) -> None:
    """The daemon is back: one sound entry of the recorded one and the partner, with both voices."""
    await scene.end()
    await scene.stack.daemon.start()
    await scene.stack.daemon.ready()
    manifest, left, right = await scene.entry()
    assert_sound(manifest)
    assert [party.number for party in manifest.recording.parties] == [scene.recorded, scene.partner]
    assert seconds(left, scene.recorded) >= TALK_S - NEAR_S, manifest.recording
    assert seconds(right, scene.partner) >= TALK_S - NEAR_S, manifest.recording
    await aftermath(scene.stack)


async def test_p1_a_call_that_is_answered_right_after_the_end_of_the_daemon_is_recorded(stack: Stack) -> None:
    """Its mark would be valid for another second or two: the dialplan took it for alive, and the call had no entry."""
    await stack.daemon.ready()
    scene = Scene(stack, 0)
    scene.began_s -= 1.0  # the names of these captures have whole seconds
    async with scene.behaving(RingForever(), scene.recorded):
        there = await scene.dial(scene.partner, scene.recorded)
        here = await scene.rung(scene.recorded)
        await stack.daemon.stop()
        await here.answer(1000)
        await there.answered()
        await scene.talk(scene.partner, seconds=TALK_S)
        await _assert_whole(scene)


async def test_p1_who_fetches_a_caller_whose_call_began_with_the_daemon_is_recorded(stack: Stack) -> None:
    """No rule had recorded the caller's first conversation, and no leg passed the hook without the daemon."""
    await stack.daemon.ready()
    scene = Scene(stack, 1)
    _, first = await scene.put_through(scene.partner, scene.fourth)
    await asyncio.sleep(BEFORE_S)
    await leave_alone(stack)
    scene.began_s -= 1.0
    await first.send_to("*70")
    slot = await scene.parked_at(scene.partner)
    await (await scene.dial(scene.recorded, slot)).answered()
    await scene.talk(scene.partner, seconds=TALK_S)
    await _assert_whole(scene)
