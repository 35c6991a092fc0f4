"""Which legs hear a tone, and what the manifest says of it."""

from dataclasses import replace

import pytest
from test_session import ANN, BOB, FLAGGED, T1, Call, leg

from callrec.domain.calls.commands import Announce
from callrec.domain.calls.events import Announced, HoldChanged, Played, Wait
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import NotHeard, Told
from callrec.domain.calls.policy import Announcement, Confirm, Terms
from callrec.domain.calls.session import Session
from callrec.domain.vocabulary import Outcome

A, B, C = LegId("a"), LegId("b"), LegId("c")


def tones(call: Call) -> list[tuple[Outcome | Told, tuple[LegId, ...]]]:
    """What the last events let be heard, and by whom."""
    return [(one.what, one.legs) for one in call.commands if isinstance(one, Announce)]


def told(call: Call) -> dict[LegId, str]:
    """Why each leg has not heard it; empty when it has."""
    return {one.leg: one.cause for one in call.recording.hearings}


def heard(*legs: LegId, cause: str = "") -> Announced:
    """The tone was played to these."""
    return Announced(T1, tuple(Played(leg, 0.4, cause, 16) for leg in legs))


@pytest.mark.parametrize(("confirm", "legs"), [(Confirm.BOTH, (A, B)), (Confirm.PRESSER, (A,)), (Confirm.NONE, ())])
def test_the_start_is_heard_by_whom_the_setting_names(confirm: Confirm, legs: tuple[LegId, ...]) -> None:
    """Halves of Local channels are no phones. Where nobody is to hear it the manifest says nothing of it."""
    call = Call(Terms(confirm=confirm))
    call.bridge(leg("a", ANN), leg("Local/9@q-00000001;1"), leg("b", BOB))
    call.press()
    call.seen()
    assert tones(call) == ([(Outcome.STARTED, legs)] if legs else [])
    assert told(call) == dict.fromkeys(legs, NotHeard.UNFINISHED)


def test_a_failure_is_told_to_the_presser_whatever_the_setting_says() -> None:
    call = Call(Terms(confirm=Confirm.NONE))
    call.talk()
    call.press()
    call.refused()
    assert tones(call) == [(Outcome.FAILED, (A,))]


def test_each_phone_is_told_or_the_tone_told_nobody() -> None:
    """Of both the manifest says which."""
    call = Call().recorded()
    call.on(heard(A), heard(B, cause=NotHeard.NO_RTP_IN))
    assert told(call) == {A: "", B: NotHeard.NO_RTP_IN}
    assert call.recording.announcements == ()


@pytest.mark.parametrize("is_back", [False, True])
def test_who_holds_the_call_meanwhile_has_not_heard_it(*, is_back: bool) -> None:
    """Their phone plays nothing of this call, or the other line. It may send its own music all the while."""
    call = Call()
    call.talk()
    call.on(HoldChanged(B, holds_others=True))
    call.press()
    call.seen()
    if is_back:
        call.on(HoldChanged(B, holds_others=False))
    call.on(heard(A, B))
    assert told(call) == {A: "", B: NotHeard.ON_HOLD}
    assert call.recording.announcements == ()


def ended(call: Call) -> dict[LegId, str]:
    """All hang up: what the stored recording says."""
    call.gone("c", "a", "b")
    call.closed()
    (recording,) = call.handed
    return {one.leg: one.cause for one in recording.hearings}


def test_who_joins_later_was_told_nothing() -> None:
    call = Call().recorded()
    call.on(heard(A, B))
    call.bridge(leg("c"))
    assert ended(call.later(3)) == {A: "", B: "", C: NotHeard.NOT_ANNOUNCED}


def test_where_nobody_was_to_be_told_the_manifest_says_nothing() -> None:
    call = Call(Terms(confirm=Confirm.NONE)).recorded()
    assert ended(call.later(3)) == {}


def test_its_end_may_come_after_the_recordings() -> None:
    """While its files are not closed. What is said of another recording's capture is not of this one."""
    call = Call().recorded()
    call.later(3).press()
    call.gone("b", "a")
    call.on(heard(A, B), Announced(CaptureId("c-2-1"), (Played(A, 0.4, NotHeard.NO_RTP_OUT),)))
    call.closed()
    (recording,) = call.handed
    assert {one.leg: one.cause for one in recording.hearings} == {A: "", B: ""}
    assert recording.announcements == ()


