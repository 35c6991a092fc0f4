"""Which way a sound goes to whom: to their own leg, or in the voice of the partner to whom their recorder may be deaf."""

from test_partner_captures import CONVERSATION_S, HEARD_S, MEET_S, RECORDED, T1, T2, A, B, C, Call, D, bridged, leg

from callrec.domain.calls.announcements.whispers import way_to
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureGrew,
    CaptureMuted,
    CaptureOpened,
    Controlled,
    LegGone,
    LegUnbridged,
    PartnerHeard,
)
from callrec.domain.calls.ids import BridgeId
from callrec.domain.calls.model import Control
from callrec.domain.calls.session import Session, State


def transferred() -> Call:
    """The recorded leg was sent on from `b` to `c`, whose voice is captured beside it."""
    call = Call()
    call.at(MEET_S, LegUnbridged(BridgeId("one"), B), LegGone(B), LegUnbridged(BridgeId("one"), A))
    return call.at(MEET_S, *bridged("two", RECORDED, leg(C)))


def test_before_a_transfer_each_hears_it_by_itself() -> None:
    call = Call()
    assert [way_to(call.session, leg_id) for leg_id in (A, B)] == [None, None]


def test_without_a_recording_each_hears_it_by_itself() -> None:
    call = transferred()
    assert way_to(Session(call.session.call, "c.1", call.session.node), A) is None


def test_who_may_be_deaf_hears_it_in_the_new_partners_voice() -> None:
    call = transferred()
    assert [way_to(call.session, leg_id) for leg_id in (A, C)] == [C, None]


def test_who_is_known_to_hear_hears_it_by_itself_also_after_a_pause() -> None:
    """A pause makes each partner a new one for the file: it changes nothing in what the leg hears."""
    call = transferred()
    (awaited,) = call.awaited()
    call.at(HEARD_S + MEET_S - CONVERSATION_S, PartnerHeard(T1, C, awaited.since_s))
    assert way_to(call.session, A) is None
    call.at(MEET_S + 20, Controlled(Control.PAUSE, "p"), CaptureMuted(T1, muted=True))
    call.at(MEET_S + 25, Controlled(Control.RESUME, "q"), CaptureMuted(T1, muted=False))
    assert call.session.unheard
    assert way_to(call.session, A) is None


def test_in_a_pause_who_may_be_deaf_hears_it_in_the_partners_voice() -> None:
    """The recorder is muted, and on the leg as before."""
    call = transferred()
    call.at(MEET_S + 5, Controlled(Control.PAUSE, "p"), CaptureMuted(T1, muted=True))
    assert (call.session.state, way_to(call.session, A)) == (State.PAUSED, C)


def test_while_three_talk_each_hears_it_by_itself() -> None:
    """All others would hear what is mixed into a voice."""
    call = transferred().at(MEET_S + 5, *bridged("two", leg(D)))
    assert way_to(call.session, A) is None


def test_without_a_recorder_a_leg_hears_it_by_itself() -> None:
    """With its last recorder Asterisk drops what has made it deaf."""
    call = transferred()
    call.at(MEET_S + 5, CaptureOpened(T2, "0x2"), CaptureGrew(T1), Controlled(Control.STOP, "s"))
    assert way_to(call.session, A) == C
    call.at(MEET_S + 5.1, CaptureClosed(T1), CaptureClosed(T2))
    assert way_to(call.session, A) is None
