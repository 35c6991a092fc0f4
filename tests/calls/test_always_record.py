"""Always-record: who is flagged is recorded from answer to hangup, once, whoever called whom; unanswered calls are explained."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from arrangement import OUTSIDE, phone, set_user, tone_of, user_id
from conversing import News, Played, Scenes, listed, play
from listening import (
    KEYS_S,
    TOLERANCE_S,
    assert_heard,
    hears_failed,
    pauses,
    voice,
)

from callrec.domain.calls.model import ActorKind
from callrec.domain.errors import Unavailable
from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import heard_s
from callrec_lab.phones import Answer, Behaviour, Busy, PhoneCall, RingForever
from callrec_lab.prompt_checks import OTHER, SAME, likeness, prompt
from callrec_lab.stack import Stack

TALK_S = 2.4
SHORT_S = 0.7
RING_S = 1.0
STRANGER, ABROAD = "0611223344", "0123456789"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[Played]]:
    """All calls, at the same time, each between phones of its own."""
    await set_user(stack, "1049", *(f"--rule={case}=never" for case in ("in_internal", "out_internal")))
    await phone(stack, "1040").behave(Answer(after_s=RING_S, tone_hz=tone_of("1040")))
    playing = Scenes(
        flagged_calls=play(stack, "1005", "1040", _conversation),
        flagged_is_called=play(stack, "1041", "1006", _conversation),
        both_flagged=play(stack, "1036", "1037", _conversation),
        from_outside=play(stack, OUTSIDE, "1005", _conversation, dialled="2055", shown=STRANGER),
        to_outside=play(stack, "1037", OUTSIDE, _conversation, dialled=ABROAD),
        flagged_presses=play(stack, "1038", "1043", _caller_presses),
        other_presses=play(stack, "1044", "1039", _caller_presses),
        never=play(stack, "1049", "1050", _both_press, recordings=0),
        busy=_unanswered(stack, "1045", "1046", Busy()),
        given_up=_unanswered(stack, "1047", "1048", RingForever()),
    )
    yield playing
    await playing.ended()


async def _conversation(_there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(TALK_S)


def assert_whole_call(played: Played, left: str, right: str) -> None:
    """One recording of the whole conversation and of nothing before it, by the rule and not by anybody's press."""
    (stored,) = played.stored
    stored.assert_sides(tone_of(left), tone_of(right))
    stored.assert_no_tones()
    assert stored.length_s == pytest.approx(played.called.heard().length_s, abs=TOLERANCE_S)
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert stored.manifest.recording.actor.kind is ActorKind.POLICY


async def test_calls_of_a_flagged_user_are_recorded_from_the_answer_on(scenes: Scenes[Played]) -> None:
    """The file begins with the answer: the second in which the other's phone rang is not in it."""
    played = await scenes.of("flagged_calls")
    assert_whole_call(played, "1005", "1040")
    (stored,) = played.stored
    assert stored.numbers == ["1005", "1040"]


async def test_calls_to_a_flagged_user_are_recorded(scenes: Scenes[Played]) -> None:
    """Who is flagged is on the left, also when called."""
    assert_whole_call(await scenes.of("flagged_is_called"), "1006", "1041")


async def test_two_flagged_users_make_one_recording(scenes: Scenes[Played]) -> None:
    """One call, one recording, even when both parties have the flag."""
    assert_whole_call(await scenes.of("both_flagged"), "1036", "1037")


async def test_calls_from_outside_to_a_flagged_user_are_recorded(scenes: Scenes[Played]) -> None:
    """An incoming number that rings a flagged user."""
    played = await scenes.of("from_outside")
    assert_whole_call(played, "1005", OUTSIDE)
    assert {party.number for party in played.stored[0].manifest.recording.parties} == {STRANGER, "1005"}


async def test_calls_of_a_flagged_user_to_outside_are_recorded(scenes: Scenes[Played]) -> None:
    """A call that leaves through the trunk."""
    assert_whole_call(await scenes.of("to_outside"), "1037", OUTSIDE)


