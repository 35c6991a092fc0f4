"""Who is told that they are recorded: what each phone hears, and what the entry claims of it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from arrangement import OUTSIDE, STRANGERS_ROOM, lay_test_extensions, phone, settle, tone_of
from conversing import News, Played, Scenes, conversation, listed, play
from free_cpu import is_starved
from laboratory import BOUND_S
from listening import NOTE_S, Stored, heard_notes, hears_failed, hears_started, hears_stopped, presence
from soundness import assert_sound

from callrec.domain.calls.model import OPTED_OUT, ActorKind, Control, Hearing, NotHeard, Told, WaitingKind
from callrec.domain.library.manifest import StoredState
from callrec_lab.audio_checks import Sound, heard_s, longest_s
from callrec_lab.phones import PhoneCall
from callrec_lab.prompt_checks import OTHER, SAME, SOUNDS, likeness, prompt
from callrec_lab.stack import Stack

SHORT_S = 0.8
TALK_S = 2.2
PROMPT_S = 3.5
"""The longest prompt, and until it begins."""
LANGUAGES = ("de", "en", "es", "fr")
STRANGER, GUEST, CONFERENCE = "0612345678", "0612345676", "7003"
SOON_S = 0.1
FEWEST = 12
"""Of the 16 packets of the tone."""

Silence = Callable[[PhoneCall, PhoneCall], object]
Transfer = Callable[[Stack, PhoneCall, str], Awaitable[PhoneCall]]
Scene = Coroutine[None, None, object]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[Played]]:
    """All calls at the same time, each between phones of its own. The caller presses."""
    playing = Scenes(
        both_talk=play(stack, "1000", "1002", _press),
        partner_mute=play(stack, "1001", "1010", _partner_mute),
        partner_silent=play(stack, "1003", "1011", _partner_silent),
        presser_silent=play(stack, "1012", "1013", _presser_silent),
        joins_later=_joins_later(stack),
        hangs_up=play(stack, "1014", "1015", _hangs_up),
    )
    yield playing
    await playing.ended()


async def _press(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(TALK_S)


async def _partner_mute(there: PhoneCall, here: PhoneCall) -> None:
    await here.mute()
    await _press(there, here)


async def _partner_silent(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await here.hum(0)
    await _press(there, here)
    await there.press("*3")
    await asyncio.sleep(TALK_S)


async def _presser_silent(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.hum(0)
    await _press(there, here)


async def _hangs_up(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")


async def _joins_later(stack: Stack) -> Played:
    async with News(stack) as news:
        async with conversation(stack, "1016", "1017") as (there, here):
            await _press(there, here)
            await here.send_to("1018")
            third = await (await phone(stack, "1018").rings()).answered()
            await here.hangup()
            await asyncio.sleep(TALK_S)
            await there.hangup()
            await third.ended()
        return Played(there, third, await news.stored("1016", "1017", "1018"), news)


def languages(call: PhoneCall, *beside: str) -> list[str]:
    """The languages in which this phone was told that it is recorded, beside what the phones of these numbers said. Of a prompt
    that a starved machine tears apart less is known again, and still more than of any other."""
    tones_hz, heard = [tone_of(number) for number in beside], call.heard()
    found = {one: likeness(heard, prompt(one, "call-is-recorded"), beside_hz=tones_hz) for one in LANGUAGES}
    least = OTHER if is_starved() else SAME
    return [one for one, alike in found.items() if alike >= least]


def hearing(stored: Stored, number: str) -> Hearing:
    """What the entry says of the only hearing of this participant."""
    legs = {party.leg for party in stored.manifest.recording.parties if party.number == number}
    (found,) = [one for one in stored.manifest.recording.hearings if one.leg in legs]
    return found


def assert_heard(stored: Stored, *numbers: str, what: Told = Told.TONE) -> None:
    """The entry claims it of these, with its proof, and while the recording went on."""
    recording = stored.manifest.recording
    for number in numbers:
        found = hearing(stored, number)
        assert found.is_heard, found
        assert found.what is what
        assert (found.packets or 0) >= FEWEST, found
        assert recording.from_s <= found.from_s < (found.to_s or 0.0) <= (recording.to_s or 0.0)


def assert_not_heard(stored: Stored, number: str, cause: NotHeard) -> None:
    """The entry does not claim it of this one, and says why."""
    found = hearing(stored, number)
    assert (found.is_heard, found.cause) == (False, cause), found


def both_heard_it_start(played: Played) -> Stored:
    """The only recording of a call in which both phones heard the tone."""
    (stored,) = played.stored
    assert hears_started(played.caller)
    assert hears_started(played.called)
    return stored


async def test_both_hear_that_a_recording_starts(scenes: Scenes[Played]) -> None:
    stored = both_heard_it_start(await scenes.of("both_talk"))
    assert_heard(stored, "1000", "1002")
    (announced_s,) = stored.manifest.recording.announcements
    assert announced_s == pytest.approx(hearing(stored, "1000").from_s, abs=SOON_S)
    stored.assert_sides(tone_of("1000"), tone_of("1002"))
    stored.assert_no_tones()


async def test_a_partner_whose_microphone_is_off_hears_it(scenes: Scenes[Played]) -> None:
    """Packets of silence are packets."""
    stored = both_heard_it_start(await scenes.of("partner_mute"))
    assert_heard(stored, "1001", "1010")
    assert len(stored.manifest.recording.announcements) == 1


async def test_a_presser_whose_partner_sends_nothing_hears_the_tones(scenes: Scenes[Played]) -> None:
    """The presser heard nothing, and the entry claimed that both had. Nobody proves that the partner is there."""
    played = await scenes.of("partner_silent")
    (stored,) = played.stored
    assert hears_started(played.caller)
    assert hears_stopped(played.caller)
    assert_heard(stored, "1003")
    assert_not_heard(stored, "1011", NotHeard.NO_RTP_IN)
    assert stored.manifest.recording.announcements == ()
    stored.assert_no_tones()


async def test_a_partner_hears_the_tone_of_a_presser_who_sends_nothing(scenes: Scenes[Played]) -> None:
    stored = both_heard_it_start(await scenes.of("presser_silent"))
    assert_heard(stored, "1013")
    assert_not_heard(stored, "1012", NotHeard.NO_RTP_IN)


async def test_of_who_joins_later_the_entry_says_that_nothing_told_them(scenes: Scenes[Played]) -> None:
    played = await scenes.of("joins_later")
    (stored,) = played.stored
    assert hears_started(played.caller)
    assert not hears_started(played.called)
    assert_heard(stored, "1016", "1017")
    assert_not_heard(stored, "1018", NotHeard.NOT_ANNOUNCED)


async def test_who_hangs_up_before_its_end_has_not_heard_it(scenes: Scenes[Played]) -> None:
    played = await scenes.of("hangs_up")
    (stored,) = played.stored
    for number, call in (("1014", played.caller), ("1015", played.called)):
        assert not hearing(stored, number).is_heard or hears_started(call)
    assert stored.manifest.recording.announcements == ()


# -- a prompt, whatever the rule: CALLREC_ANNOUNCE ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """A call of more than two that has ended: each phone with what it heard, and the only recording."""

    calls: list[PhoneCall]
    stored: Stored


async def _talk(_there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(PROMPT_S + TALK_S)


async def _sent_to_a_third(stack: Stack, *numbers: str) -> Group:
    """The second one sends the first one to the third."""
    first, second, third = numbers
    async with News(stack) as news:
        async with conversation(stack, first, second) as (there, here):
            await asyncio.sleep(PROMPT_S + TALK_S)
            await here.send_to(third)
            joined = await (await phone(stack, third).rings()).answered()
            await here.hangup()
            await asyncio.sleep(PROMPT_S + TALK_S)
        await joined.ended()
        (stored,) = await news.stored(*numbers)
    return Group([there, here, joined], stored)


@asynccontextmanager
async def in_the_conference(stack: Stack, *numbers: str) -> AsyncIterator[list[PhoneCall]]:
    """They come one after the other; the last one is there for as long as a prompt takes."""
    calls = []
    for number in numbers:
        calls.append(await (await phone(stack, number).call(CONFERENCE, tone_hz=tone_of(number))).answered())
        await asyncio.sleep(PROMPT_S)
    yield calls
    for call in calls:
        await call.hangup()


async def _conference(stack: Stack, *numbers: str) -> Group:
    async with News(stack) as news:
        async with in_the_conference(stack, *numbers) as calls:
            await asyncio.sleep(TALK_S)
        (stored,) = await news.stored(*numbers, CONFERENCE)
    return Group(calls, stored)


async def _press_to_a_silent_one(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await here.hum(0)
    await there.press("*3")
    await asyncio.sleep(2 * PROMPT_S + TALK_S)


async def in_turn(lock: asyncio.Lock, scene: Scene) -> object:
    """For scenes that need the same number or room."""
    try:
        async with lock:
            return await scene
    finally:
        scene.close()


@asynccontextmanager
async def beside_each_other(stack: Stack, profile: str, **scenes: Scene) -> AsyncIterator[Scenes[Played | Group]]:
    """Calls of a product with these settings, each between phones of its own."""
    try:
        await settle(stack, profile)
        await lay_test_extensions(stack)
    except BaseException:
        for scene in scenes.values():
            scene.close()
        raise
    playing = Scenes(**scenes)
    yield playing
    await playing.ended()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def announcing(second_stack: Stack) -> AsyncIterator[Scenes[Played | Group]]:
    """1006 speaks French, 1002 and 1034 German, 1003 and 1045 Spanish; 1006, 1036 and 1037 are always recorded. 2055 is an
    English user's number, and is called in Spain."""
    stack = second_stack
    code, said = await stack.daemon.callrec("incalls", "set", "2055", "--language", "es_ES")
    assert code == 0, said
    async with beside_each_other(
        stack,
        "announcing",
        by_rule=play(stack, "1006", "1002", _talk),
        by_number=play(stack, OUTSIDE, "1005", _talk, dialled="2055", shown=STRANGER),
        sent=_sent_to_a_third(stack, "1036", "1034", "1045"),
        conference=_conference(stack, "1037", "1001", "1003"),
        silent=play(stack, "1012", "1013", _press_to_a_silent_one),
    ) as playing:
        yield playing


