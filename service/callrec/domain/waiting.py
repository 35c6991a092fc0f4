"""When the participants of a recorded call wait: on hold, while a target rings, with a queue's music, parked.

No conversation is possible then, so what a recording lacks of this time is no loss. How it is known: a phone that puts a call on
hold makes Asterisk say so (channel.c: __ast_read, AST_CONTROL_HOLD), music on hold likewise, a parked leg is in a parking bridge,
and a leg that rings is there and in no bridge yet.
"""

from dataclasses import replace

from callrec.domain import messages as m
from callrec.domain.draft import Draft
from callrec.domain.lifecycle import Step
from callrec.domain.model import Leg, Waiting, WaitingKind
from callrec.domain.toggle import ACTIVE

WORTH_S = 0.2
"""A shorter wait is the way from one bridge to the next."""


class Waits(Draft):
    """A draft that knows who waits."""

    def note(self, event: m.HoldChanged | m.MusicChanged | m.Parked) -> None:
        """What a leg does that is in no bridge, or in one that is on hold."""
        s, leg = self.session, {event.leg}
        match event:
            case m.HoldChanged(is_held=is_held):
                self.set(held=s.held | leg if is_held else s.held - leg)
            case m.MusicChanged(plays=plays):
                self.set(music=s.music | leg if plays else s.music - leg)
            case m.Parked():  # pragma: no branch - the last kind
                self.set(parked=s.parked | leg)

    def wait(self) -> None:
        """Note in the recording whether its conversation goes on after this event, and if it does not, why."""
        s = self.session
        legs = s.legs.keys()
        self.set(held=s.held & legs, music=s.music & legs, parked=s.parked & legs)
        if s.recording is None or s.state not in ACTIVE:
            self.set(alone_s=None)
            return
        talk, at_s = self._talk(), self.happened.utc_s
        kind = self._hold(talk) if talk else self._alone()
        began_s = at_s if s.alone_s is None else s.alone_s
        if not s.recording.is_waiting:
            if kind is not None:
                self._begin(kind, at_s if talk else began_s)
            elif talk and at_s - began_s >= WORTH_S:  # nothing told of it: a target that rang between two events
                self.amend(waiting=(*s.recording.waiting, Waiting(began_s, at_s, WaitingKind.RINGING)))
        elif kind is not s.recording.waiting[-1].kind and (talk or kind):
            self._end(at_s)
            if kind is not None:
                self._begin(kind, at_s)
        self.set(alone_s=None if talk else began_s)

    def _talk(self) -> list[Leg]:
        """The recorded conversation: that of the take's leg, or any when this is gone."""
        s = self.session
        if s.take and s.take.leg in s.legs:
            return s.conversation_of(s.take.leg)
        return next(iter(s.conversations()), [])

    def _hold(self, talk: list[Leg]) -> WaitingKind | None:
        """Of three who talk one may let the others wait: those talk on."""
        phones = [leg for leg in talk if not leg.is_local]
        talking = [leg for leg in phones if leg.id not in self.session.held]
        if len(talking) == len(phones) or len(talking) > 1:
            return None
        return WaitingKind.MUSIC if self._hears_music() else WaitingKind.HOLD

    def _hears_music(self) -> bool:
        """Whether the recorder has music to write."""
        s = self.session
        return s.take is not None and s.take.leg in s.music

    def _alone(self) -> WaitingKind | None:
        """Why a call has no conversation; None when nothing tells."""
        s = self.session
        if s.parked:
            return WaitingKind.PARKED
        if self._hears_music():
            return WaitingKind.MUSIC
        somewhere = {leg for legs in s.bridges.values() for leg in legs} | {party.leg for party in s.parties}
        rings = any(not leg.is_local and leg.id not in somewhere for leg in s.legs.values())
        if rings:
            return WaitingKind.RINGING
        return WaitingKind.HOLD if s.music else None

    def _begin(self, kind: WaitingKind, from_s: float) -> None:
        if (recording := self.session.recording) is not None:
            self.amend(waiting=(*recording.waiting, Waiting(from_s, None, kind)))
            self._write(kind)

    def _end(self, to_s: float) -> None:
        if (recording := self.session.recording) is not None:
            *before, last = recording.waiting
            is_worth = to_s - last.from_s >= WORTH_S
            self.amend(waiting=(*before, replace(last, to_s=to_s)) if is_worth else tuple(before))
            self._write(last.kind)

    def _write(self, kind: WaitingKind) -> None:
        """What lasts is in the journal; a ringing passes with each transfer, and its bridges tell of it after a restart, too."""
        if kind is not WaitingKind.RINGING:
            self.write(Step.CHANGED)
