"""Cases of tracks (CALLREC_TRACKS=participants): each participant's voice is in their own file, whole, in its place, and alone.

Each is listened to from end to end, and compared with the stereo file, which the other cases compare with the phones.
"""

import asyncio
from pathlib import Path

from deaf_cases import by_star_2
from followed import KEPT, ROUGH, TOLD
from following import KEPT_S, NEAR_S, TONES_HZ, Scene, case, seconds
from free_cpu import FEWEST, calls_at_once
from numbers_to_dial import Number, dial, together
from soundness import TOLD_UNDER_LOAD, assert_explained
from trouble import until

from callrec.domain.library.manifest import Manifest, Track
from callrec_lab.audio_checks import Sound, load, spans

TALK_S = 3.0
CLICK_S = 0.15
PLACE_S = 0.1
"""A time line promises that each moment lies so near to its true time."""
RULE_S = 0.5
"""Until a rule that a command has set is in the daemon's copy of the tables."""


async def joins(scene: Scene, who: str, *others: str, number: Number = Number.CONFERENCE) -> None:
    """This one dials the conference in which the others are, and speaks."""
    call = await scene.dial(who, dial(scene.seat, number))
    await call.answered()

    async def is_joined() -> bool:
        return await together(scene.stack, who, *others)

    await until(is_joined, hint="they are in one conference")


async def heard_apart(scene: Scene, *others: str) -> str:
    """`kept`: each participant's track has what the stereo file has of their voice, but for a tenth of a second at most;
    `nearly kept`: for three tenths; `told`: little CPU was free, and a track says what more is missing."""
    return await judged(scene, await scene.entry(), *others)


async def judged(scene: Scene, entry: tuple[Manifest, Sound, Sound], *others: str) -> str:
    """The same of this entry."""
    manifest, left, right = entry
    assert_explained(manifest)
    numbers = (scene.recorded, *others)
    tracks = await asyncio.to_thread(_tracks, scene, manifest)
    assert {number for number in tracks if number in scene.people} == set(numbers), list(tracks)
    assert manifest.tracks[0].number == scene.recorded, manifest.tracks
    lacking_s, is_told = [], False
    for number in numbers:
        track, sound = tracks[number]
        stereo = left if number == scene.recorded else right
        assert (len(sound.samples), sound.rate) == (len(stereo.samples), stereo.rate), track
        told_s = _told_s(track)
        lacking_s.append(await asyncio.to_thread(_lacks_s, number, sound, stereo) - told_s)
        is_told = is_told or told_s > 0
        for other in scene.people:
            assert other == number or seconds(sound, other) <= NEAR_S, (other, "is in the track of", number)
    assert max(lacking_s) <= NEAR_S, (lacking_s, manifest)
    return TOLD if is_told else KEPT if max(lacking_s) <= KEPT_S else ROUGH


def _told_s(track: Track) -> float:
    """How much this track says that it lacks, for reasons that a busy machine has, and no other."""
    if not track.missing:
        return 0.0
    assert calls_at_once() <= FEWEST, track
    assert {one.cause for one in track.missing} <= TOLD_UNDER_LOAD, track
    return sum(one.to_s - one.from_s for one in track.missing)


def _tracks(scene: Scene, manifest: Manifest) -> dict[str, tuple[Track, Sound]]:
    """The tracks by the number of their participants."""
    (path,) = [path for path, one in scene.new() if one.recording.id == manifest.recording.id]
    folder = scene.stack.daemon.monitor / Path(path).parent
    found = {}
    for track in manifest.tracks:
        assert track.media is not None, track
        (sound,) = load(folder / track.media.name)
        found[track.number] = track, sound
    assert len(found) == len(manifest.tracks), manifest.tracks
    return found


def _lacks_s(number: str, track: Sound, stereo: Sound) -> float:
    """How much less of this voice is in the track than in the stereo file. It begins no earlier there, and ends no later."""
    here, there = (_spans(sound, number) for sound in (track, stereo))
    assert here, f"{number} is not in their own track"
    if there:
        apart_s = max(there[0][0] - here[0][0], here[-1][1] - there[-1][1])
        assert apart_s <= PLACE_S + KEPT_S, (number, here, there)
    return _length_s(there) - _length_s(here)


def _spans(sound: Sound, number: str) -> list[tuple[float, float]]:
    return [(from_s, to_s) for from_s, to_s in spans(sound, TONES_HZ[number]) if to_s - from_s > CLICK_S]


def _length_s(found: list[tuple[float, float]]) -> float:
    return sum(to_s - from_s for from_s, to_s in found)


@case("tracks-two", tracks=True)
async def two(scene: Scene) -> str:
    """Two talk: each has a track, and nothing more is captured than without."""
    await scene.connect()
    await scene.talk(scene.partner, seconds=TALK_S)
    entry = await scene.entry()
    assert not entry[0].recording.partner_captures
    return await judged(scene, entry, scene.partner)


@case("tracks-star-2", tracks=True, length_s=12)
async def star_2(scene: Scene) -> str:
    """The partner asks the third, and connects them (`*2`): three tracks."""
    there, _ = await scene.connect()
    await by_star_2(scene, there)
    await scene.talk(scene.third, seconds=TALK_S)
    return await heard_apart(scene, scene.partner, scene.third)


