"""Each case of `tracks_cases` once, and a daemon that is killed while it captures a conference for its tracks."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import tracks_cases
from followed import KEPT, ROUGH, TOLD
from following import Scene, following_stack
from once import Told, cases_of, play_once, word
from trouble import aftermath, assert_by_command_line

from callrec_lab.stack import Stack

OURS = cases_of(tracks_cases)
pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product that stores tracks."""
    async with following_stack(tmp_path_factory.mktemp("tracks"), tracks="participants") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(stack: Stack, request: pytest.FixtureRequest) -> Told:
    """What became of each chosen case."""
    return await play_once(stack, request, OURS)


@pytest.mark.parametrize("name", OURS)
async def test_each_participant_is_heard_in_their_own_track(told: Told, name: str) -> None:
    """Whole, in its place, and alone."""
    assert word(told, name) in {KEPT, ROUGH, TOLD}


async def test_p2_a_killed_daemon_loses_nothing_of_any_track(stack: Stack, told: Told) -> None:
    """A conference of three goes on without a daemon, and with the next one."""
    assert told
    scene = Scene(stack, 0)
    try:
        await tracks_cases.joins(scene, scene.recorded)
        await tracks_cases.joins(scene, scene.partner, scene.recorded)
        await tracks_cases.joins(scene, scene.third, scene.recorded, scene.partner)
        await scene.talk(scene.partner, scene.third, seconds=tracks_cases.TALK_S)
        await stack.daemon.kill()
        await scene.talk(scene.partner, scene.third, seconds=tracks_cases.TALK_S)
        await stack.daemon.start()
        await stack.daemon.ready()
        await scene.talk(scene.partner, scene.third, seconds=tracks_cases.TALK_S)
        entry = await scene.entry()
    finally:
        await scene.end()
    assert await tracks_cases.judged(scene, entry, scene.partner, scene.third) in {KEPT, ROUGH, TOLD}
    assert len({one.leg for one in entry[0].recording.partner_captures}) == 2
    assert len(entry[0].recording.partner_captures) == 2, "the next daemon goes on with them"
    await aftermath(stack)
    await assert_by_command_line(stack)
