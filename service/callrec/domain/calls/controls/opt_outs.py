"""Opting out: a participant from outside presses a digit, and is not recorded in this call (setting `CALLREC_OPT_OUT_DIGIT`).

Theory. Only participants from outside may opt out. Whether a user is recorded is said by rules and by `*3`, and an employee
must not evade a rule by a key. From the digit on, the rule *never* holds for that leg in this call (`policy.decide`): so the
recording ends, no press and no operator begins another one while its participant is there, and one that policy wants begins
again with those who stay when they have left. So it does when the digit was pressed while they waited for the others (on hold
during a consultation): who has heard how to opt out does not know in which bridge they are.

What was recorded before the digit is kept, and the entry says who opted out and when: a participant may object to what follows,
and what came before was announced.

The digit goes on to the other side as ever: nothing is taken from a menu that also waits for digits.
"""

from dataclasses import replace

from callrec.domain.calls.captures.coverage import cover, stop_for_never
from callrec.domain.calls.commands import ListenForOptOut, NoteOptOut
from callrec.domain.calls.events import OptOutPressed
from callrec.domain.calls.model import OPTED_OUT, Actor, ActorKind, Control, Leg
from callrec.domain.calls.session import ACTIVE, Change, Session, State
from callrec.domain.calls.transitions import Cause, note_control


def listen_for_opt_outs(change: Change) -> None:
    """After every event: Asterisk is asked to tell the digits of those who may opt out. It tells them until the leg hangs up."""
    s = change.session
    if not s.terms.opt_out or s.state not in ACTIVE or s.capture is None:
        return
    legs = tuple(leg.id for leg in s.members(s.capture.leg) if _may_opt_out(leg) and leg.id not in s.listened)
    if legs:
        s.listened |= set(legs)
        change.commands.append(ListenForOptOut(legs))


def on_opt_out_pressed(change: Change, event: OptOutPressed) -> None:
    """The digit was pressed on this leg: it ends the recording of its conversation. Of one who is on hold meanwhile, or elsewhere
    in the call, it counts when they come back."""
    s = change.session
    leg = s.legs.get(event.leg)
    if leg is None or not _counts(s, leg):
        return
    is_here = _is_here(s, leg)
    s.legs = {**s.legs, leg.id: replace(leg, opted_out=True)}
    s.seen = {**s.seen, leg.id: s.legs[leg.id]}
    note_control(change, Control.STOP, Cause(actor=Actor(ActorKind.PARTICIPANT, leg=leg.id), reason=OPTED_OUT))
    change.commands.append(NoteOptOut(leg.id))
    if is_here:
        stop_for_never(change, OPTED_OUT)
    cover(change)


def _counts(s: Session, leg: Leg) -> bool:
    """Whether they may opt out, and the call is recorded, or is to be: with them, or with them before."""
    is_recorded = s.recording is not None or s.state is State.FAILED
    is_listened_to = leg.id in s.listened or (s.state in ACTIVE and _is_here(s, leg))
    return s.terms.opt_out and is_recorded and is_listened_to and _may_opt_out(leg) and not leg.opted_out


def _is_here(s: Session, leg: Leg) -> bool:
    """Whether they are in the recorded conversation."""
    return s.capture is not None and any(one.id == leg.id for one in s.members(s.capture.leg))


def _may_opt_out(leg: Leg) -> bool:
    return leg.user is None and not leg.is_local and not leg.is_media
