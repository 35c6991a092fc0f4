"""`*3`: real calls between real phones; what their recordings hold, and what the people heard, is listened to."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from arrangement import OUTSIDE, lamp, manager, phone, tone_of, until_lamp, user_id
from conversing import News, Played, Scenes, conversation, play
from free_cpu import is_starved
from laboratory import until
from listening import (
    FAILED_HZ,
    KEYS_S,
    TOLERANCE_S,
    Stored,
    assert_heard,
    away_for_keys_s,
    heard_notes,
    hears_failed,
    hears_started,
    hears_stopped,
    pauses,
    presence,
)
from soundness import UNTOLD_S, missing_s

from callrec.domain.calls.model import ActorKind
from callrec.domain.library.manifest import Format
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import heard_s
from callrec_lab.phones import DIGIT_S, PAUSE_S, Answer, PhoneCall
from callrec_lab.stack import Stack

TALK_S = 2.2
"""A conversation that is recorded."""
SHORT_S = 0.6
"""A conversation that separates two things."""
ANSWER_S = 2.0
"""For so long a starved machine may need until both have heard the answer to a press."""
AUDIBLE_S = 1.2
"""A press so long after another one is not absorbed."""
PROVEN_S = 3.2
"""A conversation long enough for the file to be seen growing: Asterisk writes after 2.05 s at 8 kHz."""
WIDE_HZ = 5000
STRANGER = "0612345678"

CALLER_RECORDS = (("1000", "1002", 8000), ("1001", "1010", 16000), ("1003", "1011", 8000))
CALLEE_RECORDS = (("1012", "1013", 8000), ("1014", "1015", 16000), ("1016", "1017", 16000))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[Played]]:
    """All calls with the usual settings, at the same time, each between phones of its own."""
    by_caller = {f"{one}-{other}": play(stack, one, other, _caller_presses_twice) for one, other, _ in CALLER_RECORDS}
    by_callee = {f"{one}-{other}": play(stack, one, other, _callee_presses_twice) for one, other, _ in CALLEE_RECORDS}
    playing = Scenes(
        **by_caller,
        **by_callee,
        other_stops=play(stack, "1018", "1019", _other_stops),
        third_press=play(stack, "1020", "1021", _four_presses, recordings=2),
        double_press=play(stack, "1022", "1023", _double_press),
        at_once=play(stack, "1024", "1025", _both_at_once),
        refused=play(stack, "1004", "1026", _refused),
        stranger=play(stack, OUTSIDE, "1000", _stranger, dialled="2050", shown=STRANGER),
        before_answer=_before_answer(stack),
        hangup=play(stack, "1029", "1030", _no_second_press),
        wide=_wide(stack),
    )
    yield playing
    await playing.ended()


async def press_twice(call: PhoneCall, talk_s: float = TALK_S) -> None:
    """`*3`, talk, `*3`, with some conversation before and after."""
    await asyncio.sleep(SHORT_S)
    await call.press("*3")
    await asyncio.sleep(talk_s)
    await call.press("*3")
    await asyncio.sleep(ANSWER_S if is_starved() else SHORT_S)


async def _caller_presses_twice(there: PhoneCall, _here: PhoneCall) -> None:
    await press_twice(there)


async def _callee_presses_twice(_there: PhoneCall, here: PhoneCall) -> None:
    await press_twice(here)


def assert_lasts(stored: Stored, from_s: float, to_s: float) -> None:
    """The recording is as long as the time between these two instants."""
    assert stored.length_s == pytest.approx(to_s - from_s, abs=TOLERANCE_S)


def assert_recorded(played: Played, call: PhoneCall, presser: str, other: str, rate_hz: int) -> None:
    """All that is promised of one recording between two presses of one party."""
    (stored,) = played.stored
    stored.assert_sides(tone_of(presser), tone_of(other), keys_at="left-end")
    stored.assert_no_tones()
    assert_lasts(stored, *call.pressed_s)
    assert stored.numbers == [presser, other]
    assert stored.manifest.media is not None
    assert stored.manifest.media.rate_hz == rate_hz
    for listener in (played.caller, played.called):
        assert hears_started(listener)
        assert hears_stopped(listener)


@pytest.mark.parametrize(("caller", "called", "rate_hz"), CALLER_RECORDS)
async def test_the_caller_records(scenes: Scenes[Played], caller: str, called: str, rate_hz: int) -> None:
    """From the caller's keys to the caller's keys the file holds both sides, in full, at the rate of the caller's leg."""
    played = await scenes.of(f"{caller}-{called}")
    assert_recorded(played, played.caller, caller, called, rate_hz)