@pytest.mark.profile("announcing")
async def test_each_hears_in_their_own_language_that_a_call_is_recorded_by_rule(
    announcing: Scenes[Played | Group],
) -> None:
    """The prompt is in no file."""
    played = await announcing.of("by_rule")
    (stored,) = played.stored
    assert languages(played.caller, "1002") == ["fr"]
    assert languages(played.called, "1006") == ["de"]
    assert_heard(stored, "1006", "1002", what=Told.PROMPT)
    assert [hearing(stored, number).language for number in ("1006", "1002")] == ["fr", "de"]
    assert len(stored.manifest.recording.announcements) == 1
    stored.assert_sides(tone_of("1006"), tone_of("1002"))
    for side, number in ((stored.left, "1006"), (stored.right, "1002")):
        for one in LANGUAGES:
            assert likeness(side, prompt(one, "call-is-recorded"), beside_hz=[tone_of(number)]) < OTHER


@pytest.mark.profile("announcing")
async def test_who_calls_a_number_hears_it_in_the_language_of_the_number(announcing: Scenes[Played | Group]) -> None:
    played = await announcing.of("by_number")
    (stored,) = played.stored
    assert languages(played.caller, "1005") == ["es"]
    assert languages(played.called, OUTSIDE) == ["en"]
    assert_heard(stored, STRANGER, "1005", what=Told.PROMPT)


