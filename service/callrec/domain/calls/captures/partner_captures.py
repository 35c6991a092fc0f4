"""Partner captures: while it is not known whether the recorder of the recorded leg hears a new partner, the partner's own leg is
captured as well, so that no voice is lost.

Theory. Debian's Asterisk (seen with 22.10) drops what it translates for recorders while the partner's RTP sequence numbers are
behind those of the partner before, so in half of the transfers between phones of one codec no recorder on the leg gets the new
voice, while the phone hears it (docs/decisions/0017-the-deaf-leg.md). What the *partner's* leg says is read as ever. So whenever
the recorded leg gets a partner that it did not have when its recorder began, a second recorder begins on the partner's leg at
once. It ends when the recorded leg's file holds any sound since the two met: then that recorder hears. It stays where the
recorder is deaf, or the partner silent. Where the recorded leg's file is silent, the stored recording takes the partner's voice
from the partner capture (`domain.library.partner_voice`). A partner who restarts their RTP numbering is a new one, where the file
shows that the recorder is deaf to them (`deaf_recorders`).

Where a recording has tracks (`tracks`), partners are captured for these as well, by the same recorder: one that began for a deaf
leg goes on, and from then on is used for the track alone (`Capture.track_s`).

In a conversation with a user of the rule *never* and in a pause no partner is captured. In a hold a partner capture goes on, so
that no word behind the hold is lost; what it holds of the hold is never used. After both each partner is a new one: what Asterisk
wrote meanwhile (silence, music) proves nothing.
"""

from collections.abc import Mapping
from dataclasses import replace

from callrec.domain.calls.captures.stops import ask_to_stop, take_back
from callrec.domain.calls.captures.tracks import tracked
from callrec.domain.calls.commands import Alarm, AwaitVoice, OpenCapture
from callrec.domain.calls.events import PartnerHeard
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Capture, Leg, Recording
from callrec.domain.calls.recordings import next_capture, note_capture, write
from callrec.domain.calls.session import CAPTURING, Change, Entered, Session
from callrec.domain.vocabulary import AlarmCause

MOST_TRIES = 3
"""How many captures on one partner's leg are begun for one meeting: what Asterisk refuses, or another
stops, so often would fare so again. One that ended as it should is no failed try."""
MOST_CAPTURES = 1000
"""Of one recording: a hold each half minute in a call of eight hours. So many holds are a program's; behind them the recorded leg
alone is captured, and what that lacks the stored recording tells (`app.library.finalize.deaf_leg_check`)."""
_NEVER = Entered(0, float("-inf"))


def capture_partners(change: Change) -> None:
    """After every event: capture each partner until it is known that the recorder hears them, and no others."""
    s = change.session
    if s.is_resyncing:
        return
    unheard = {leg: since_s for leg, since_s in _new_partners(s).items() if s.heard.get(leg) != since_s}
    wanted = {**tracked(s), **unheard}
    for capture in _running(s):
        if capture.leg not in wanted or not _is_current(s, capture):
            s.ending |= {capture.id}
            ask_to_stop(change, capture)
        else:
            _note_use(change, capture, is_for_track=capture.leg not in unheard)
    for leg, since_s in wanted.items():
        _capture(change, s.legs[leg], since_s, is_for_track=leg not in unheard)
    if s.capture is not None:
        news = [leg for leg, since_s in unheard.items() if s.unheard.get(leg) != since_s]
        change.commands += [AwaitVoice(s.capture, leg, unheard[leg]) for leg in news]
    s.unheard = unheard


def on_partner_heard(change: Change, event: PartnerHeard) -> None:
    """The recorder hears: the file of the recorded leg holds sound since it met this partner."""
    s = change.session
    if not s.is_current(event.capture) or s.unheard.get(event.leg) != event.since_s:
        return
    if s.recording is not None and s.recording.is_waiting:  # the sound may be music: look again
        s.unheard = {leg: since_s for leg, since_s in s.unheard.items() if leg != event.leg}
    else:
        s.heard = {**s.heard, event.leg: event.since_s}


def on_partner_capture_lost(change: Change, capture: Capture, cause: str) -> None:
    """A partner capture could not begin, or ended before its time. It is tried again, a few times."""
    note_capture(change, capture.id, cause=cause)
    change.commands.append(Alarm(cause, capture.id))


def _note_use(change: Change, capture: Capture, *, is_for_track: bool) -> None:
    """A recorder that began for a deaf leg goes on for the track alone, or the other way round."""
    s, now_s = change.session, change.now.utc_s
    if is_for_track == (capture.track_s is not None) or s.recording is None:
        return
    used = replace(capture, track_s=now_s if is_for_track else None)
    partners = tuple(used if one.id == capture.id else one for one in s.recording.partner_captures)
    s.recording = replace(s.recording, partner_captures=partners)
    write(change, Step.CHANGED)


