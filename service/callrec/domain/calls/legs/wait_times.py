"""When the participants of a recorded call wait: on hold, while a target rings, with a queue's music, parked.

No conversation is possible then, so what a recording lacks of this time is no loss. How it is known: a phone that puts a call on
hold makes Asterisk say so (channel.c: __ast_read, AST_CONTROL_HOLD), music on hold likewise, a parked leg is in a parking bridge,
and a leg that rings is there and in no bridge yet.
"""

from dataclasses import replace

from callrec.domain.calls.events import HoldChanged, MusicChanged
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Leg, Waiting, WaitingKind
from callrec.domain.calls.recordings import write
from callrec.domain.calls.session import ACTIVE, Change, Session, State

WORTH_S = 0.2
"""A shorter wait is the way from one bridge to the next."""


def on_hold_changed(change: Change, event: HoldChanged) -> None:
    """A leg puts the others on hold, or takes them back."""
    s, leg = change.session, {event.leg}
    s.held = s.held | leg if event.holds_others else s.held - leg


def on_music_changed(change: Change, event: MusicChanged) -> None:
    """A leg hears music on hold, or hears it no more."""
    s, leg = change.session, {event.leg}
    s.music = s.music | leg if event.plays else s.music - leg


def note_waiting(change: Change) -> None:
    """After every event: note in the recording whether its conversation goes on, and if it does not, why."""
    s = change.session
    s.held, s.music, s.parked = (legs_of.intersection(s.legs) for legs_of in (s.held, s.music, s.parked))
    if s.recording is None or s.state not in ACTIVE or s.state is State.ANNOUNCING:
        s.alone_s = None
        return
    conversation, at_s = _recorded_conversation(s), change.happened.utc_s
    kind = _kind_of_hold(s, conversation) if conversation else _kind_without_conversation(s)
    began_s = at_s if s.alone_s is None else s.alone_s
    if not s.recording.is_waiting:
        if kind is not None:
            _begin(change, kind, at_s if conversation else began_s)
        elif conversation and at_s - began_s >= WORTH_S:  # nothing told of it: a target that rang between two events
            ringing = Waiting(began_s, at_s, WaitingKind.RINGING)
            s.recording = replace(s.recording, waiting=(*s.recording.waiting, ringing))
    elif kind is not s.recording.waiting[-1].kind and (conversation or kind):
        _end(change, at_s)
        if kind is not None:
            _begin(change, kind, at_s)
    s.alone_s = None if conversation else began_s


def _recorded_conversation(s: Session) -> list[Leg]:
    """That of the capture's leg (alone with an application), or any when this is gone."""
    if s.capture and s.capture.leg == s.application and s.capture.leg in s.legs:
        return [s.legs[s.capture.leg]]
    if s.capture and s.capture.leg in s.legs:
        return s.conversation_of(s.capture.leg)
    return next(iter(s.conversations()), [])


def _kind_of_hold(s: Session, conversation: list[Leg]) -> WaitingKind | None:
    """One of three may let the others wait: the others talk on."""
    phones = [leg for leg in conversation if not leg.is_local]
    not_held = [leg for leg in phones if leg.id not in s.held]
    if len(not_held) == len(phones) or len(not_held) > 1:
        return None
    return WaitingKind.MUSIC if _hears_music(s) else WaitingKind.HOLD


def _hears_music(s: Session) -> bool:
    """Whether the recorder has music to write."""
    return s.capture is not None and s.capture.leg in s.music


def _kind_without_conversation(s: Session) -> WaitingKind | None:
    """Why a call has no conversation; None when nothing tells."""
    if s.parked:
        return WaitingKind.PARKED
    if _hears_music(s):
        return WaitingKind.MUSIC
    somewhere = {leg for legs in s.bridges.values() for leg in legs} | {party.leg for party in s.parties}
    rings = any(not leg.is_local and leg.id not in somewhere for leg in s.legs.values())
    if rings:
        return WaitingKind.RINGING
    return WaitingKind.HOLD if s.music else None


def _begin(change: Change, kind: WaitingKind, from_s: float) -> None:
    if (recording := change.session.recording) is not None:
        change.session.recording = replace(recording, waiting=(*recording.waiting, Waiting(from_s, None, kind)))
        _write(change, kind)


def _end(change: Change, to_s: float) -> None:
    if (recording := change.session.recording) is not None:
        *before, last = recording.waiting
        is_worth = to_s - last.from_s >= WORTH_S
        waiting = (*before, replace(last, to_s=to_s)) if is_worth else tuple(before)
        change.session.recording = replace(recording, waiting=waiting)
        _write(change, last.kind)


def _write(change: Change, kind: WaitingKind) -> None:
    """What lasts is in the journal; a ringing passes with each transfer, and its bridges tell of it after a restart, too."""
    if kind is not WaitingKind.RINGING:
        write(change, Step.CHANGED)