@pytest.mark.parametrize(("caller", "called", "rate_hz"), CALLEE_RECORDS)
async def test_the_called_party_records(scenes: Scenes[Played], caller: str, called: str, rate_hz: int) -> None:
    """The same for who was called: the presser is on the left."""
    played = await scenes.of(f"{caller}-{called}")
    assert_recorded(played, played.called, called, caller, rate_hz)


async def _wide(stack: Stack) -> Played:
    bank = stack.bank
    assert bank is not None
    wave = 6000 * np.sin(2 * np.pi * WIDE_HZ * np.arange(16000 * 20) / 16000)
    (bank.root / "share/sounds/wide.sln16").write_bytes(wave.astype("<i2").tobytes())
    await bank.cli("module load app_playback.so")
    await bank.cli("dialplan add extension wide,1,Playback,wide into phone")

    async def sing(there: PhoneCall, here: PhoneCall) -> None:
        await there.press("*3")
        await here._go("wide")
        await asyncio.sleep(TALK_S)

    return await play(stack, "1032", "1033", sing)


async def test_wide_band_is_kept(scenes: Scenes[Played]) -> None:
    """Between two G.722 phones, what is above 4 kHz is in the file."""
    (stored,) = (await scenes.of("wide")).stored
    from_s, to_s = heard_s(stored.right, WIDE_HZ) or (0.0, 0.0)
    assert to_s - from_s == pytest.approx(stored.length_s, abs=KEYS_S)
    assert_heard(stored.right.between(from_s, to_s), WIDE_HZ)