def _capture(change: Change, leg: Leg, since_s: float, *, is_for_track: bool) -> None:
    """Begin a capture on this leg, in the journal first, unless one is at work, or too many were begun.

    One whose stop was refused is at work: it goes on, and nothing begins beside it."""
    s, now_s, own = change.session, change.now.utc_s, change.session.capture
    if s.recording is None or own is None or any(one.leg == leg.id for one in _running(s)):
        return
    if lingering := _refused(s, s.recording, leg):
        take_back(change, lingering.id)
        return
    began = [one for one in s.recording.partner_captures if one.leg == leg.id and one.from_s >= min(since_s, now_s)]
    if sum(bool(one.cause) for one in began) >= MOST_TRIES or len(s.recording.partner_captures) >= MOST_CAPTURES:
        return
    capture = replace(next_capture(s, s.recording, leg, now_s), rate_hz=own.rate_hz, is_partner=True)
    capture = replace(capture, track_s=now_s if is_for_track else None)
    s.recording = replace(s.recording, partner_captures=(*s.recording.partner_captures, capture))
    s.open_captures |= {capture.id}
    write(change, Step.CHANGED)
    assert s.recording.rule is not None  # noqa: S101 - for the type checker: only adopted recordings have none
    change.commands.append(OpenCapture(capture, s.recording.rule))
    if len(s.recording.partner_captures) == MOST_CAPTURES:
        change.commands.append(Alarm(AlarmCause.TOO_MANY_CAPTURES, capture.id))


def _refused(session: Session, recording: Recording, leg: Leg) -> Capture | None:
    """A partner capture on this leg that Asterisk did not stop when it was asked."""
    on_leg = (one for one in recording.partner_captures if one.leg == leg.id and one.id in session.ending)
    return next((one for one in on_leg if session.may_grow(one) and session.stops[one.id].is_refused), None)


def _running(session: Session) -> list[Capture]:
    """The partner captures whose end was not asked for."""
    return [one for one in session.captures() if one.is_partner and one.id in session.open_captures - session.ending]


def _is_current(session: Session, capture: Capture) -> bool:
    return session.recording is not None and capture in session.recording.partner_captures


def may_be_deaf(session: Session, capture: Capture) -> bool:
    """Whether this recorder, of the recorded leg, is not known to hear a partner since they met, or since they restart their RTP
    numbering: nor does that leg hear, then, what is mixed into what it hears. A pause and a hold change nothing in that."""
    since = {leg: _unheard_s(session, capture, leg) for leg in session.phones(capture.leg) if leg != capture.leg}
    return any(since_s is not None and session.heard.get(leg, _NEVER.at_s) < since_s for leg, since_s in since.items())


def _new_partners(session: Session) -> Mapping[LegId, float]:
    """The partners of the recorded leg that it did not have when its recorder began, each with the instant since when this
    recorder should hold their voice."""
    capture, recording = session.capture, session.recording
    if capture is None or recording is None or session.state not in CAPTURING:
        return {}
    if session.is_undecodable or session.is_protected(capture.leg):
        return {}
    since = {leg: _unheard_s(session, capture, leg) for leg in session.phones(capture.leg) if leg != capture.leg}
    resumed_s = _resumed_s(recording)
    return {leg: max(since_s, resumed_s) for leg, since_s in since.items() if since_s is not None}


def _unheard_s(session: Session, capture: Capture, partner: LegId) -> float | None:
    """Since when this capture may not hold what they say: since the two met, or since they restart their RTP numbering."""
    met_s, renumbered_s = _together_s(session, capture, partner), session.renumbered.get(partner)
    if renumbered_s is None or renumbered_s <= capture.from_s:
        return met_s
    return renumbered_s if met_s is None else max(met_s, renumbered_s)


def _together_s(session: Session, capture: Capture, partner: LegId) -> float | None:
    """Since when this capture could hold what they say; None when that is the first bridge of both, and older than the recorder.

    Of a further capture on the same leg it is not known whether it hears, either."""
    own, other = (session.entered.get(leg, _NEVER) for leg in (capture.leg, partner))
    since_s = max(own.at_s, other.at_s)
    is_first = own.times <= 1 and other.times <= 1
    return None if is_first and since_s <= capture.from_s else max(since_s, capture.from_s)


def _resumed_s(recording: Recording) -> float:
    """When the last pause or hold ended."""
    pauses, waits = [one.to_s for one in recording.pauses], [one.to_s for one in recording.waiting]
    return max((to_s for to_s in (*pauses, *waits) if to_s is not None), default=float("-inf"))
