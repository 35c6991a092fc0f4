"""Entries without a file: of an unanswered call, and of one that no capture covers though policy wants it.

A recorder is begun for a conversation of two legs. A user who talks with an application (a menu, a mailbox, an echo test, a
bridge of an ARI application, a conference before the second one comes) is in none: their leg is answered and alone in its call.
"""

from dataclasses import replace

from callrec.domain import messages as m
from callrec.domain.draft import Draft
from callrec.domain.model import Direction, Leg, LegId, Party
from callrec.domain.policy import decide
from callrec.domain.provisioning.model import Rule
from callrec.domain.session import CONVERSATION, Alone

NOT_COVERED = "not-covered"
LINK_DOWN = "link-down"
"""Of a call that rang at the last look and was over at the next: whether somebody answered it is not known."""
_CALLED = "called:"
_NOT_REACHED = frozenset((1, 2, 3, 20, 27, 34, 38, 41, 42, 44))
"""Causes of a call that had no way or no phone at its end (causes.h)."""


class Explaining(Draft):
    """A draft that explains why there is no file."""

    def called(self, event: m.Called) -> None:
        """Somebody is about to be rung: until their leg appears, a stand-in for it."""
        expected = LegId(f"{_CALLED}{event.user.id if event.user else event.number}")
        leg = Leg(expected, "", Direction.IN, event.user, event.number, event.user.name if event.user else "")
        self.set(seen={**self.session.seen, expected: leg})

    # -- a user alone with an application ----------------------------------------------------------------------------

    def watch_alone(self) -> None:
        """After every event: note who is alone, and what time of that is over.

        Once there was a conversation, its rules are the call's: who is on hold or parked after it is with no application. What
        was before it has an entry when the conversation has none.
        """
        s = self.session
        phones = [leg for leg in s.legs.values() if not leg.is_local]
        alone = phones[0] if len(phones) == 1 and not s.answered and phones[0].id in s.up else None
        if s.alone and (alone is None or alone.id != s.alone.leg.id):
            self._end_alone(s.alone)
        if alone and (not self.session.alone):
            self.set(alone=Alone(alone, self.happened))

    def _end_alone(self, alone: Alone) -> None:
        self.set(alone=None)
        s, leg = self.session, alone.leg
        length_s = self.happened.mono_s - alone.since.mono_s
        is_due = leg.id not in s.served and decide([leg]).rule is Rule.ALWAYS
        if s.uncovered is None and is_due and length_s >= s.terms.limits.alone_s:
            user = leg.user.id if leg.user else None
            self.set(uncovered=Party(leg.id, user, leg.number, leg.name, alone.since.utc_s, self.happened.utc_s))

    # -- the end -----------------------------------------------------------------------------------------------------

    def explain(self) -> None:
        """The call is over without a conversation, or without one that was to be recorded. An entry says so where policy wanted
        something recorded."""
        if self.session.uncovered:
            self._explain_uncovered(self.session.uncovered)
        else:
            self._explain_unanswered()

    def _explain_uncovered(self, party: Party) -> None:
        caller = self.session.seen[party.leg]
        # Who came later to talk has heard nothing of it.
        others = [leg for leg in self._rung() if leg.number] if not self.session.answered else []
        if caller.dialled and not others:
            others = [Leg(LegId(f"{_CALLED}{caller.dialled}"), "", Direction.IN, None, caller.dialled)]
        to_s = party.to_s if self.session.answered else None
        new = replace(self.new_recording(Rule.ALWAYS), from_s=party.from_s, to_s=to_s, cause=NOT_COVERED)
        self.deliver(replace(new, parties=(party, *(self._party(leg, party.from_s) for leg in others))))

    def _explain_unanswered(self) -> None:
        """A call without a called leg (a feature code) gets no entry."""
        s = self.session
        legs = [leg for leg in s.seen.values() if not leg.is_local and leg.direction is Direction.OUT]
        dialled = next((leg.dialled for leg in legs if leg.dialled), "")
        legs += [leg if leg.number else replace(leg, number=dialled) for leg in self._rung()]
        if (len(legs) < CONVERSATION and not s.dial_status) or decide(legs).rule is not Rule.ALWAYS:
            return
        parties = tuple(self._party(leg, s.began_s) for leg in legs)
        status = s.dial_status or ("CHANUNAVAIL" if self._was_not_reached() else "CANCEL")
        cause = LINK_DOWN if s.is_end_missed and not s.dial_status else f"unanswered: {status}"
        new = replace(self.new_recording(Rule.ALWAYS), from_s=s.began_s, cause=cause)
        self.deliver(replace(new, parties=parties))

    def _rung(self) -> list[Leg]:
        """The called legs, and those that were announced (by the hook before Dial) and never made."""
        legs = [leg for leg in self.session.seen.values() if leg.direction is Direction.IN and not leg.is_local]
        real = [leg for leg in legs if leg.channel]
        users = {leg.user.id if leg.user else None for leg in real}
        announced = [leg for leg in legs if not leg.channel and (leg.user.id if leg.user else None) not in users]
        return [*real, *(leg for leg in announced if leg.user or not real)]

    def _was_not_reached(self) -> bool:
        """Dial has told of nothing, not even of a leg that it made: there was none to make (app_dial.c: dial_exec_full)."""
        s = self.session
        return s.hangup_cause in _NOT_REACHED and not any(leg.channel for leg in self._rung())

    def _party(self, leg: Leg, from_s: float) -> Party:
        return Party(leg.id, leg.user.id if leg.user else None, leg.number, leg.name, from_s, self.happened.utc_s)