@pytest.mark.profile("announcing")
async def test_who_is_sent_the_call_is_told_when_they_join(announcing: Scenes[Played | Group]) -> None:
    """The recorded user, who stays, is not told twice."""
    sent = await announcing.of("sent")
    there, here, third = sent.calls
    assert languages(there, "1034", "1045") == ["en"]
    assert languages(here, "1036") == ["de"]
    assert languages(third, "1036") == ["es"]
    assert_heard(sent.stored, "1036", "1034", "1045", what=Told.PROMPT)
    first_s, last_s = hearing(sent.stored, "1036").from_s, hearing(sent.stored, "1045").from_s
    assert last_s - first_s >= PROMPT_S


@pytest.mark.profile("announcing")
async def test_three_in_a_conference_are_told_each_when_they_come(announcing: Scenes[Played | Group]) -> None:
    """The first is recorded by rule."""
    conference = await announcing.of("conference")
    assert languages(conference.calls[1], "1037", "1003") == ["fr"]
    assert languages(conference.calls[2], "1037", "1001") == ["es"]
    assert_heard(conference.stored, "1037", "1001", "1003", what=Told.PROMPT)


@pytest.mark.profile("announcing")
async def test_a_press_is_told_by_the_prompt_to_a_partner_who_sends_nothing(announcing: Scenes[Played | Group]) -> None:
    """It is tried again; nothing proves that the partner is there."""
    played = await announcing.of("silent")
    (stored,) = played.stored
    assert languages(played.caller) == ["en"]
    assert_heard(stored, "1012", what=Told.PROMPT)
    assert_not_heard(stored, "1013", NotHeard.NO_RTP_IN)
    assert stored.manifest.recording.announcements == ()


