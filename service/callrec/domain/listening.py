"""The deaf leg: when a recorded leg gets another partner, Asterisk may stop giving its recorders what that leg hears.

Theory. Debian's Asterisk (seen with 22.10) drops what it translates for recorders while the partner's RTP sequence numbers are
behind those of the partner before, so in half of the transfers between phones of one codec no recorder on the leg gets the new
voice, while the phone hears it (docs/decisions/0017-the-deaf-leg.md). What the *partner's* leg says is read as ever. So whenever
the recorded leg gets a partner that it did not have when its recorder began, Asterisk listens on the partner's leg
until its first word (func_talkdetect.c: talk_detect_audiohook_cb). That word is the proof: from the moment in which they came
together on, the recorder must have more than digital silence. `app.deaf_legs` compares. A muted phone, a hold without music and
a pause give no proof, so they are never taken for a deaf leg.
"""

from collections.abc import Mapping
from dataclasses import replace

from callrec.domain import messages as m
from callrec.domain.draft import Draft
from callrec.domain.lifecycle import Step
from callrec.domain.model import LegId, Recording, Speech, Take
from callrec.domain.session import Entered, Session
from callrec.domain.toggle import ACTIVE, State

_NEVER = Entered(0, float("-inf"))


class Listening(Draft):
    """Who is listened to, and what their first word means."""

    def listen(self) -> None:
        """Asked after every event: listen to new partners, and not any more to those who left or have spoken."""
        s = self.session
        wanted = {leg: since_s for leg, since_s in _partners(s).items() if s.spoken.get(leg) != since_s}
        self.commands += [m.Listen(leg, on=False) for leg in s.listened if leg not in wanted and leg in s.legs]
        self.commands += [m.Listen(leg, on=True) for leg, since_s in wanted.items() if s.listened.get(leg) != since_s]
        if s.listened != wanted:
            self.set(listened=wanted)

    def listen_again(self) -> None:
        """The link to Asterisk was down: a first word may have been missed, and Asterisk tells the next only when asked again."""
        self.set(listened={})

    def spoke(self, leg: LegId, *, proven: bool) -> None:
        """The first word of a partner; not proven: it cannot be known whether there was one."""
        s = self.session
        since_s = s.listened.get(leg)
        if since_s is None or s.take is None or s.recording is None:
            return
        speech = Speech(s.take.id, leg, since_s, self.now.utc_s if proven else since_s, proven)
        self.set(
            spoken={**s.spoken, leg: since_s},
            recording=replace(s.recording, speech=(*s.recording.speech, speech)),
        )
        self.write(Step.CHANGED)
        self.commands.append(m.Compare(s.take, speech))

    def is_first_take_of(self, take: Take, leg: LegId) -> bool:
        """Whether no earlier take tried to hold this partner's words: a further take helps once or not at all."""
        speech = self.session.recording.speech if self.session.recording else ()
        met_s = _met_s(self.session, take, leg)
        return not any(one.leg == leg and one.take != take.id and one.since_s >= met_s for one in speech)


def _partners(session: Session) -> Mapping[LegId, float]:
    """The partners of the recorded leg now, without those that it had when its recorder began."""
    take, recording = session.take, session.recording
    if take is None or recording is None or session.state not in ACTIVE:
        return {}
    if session.state is State.PAUSED or recording.is_waiting:
        return {}
    phones = [leg.id for leg in session.conversation_of(take.leg) if leg.id != take.leg and not leg.is_local]
    since = {leg: _together_s(session, take, leg) for leg in phones}
    resumed_s = _resumed_s(recording)
    return {leg: max(since_s, resumed_s) for leg, since_s in since.items() if since_s is not None}


def _together_s(session: Session, take: Take, partner: LegId) -> float | None:
    """Since when this take could hold what they say; None when that is the first bridge of both, and older than the recorder.

    A further take is listened for like a new partner: whether it hears is not known."""
    own, other = (session.entered.get(leg, _NEVER) for leg in (take.leg, partner))
    since_s = _met_s(session, take, partner)
    is_first = own.times <= 1 and other.times <= 1
    return None if is_first and since_s <= take.from_s else max(since_s, take.from_s)


def _met_s(session: Session, take: Take, partner: LegId) -> float:
    """Since when both are in their bridge."""
    return max(session.entered.get(leg, _NEVER).at_s for leg in (take.leg, partner))


def _resumed_s(recording: Recording) -> float:
    """When the last pause or hold ended: in one the recorder writes silence, in the other music, and a leg that was deaf is so
    afterwards."""
    pauses, waits = [one.to_s for one in recording.pauses], [one.to_s for one in recording.waiting]
    return max((to_s for to_s in (*pauses, *waits) if to_s is not None), default=float("-inf"))