@case("tracks-pause", tracks=True, length_s=16)
async def pause(scene: Scene) -> str:
    """A pause in a conference of three holds in each track, and so does what was captured after it."""
    number = Number.CONFERENCE_WITH_KEYS
    await joins(scene, scene.recorded, number=number)
    await joins(scene, scene.partner, scene.recorded, number=number)
    await joins(scene, scene.third, scene.recorded, scene.partner, number=number)
    await scene.talk(scene.partner, scene.third, seconds=TALK_S)
    here = scene.on_phone[scene.recorded]
    await here.press("*3")
    await scene.talk(seconds=TALK_S)
    await here.press("*3")
    await scene.talk(scene.partner, scene.third, seconds=TALK_S)
    manifest, left, right = await scene.entry()
    (paused,) = manifest.recording.pauses
    assert paused.to_s is not None
    tracks = await asyncio.to_thread(_tracks, scene, manifest)
    first_s = manifest.recording.captures[0].from_s
    edges = paused.from_s - first_s + NEAR_S, paused.to_s - first_s - NEAR_S
    for heard in (left, right, *(sound for _, sound in tracks.values())):
        quiet = heard.samples[round(edges[0] * heard.rate) : round(edges[1] * heard.rate)]
        assert not quiet.any()
    return await judged(scene, (manifest, left, right), scene.partner, scene.third)


@case("tracks-conference", tracks=True, length_s=18)
async def conference(scene: Scene) -> str:
    """A conference of four: the fourth comes late, the partner leaves early."""
    await joins(scene, scene.recorded)
    await joins(scene, scene.partner, scene.recorded)
    await joins(scene, scene.third, scene.recorded, scene.partner)
    await scene.talk(scene.partner, scene.third, seconds=TALK_S)
    await joins(scene, scene.fourth, scene.recorded, scene.partner, scene.third)
    await scene.talk(scene.partner, scene.third, scene.fourth, seconds=TALK_S)
    await scene.on_phone[scene.partner].hangup()
    await scene.talk(scene.third, scene.fourth, seconds=TALK_S)
    return await heard_apart(scene, scene.partner, scene.third, scene.fourth)


@case("tracks-five", tracks=True, length_s=22)
async def five(scene: Scene) -> str:
    """A conference of five with PCMU, PCMA and G.722: who has G.722 comes third, who has PCMA leaves and comes again."""
    await joins(scene, scene.recorded)
    await joins(scene, scene.partner, scene.recorded)
    await joins(scene, scene.wide, scene.recorded, scene.partner)
    await joins(scene, scene.alaw, scene.recorded, scene.partner, scene.wide)
    await joins(scene, scene.third, scene.recorded, scene.partner, scene.wide, scene.alaw)
    others = scene.partner, scene.wide, scene.alaw, scene.third
    await scene.talk(*others, seconds=TALK_S)
    await scene.on_phone[scene.alaw].hangup()
    await scene.talk(scene.partner, scene.wide, scene.third, seconds=TALK_S)
    await joins(scene, scene.alaw, scene.recorded, scene.partner, scene.wide, scene.third)
    await scene.talk(*others, seconds=TALK_S)
    entry = await scene.entry()
    came_again = next(one for one in entry[0].tracks if one.number == scene.alaw)
    assert len(came_again.present) == 2, came_again
    return await judged(scene, entry, *others)


KINDS_OF_CALLS = ("in_internal", "in_external", "out_internal", "out_external")


@case("tracks-never", tracks=True, length_s=16)
async def never(scene: Scene) -> str:
    """One whom nobody may record joins a conference of three: it ends the recording, and is in no track of it."""
    await _rule(scene, scene.fourth, "never")
    try:
        await joins(scene, scene.recorded)
        await joins(scene, scene.partner, scene.recorded)
        await joins(scene, scene.third, scene.recorded, scene.partner)
        await scene.talk(scene.partner, scene.third, seconds=TALK_S)
        await joins(scene, scene.fourth, scene.recorded, scene.partner, scene.third)
        await scene.talk(seconds=TALK_S)
        entry = await scene.entry()
    finally:
        await scene.end()
        await _rule(scene, scene.fourth, "none")
    recording = entry[0].recording
    came_s = [party.from_s for party in recording.parties if party.number == scene.fourth]
    assert recording.to_s is not None
    assert all(recording.to_s - at_s <= NEAR_S for at_s in came_s), recording
    assert seconds(entry[2], scene.fourth) <= NEAR_S, "nobody may record them"
    return await judged(scene, entry, scene.partner, scene.third)


async def _rule(scene: Scene, number: str, rule: str) -> None:
    """This user's rule for all calls, and until the daemon has it."""
    words = [word for kind in KINDS_OF_CALLS for word in ("--rule", f"{kind}={rule}")]
    code, said = await scene.stack.daemon.callrec("users", "set", number, *words)
    assert code == 0, said
    await asyncio.sleep(RULE_S)