# -- whatever the rule -------------------------------------------------------------------------------------------------

PROMPT = Terms(announce=Announcement.PROMPT, confirm=Confirm.NONE)


def always(terms: Terms = PROMPT) -> Call:
    """FLAGGED, who speaks French, talks with BOB, and the files exist; the prompt plays."""
    call = Call(terms)
    call.bridge(replace(leg("a", FLAGGED), language="fr"), leg("b", BOB))
    call.seen()
    return call


@pytest.mark.parametrize(("announce", "what"), [(Announcement.TONE, Told.TONE), (Announcement.PROMPT, Told.PROMPT)])
def test_each_phone_in_a_recorded_conversation_is_told_once(announce: Announcement, what: Told) -> None:
    """Once there are files, and not before. A prompt is in the language of who hears it."""
    call = Call(Terms(announce=announce))
    call.bridge(replace(leg("a", FLAGGED), language="fr"), leg("Local/9@q-00000001;1"), leg("b", BOB))
    assert tones(call) == []
    call.seen()
    assert tones(call) == [(what, (A, B))]
    languages = [one.language for one in call.recording.hearings]
    assert languages == (["fr", ""] if what is Told.PROMPT else ["", ""])
    call.later(2).grew()
    assert tones(call) == []


def test_with_nobody_to_be_told_a_call_is_recorded_in_silence() -> None:
    call = always(Terms())
    assert call.recording.hearings == ()
    assert tones(call) == []


def test_who_joins_is_told_and_the_others_are_not_told_again() -> None:
    call = always()
    call.on(heard(A, B))
    call.bridge(leg("c"))
    assert tones(call) == [(Told.PROMPT, (C,))]
    call.on(heard(C))
    assert told(call) == {A: "", B: "", C: ""}


def test_the_start_by_a_press_is_told_by_it_and_its_stop_as_ever() -> None:
    """Nobody hears both."""
    call = Call(Terms(announce=Announcement.PROMPT))
    call.talk()
    call.press()
    call.seen()
    assert tones(call) == [(Told.PROMPT, (A, B))]
    call.later(3).press()
    call.closed()
    assert tones(call) == [(Outcome.STOPPED, (A, B))]


def test_who_could_not_be_told_is_told_again_a_few_times() -> None:
    """Five seconds later, three times in all; who has left is not."""
    call = always()
    call.on(heard(A))
    for _ in range(2):
        call.on(heard(B, cause=NotHeard.NO_RTP_IN))
        assert call.delays(Wait.TELL_AGAIN) == [5.0]
        call.later(5).passed(Wait.TELL_AGAIN)
        assert tones(call) == [(Told.PROMPT, (B,))]
    call.on(heard(B, cause=NotHeard.NO_RTP_IN))
    assert call.delays(Wait.TELL_AGAIN) == []
    call.later(5).passed(Wait.TELL_AGAIN)
    assert tones(call) == []
    assert told(call) == {A: "", B: NotHeard.NO_RTP_IN}


def test_late_news_of_a_second_try_tell_nobody() -> None:
    """The recording has ended meanwhile."""
    call = always()
    call.gone("b", "a")
    call.closed()
    assert call.passed(Wait.TELL_AGAIN) == []


def test_whose_prompt_played_when_the_daemon_died_is_told_again() -> None:
    """Its end told nobody."""
    before = always()
    before.on(heard(A))
    call = Call(session=Session.resume(before.recording, PROMPT))
    call.bridge(leg("a", FLAGGED), leg("b", BOB))
    assert (Told.PROMPT, (B,)) in [(one.what, one.legs) for one in call.commands if isinstance(one, Announce)]


def test_who_holds_the_call_is_told_when_they_are_back() -> None:
    """Their phone need not play anything to them meanwhile."""
    call = Call(PROMPT)
    call.bridge(leg("a", FLAGGED), leg("b", BOB))
    call.on(HoldChanged(B, holds_others=True))
    call.seen()
    assert tones(call) == [(Told.PROMPT, (A,))]
    call.on(HoldChanged(B, holds_others=False))
    assert tones(call) == [(Told.PROMPT, (B,))]