async def _caller_presses(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(TALK_S)


@pytest.mark.parametrize(
    ("scene", "presser", "other", "left"),
    [("flagged_presses", "1038", "1043", "1038"), ("other_presses", "1044", "1039", "1039")],
)
async def test_a_press_changes_nothing_in_a_call_that_is_recorded_anyway(
    scenes: Scenes[Played], scene: str, presser: str, other: str, left: str
) -> None:
    """The presser, alone, hears that the call is recorded; the recording goes on without a hole until the hangup."""
    played = await scenes.of(scene)
    (stored,) = played.stored
    words = prompt("en", "call-is-recorded")
    both_hz = (tone_of(presser), tone_of(other))
    assert likeness(played.caller.heard(), words, beside_hz=both_hz) >= SAME
    assert likeness(played.called.heard(), words, beside_hz=both_hz) <= OTHER
    presser_side, other_side = (stored.left, stored.right) if left == presser else (stored.right, stored.left)
    assert_heard(voice(other_side, tone_of(other)), tone_of(other))
    (keys,) = pauses(presser_side, tone_of(presser))
    assert keys.length_s <= KEYS_S
    began_s, _ = heard_s(presser_side, tone_of(presser)) or (0.0, 0.0)
    for part in (presser_side.between(began_s, keys.from_s), presser_side.between(keys.to_s, stored.length_s)):
        assert_heard(part, tone_of(presser))
    assert stored.length_s == pytest.approx(played.called.heard().length_s, abs=TOLERANCE_S)
    assert len(played.news.events("press-already", call=stored.manifest.recording.call)) == 1


async def _both_press(there: PhoneCall, here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(SHORT_S)
    await here.press("*3")
    await asyncio.sleep(SHORT_S)


async def test_never_protects_against_both_recorders(stack: Stack, scenes: Scenes[Played]) -> None:
    """One party's rule `never`: the other's flag records nothing, and both parties' `*3` are refused."""
    played = await scenes.of("never")
    for number, call in (("1049", played.caller), ("1050", played.called)):
        assert len(played.news.events("press-refused", user=user_id(stack, number))) == 1
        assert hears_failed(call)
    await scenes.ended()
    assert await listed(stack, "1049", "1050") == []


async def _unanswered(stack: Stack, caller: str, called: str, behaviour: Behaviour) -> Played:
    await phone(stack, called).behave(behaviour)
    async with News(stack) as news:
        there = await phone(stack, caller).call(called, tone_hz=tone_of(caller))
        if isinstance(behaviour, Busy):
            with pytest.raises(Unavailable, match="busy"):
                await there.answered()
        else:
            here = await phone(stack, called).rings()
            await there.hangup()
            await here.ended()
        return Played(there, there, await news.stored(caller, called), news)


@pytest.mark.parametrize(("scene", "cause"), [("busy", "unanswered: BUSY"), ("given_up", "unanswered: CANCEL")])
async def test_an_unanswered_call_is_explained(scenes: Scenes[Played], scene: str, cause: str) -> None:
    """There is nothing to hear, and the catalogue says why: an entry without a file."""
    (entry,) = (await scenes.of(scene)).stored
    assert entry.manifest.state is StoredState.UNANSWERED
    assert entry.manifest.recording.cause == cause
    assert entry.manifest.media is None
    assert entry.manifest.recording.captures == ()
    assert list(entry.path.parent.glob(f"{entry.id}.*")) == [entry.path]


async def test_the_operators_word_counts_from_the_next_call_on(stack: Stack) -> None:
    """`callrec users set --call-record on` records the call that is made right after it; `off` does not."""

    async def press(there: PhoneCall, _here: PhoneCall) -> None:
        await asyncio.sleep(SHORT_S)
        await there.press("*3")
        await asyncio.sleep(SHORT_S)

    await set_user(stack, "1052", "--call-record", "on")
    (on,) = (await play(stack, "1051", "1052", press)).stored
    await set_user(stack, "1052", "--call-record", "off")
    (off,) = (await play(stack, "1051", "1052", press)).stored
    assert on.manifest.recording.rule is Rule.ALWAYS
    assert_heard(voice(on.left, tone_of("1052")), tone_of("1052"))
    assert off.manifest.recording.rule is Rule.ON_DEMAND
