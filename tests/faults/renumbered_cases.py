"""Cases of a phone that restarts its RTP numbering in a call: a new source (SSRC), or the same one, with numbers that are lower
than before, or higher. Debian's Asterisk gives a recorder nothing of such a voice until its numbers have caught up, while the
other phone hears it. The file holds what the phone heard, or the entry says what is missing, and when."""

import asyncio
import time
from collections.abc import Callable

from followed import CLICK_S
from following import LATE_S, NEAR_S, TONES_HZ, Scene, case, seconds
from numbers_to_dial import channels_of, manager
from rtp_sender import PACKET_S, RtpSender, unsent
from sip_caller import SipCaller
from soundness import LOST_TO_LOAD, assert_explained, assert_sound

from callrec.domain.calls.model import Heard
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.spans import Span, length_s, without
from callrec.domain.vocabulary import AlarmCause
from callrec_lab.audio_checks import STEP_S, Sound, interruptions, spans
from callrec_lab.phones import PhoneCall

BEFORE_S, AFTER_S = 4.0, 14.0
LAST_S = 2.4
"""Less than until a recorder is mended: a step of its file, a look at it, a question."""
LONG, BACK, BRIEF = 600, 150, 25
"""Packets: nearly to the end of the call, three seconds, half a second."""
KEPT_S, EDGE_S = 0.1, 0.1
"""So much may be missing without a word; windows in which a tone is heard, and a packet's way."""
HEALED_S = 6.0
"""So long a recorder is deaf at most: a step of its file, a look at it, a question; of the same source a report of RTCP more:"""
REPORT_S = 5.5
LENGTH_S = BEFORE_S + AFTER_S + 2
MOMENT_S = 1.0
"""From a phone's other numbers to the transfer: before a counter tells of them."""

Act = Callable[[RtpSender], None]


def _source(packets: int) -> Act:
    return lambda media: media.jump(source=True, marker=True, packets=packets)


def _same(packets: int) -> Act:
    return lambda media: media.jump(packets=packets)


async def _own(scene: Scene, act: Act, most_s: float) -> str:
    """The recorded one's phone does it."""
    async with scene.caller(scene.recorded, scene.partner) as phone:
        there = await scene.rings(scene.partner)
        await _speak(phone, act)
    return await _judge(scene, phone.media, there, scene.recorded, most_s)


async def _partner(scene: Scene, act: Act, most_s: float, codec: str = "PCMU") -> str:
    """The partner's phone does it."""
    async with scene.caller(scene.partner, scene.recorded, codec) as phone:
        there = await scene.rings(scene.recorded)
        await _speak(phone, act)
    return await _judge(scene, phone.media, there, scene.partner, most_s, is_heard=codec == "PCMU")


async def _speak(phone: SipCaller, act: Act) -> None:
    await asyncio.sleep(BEFORE_S)
    act(phone.media)
    await asyncio.sleep(AFTER_S)


async def _judge(
    scene: Scene, media: RtpSender, there: PhoneCall, speaker: str, most_s: float, *, is_heard: bool = True
) -> str:
    """Both sides of the file, and what the other phone heard. `most_s`: how much of the voice may be missing."""
    manifest, left, right = await scene.entry()
    own, other = (left, right) if speaker == scene.recorded else (right, left)
    side = Heard.SAYS if own is left else Heard.HEARS
    if is_heard:
        _assert_heard(there.heard(), speaker, media)
    away = _away(manifest, own, speaker, unsent(media))
    lost_s = length_s(away)
    assert lost_s <= most_s, (away, manifest.recording)
    _assert_told(manifest, side, away, media)
    (listener,) = {scene.recorded, scene.partner} - {speaker}
    begun_anew_s = sum(one.to_s - one.from_s for one in manifest.recording.missing if one.side is Heard.BOTH)
    torn = [one for one in interruptions(other, TONES_HZ[listener]) if one[1] - one[0] > begun_anew_s + NEAR_S]
    assert not torn, (torn, manifest.recording)
    return "told" if away else "kept"


def _away(manifest: Manifest, own: Sound, speaker: str, away_from: list[Span]) -> list[Span]:
    """When the voice is not in the file though its phone has sent it, in Unix time; it is measured to a step."""
    began_s = manifest.recording.captures[0].from_s
    away = ((began_s + from_s, began_s + to_s) for from_s, to_s in interruptions(own, TONES_HZ[speaker]))
    return [(from_s, to_s) for from_s, to_s in without(away, away_from) if to_s - from_s > KEPT_S + STEP_S]


def _assert_heard(heard: Sound, speaker: str, media: RtpSender) -> None:
    """The other phone heard it. It is an Asterisk, too: where the numbers go back by half a second, it drops that itself."""
    away_s = length_s(interruptions(heard, TONES_HZ[speaker]))
    assert away_s <= LATE_S + media.unsent * PACKET_S, away_s


