"""While the daemon is dead a flagged user is called, and the partner hands them on: the dialplan's recorder is on the partner's
leg and ends with it. What the user says to the next one is recorded all the same, on the user's own leg.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
import pytest_asyncio
from deaf_cases import CONSULT_S, by_parking, by_refer, by_replaces, by_star_1, by_star_2
from following import BEFORE_S, NEAR_S, TALK_S, Scene, following_stack, seconds
from soundness import assert_sound
from test_transfers_without_daemon import CLIPPED_S, OWN, Entry, Played
from trouble import aftermath, leave_alone, until

from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TRANSFERS = {
    "refer": by_refer, "star-1": by_star_1, "replaces": by_replaces, "star-2": by_star_2, "parking": by_parking,
}  # fmt: skip
STAYS, BOTH, BY_KIND = "stays", "both recorded", "by a rule for calls from users"
"""The partner hangs up; the third has a rule, too; the called one is not flagged, only calls to them have a rule, and the PBX
has a subroutine of its own for new partners."""
SCENES = [*TRANSFERS, STAYS, BOTH, BY_KIND]
"""By seat."""
FETCHES = "fetches from parking"
"""In the seat of STAYS, after it: two talk of whom nobody is recorded, and the flagged user fetches the caller from parking."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product whose daemon dies."""
    async with following_stack(tmp_path_factory.mktemp("called")) as running:
        await _lay_subroutine(running)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Mapping[str, Played]]:
    """The daemon is dead from the first call to the end of the last."""
    scenes = {name: Scene(stack, seat) for seat, name in enumerate(SCENES)}
    scenes[BY_KIND].recorded = scenes[BY_KIND].fourth
    fetching = Scene(stack, scenes[STAYS].seat)
    await _set_rules(stack, scenes[BY_KIND].recorded, scenes[BOTH].third)
    await leave_alone(stack)
    for scene in scenes.values():
        scene.began_s -= 1.0  # the names of these captures have whole seconds
    outcome = await asyncio.gather(
        *(_play(scene, name) if name != STAYS else _play_both(scene, fetching) for name, scene in scenes.items()),
        return_exceptions=True,
    )
    for scene in (*scenes.values(), fetching):
        await scene.end()
    await stack.daemon.start()
    await stack.daemon.ready()
    for error in outcome:
        if isinstance(error, BaseException):
            raise error
    await aftermath(stack)
    outcomes = {name: Played(scene, await scene.entries(2)) for name, scene in scenes.items()}
    outcomes[FETCHES] = Played(fetching, [outcomes[STAYS].entries.pop()])
    yield outcomes


async def _set_rules(stack: Stack, *numbers: str) -> None:
    """Calls from users to these are always recorded, and the dialplan knows it."""
    for number in numbers:
        code, said = await stack.daemon.callrec("users", "set", number, "--rule=in_internal=always")
        assert code == 0, said

    async def are_copied() -> bool:
        return (await stack.pbx.cli("database show callrec/rules")).count(": a---") == len(numbers)

    await until(are_copied, hint="the rules are in Asterisk's database")


async def _lay_subroutine(stack: Stack) -> None:
    """Who dials 78 and a number sets a subroutine of the PBX's own, which the called leg inherits; it calls ours."""
    conf = (stack.pbx.root / "etc/extensions.conf").read_text()
    conf += f"\n[default](+)\nexten => _78XXXX,1,Set(_CONNECTED_LINE_SEND_SUB={OWN},s,1)\n"
    conf += f" same => n,Goto(default,${{EXTEN:2}},1)\n[{OWN}]\nexten => s,1,Gosub(callrec-partner,s,1)\n same => n,Return()\n"
    stack.pbx.write_conf("extensions.conf", conf)
    await stack.pbx.cli("dialplan reload")


async def _play(scene: Scene, name: str) -> None:
    """The partner calls the recorded one, and hands them on to the third."""
    number = f"78{scene.recorded}" if name == BY_KIND else scene.recorded
    there, _ = await scene.put_through(scene.partner, scene.recorded, number)
    await scene.talk(scene.partner, seconds=BEFORE_S)
    if name == STAYS:
        await there.hangup()
        return
    await TRANSFERS.get(name, by_replaces)(scene, there)
    await scene.talk(scene.third, seconds=TALK_S)


