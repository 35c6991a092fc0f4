"""Media formats and names: one real call each, listened to after decoding what was stored."""

import asyncio
import re

import pytest
from arrangement import tone_of
from conversing import News, play, together
from listening import HEARD, Stored, presence, voice

from callrec.domain.lifecycle import Format
from callrec.lab.phones import PhoneCall
from callrec.lab.stack import Stack

TALK_S = 2.0


async def _record(there: PhoneCall, _here: PhoneCall) -> None:
    await there.press("*3")
    await asyncio.sleep(TALK_S)


async def _recorded(stack: Stack, caller: str, called: str) -> Stored:
    (stored,) = (await play(stack, caller, called, _record)).stored
    return stored


def assert_holds_both(stored: Stored, left_hz: int, right_hz: int, media_format: Format) -> None:
    """The file is of this format, decodes to what the sidecar says, and holds each tone on its side alone."""
    media = stored.manifest.media
    assert media is not None
    assert media.format is media_format
    assert stored.path.suffix == f".{media_format.value}"
    assert stored.path.stat().st_size == media.bytes
    assert stored.length_s == pytest.approx(media.length_s, abs=0.06)
    assert stored.length_s == pytest.approx(TALK_S, abs=0.15)
    for sound, own_hz, other_hz in ((stored.left, left_hz, right_hz), (stored.right, right_hz, left_hz)):
        assert presence(voice(sound, own_hz), own_hz) >= HEARD
        assert presence(sound, other_hz) <= 1 - HEARD


async def test_wav(stack: Stack) -> None:
    """The default: stereo PCM at the leg's rate, in the day's folder under our own name."""
    stored = await _recorded(stack, "1000", "1002")
    assert_holds_both(stored, tone_of("1000"), tone_of("1002"), Format.WAV)
    day = stored.path.parent.relative_to(stack.daemon.monitor)
    assert [len(part) for part in day.parts] == [4, 2, 2]
    assert stored.path.stem == stored.id


@pytest.mark.parametrize(
    "media_format",
    [
        pytest.param(Format.FLAC, marks=pytest.mark.profile("discreet")),
        pytest.param(Format.OPUS, marks=pytest.mark.profile("silent")),
        pytest.param(Format.MP3, marks=pytest.mark.profile("fragile")),
    ],
)
async def test_compressed(changed: Stack, media_format: Format) -> None:
    """The same conversation in each compressed format."""
    stored = await _recorded(changed, "1000", "1002")
    assert_holds_both(stored, tone_of("1000"), tone_of("1002"), media_format)


@pytest.mark.profile("silent")
async def test_names_as_xivo_gave_them(changed: Stack) -> None:
    """Flat, `auto-<epoch>-<presser>-<peer>`; calls between the same numbers in the same second do not overwrite each other."""
    number, other = "1003", "1000"
    async with News(changed) as news:
        calls = [await changed.phone(number).call(other, tone_hz=tone_of(number)) for _ in range(3)]
        await together(*(call.answered() for call in calls))
        await together(*(call.press("*3") for call in calls))
        await asyncio.sleep(TALK_S)
        await together(*(call.hangup() for call in calls))
        recordings = await news.stored(number, other, count=3)
    stems = [stored.path.stem for stored in recordings]
    epochs = [int(stored.manifest.recording.from_s) for stored in recordings]
    assert len(set(epochs)) < len(set(stems)) == 3
    for stored, epoch in zip(recordings, epochs, strict=True):
        assert stored.path.parent == changed.daemon.monitor
        assert re.fullmatch(rf"auto-{epoch}-{number}-{other}(-[23])?", stored.path.stem)
        assert_holds_both(stored, tone_of(number), tone_of(other), Format.OPUS)