# -- told first: CALLREC_ANNOUNCE=prompt-first --------------------------------------------------------------------------

FIRST_SAID_S = 1.5
"""The shortest prompt lasts longer."""


def announcing_s(stored: Stored) -> tuple[float, float]:
    """The only time in which the participants were told first, from the recording's beginning on."""
    recording = stored.manifest.recording
    (found,) = [one for one in recording.waiting if one.kind is WaitingKind.ANNOUNCING]
    assert found.from_s == recording.from_s
    assert found.to_s is not None
    return found.from_s, found.to_s


def assert_told_first(stored: Stored, *numbers: str) -> None:
    """Nothing was captured before the prompt had ended at each of these, and no recorder began late: the entry is sound."""
    _, told_s = announcing_s(stored)
    for number in numbers:
        assert (hearing(stored, number).to_s or 0.0) <= told_s
    first = next(one for one in stored.manifest.recording.captures if not one.is_place)
    assert first.from_s >= told_s
    assert_sound(stored.manifest)


def unrecorded_s(side: Sound, call: PhoneCall, number: str) -> float:
    """For how long this phone heard the tone of the other one before it was recorded: in sound, not by a clock."""
    heard = heard_s(call.heard(), tone_of(number)) or (0.0, 0.0)
    kept = heard_s(side, tone_of(number)) or (0.0, 0.0)
    return (heard[1] - heard[0]) - (kept[1] - kept[0])


