"""Opting out: a participant from outside presses a digit, and is not recorded in this call (setting `CALLREC_OPT_OUT_DIGIT`).

Theory. Who is no user of the PBX may opt out. Whether a user is recorded is said by rules and by `*3`, and an employee must not
evade a rule by a key. From the digit on, the rule *never* holds for that leg in this call (`policy.decide`): so the recording
ends, no press and no operator begins another one while its participant is there, and one that policy wants begins again with
those who stay when they have left. What was recorded before the digit is kept, and the entry says who opted out and when: a
participant may object to what follows, and what came before was announced.

The digit goes on to the other side as ever: nothing is taken from a menu that also waits for digits.
"""

from dataclasses import replace

from callrec.domain.calls.captures.coverage import cover
from callrec.domain.calls.commands import ListenForOptOut, NoteOptOut
from callrec.domain.calls.events import OptOutPressed
from callrec.domain.calls.model import OPTED_OUT, Actor, ActorKind, Control, Leg
from callrec.domain.calls.session import ACTIVE, Change, Session
from callrec.domain.calls.states import Trigger, apply
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
    """The digit was pressed on this leg: it counts in the recorded conversation alone."""
    s = change.session
    leg = _who(s, event)
    if leg is None or s.recording is None:
        return
    s.legs = {**s.legs, leg.id: replace(leg, opted_out=True)}
    s.seen = {**s.seen, leg.id: s.legs[leg.id]}
    note_control(change, Control.STOP, Cause(actor=Actor(ActorKind.PARTICIPANT, leg=leg.id), reason=OPTED_OUT))
    s.recording = replace(s.recording, end_reason=OPTED_OUT)
    change.commands.append(NoteOptOut(leg.id))
    apply(change, Trigger.STOP)
    cover(change)


def _who(s: Session, event: OptOutPressed) -> Leg | None:
    if not s.terms.opt_out or s.state not in ACTIVE or s.capture is None:
        return None
    members = s.members(s.capture.leg)
    return next((leg for leg in members if leg.id == event.leg and _may_opt_out(leg) and not leg.opted_out), None)


def _may_opt_out(leg: Leg) -> bool:
    return leg.user is None and not leg.is_local and not leg.is_media
