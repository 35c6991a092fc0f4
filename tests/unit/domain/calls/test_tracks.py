"""With tracks: who is in the recorded conversation is noted and journaled, and of three or more each partner is captured."""

from dataclasses import replace

import pytest
from test_partner_captures import (
    CONVERSATION_S,
    FLAGGED,
    HEARD_S,
    MEET_S,
    OTHER,
    RECORDED,
    T1,
    T2,
    A,
    B,
    C,
    Call,
    D,
    blind,
    bridged,
    leg,
)

from callrec.domain.calls.commands import OpenCapture, Write
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureOpened,
    CaptureRefused,
    LegAppeared,
    LegGone,
    LegUnbridged,
    PartnerHeard,
    Pressed,
    ResyncEnded,
)
from callrec.domain.calls.ids import BridgeId, CaptureId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.policy import OverridesAlways, RecordApplications, Terms, Tracks
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.model import User
from callrec.domain.rules import RecordRules, Rule, UserId

TERMS = Terms(tracks=Tracks.PARTICIPANTS, overrides_always=OverridesAlways.PAUSE)
T3 = CaptureId("c-1-3")
MUTE = User(UserId("9"), "Eve", rules=RecordRules(Rule.NEVER, Rule.NEVER, Rule.NEVER, Rule.NEVER))


def three() -> Call:
    """`c` joins the conversation of `a` and `b`."""
    return Call(TERMS).at(MEET_S, LegAppeared(leg(C)), *bridged("one", leg(C)))


def present(call: Call) -> list[str]:
    """Who is, or was, in the recorded conversation: `leg from-to`, in seconds behind its beginning."""
    start_s = CONVERSATION_S
    return [
        f"{one.leg} {one.from_s - start_s:g}-{'' if one.to_s is None else f'{one.to_s - start_s:g}'}"
        for one in call.recording.presences or ()
    ]


def test_without_tracks_nobody_is_noted() -> None:
    assert Call().recording.presences is None


def test_of_two_nothing_more_is_captured_and_who_is_there_is_journaled() -> None:
    """The recorder is asked for first; the entry follows."""
    call = Call(TERMS)
    assert (present(call), call.recording.partner_captures) == (["a 0-", "b 0-"], ())
    fresh = Call.__new__(Call)
    fresh.session, fresh.commands = Session(call.session.call, "c.1", call.session.node, TERMS), ()
    fresh.at(CONVERSATION_S, *bridged("one", RECORDED, leg(B)))
    kinds = [type(one) for one in fresh.commands if isinstance(one, Write | OpenCapture)]
    assert kinds == [Write, OpenCapture, Write]


def test_when_a_third_joins_each_partner_is_captured() -> None:
    """The recorder hears the one who was there when it began: theirs is for the track alone. The other's may stand in for a
    deaf leg until it is known to hear them. One entry has it all, before the recorders."""
    call = three()
    assert sorted(call.partners()) == ["+b c-1-2", "+c c-1-3"]
    assert {one.leg: one.track_s for one in call.recording.partner_captures} == {B: MEET_S, C: None}
    assert present(call) == ["a 0-", "b 0-", "c 10-"]
    kinds = [type(one) for one in call.commands if isinstance(one, Write | OpenCapture)]
    assert kinds == [Write, OpenCapture, Write, OpenCapture]

    call.at(HEARD_S, PartnerHeard(T1, C, MEET_S))
    assert call.partners() == []
    assert {one.leg: one.track_s for one in call.recording.partner_captures} == {B: MEET_S, C: HEARD_S}
    assert [one.entry.step for one in call.commands if isinstance(one, Write)] == [Step.CHANGED]


def test_a_late_one_is_captured_and_who_leaves_no_more() -> None:
    """When two are left their captures go on: each change of the source is a seam."""
    call = three().at(HEARD_S, PartnerHeard(T1, C, MEET_S))
    call.at(MEET_S + 5, LegAppeared(leg(D)), *bridged("one", leg(D)))
    assert call.partners() == ["+d c-1-4"]
    call.at(MEET_S + 8, LegUnbridged(BridgeId("one"), B))
    assert call.partners() == ["-b c-1-2"]
    call.at(MEET_S + 9, LegUnbridged(BridgeId("one"), D))
    assert call.partners() == ["-d c-1-4"]
    assert present(call) == ["a 0-", "b 0-18", "c 10-", "d 15-19"]
    journaled = [one.entry.recording.presences for one in call.commands if isinstance(one, Write)]
    assert call.recording.presences in journaled