async def _play_both(stays: Scene, fetching: Scene) -> None:
    """The one, and then the other."""
    await _play(stays, STAYS)
    await stays.end()
    _, first = await fetching.put_through(fetching.partner, fetching.fourth)
    await asyncio.sleep(BEFORE_S)
    await first.send_to("*70")
    slot = await fetching.parked_at(fetching.partner)
    await asyncio.sleep(CONSULT_S)
    await (await fetching.dial(fetching.recorded, slot)).answered()
    await fetching.talk(fetching.partner, seconds=TALK_S)


def _assert_whole(played: Played, entry: Entry, other: str) -> None:
    """The entry is sound, of the recorded one and this other, and has what each phone heard of the other, on its side."""
    manifest, left, right = entry
    recording = manifest.recording
    assert_sound(manifest)
    assert [party.number for party in recording.parties] == [played.scene.recorded, other]
    assert played.heard_s(other) > CLIPPED_S
    assert seconds(right, other) >= played.heard_s(other) - CLIPPED_S, recording
    assert seconds(left, played.scene.recorded) >= played.heard_s(other) - CLIPPED_S, recording
    for number in played.scene.people:
        assert number == other or seconds(right, number) < NEAR_S, number
        assert number == played.scene.recorded or seconds(left, number) < NEAR_S, number


@pytest.mark.parametrize("name", [*TRANSFERS, BOTH, BY_KIND])
async def test_p1_a_called_user_whose_partner_hands_them_on_is_recorded_without_the_daemon(
    played: Mapping[str, Played], name: str
) -> None:
    """A recording for each partner, each with both voices, and no third. Where a rule records the next one, too, the second is of
    one of the two."""
    one = played[name]
    first, second = one.entries
    _assert_whole(one, first, one.scene.partner)
    manifest, left, right = second
    if name == BOTH and manifest.recording.parties[0].number == one.scene.third:  # by the names of their phones
        recording = manifest.recording
        turned = replace(manifest, recording=replace(recording, parties=recording.parties[::-1]))
        second = turned, right, left
    _assert_whole(one, second, one.scene.third)


async def test_p1_a_called_user_whose_partner_hangs_up_has_one_sound_recording_without_the_daemon(
    played: Mapping[str, Played],
) -> None:
    """Nothing begins on the user's own leg."""
    one = played[STAYS]
    (only,) = one.entries
    _assert_whole(one, only, one.scene.partner)


async def test_p1_a_user_who_fetches_a_caller_from_parking_is_recorded_without_the_daemon(
    played: Mapping[str, Played],
) -> None:
    """No rule had recorded the caller's first conversation, so nothing was recorded yet."""
    one = played[FETCHES]
    (only,) = one.entries
    _assert_whole(one, only, one.scene.partner)


async def test_p1_a_called_user_who_was_handed_on_without_the_daemon_stays_recorded_when_it_is_back(
    stack: Stack, played: object
) -> None:
    """The daemon takes over the recorder: one recording of the talk with the next one, to its end, with the user on the left."""
    assert played
    await leave_alone(stack)
    scene = Scene(stack, 0)
    scene.began_s -= 1.0
    there, _ = await scene.connect()
    await by_replaces(scene, there)
    await scene.talk(scene.third, seconds=BEFORE_S)
    await stack.daemon.start()
    await stack.daemon.ready()
    await scene.talk(scene.third)
    one = Played(scene, await scene.entries(2))
    await aftermath(stack)
    first, (manifest, left, right) = one.entries
    assert one.heard_s(scene.third) > TALK_S
    _assert_whole(one, first, scene.partner)
    named = sorted(
        manifest.recording.parties, key=lambda party: party.number != scene.recorded
    )  # as the legs were taken over
    _assert_whole(
        one, (replace(manifest, recording=replace(manifest.recording, parties=tuple(named))), left, right), scene.third
    )
