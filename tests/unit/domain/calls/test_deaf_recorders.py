"""What is done about a recorder that is deaf to a phone which restarts its RTP numbering."""

from test_session import BOB, FLAGGED, T1, Call

from callrec.domain.calls.captures.deaf_recorders import LET_GO_S, RENUMBERINGS, REOPENED_MOST
from callrec.domain.calls.commands import Alarm, Arm, AwaitVoice, CloseCapture, Command, OpenCapture, Write
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureGrew,
    CaptureOpened,
    CaptureRefused,
    DeadlinePassed,
    PartnerHeard,
    RtpRenumbered,
    VoiceUnheard,
    Wait,
)
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Renumbering
from callrec.domain.calls.session import State

A, B = LegId("a"), LegId("b")
T2, OTHER = CaptureId("c-1-2"), CaptureId("other-1-1")


def recorded() -> Call:
    """`a` is always recorded, and talks with `b`."""
    return Call().recorded(FLAGGED, BOB).later(10)


def said(call: Call, *kinds: type[Command]) -> list[Command]:
    """What was done last, of these kinds."""
    return [one for one in call.commands if isinstance(one, kinds)]


def test_a_renumbering_is_journaled_by_the_calls_own_clock() -> None:
    call = recorded()
    ahead_s = call.now.utc_s - call.now.mono_s
    for is_new in (False, True):
        call.on(RtpRenumbered(Renumbering(B, 51.0, 60.0, is_new)))
        assert len(said(call, Write)) == 1
    told = [Renumbering(B, 51.0 + ahead_s, 60.0 + ahead_s, is_new) for is_new in (False, True)]
    assert call.recording.renumberings == tuple(told)


def test_of_too_many_the_last_has_the_time_of_all() -> None:
    """A phone, or a program, that never stops."""
    call = recorded()
    for nth in range(RENUMBERINGS + 5):
        call.on(RtpRenumbered(Renumbering(B, nth, nth + 1, behind_s=0.5)))
    known = call.recording.renumberings
    assert len(known) == RENUMBERINGS
    assert (known[-1].to_s - known[-1].from_s, known[-1].is_new_source, known[-1].behind_s) == (6.0, False, None)


def test_in_a_call_that_is_not_recorded_it_is_nothing() -> None:
    call = Call()
    call.talk(BOB, BOB)
    assert call.on(RtpRenumbered(Renumbering(B, 1.0, 2.0)), VoiceUnheard(T1, B, 1.0)) == []


def test_a_partner_is_captured_on_their_own_leg_until_the_recorder_hears_again() -> None:
    call = recorded()
    since_s = call.now.utc_s - 2
    call.on(VoiceUnheard(T1, B, call.now.mono_s - 2))
    (opened,) = said(call, OpenCapture)
    assert isinstance(opened, OpenCapture)
    assert (opened.capture.leg, opened.capture.is_partner) == (B, True)
    assert said(call, AwaitVoice) == [AwaitVoice(call.recording.captures[0], B, since_s)]
    call.later(3).on(PartnerHeard(T1, B, since_s))
    assert said(call, CloseCapture) == [CloseCapture(opened.capture)]
    assert call.state is State.RECORDING


def test_the_recorded_legs_own_capture_gives_way_to_a_further_one_when_it_has_let_go() -> None:
    """Not before: it would be as deaf. The alarm says why."""
    call = recorded()
    call.on(VoiceUnheard(T1, A, call.now.mono_s - 2))
    assert len(said(call, CloseCapture)) == 1
    call.on(VoiceUnheard(T1, A, call.now.mono_s - 2), CaptureGrew(T1))
    assert said(call, CloseCapture, OpenCapture) == []
    call.later(0.1).on(CaptureClosed(T1))
    assert said(call, OpenCapture, Arm) == [Arm(Wait.LET_GO, T1, LET_GO_S)]
    call.later(LET_GO_S).on(DeadlinePassed(Wait.LET_GO, T1))
    (opened,) = said(call, OpenCapture)
    assert isinstance(opened, OpenCapture)
    assert (opened.capture.id, opened.capture.leg) == (T2, A)
    assert said(call, Alarm) == [Alarm("deaf-leg", T1)]
    assert [one.cause for one in call.recording.captures] == ["deaf-leg", ""]
    call.on(CaptureOpened(T2, "0x2"), CaptureGrew(T2))
    assert call.state is State.RECORDING


def test_a_daemon_that_dies_before_the_next_one_begins_leaves_the_cause_in_the_journal() -> None:
    """A recording on demand ends there, since no recorder is at work: its entry was *sound*."""
    call = recorded()
    call.on(VoiceUnheard(T1, A, call.now.mono_s - 2))
    written = [one.entry.recording.captures[-1].cause for one in call.commands if isinstance(one, Write)]
    assert written == ["deaf-leg"]
    stop = next(nth for nth, one in enumerate(call.commands) if isinstance(one, CloseCapture))
    assert isinstance(call.commands[stop - 1], Write)


def test_a_leg_that_is_gone_by_then_is_not_captured_again() -> None:
    call = recorded()
    call.on(VoiceUnheard(T1, A, 1.0), CaptureClosed(T1))
    call.gone(A)
    call.on(DeadlinePassed(Wait.LET_GO, T1))
    assert said(call, OpenCapture) == []


def test_a_stop_that_is_refused_is_a_fault() -> None:
    """As any other: the capture is tried again once."""
    call = recorded()
    call.on(VoiceUnheard(T1, A, 1.0), CaptureRefused(T1, "ami-error"))
    assert len(said(call, OpenCapture)) == 1


def test_news_of_another_capture_or_in_a_pause_change_nothing() -> None:
    call = recorded()
    call.on(VoiceUnheard(OTHER, A, 1.0), VoiceUnheard(OTHER, B, 1.0))
    assert said(call, CloseCapture, OpenCapture) == []


def test_it_does_not_go_on_for_ever() -> None:
    """A program that restarts its RTP numbering all the time: the entry tells what is missing."""
    call = recorded()
    for nth in range(1, REOPENED_MOST + 1):
        capture = CaptureId(f"c-1-{nth}")
        call.on(VoiceUnheard(capture, A, 1.0), CaptureClosed(capture), DeadlinePassed(Wait.LET_GO, capture))
        assert len(said(call, OpenCapture)) == 1, nth
        following = CaptureId(f"c-1-{nth + 1}")
        call.on(CaptureOpened(following, "0x2"), CaptureGrew(following))
    call.on(VoiceUnheard(following, A, 1.0))
    assert said(call, CloseCapture) == []
