"""Entries without a file: of an unanswered call, and of one that no capture covers though policy wants it.

A user who talks with an application (a menu, a mailbox, an echo test, a bridge of an ARI application, a conference before the
second one comes) is in no conversation: their leg is answered and alone in its call. `applications` has it recorded, unless a
setting says not to, or Asterisk does not tell the application.
"""

from dataclasses import replace

from callrec.domain.calls.bridges import CONVERSATION
from callrec.domain.calls.events import DialStarted
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import POLICY, Direction, Leg, Party
from callrec.domain.calls.policy import decide
from callrec.domain.calls.recordings import deliver, new_recording
from callrec.domain.calls.session import Alone, Change, Session
from callrec.domain.rules import Rule

NOT_COVERED = "not-covered"
LINK_DOWN = "link-down"
"""Of a call that rang at the last look and was over at the next: whether it was answered is not known."""
_CALLED = "called:"
_NOT_REACHED = frozenset((1, 2, 3, 20, 27, 34, 38, 41, 42, 44))
"""Causes of a call that had no way or no phone at its end (causes.h)."""


def on_dial_started(change: Change, event: DialStarted) -> None:
    """A user or number is about to be rung: until its leg appears, a stand-in for it."""
    _note_shown(change, event)
    expected = LegId(f"{_CALLED}{event.user.id if event.user else event.number}")
    leg = Leg(expected, "", Direction.IN, event.user, event.number, event.user.name if event.user else "")
    change.session.seen = {**change.session.seen, expected: leg}


def _note_shown(change: Change, event: DialStarted) -> None:
    """A caller from outside is listed under the number that the first phone shows, and not under what the dialplan sets for a
    later forward."""
    s = change.session
    caller = s.seen.get(event.leg)
    is_first = all(leg.direction is Direction.OUT for leg in s.seen.values())
    if event.shown and is_first and caller and caller.user is None and not caller.is_local:
        s.seen = {**s.seen, caller.id: replace(caller, number=event.shown, name=event.shown_name)}


# -- a user alone with an application ----------------------------------------------------------------------------------


def note_alone(change: Change) -> None:
    """After every event: note who is alone, and what time of that is over.

    Once there was a conversation, its rules are the call's: who is on hold or parked after it is with no application. What
    was before it has an entry when the conversation has none.
    """
    s = change.session
    phones = [leg for leg in s.legs.values() if not leg.is_local]
    alone = phones[0] if len(phones) == 1 and not s.had_conversation and phones[0].id in s.answered_legs else None
    if s.alone and (alone is None or alone.id != s.alone.leg.id):
        _end_alone(change, s.alone)
    if alone and not s.alone:
        s.alone = Alone(alone, change.happened)


def _end_alone(change: Change, alone: Alone) -> None:
    s = change.session
    leg = s.seen.get(alone.leg.id, alone.leg)  # with the rule of a place that became known meanwhile
    s.alone = None
    length_s = change.happened.mono_s - alone.since.mono_s
    is_due = leg.id not in s.dialled_feature_code and decide([leg]).rule is Rule.ALWAYS
    if s.uncovered is None and not s.recordings and is_due and length_s >= s.terms.limits.alone_s:
        s.uncovered = _party(leg, alone.since.utc_s, change.happened.utc_s)


# -- the end -----------------------------------------------------------------------------------------------------------


def write_entry_without_file(change: Change) -> None:
    """The call is over without a conversation, or without one that was to be recorded. An entry says so where policy wanted
    something recorded."""
    if change.session.uncovered:
        _explain_uncovered(change, change.session.uncovered)
    else:
        _explain_unanswered(change)


def _explain_uncovered(change: Change, party: Party) -> None:
    s = change.session
    caller = s.seen[party.leg]
    # Who came later to talk has heard nothing of it.
    others = [leg for leg in _rung(s) if leg.number] if not s.had_conversation else []
    if caller.dialled and not others:
        others = [Leg(LegId(f"{_CALLED}{caller.dialled}"), "", Direction.IN, None, caller.dialled)]
    to_s = party.to_s if s.had_conversation else None
    parties = (party, *(_party(leg, party.from_s, change.happened.utc_s) for leg in others))
    new = replace(new_recording(change, Rule.ALWAYS, POLICY), rule_origin=decide([caller]).origin)
    deliver(change, replace(new, from_s=party.from_s, to_s=to_s, cause=NOT_COVERED, parties=parties))


def _explain_unanswered(change: Change) -> None:
    """A call without a called leg (a feature code) gets no entry."""
    s = change.session
    legs = [leg for leg in s.seen.values() if not leg.is_local and leg.direction is Direction.OUT]
    dialled = next((leg.dialled for leg in legs if leg.dialled), "")
    legs += [leg if leg.number else replace(leg, number=dialled) for leg in _rung(s)]
    decision = decide(legs)
    if (len(legs) < CONVERSATION and not s.dial_status) or decision.rule is not Rule.ALWAYS:
        return
    parties = tuple(_party(leg, s.began_s, change.happened.utc_s) for leg in legs)
    status = s.dial_status or ("CHANUNAVAIL" if _was_not_reached(s) else "CANCEL")
    cause = LINK_DOWN if s.is_end_missed and not s.dial_status else f"unanswered: {status}"
    new = replace(new_recording(change, Rule.ALWAYS, POLICY), rule_origin=decision.origin)
    deliver(change, replace(new, from_s=s.began_s, cause=cause, parties=parties))


def _rung(session: Session) -> list[Leg]:
    """The called legs, and those that were announced (by the hook before Dial) and never made."""
    legs = [leg for leg in session.seen.values() if leg.direction is Direction.IN and not leg.is_local]
    real = [leg for leg in legs if leg.channel]
    users = {leg.user.id if leg.user else None for leg in real}
    announced = [leg for leg in legs if not leg.channel and (leg.user.id if leg.user else None) not in users]
    return [*real, *(leg for leg in announced if leg.user or not real)]


def _was_not_reached(session: Session) -> bool:
    """Dial has told of nothing, not even of a leg that it made: there was none to make (app_dial.c: dial_exec_full)."""
    return session.hangup_cause in _NOT_REACHED and not any(leg.channel for leg in _rung(session))


def _party(leg: Leg, from_s: float, to_s: float) -> Party:
    return Party(leg.id, leg.user.id if leg.user else None, leg.number, leg.name, from_s, to_s)
