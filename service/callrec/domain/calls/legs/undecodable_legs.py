"""Legs that no recorder can hear: their codec has no decoder in Asterisk (G.729 or Opus that is passed through between two
phones), or they send a fax (T.38).

Theory. A recorder on such a leg writes nothing, and Asterisk logs a warning for each packet: so none begins, no tone says that
one has begun, and one that is at work is stopped as soon as the change of the codec is noticed (its files do not grow while
packets flow). A recording on demand that cannot begin has *failed*. One that policy wants, or that has begun before, waits in
the state *suspect*: the leg is asked again and again (`app.calls.watches.undecodable_watch`), and when a recorder can hear it a
further capture begins. The time between is missing with this cause; a call that was never heard leaves an entry that *failed*.
"""

from callrec.domain.calls.events import LegAudioTold
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Capture, LegAudio
from callrec.domain.calls.recordings import note_capture
from callrec.domain.calls.session import CAPTURING, Change, Session, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause
from callrec.domain.vocabulary import AlarmCause

_CAUSES = (AlarmCause.NO_DECODER, AlarmCause.FAX)


def is_undecodable(cause: str) -> bool:
    """Whether a capture with this cause lacks what no recorder can hear."""
    return cause.partition(":")[0] in _CAUSES


def note_audio(change: Change, leg: LegId, audio: LegAudio) -> None:
    """What Asterisk says of the leg's audio."""
    s = change.session
    s.rates_hz = {**s.rates_hz, leg: audio.rate_hz}
    undecodable = {key: cause for key, cause in s.undecodable.items() if key != leg}
    s.undecodable = {**undecodable, leg: audio.undecodable} if audio.undecodable else undecodable


def awaited_leg(session: Session) -> LegId | None:
    """The leg on which the recording goes on as soon as a recorder can hear it."""
    capture = session.capture
    waits = session.state is State.SUSPECT and session.is_undecodable
    return capture.leg if waits and capture is not None and capture.leg in session.legs else None


def on_leg_audio_told(change: Change, event: LegAudioTold) -> None:
    """Asterisk was asked again: the captured leg's codec may be another one."""
    s, capture = change.session, change.session.capture
    if capture is None or capture.leg != event.leg:
        return
    is_open = capture.id in s.open_captures
    if not event.audio.undecodable and is_open and is_undecodable(capture.cause):
        return  # its recorder is still on its way out
    note_audio(change, event.leg, event.audio)
    if event.audio.undecodable and is_open and s.state in CAPTURING:
        note_capture(change, capture.id, cause=event.audio.undecodable)
        on_undecodable(change, capture, event.audio.undecodable)
    elif not event.audio.undecodable and s.state is State.SUSPECT and is_undecodable(capture.cause):
        apply(change, Trigger.CLEAR)


def on_undecodable(change: Change, capture: Capture, cause: str) -> None:
    """No recorder can hear the current capture's leg."""
    if change.session.is_current(capture.id):
        apply(change, Trigger.UNDECODABLE, Cause(alarm=cause))