def _assert_told(manifest: Manifest, side: Heard, away: list[Span], media: RtpSender) -> None:
    """The entry tells each time in which the voice is not in the file, and not much more."""
    recording = manifest.recording
    missing = [one for one in recording.missing if one.side in {side, Heard.BOTH}]
    untold = without(away, [(one.from_s - EDGE_S, one.to_s + EDGE_S) for one in missing])
    assert all(to_s - from_s <= KEPT_S + EDGE_S for from_s, to_s in untold), (untold, recording)
    deaf = [(one.from_s, one.to_s) for one in missing if one.cause == AlarmCause.DEAF_LEG]
    assert length_s(without(deaf, unsent(media))) <= length_s(away) + NEAR_S, (away, recording)
    assert {one.cause for one in recording.missing} <= {AlarmCause.DEAF_LEG, *LOST_TO_LOAD}, recording
    if deaf:
        assert (manifest.state, recording.cause) == (StoredState.PARTIAL, AlarmCause.DEAF_LEG), recording
    else:
        assert_sound(manifest, unsent=media.unsent)


@case("source-behind", length_s=LENGTH_S)
async def source_behind(scene: Scene) -> str:
    """The recorded one's phone goes on with a new source and lower numbers, by twelve seconds."""
    return await _own(scene, _source(-LONG), HEALED_S)


@case("partner-source-behind", length_s=LENGTH_S)
async def partner_source_behind(scene: Scene) -> str:
    """The partner's phone does."""
    return await _partner(scene, _source(-LONG), HEALED_S)


@case("partner-source-behind-pcma", length_s=LENGTH_S)
async def partner_source_behind_pcma(scene: Scene) -> str:
    """The partner's phone has another codec: Asterisk gives the recorded one's phone nothing either."""
    return await _partner(scene, _source(-LONG), HEALED_S, "PCMA")


@case("source-behind-briefly", length_s=LENGTH_S)
async def source_behind_briefly(scene: Scene) -> str:
    """By half a second."""
    return await _own(scene, _source(-BRIEF), BRIEF * PACKET_S + NEAR_S)


@case("partner-source-behind-briefly", length_s=LENGTH_S)
async def partner_source_behind_briefly(scene: Scene) -> str:
    """The partner's phone, by half a second."""
    return await _partner(scene, _source(-BRIEF), BRIEF * PACKET_S + NEAR_S)


@case("source-ahead", length_s=LENGTH_S)
async def source_ahead(scene: Scene) -> str:
    """A new source with higher numbers: nothing is missing."""
    return await _own(scene, _source(LONG), KEPT_S)


@case("numbers-back", length_s=LENGTH_S)
async def numbers_back(scene: Scene) -> str:
    """The same source goes on with lower numbers, by twelve seconds."""
    return await _own(scene, _same(-LONG), HEALED_S + REPORT_S)


@case("partner-numbers-back", length_s=LENGTH_S)
async def partner_numbers_back(scene: Scene) -> str:
    """The partner's phone does."""
    return await _partner(scene, _same(-LONG), HEALED_S + REPORT_S)


@case("numbers-back-briefly", length_s=LENGTH_S)
async def numbers_back_briefly(scene: Scene) -> str:
    """By three seconds."""
    return await _own(scene, _same(-BACK), BACK * PACKET_S + NEAR_S)


@case("numbers-misordered", length_s=LENGTH_S)
async def numbers_misordered(scene: Scene) -> str:
    """By half a second: for a receiver these are late (RFC 3550, A.1), and the other phone drops them as the recorder does.
    The file holds what was heard."""
    async with scene.caller(scene.recorded, scene.partner) as phone:
        there = await scene.rings(scene.partner)
        await _speak(phone, _same(-BRIEF))
    manifest, left, _ = await scene.entry()
    sides = (interruptions(sound, TONES_HZ[scene.recorded]) for sound in (left, there.heard()))
    file_lacks_s, phone_lacks_s = (length_s(side) for side in sides)
    late_s = BRIEF * PACKET_S
    assert phone_lacks_s > late_s - KEPT_S, phone_lacks_s
    # A busy phone plays late packets as silence, which the file has in full: it may have more than was heard, never less
    assert late_s - NEAR_S < file_lacks_s < phone_lacks_s + NEAR_S, (file_lacks_s, phone_lacks_s)
    assert_sound(manifest, unsent=phone.media.unsent)
    return "kept"


@case("source-behind-by-reinvite", length_s=LENGTH_S)
async def source_behind_by_reinvite(scene: Scene) -> str:
    """The recorded one's phone starts its media again by a re-INVITE: a new source with lower numbers."""
    async with scene.caller(scene.recorded, scene.partner) as phone:
        there = await scene.rings(scene.partner)
        await asyncio.sleep(BEFORE_S)
        phone.media.jump(source=True, marker=True, packets=-LONG)
        await phone.change_codec("PCMU")
        await asyncio.sleep(AFTER_S)
    return await _judge(scene, phone.media, there, scene.recorded, HEALED_S)


