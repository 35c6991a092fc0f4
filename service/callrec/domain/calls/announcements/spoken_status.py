"""What is true of a user's live calls, for the phone status code: in the names of the sounds that say it.

The code is dialled in a call of its own, mostly while another one is on hold. *Recorded*, *paused* and *not recorded* are said of
what is proven. All between (a recording that starts, stops or has no proof, a pause that Asterisk has not confirmed) may be
recorded.
"""

from collections.abc import Iterable, Sequence

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.session import Session, State
from callrec.domain.rules import UserId

RECORDED, PAUSED = "other-call-recorded", "other-call-paused"
NOT_RECORDED, UNPROVEN = "other-call-not-recorded", "other-call-unproven"


def spoken_of_calls(sessions: Iterable[Session], user: UserId, dialling: LegId) -> Sequence[str]:
    """A sound for each live call in which this user talks or waits, without the call in which the code was dialled; each sound
    once."""
    said = [
        _spoken(session, leg.id)
        for session in sessions
        if dialling not in session.legs and session.had_conversation
        for leg in session.legs.values()
        if leg.user is not None and leg.user.id == user
    ]
    return list(dict.fromkeys(said))


def _spoken(session: Session, leg: LegId) -> str:
    recording, capture = session.recording, session.capture
    if session.state in {State.IDLE, State.ABSENT} and not session.has_recorder:
        return NOT_RECORDED
    if recording is None or capture is None or leg not in session.phones(capture.leg):
        return UNPROVEN
    if session.state is State.PAUSED and recording.is_paused and recording.pauses[-1].is_proven:
        return PAUSED
    return RECORDED if session.state is State.RECORDING else UNPROVEN