async def _other_stops(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(TALK_S)
    await here.press("*3")
    await asyncio.sleep(SHORT_S)


async def test_one_party_starts_and_the_other_stops(scenes: Scenes[Played]) -> None:
    """There is one state per call: the callee stops what the caller started, and the file ends with the callee's keys."""
    played = await scenes.of("other_stops")
    (stored,) = played.stored
    own_hz, other_hz = tone_of("1018"), tone_of("1019")
    stored.assert_sides(own_hz, other_hz, keys_at="right-end")
    assert_lasts(stored, played.caller.pressed_s[0], played.called.pressed_s[0])
    assert stored.numbers == ["1018", "1019"]


async def _four_presses(there: PhoneCall, _here: PhoneCall) -> None:
    await press_twice(there, AUDIBLE_S)
    await press_twice(there)


async def test_a_third_press_makes_a_second_recording(scenes: Scenes[Played]) -> None:
    """Start, stop, start, stop: two recordings of one call, each from its own press to its own press."""
    played = await scenes.of("third_press")
    first, second = played.stored
    assert first.manifest.recording.call == second.manifest.recording.call
    assert (first.id[-2:], second.id[-2:]) == ("-1", "-2")
    for stored, presses in ((first, slice(0, 2)), (second, slice(2, 4))):
        stored.assert_sides(tone_of("1020"), tone_of("1021"), keys_at="left-end")
        assert_lasts(stored, *played.caller.pressed_s[presses])


async def _double_press(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3*3")
    await asyncio.sleep(TALK_S)
    await there.press("*3")
    await asyncio.sleep(SHORT_S)


async def test_a_second_press_within_a_second_is_absorbed(stack: Stack, scenes: Scenes[Played]) -> None:
    """`*3*3` in one go starts a recording and does not stop it: the presser cannot have heard the tone yet."""
    played = await scenes.of("double_press")
    (stored,) = played.stored
    second_s, last_s = played.caller.pressed_s
    assert len(played.news.events("press-absorbed", user=user_id(stack, "1022"))) == 1
    away_s = (1 - presence(stored.right, tone_of("1023"))) * stored.length_s
    assert away_s <= 0.01 * stored.length_s + UNTOLD_S + missing_s(stored.manifest)
    assert_lasts(stored, second_s - 2 * (DIGIT_S + PAUSE_S), last_s)


async def _both_at_once(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await asyncio.gather(there.press("*3"), here.press("*3"))
    await asyncio.sleep(TALK_S)


async def test_both_parties_press_at_once(scenes: Scenes[Played]) -> None:
    """Two presses in the same moment are one start: one recording, which goes on until the hangup."""
    played = await scenes.of("at_once")
    (stored,) = played.stored
    call = stored.manifest.recording.call
    assert len(played.news.events("press-absorbed", call=call)) == 1
    left, right = (tone_of(number) for number in stored.numbers)
    stored.assert_sides(left, right)
    pressed_s = min(played.caller.pressed_s + played.called.pressed_s)
    assert_lasts(
        stored, pressed_s + PAUSE_S, played.caller.ended_s
    )  # after their keys neither phone sends anything at first


async def _refused(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(AUDIBLE_S)
    await here.press("*3")
    await asyncio.sleep(AUDIBLE_S)
    await there.press("*3")
    await asyncio.sleep(AUDIBLE_S)


async def test_who_may_not_record_is_refused(stack: Stack, scenes: Scenes[Played]) -> None:
    """A user without permission hears so, alone, and neither starts a recording nor stops the other's."""
    played = await scenes.of("refused")
    (stored,) = played.stored
    assert len(played.news.events("press-refused", user=user_id(stack, "1004"))) == 2
    assert hears_failed(played.caller)
    assert heard_notes(played.called.heard(), FAILED_HZ) == []
    assert stored.numbers == ["1026", "1004"]
    assert [
        pause for pause in pauses(played.called.heard(), tone_of("1004")) if pause.length_s > away_for_keys_s()
    ] == []
    assert_lasts(stored, played.called.pressed_s[0], played.caller.ended_s)


async def _stranger(there: PhoneCall, here: PhoneCall) -> None:
    await there.press("*3")
    await until(lambda: here.digits == "*3")
    await asyncio.sleep(SHORT_S)
    await here.press("*3")
    await asyncio.sleep(TALK_S)


async def test_a_strangers_keys_go_through(scenes: Scenes[Played]) -> None:
    """`*3` of a caller from outside reaches the user's phone as digits and records nothing; the user's own `*3` records."""
    played = await scenes.of("stranger")
    (stored,) = played.stored
    stored.assert_sides(tone_of("1000"), tone_of(OUTSIDE))
    assert_lasts(stored, played.called.pressed_s[0], played.caller.ended_s)


async def test_the_sidecar_says_who_why_and_when(stack: Stack, scenes: Scenes[Played]) -> None:
    """Who pressed, under which rule, who was there under which number and name, from when to when, and when a tone told them."""
    played = await scenes.of("stranger")
    (stored,) = played.stored
    recording = stored.manifest.recording
    user = user_id(stack, "1000")
    assert (recording.actor.kind, recording.actor.user) == (ActorKind.USER, user)
    assert recording.rule is Rule.ON_DEMAND
    presser, stranger = recording.parties
    assert (presser.user, presser.number, presser.name) == (user, "1000", "John Doe")
    assert (stranger.user, stranger.number) == (None, STRANGER)
    assert presser.leg == recording.actor.leg == recording.captures[0].leg
    assert recording.node == "lab"
    assert recording.from_s == pytest.approx(played.called.pressed_s[0], abs=TOLERANCE_S)
    assert recording.to_s == pytest.approx(played.caller.ended_s, abs=TOLERANCE_S)
    (announced_s,) = recording.announcements
    assert recording.from_s <= announced_s <= recording.from_s + 2


async def _before_answer(stack: Stack) -> Played:
    await phone(stack, "1028").behave(Answer(after_s=1.5, tone_hz=tone_of("1028")))
    async with News(stack) as news:
        there = await phone(stack, "1027").call("7002", tone_hz=tone_of("1027"))
        here = await phone(stack, "1028").rings()
        await there.answered()
        await there.press("*3")
        assert not here.is_over
        await here.answered()
        await press_twice(there)
        await there.hangup()
        await here.ended()
        return Played(there, here, await news.stored("1027", "1028"), news)


async def test_a_press_before_the_answer_does_nothing(stack: Stack, scenes: Scenes[Played]) -> None:
    """While the other's phone still rings, `*3` neither records nor waits to record: only the presses after the answer count."""
    played = await scenes.of("before_answer")
    (stored,) = played.stored
    assert [event["type"] for event in played.news.seen if event.get("user") == user_id(stack, "1027")] == []
    stored.assert_sides(tone_of("1027"), tone_of("1028"), keys_at="left-end")
    assert_lasts(stored, *played.caller.pressed_s[1:])


async def _no_second_press(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(TALK_S)


async def test_a_hangup_ends_the_recording_sound(scenes: Scenes[Played]) -> None:
    """Who hangs up instead of pressing again loses nothing."""
    played = await scenes.of("hangup")
    (stored,) = played.stored
    stored.assert_sides(tone_of("1029"), tone_of("1030"))
    assert_lasts(stored, played.caller.pressed_s[0], played.caller.ended_s)


async def test_the_lamps_say_recording_when_the_file_grows(stack: Stack, scenes: Scenes[Played]) -> None:
    """Both users' `*3` lamps are lit from the file's first growth to its end, and never before."""
    await scenes.ended()
    users = ("1031", "1007")
    before: list[str] = []
    async with News(stack) as news:
        async with conversation(stack, *users) as (there, _):
            assert [await lamp(stack, user, "3") for user in users] == ["NOT_INUSE", "NOT_INUSE"]
            await there.press("*3")
            async with asyncio.timeout(PROVEN_S + 1):
                while (state := await lamp(stack, "1031", "3")) != "INUSE":
                    before += [state] if written(stack) == 0 else []
            assert written(stack) > 0
            await until_lamp(stack, "1007", "3", "INUSE")
            async with manager(stack.pbx) as ami:
                asked = [("Exten", f"*735{user_id(stack, '1031')}***23"), ("Context", "default")]
                hint = await ami.action("ExtensionState", asked)
            await there.press("*3")
            for user in users:
                await until_lamp(stack, user, "3", "NOT_INUSE")
        stored = await news.one(*users)
    assert set(before) == {"NOT_INUSE"}
    assert hint.get("StatusText") == "InUse"
    stored.assert_sides(tone_of("1031"), tone_of("1007"), keys_at="left-end")


def written(stack: Stack) -> int:
    """How many bytes of the only open capture are on the disk."""
    return min((file.stat().st_size for file in stack.daemon.spool.glob("[!.]*")), default=0)


async def test_a_recording_is_wav_in_the_folder_of_its_day_under_our_own_name(
    stack: Stack, scenes: Scenes[Played]
) -> None:
    """The default: stereo PCM at the leg's rate."""
    (stored,) = (await scenes.of("hangup")).stored
    stored.assert_holds(Format.WAV, tone_of("1029"), tone_of("1030"))
    day = stored.path.parent.relative_to(stack.daemon.monitor)
    assert [len(part) for part in day.parts] == [4, 2, 2]
    assert stored.path.stem == stored.id
