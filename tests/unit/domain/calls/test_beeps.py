"""The beep of a recorded call: when, to whom, and when not."""

from test_session import FLAGGED, Call, leg

from callrec.domain.calls.commands import Announce
from callrec.domain.calls.events import Controlled, HoldChanged, LegGone, Wait
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Control, Signal
from callrec.domain.calls.policy import Confirm, Terms
from callrec.domain.calls.session import State

A, B, C = LegId("a"), LegId("b"), LegId("c")
EVERY_S = 15.0


def recorded(beep_s: float = EVERY_S) -> Call:
    """A call whose files grow; the first beep is armed."""
    call = Call(Terms(beep_s=beep_s, confirm=Confirm.NONE))
    call.bridge(leg("a", FLAGGED), leg("b"))
    call.seen()
    call.later(2).grew()
    return call


def beeps(call: Call) -> list[tuple[LegId, ...]]:
    """Who hears a beep by the last events."""
    return [one.legs for one in call.commands if isinstance(one, Announce) and one.what is Signal.BEEP]


def test_everybody_hears_it_again_and_again() -> None:
    call = recorded()
    assert (beeps(call), call.delays(Wait.BEEP)) == ([], [EVERY_S])
    for _ in range(3):
        call.later(EVERY_S - 1).passed(Wait.BEEP)
        assert beeps(call) == []
        call.later(1).passed(Wait.BEEP)
        assert (beeps(call), call.delays(Wait.BEEP)) == ([(A, B)], [EVERY_S])


def test_before_files_grow_and_without_the_setting_there_is_none() -> None:
    call = Call(Terms(beep_s=EVERY_S))
    call.bridge(leg("a", FLAGGED), leg("b"))
    call.seen()
    call.later(EVERY_S).passed(Wait.BEEP)
    assert (call.state, beeps(call)) == (State.OPENED, [])
    call = recorded(beep_s=0.0)
    assert call.delays(Wait.BEEP) == []
    call.later(EVERY_S).passed(Wait.BEEP)
    assert beeps(call) == []


def test_in_a_pause_there_is_none_and_after_it_the_time_begins_anew() -> None:
    call = recorded()
    call.later(5).on(Controlled(Control.PAUSE, "p"))
    call.muted()
    call.later(EVERY_S).passed(Wait.BEEP)
    assert beeps(call) == []
    call.on(Controlled(Control.RESUME, "q"))
    call.muted(muted=False)
    assert (call.state, call.delays(Wait.BEEP)) == (State.RECORDING, [EVERY_S])


def test_who_joins_hears_it_and_who_holds_the_call_does_not() -> None:
    call = recorded()
    call.bridge(leg("c"))
    call.on(HoldChanged(B, holds_others=True))
    call.later(EVERY_S).passed(Wait.BEEP)
    assert beeps(call) == [(A, C)]


def test_where_all_hold_the_call_the_next_one_is_armed() -> None:
    call = recorded()
    call.on(HoldChanged(A, holds_others=True), HoldChanged(B, holds_others=True))
    call.later(EVERY_S).passed(Wait.BEEP)
    assert (beeps(call), call.delays(Wait.BEEP)) == ([], [EVERY_S])


def test_after_a_transfer_the_new_partner_hears_it_within_that_time() -> None:
    call = recorded()
    call.later(10).bridge(leg("c", FLAGGED))
    call.on(LegGone(A))
    further = call.recording.captures[-1].id
    call.seen(further)
    call.later(2).grew(further)
    assert call.delays(Wait.BEEP) == [EVERY_S]
    call.later(EVERY_S).passed(Wait.BEEP, further)
    assert beeps(call) == [(B, C)]
