"""Transfers while the daemon is dead: what the dialplan records by itself has both voices, in a recording for each partner.

Eight calls at once. In most of them the recorded user has called: so the recorder is on their own leg, and on an Asterisk that
drops frames (docs/decisions/0017-the-deaf-leg.md) it would be deaf after half of the transfers if it went on.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from deaf_cases import CONSULT_S, by_parking, by_refer, by_replaces, by_star_1, by_star_2
from following import BEFORE_S, NEAR_S, TALK_S, Scene, following_stack, seconds
from soundness import assert_sound
from trouble import aftermath, leave_alone

from callrec.domain.library.manifest import Manifest
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import Sound
from callrec_lab.prompt_checks import words
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TRANSFERS = {
    "star-1": by_star_1, "refer, on demand": by_refer, "replaces": by_replaces, "star-2": by_star_2, "parking": by_parking,
    "replaces, on demand": by_replaces, "replaces, with a subroutine": by_replaces,
}  # fmt: skip
LEAVES = "leaves"
SCENES = [*TRANSFERS, LEAVES]
"""By seat."""
OWN = "own-subroutine"
"""What the PBX runs by itself when a leg gets another partner, in one of the scenes; it calls ours."""
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
        conf = (running.pbx.root / "etc/extensions.conf").read_text()
        conf += f"\n[default](+)\nexten => _78XXXX,1,Set(CONNECTED_LINE_SEND_SUB={OWN},s,1)\n"
        conf += f" same => n,Goto(default,${{EXTEN:2}},1)\n[{OWN}]\nexten => s,1,Set(DB(own/${{CALLERID(num)}})=ran)\n"
        conf += " same => n,Gosub(callrec-partner,s,1)\n same => n,Return()\n"
        running.pbx.write_conf("extensions.conf", conf)
        await running.pbx.cli("dialplan reload")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Mapping[int, Played]]:
    """By seat. The daemon is dead from the first call to the end of the last."""
    await leave_alone(stack)
    scenes = {seat: Scene(stack, seat) for seat in range(len(SCENES))}
    for scene in scenes.values():
        scene.began_s -= 1.0  # the names of these captures have whole seconds
    outcome = await asyncio.gather(
        *(_leave(scenes[seat]) if name == LEAVES else _play(scenes[seat], name) for seat, name in enumerate(SCENES)),
        return_exceptions=True,
    )
    for scene in scenes.values():
        await scene.end()
    await stack.daemon.start()
    await stack.daemon.ready()
    for error in outcome:
        if isinstance(error, BaseException):
            raise error
    await aftermath(stack)
    yield {seat: Played(scene, await scene.entries(2)) for seat, scene in scenes.items()}


async def _play(scene: Scene, name: str) -> None:
    """The recorded one calls the partner, who connects them with the third."""
    if "on demand" in name:
        scene.recorded, scene.partner = scene.partner, scene.fourth  # who is not flagged, and presses
    here = await scene.dial(scene.recorded, f"78{scene.partner}" if "subroutine" in name else scene.partner)
    there = await scene.rings(scene.partner)
    await asyncio.gather(here.answered(), there.answered())
    if "on demand" in name:
        await here.press("*3")
    await scene.talk(scene.partner, seconds=BEFORE_S)
    await TRANSFERS[name](scene, there)
    await scene.talk(scene.third, seconds=TALK_S)


async def _leave(scene: Scene) -> None:
    """The partner calls the recorded one, who asks the third on a second line, and connects the two."""
    there, here = await scene.connect()
    consultation = await scene.dial(scene.recorded, scene.third)
    await scene.rings(scene.third)
    await consultation.answered()
    await asyncio.sleep(CONSULT_S)
    await here.hand_over(consultation)
    await asyncio.sleep(TALK_S)
    assert not there.is_over


def _seat(name: str) -> int:
    return SCENES.index(name)


def _assert_whole(played: Played, entry: Entry, other: str) -> None:
    """The entry is sound, and has what the recorded one's phone heard of this voice, on the right; nobody else is there."""
    manifest, left, right = entry
    recording = manifest.recording
    assert_sound(manifest)
    assert [party.number for party in recording.parties] == [played.scene.recorded, other]
    assert seconds(right, other) >= played.heard_s(other) - CLIPPED_S, recording
    for number in played.scene.people:
        assert number == other or seconds(right, number) < NEAR_S, number
        assert number == played.scene.recorded or seconds(left, number) < NEAR_S, number
    assert seconds(left, played.scene.recorded) >= played.heard_s(other) - CLIPPED_S


@pytest.mark.parametrize("name", TRANSFERS)
async def test_p1_after_a_transfer_without_the_daemon_both_voices_are_there(
    played: Mapping[int, Played], name: str
) -> None:
    """A recording for each partner, since the recorder starts again for the next one. So it is with what a user has pressed for,
    and where the PBX has a subroutine of its own."""
    one = played[_seat(name)]
    first, second = one.entries
    _assert_whole(one, first, one.scene.partner)
    _assert_whole(one, second, one.scene.third)
    rule = Rule.ON_DEMAND if "on demand" in name else Rule.ALWAYS
    assert {entry[0].recording.rule for entry in one.entries} == {rule}


async def test_a_subroutine_of_the_pbx_for_a_new_partner_runs_as_before(
    stack: Stack, played: Mapping[int, Played]
) -> None:
    """It has noted the number of the caller."""
    scene = played[_seat("replaces, with a subroutine")].scene
    assert "Value: ran" in await stack.pbx.cli(f"database get own {scene.recorded}")


async def test_who_connects_two_others_and_leaves_is_recorded_no_longer_without_the_daemon(
    played: Mapping[int, Played],
) -> None:
    """The recorder of the called user is on the caller's leg, which stays. Neither of the two others has a rule."""
    one = played[_seat(LEAVES)]
    (first, left, right), (_, _, consulted) = one.entries
    partner, third = one.scene.partner, one.scene.third
    assert [party.number for party in first.recording.parties] == [one.scene.recorded, partner]
    assert seconds(right, partner) < BEFORE_S + TALK_S / 2, first.recording
    assert seconds(left, third) < NEAR_S
    assert seconds(right, third) < NEAR_S
    assert seconds(consulted, third) >= CONSULT_S - CLIPPED_S
    assert seconds(consulted, partner) < NEAR_S


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