async def _at_the_end(scene: Scene, act: Act, *, is_doubt: bool = False) -> str:
    """The recorded one's phone does it in the last seconds of the call: what is missing lasts to its end. `is_doubt`: a machine
    so busy that this side was silent before leaves only that so much may be missing."""
    async with scene.caller(scene.recorded, scene.partner) as phone:
        there = await scene.rings(scene.partner)
        await asyncio.sleep(BEFORE_S)
        act(phone.media)
        await asyncio.sleep(LAST_S)
        sent_to_s = phone.media.spurts[-1][1]
    assert seconds(there.heard(), scene.recorded) > BEFORE_S + LAST_S - LATE_S - phone.media.unsent * PACKET_S
    manifest, left, _ = await scene.entry()
    recording = manifest.recording
    held_to_s = recording.captures[0].from_s + max(to_s for _, to_s in spans(left, TONES_HZ[scene.recorded]))
    if sent_to_s - held_to_s <= NEAR_S:  # its numbers were ahead after all: they begin at random
        assert_explained(manifest, unsent=phone.media.unsent)  # or the call lasted until the recorder was mended
        return "told" if recording.missing else "kept"
    deaf = [(one.from_s, one.to_s) for one in recording.missing if one.cause == AlarmCause.DEAF_LEG]
    untold_s = length_s(without([(held_to_s + EDGE_S, sent_to_s - NEAR_S)], deaf))
    if is_doubt and recording.missing and untold_s <= (recording.may_lack_s or 0.0):
        return "told"
    assert (manifest.state, untold_s) == (StoredState.PARTIAL, 0.0), (held_to_s, sent_to_s, recording)
    return "told"


@case("source-behind-at-the-end", length_s=BEFORE_S + LAST_S)
async def source_behind_at_the_end(scene: Scene) -> str:
    """A new source with lower numbers in the last seconds of the call: the last counts tell it."""
    return await _at_the_end(scene, _source(-LONG))


@case("numbers-back-at-the-end", length_s=BEFORE_S + LAST_S)
async def numbers_back_at_the_end(scene: Scene) -> str:
    """The same source: no counter tells it in time, and the silence is doubted."""
    return await _at_the_end(scene, _same(-LONG), is_doubt=True)


async def _sent_on(scene: Scene, phone: SipCaller) -> tuple[Manifest, Sound, Sound]:
    """This phone goes back in its numbers, and a moment later a switchboard sends the recorded one on to the third."""
    await asyncio.sleep(BEFORE_S)
    phone.media.jump(packets=-LONG)
    await asyncio.sleep(MOMENT_S)
    (channel,) = await channels_of(scene.stack, scene.partner)
    await manager(scene.stack, "BlindTransfer", Channel=channel, Exten=scene.third, Context="default")
    await scene.rings(scene.third)
    await asyncio.sleep(AFTER_S)
    return await scene.entry()


@case("numbers-back-sent-on", length_s=LENGTH_S)
async def numbers_back_sent_on(scene: Scene) -> str:
    """The recorded one's phone does it, and is sent on: counters tell it later."""
    async with scene.caller(scene.recorded, scene.partner) as phone:
        await scene.rings(scene.partner)
        manifest, left, _ = await _sent_on(scene, phone)
    recording = manifest.recording
    waits = [(one.from_s - EDGE_S, (one.to_s or one.from_s) + NEAR_S) for one in recording.waiting]
    away = without(_away(manifest, left, scene.recorded, unsent(phone.media)), waits)
    assert length_s(away) <= HEALED_S + REPORT_S, (away, recording)
    told = [(one.from_s - EDGE_S, one.to_s + EDGE_S) for one in recording.missing if one.side is not Heard.HEARS]
    untold = [span for span in without(away, told) if span[1] - span[0] > KEPT_S + EDGE_S]
    assert length_s(untold) <= (recording.may_lack_s or 0.0) + EDGE_S, (untold, recording)
    return "told" if away else "kept"


@case("partner-numbers-back-sends-on", length_s=LENGTH_S)
async def partner_numbers_back_sends_on(scene: Scene) -> str:
    """The partner's phone does it, and leaves by the transfer: no counter tells it in time."""
    async with scene.caller(scene.partner, scene.recorded) as phone:
        await scene.rings(scene.recorded)
        jumped_s = time.time() + BEFORE_S
        manifest, _, right = await _sent_on(scene, phone)
    recording = manifest.recording
    words = [(from_s, to_s) for from_s, to_s in spans(right, TONES_HZ[scene.partner]) if to_s - from_s > CLICK_S]
    held_to_s = recording.captures[0].from_s + max(to_s for _, to_s in words)
    left_s = max(one.to_s or 0.0 for one in recording.parties if one.number == scene.partner)
    assert held_to_s > jumped_s - NEAR_S, (held_to_s, jumped_s, recording)
    told = [(one.from_s - EDGE_S, one.to_s + EDGE_S) for one in recording.missing if one.side is not Heard.SAYS]
    untold_s = length_s(without([(held_to_s + EDGE_S, left_s - EDGE_S)], told))
    assert untold_s <= (recording.may_lack_s or 0.0) + EDGE_S, (held_to_s, left_s, recording)
    return "told" if left_s - held_to_s > NEAR_S else "kept"
