"""Transfers while the daemon is dead: what the dialplan records by itself has both voices, or its entry says what it lacks.

Eight calls at once, and each recorded user has called: so the recorder is on their own leg, and on an Asterisk that drops frames
(docs/decisions/0017-the-deaf-leg.md) it is deaf after half of the transfers.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from deaf_cases import by_refer, by_replaces, by_star_1, by_star_2
from following import BEFORE_S, NEAR_S, SEATS, TALK_S, Scene, following_stack, seconds
from trouble import aftermath

from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause
from callrec_lab.audio_checks import Sound
from callrec_lab.prompt_checks import words
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

BLIND = {"refer": by_refer, "star-1": by_star_1}
ATTENDED = {"replaces": by_replaces, "star-2": by_star_2}
ON_DEMAND = "refer, on demand"
SCENES = ["refer", "refer", "refer", "star-1", "star-1", "replaces", "star-2", ON_DEMAND]
"""By seat."""
CLIPPED_S = 0.5
"""What the beginning of a conversation may lack in the file: the recorder begins to write with the bridge."""
FAILED_S = 4.0
"""Until the tone that it failed has been played."""
Entry = tuple[Manifest, Sound, Sound]


@dataclass
class Played:
    """One call: who took part, and what is stored of it, oldest first."""

    scene: Scene
    entries: list[Entry]

    def heard_s(self, number: str) -> float:
        """How long the recorded user has heard this voice on the phone."""
        return seconds(self.scene.on_phone[self.scene.recorded].heard(), number)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product whose daemon dies."""
    async with following_stack(tmp_path_factory.mktemp("alone")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Mapping[int, Played]]:
    """By seat. The daemon is dead from the first call to the end of the last."""
    await stack.daemon.kill()
    scenes = {seat: Scene(stack, seat) for seat in range(SEATS)}
    for scene in scenes.values():
        scene.began_s -= 1.0  # the names of these captures have whole seconds
    outcome = await asyncio.gather(
        *(_play(scenes[seat], name) for seat, name in enumerate(SCENES)), return_exceptions=True
    )
    for scene in scenes.values():
        await scene.end()
    await stack.daemon.start()
    await stack.daemon.ready()
    for error in outcome:
        if isinstance(error, BaseException):
            raise error
    await aftermath(stack)
    counts = {seat: 1 if SCENES[seat] in ATTENDED else 2 for seat in scenes}
    yield {seat: Played(scene, await scene.entries(counts[seat])) for seat, scene in scenes.items()}


async def _play(scene: Scene, name: str) -> None:
    """The recorded one calls the partner, who connects them with the third."""
    if name == ON_DEMAND:
        scene.recorded, scene.partner = scene.partner, scene.fourth  # who is not flagged, and presses
    here = await scene.dial(scene.recorded, scene.partner)
    there = await scene.rings(scene.partner)
    await asyncio.gather(here.answered(), there.answered())
    if name == ON_DEMAND:
        await here.press("*3")
    await scene.talk(scene.partner, seconds=BEFORE_S)
    transfer = (BLIND | ATTENDED).get(name, by_refer)
    await transfer(scene, there)
    await scene.talk(scene.third, seconds=TALK_S)


def _of(*names: str) -> list[int]:
    return [seat for seat, name in enumerate(SCENES) if name in names]


def _assert_whole(played: Played, entry: Entry, other: str) -> None:
    """The entry is sound, and has what the recorded one's phone heard of this voice, on the right; nobody else is there."""
    manifest, left, right = entry
    recording = manifest.recording
    assert manifest.state is StoredState.SOUND, recording
    assert [party.number for party in recording.parties] == [played.scene.recorded, other]
    assert seconds(right, other) >= played.heard_s(other) - CLIPPED_S, recording
    for number in played.scene.people:
        assert number == other or seconds(right, number) < NEAR_S, number
        assert number == played.scene.recorded or seconds(left, number) < NEAR_S, number
    assert seconds(left, played.scene.recorded) >= played.heard_s(other) - CLIPPED_S


@pytest.mark.parametrize("seat", _of(*BLIND, ON_DEMAND))
async def test_p1_after_a_blind_transfer_without_the_daemon_both_voices_are_there(
    played: Mapping[int, Played], seat: int
) -> None:
    """A recording for each partner, since the recorder starts again before the next one answers. Also what a user has pressed for
    goes on."""
    one = played[seat]
    first, second = one.entries
    _assert_whole(one, first, one.scene.partner)
    _assert_whole(one, second, one.scene.third)
    rule = Rule.ON_DEMAND if SCENES[seat] == ON_DEMAND else Rule.ALWAYS
    assert {entry[0].recording.rule for entry in one.entries} == {rule}


@pytest.mark.parametrize("seat", _of(*ATTENDED))
async def test_p1_after_an_attended_transfer_without_the_daemon_a_voice_that_is_missing_is_told(
    played: Mapping[int, Played], seat: int
) -> None:
    """The recorded leg passes no dialplan then, so the recorder goes on, and may be deaf."""
    one = played[seat]
    ((manifest, left, right),) = one.entries
    recording, third = manifest.recording, one.scene.third
    assert seconds(right, one.scene.partner) >= one.heard_s(one.scene.partner) - CLIPPED_S
    assert seconds(left, one.scene.recorded) >= one.heard_s(third)
    told_s = sum(lack.to_s - lack.from_s for lack in recording.missing if lack.cause == AlarmCause.DEAF_LEG)
    assert seconds(right, third) + told_s >= one.heard_s(third) - CLIPPED_S, recording
    assert (manifest.state is StoredState.SOUND) == (not recording.missing)


async def test_p6_without_the_daemon_a_recorder_that_cannot_write_is_no_recording(stack: Stack, played: object) -> None:
    """The dialplan looks whether the files exist before it says that recording has started."""
    assert played
    spool = (await stack.pbx.cli("dialplan show globals")).partition("CALLREC_SPOOL=")[2].split()[0]
    scene = Scene(stack, 0)
    await stack.daemon.kill()
    await stack.pbx.cli("dialplan set global CALLREC_SPOOL /dev/null/none")
    try:
        there = await scene.dial(scene.partner, scene.third)
        await scene.rings(scene.third)
        await there.answered()
        await there.press("*3")
        await asyncio.sleep(FAILED_S)
    finally:
        await scene.end()
        await stack.pbx.cli(f"dialplan set global CALLREC_SPOOL {spool}")
        await stack.daemon.start()
    tones = [("en", f"recording-{tone}") for tone in ("started", "failed")]
    assert words(there.heard(), tones) == [("en", "recording-failed")]
    await aftermath(stack)