async def _press_to_one_who_speaks_later(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await here.hum(0)
    await there.press("*3")
    await asyncio.sleep(PROMPT_S)
    await here.hum(tone_of("1013"))
    await asyncio.sleep(PROMPT_S + TALK_S)


async def _hangs_up_at_once(_there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told_first(second_stack: Stack) -> AsyncIterator[Scenes[Played | Group]]:
    """Who speaks which language: as in `announcing`. 1005, 1006, 1036, 1038, 1039 and 1046 are always recorded."""
    stack = second_stack
    number, room = asyncio.Lock(), asyncio.Lock()  # two scenes call the one, two are in the other
    async with beside_each_other(
        stack,
        "told-first",
        both=play(stack, "1006", "1002", _talk),
        silent=play(stack, "1012", "1013", _press_to_one_who_speaks_later),
        third=_sent_to_a_third(stack, "1036", "1034", "1045"),
        conference=in_turn(room, _conference(stack, "1038", "1001", "1003")),
        ends=play(stack, "1046", "1014", _hangs_up_at_once),
        opts_out=in_turn(number, _opts_out(stack, by_sip_info=False)),
        opts_out_by_sip_info=in_turn(number, _opts_out(stack, by_sip_info=True)),
        opts_out_of_the_conference=in_turn(room, _opts_out_of_the_conference(stack, "1039", "1009")),
    ) as playing:
        yield playing


@pytest.mark.profile("told-first")
async def test_nothing_is_recorded_before_both_have_heard_the_prompt_in_their_language(
    told_first: Scenes[Played | Group],
) -> None:
    """They hear each other all the while."""
    played = await told_first.of("both")
    (stored,) = played.stored
    assert languages(played.caller, "1002") == ["fr"]
    assert languages(played.called, "1006") == ["de"]
    assert_heard(stored, "1006", "1002", what=Told.PROMPT)
    assert_told_first(stored, "1006", "1002")
    stored.assert_sides(tone_of("1006"), tone_of("1002"))
    assert unrecorded_s(stored.left, played.called, "1006") >= FIRST_SAID_S
    assert unrecorded_s(stored.right, played.caller, "1002") >= FIRST_SAID_S
    for side, number in ((stored.left, "1006"), (stored.right, "1002")):
        for one in LANGUAGES:
            assert likeness(side, prompt(one, "call-is-recorded"), beside_hz=[tone_of(number)]) < OTHER


@pytest.mark.profile("told-first")
async def test_a_phone_that_sends_nothing_does_not_keep_a_press_from_recording(
    told_first: Scenes[Played | Group],
) -> None:
    """The entry says that nothing proves that 1013 has heard it."""
    played = await told_first.of("silent")
    (stored,) = played.stored
    announcing_s(stored)
    assert_heard(stored, "1012", what=Told.PROMPT)
    assert languages(played.caller, "1013") == ["en"]
    assert presence(stored.left, tone_of("1012")) > 0.9
    assert len(played.news.events("press-announcing", call=stored.manifest.recording.call)) == 1


@pytest.mark.profile("told-first")
async def test_a_third_is_told_on_joining_while_the_recording_goes_on(told_first: Scenes[Played | Group]) -> None:
    """Two were told first, in German and English; the third, in Spanish, joins a recording that has begun."""
    sent = await told_first.of("third")
    there, here, third = sent.calls
    assert languages(there, "1034", "1045") == ["en"]
    assert languages(here, "1036") == ["de"]
    assert languages(third, "1036") == ["es"]
    assert_heard(sent.stored, "1036", "1034", "1045", what=Told.PROMPT)
    _, told_s = announcing_s(sent.stored)
    assert hearing(sent.stored, "1045").from_s > told_s
    assert max(hearing(sent.stored, number).to_s or 0.0 for number in ("1036", "1034")) <= told_s


@pytest.mark.profile("told-first")
async def test_in_a_conference_of_three_the_first_is_told_first_and_the_others_when_they_come(
    told_first: Scenes[Played | Group],
) -> None:
    """Nothing is recorded before the first one, who is recorded by rule, has heard it. The file has all three, and no prompt."""
    numbers = ("1038", "1001", "1003")
    conference = await told_first.of("conference")
    calls, stored = conference.calls, conference.stored
    assert languages(calls[1], numbers[0], numbers[2]) == ["fr"]
    assert languages(calls[2], *numbers[:2]) == ["es"]
    assert_heard(stored, *numbers, what=Told.PROMPT)  # the first one hears the conference's own words at the same time
    assert_told_first(stored, numbers[0])
    for side, number in ((stored.left, numbers[0]), (stored.right, numbers[1]), (stored.right, numbers[2])):
        assert (heard_s(side, tone_of(number)) or (0.0, 0.0))[1] > 0.0, number
        for one in LANGUAGES:
            others = [tone_of(other) for other in numbers]
            assert likeness(side, prompt(one, "call-is-recorded"), beside_hz=others) < OTHER


@pytest.mark.profile("told-first")
async def test_of_a_call_that_ends_during_the_prompt_the_entry_says_so(told_first: Scenes[Played | Group]) -> None:
    played = await told_first.of("ends")
    (stored,) = played.stored
    announcing_s(stored)
    assert (stored.manifest.state, stored.manifest.recording.cause) == (StoredState.FAILED, "ended-while-announcing")
    assert stored.manifest.media is None


# -- own prompts -------------------------------------------------------------------------------------------------------

OWN_WORDS = "service-unknown"
"""A sentence of another prompt, in the place of that of call-is-recorded."""


@pytest.mark.profile("told-first")
async def test_an_own_prompt_is_heard_and_waited_for_in_its_language_alone(changed: Stack) -> None:
    """1002 speaks German; the own sentence is longer than callrec's, and nothing is recorded before its end."""
    own = SOUNDS / "de/callrec" / f"{OWN_WORDS}.wav"
    code, said = await changed.daemon.callrec("prompts", "set", "call-is-recorded", "de", str(own))
    assert code == 0, said
    try:
        played = await play(changed, "1006", "1002", _talk)
        code, said = await changed.daemon.callrec("doctor")
        assert "OK          own prompts: Asterisk plays all 1" in said, (code, said)
    finally:
        code, said = await changed.daemon.callrec("prompts", "remove", "call-is-recorded", "de")
    assert code == 0, said
    (stored,) = played.stored
    assert languages(played.caller, "1002") == ["fr"]
    assert languages(played.called, "1006") == []
    spoken = prompt("de", OWN_WORDS)
    assert likeness(played.called.heard(), spoken, beside_hz=[tone_of("1006")]) >= SAME
    assert_told_first(stored, "1006", "1002")
    assert_heard(stored, "1006", "1002", what=Told.PROMPT)
    assert (hearing(stored, "1002").packets or 0) >= 0.8 * spoken.length_s / 0.02
    assert unrecorded_s(stored.left, played.called, "1006") >= spoken.length_s - SHORT_S


# -- opting out --------------------------------------------------------------------------------------------------------


async def _opts_out(stack: Stack, *, by_sip_info: bool) -> Played:
    async def opt_out(there: PhoneCall, here: PhoneCall) -> None:
        await asyncio.sleep(PROMPT_S + TALK_S)
        await here.press("9")  # a user may not
        await asyncio.sleep(TALK_S)
        if by_sip_info:
            await there.press_by_sip_info()
        await there.press("9")
        await asyncio.sleep(TALK_S)
        await here.press("*3")
        await asyncio.sleep(TALK_S)

    return await play(stack, OUTSIDE, "1005", opt_out, dialled="2055", shown=STRANGER)


@dataclass(frozen=True, slots=True)
class OptedOut(Group):
    """When the digit had been pressed, too."""

    pressed_s: float


async def _opts_out_of_the_conference(stack: Stack, *numbers: str) -> OptedOut:
    async with News(stack) as news:
        async with in_the_conference(stack, *numbers) as calls:
            there = await phone(stack, OUTSIDE).call(STRANGERS_ROOM, tone_hz=tone_of(OUTSIDE), shown=GUEST)
            await there.answered()
            await asyncio.sleep(PROMPT_S + TALK_S)
            await there.press("9")
            pressed_s = time.time()
            await asyncio.sleep(2 * TALK_S)
            await there.hangup()
        (stored,) = await news.stored(*numbers, GUEST, CONFERENCE)
    return OptedOut([there, *calls], stored, pressed_s)


@pytest.mark.profile("told-first")
@pytest.mark.parametrize("scene", ["opts_out", "opts_out_by_sip_info"])
async def test_a_caller_opts_out_by_a_digit_and_is_not_recorded_again(
    told_first: Scenes[Played | Group], scene: str
) -> None:
    """Real digits, by RFC 4733 and SIP INFO. 1005 is always recorded; what came before is kept, and nothing of what follows."""
    played = await told_first.of(scene)
    (stored,) = played.stored
    recording = stored.manifest.recording
    assert recording.end_reason == OPTED_OUT
    (stop,) = recording.controls
    assert (stop.control, stop.actor.kind, stop.reason) == (Control.STOP, ActorKind.PARTICIPANT, OPTED_OUT)
    assert stop.actor.leg == hearing(stored, STRANGER).leg
    assert hears_stopped(played.caller)
    assert hears_stopped(played.called)
    assert len(played.news.events("press-refused")) == 1
    assert_told_first(stored, STRANGER, "1005")
    heard = heard_s(played.called.heard(), tone_of(OUTSIDE)) or (0.0, 0.0)
    assert 2 * TALK_S - SHORT_S <= stored.length_s <= heard[1] - heard[0] - 2 * TALK_S + SHORT_S


@pytest.mark.profile("told-first")
async def test_one_from_outside_opts_out_of_a_conference_for_all(told_first: Scenes[Played | Group]) -> None:
    """Of two users and a stranger the stranger presses the digit: the recording ends, all hear that, and nothing of what follows
    is in a file. What came before is kept."""
    opted = await told_first.of("opts_out_of_the_conference")
    stored, recording = opted.stored, opted.stored.manifest.recording
    assert recording.end_reason == OPTED_OUT
    assert (recording.to_s or 0.0) <= opted.pressed_s + SHORT_S
    assert all(map(hears_stopped, opted.calls))
    assert_heard(stored, "1039", "1009", GUEST, what=Told.PROMPT)
    assert stored.length_s <= opted.pressed_s + SHORT_S - recording.from_s


@pytest.mark.profile("told-first")
async def test_who_has_opted_out_is_not_recorded_without_the_daemon_nor_after_its_restart(changed: Stack) -> None:
    """1005 is always recorded, and presses *3 while the daemon is dead: the dialplan reads the note on the caller's leg."""
    caller = "0612345677"
    async with conversation(changed, OUTSIDE, "1005", dialled="2055", shown=caller) as (there, here):
        await asyncio.sleep(PROMPT_S + TALK_S)
        await there.press("9")
        await asyncio.sleep(TALK_S)
        await changed.daemon.kill()
        await here.press("*3")
        await asyncio.sleep(TALK_S)
        await changed.daemon.start()
        await changed.daemon.ready()
        await asyncio.sleep(PROMPT_S + TALK_S)
        assert not there.is_over
    (only,) = await listed(changed, caller, "1005")
    assert only.recording.end_reason == OPTED_OUT
    assert hears_failed(here)
    assert len(languages(there, "1005")) == 1  # told once, in the language of 2055, and not again


# -- the beep ----------------------------------------------------------------------------------------------------------

BEEP_HZ, BEEPS_S = 1400, 5.0
"""dialplan/sounds/synthesise.py, and the setting of the profile."""
GROWS_S = 2.1
"""Until files of 8 kHz are seen to grow."""


async def _beeps(_there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(GROWS_S + 2 * BEEPS_S + SHORT_S)


@dataclass(frozen=True, slots=True)
class Beeped:
    """Phones that were together from an instant on, with what they heard, and the recordings that there must be."""

    calls: list[PhoneCall]
    joined_s: float
    stored: list[Stored]


async def _beeps_in_the_conference(stack: Stack, *numbers: str) -> Beeped:
    async with News(stack) as news:
        async with in_the_conference(stack, *numbers) as calls:
            joined_s = time.time()
            await asyncio.sleep(2 * BEEPS_S + SHORT_S)
        return Beeped(calls, joined_s, await news.stored(*numbers, CONFERENCE))


async def _beeps_after(stack: Stack, transfer: Transfer, *numbers: str) -> Beeped:
    """The first one, who calls the second one, connects them with the third."""
    first, second, third = numbers
    there = await phone(stack, first).call(second, tone_hz=tone_of(first))
    here = await phone(stack, second).rings()
    await asyncio.gather(there.answered(), here.answered())
    await asyncio.sleep(SHORT_S)
    other = await transfer(stack, there, third)
    joined_s = time.time()
    await there.hangup()
    await _beeps(here, other)
    await other.hangup()
    await here.ended()
    return Beeped([here, other], joined_s, [])


async def _sent_on(stack: Stack, there: PhoneCall, third: str) -> PhoneCall:
    """Blind."""
    await there.send_to(third)
    return await (await phone(stack, third).rings()).answered()


async def _handed_over(stack: Stack, there: PhoneCall, third: str) -> PhoneCall:
    """After asking on a second line."""
    asking = await there.phone.call(third)
    other = await (await phone(stack, third).rings()).answered()
    await asking.answered()
    await asyncio.sleep(SHORT_S)
    await there.hand_over(asking)
    await asyncio.sleep(SHORT_S)
    await asking.hangup()
    return other


async def _fetched(stack: Stack, there: PhoneCall, third: str) -> PhoneCall:
    """From the parking lot."""
    await there.send_to("*70")
    async with asyncio.timeout(BOUND_S):
        while not (slots := await _parked(stack)):  # noqa: ASYNC110 - the PBX sends no event to us
            await asyncio.sleep(0.05)
    return await (await phone(stack, third).call(slots[0], tone_hz=tone_of(third))).answered()


async def _parked(stack: Stack) -> list[str]:
    """Where somebody is parked."""
    return re.findall(r"Space\s*:\s*(\d+)", await stack.pbx.cli("parking show default"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def beeping(second_stack: Stack) -> AsyncIterator[Scenes[Played | Beeped]]:
    """1005, 1006, 1036 to 1039, 1046, 1047 and 1050 are always recorded."""
    stack = second_stack
    async with beside_each_other(
        stack,
        "beeping",
        call=play(stack, "1037", "1000", _beeps),
        conference=_beeps_in_the_conference(stack, "1038", "1012", "1013"),
        sent_on=_beeps_after(stack, _sent_on, "1005", "1036", "1050"),
        handed_over=_beeps_after(stack, _handed_over, "1006", "1039", "1007"),
        fetched=_beeps_after(stack, _fetched, "1046", "1047", "1009"),
    ) as playing:
        yield playing


def assert_two_beeps(heard: list[float]) -> None:
    assert len(heard) == 2, heard
    assert heard[1] - heard[0] == pytest.approx(BEEPS_S, abs=SHORT_S)


def assert_no_beep(stored: Stored) -> None:
    for side in (stored.left, stored.right):
        assert longest_s(side, BEEP_HZ) < NOTE_S


@pytest.mark.profile("beeping")
async def test_both_hear_the_beep_of_a_recorded_call(beeping: Scenes[Played | Beeped]) -> None:
    """The file has no beep."""
    played = await beeping.of("call")
    for one in (played.caller, played.called):
        assert_two_beeps(heard_notes(one.heard(), BEEP_HZ))
    (stored,) = played.stored
    assert_no_beep(stored)


@pytest.mark.profile("beeping")
async def test_all_three_in_a_conference_hear_the_beep(beeping: Scenes[Played | Beeped]) -> None:
    """Who came last within its time. The file has none."""
    beeped = await beeping.of("conference")
    for one in beeped.calls:
        heard = [at_s for at_s in heard_notes(one.heard(), BEEP_HZ) if one.answered_s + at_s > beeped.joined_s]
        assert_two_beeps(heard)
    (stored,) = beeped.stored
    assert_no_beep(stored)


@pytest.mark.profile("beeping")
@pytest.mark.parametrize("transfer", ["sent_on", "handed_over", "fetched"])
async def test_both_hear_the_beep_after_a_transfer(beeping: Scenes[Played | Beeped], transfer: str) -> None:
    """Also where the recorder of the transferred user is deaf to the new partner, as it is after half of the transfers on
    Debian's Asterisk: what is mixed into such a leg is lost with the voice that it is mixed with."""
    beeped = await beeping.of(transfer)
    for one in beeped.calls:
        assert_two_beeps([at for at in heard_notes(one.heard(), BEEP_HZ) if one.answered_s + at > beeped.joined_s])