def test_a_pause_holds_for_each_of_them() -> None:
    """After it, of three each is captured anew."""
    call = three().at(MEET_S + 1, CaptureOpened(T2, "0x2"), CaptureOpened(T3, "0x3"))
    call.at(MEET_S + 2, Pressed(A, FLAGGED, "r", 8000))
    assert call.session.state is State.PAUSED
    assert sorted(call.partners()) == ["-b c-1-2", "-c c-1-3"]
    call.at(MEET_S + 3, CaptureClosed(T2), CaptureClosed(T3))
    assert call.partners() == []
    assert sorted(call.at(MEET_S + 9, Pressed(A, FLAGGED, "r", 8000)).partners()) == ["+b c-1-4", "+c c-1-5"]


def test_with_a_user_of_the_rule_never_nobody_is_captured() -> None:
    call = three().at(MEET_S + 2, LegAppeared(leg(D, MUTE)), *bridged("one", leg(D, MUTE)))
    assert sorted(call.partners()) == ["-b c-1-2", "-c c-1-3"]
    assert call.session.state is State.STOPPING


def test_a_deaf_leg_that_is_captured_alone_ends_when_it_hears() -> None:
    """Of two, nothing is captured for tracks."""
    call = blind(Call(TERMS)).at(HEARD_S, PartnerHeard(T1, C, MEET_S))
    assert call.partners() == ["-c c-1-2"]


def test_a_new_meeting_may_be_deaf_again() -> None:
    """A capture for the track alone stands in from then on."""
    call = three().at(HEARD_S, PartnerHeard(T1, C, MEET_S))
    call.at(HEARD_S + 1, LegUnbridged(BridgeId("one"), A), *bridged("two", RECORDED))
    call.at(HEARD_S + 2, *bridged("two", leg(B), leg(C)))
    assert {one.leg: one.track_s for one in call.recording.partner_captures[-2:]} == {B: None, C: None}


def test_an_application_is_present_too() -> None:
    """With a talk that no second leg is in."""
    terms = replace(TERMS, applications=RecordApplications.ALL)
    call = Call(terms)
    call.session.application = A
    party = replace(call.session.parties[0], leg="application:echo")
    call.session.parties = (*call.session.parties, party)
    call.at(CONVERSATION_S + 1, LegUnbridged(BridgeId("one"), B))
    assert "application:echo" in {one.leg for one in call.recording.presences or ()}


def test_in_an_absence_nobody_is_present() -> None:
    """The others talk on, and nothing is captured."""
    call = three().at(MEET_S + 1, LegGone(A))
    assert call.session.state is State.ABSENT
    assert present(call) == ["a 0-11", "b 0-11", "c 10-11"]


def test_while_a_recording_stops_nothing_is_noted() -> None:
    """A stop that fails is withdrawn: who was there still is."""
    call = three().at(MEET_S + 2, LegAppeared(leg(D, MUTE)), *bridged("one", leg(D, MUTE)))
    assert (call.session.state, present(call)) == (State.STOPPING, ["a 0-", "b 0-", "c 10-"])


def test_the_captures_go_on_with_the_next_daemon() -> None:
    """It takes nobody for gone until Asterisk has told who is in which bridge; then who has left is captured no more."""
    before = three().at(MEET_S + 1, CaptureOpened(T2, "0x2"), CaptureOpened(T3, "0x3"))
    call = Call()
    call.session = Session.resume(before.recording, TERMS)
    assert call.session.open_captures == {T1, T2, T3}
    call.at(MEET_S + 5, *bridged("one", RECORDED), LegAppeared(leg(B)), *bridged("one", leg(B)))
    assert (call.partners(), present(call)) == ([], present(before))
    call.at(MEET_S + 5, LegAppeared(leg(C)), LegUnbridged(None, C), ResyncEnded())
    assert call.partners() == ["-c c-1-3"]
    assert present(call) == ["a 0-", "b 0-", "c 10-15"]


@pytest.mark.parametrize("user", [OTHER, None])
def test_one_who_returns_is_present_again(user: User | None) -> None:
    call = three().at(MEET_S + 1, LegUnbridged(BridgeId("one"), B)).at(MEET_S + 4, *bridged("one", leg(B, user)))
    assert present(call) == ["a 0-", "b 0-11", "c 10-", "b 14-"]


def test_a_capture_that_asterisk_has_refused_is_not_at_work_after_a_restart() -> None:
    """It has an end: beside the one that was begun in its place, the next daemon finds no second recorder on that leg."""
    before = three().at(MEET_S + 1, CaptureRefused(T2, "ami-error"), CaptureOpened(T3, "0x3"))
    call = Call(TERMS)
    call.session = Session.resume(before.recording, TERMS)
    call.at(HEARD_S, *bridged("one", RECORDED, leg(B), leg(C)), ResyncEnded())
    at_work = [one.leg for one in call.recording.partner_captures if one.id in call.session.open_captures]
    assert sorted(at_work) == [B, C]
    refused = call.recording.partner_captures[0]
    assert (refused.id, refused.leg, refused.to_s) == (T2, B, refused.from_s)
