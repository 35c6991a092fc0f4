"""The participants are told first (`prompt-first`): no recorder begins before all who can hear it have heard the prompt.

Theory. In the state *announcing* the recording exists, in the journal too, and has no recorder: its capture keeps a place. The
prompt plays to each phone in the conversation (`announcements`), also to who comes meanwhile, and they hear each other all the
while. The recording begins when each of them has heard it, or cannot hear it: a phone that sends or gets no packets, or that
holds the call, must not keep the others unrecorded. A playback that failed for another reason is tried again. The whole of it
lasts `Limits.announce_s` at most; who had not heard it by then the manifest says. Who joins a recording that has begun is told
on joining, and it goes on.

The time is a wait of the recording (`WaitingKind.ANNOUNCING`): it is no gap, and not in the stored file.
"""

from callrec.domain.calls.announcements.who_is_told import MOST_TIMES
from callrec.domain.calls.model import ROUNDING_S, Hearing, NotHeard
from callrec.domain.calls.session import Change, Session, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import await_announcement

__all__ = ("await_announcement", "begin_when_told")

_CANNOT_HEAR = (NotHeard.NO_RTP_IN, NotHeard.NO_RTP_OUT, NotHeard.ON_HOLD)


def begin_when_told(change: Change) -> None:
    """After every event: begin to capture, when all who can hear it have heard it or the time for it is over."""
    s = change.session
    if s.state is not State.ANNOUNCING or s.recording is None or s.capture is None:
        return
    if s.capture.leg not in s.legs or s.is_resyncing:  # where it goes on is not known yet
        return
    hearings = {one.leg: one for one in s.recording.hearings}
    waited_s = change.now.utc_s - s.recording.waiting[-1].from_s
    is_over = waited_s >= s.terms.limits.announce_s - ROUNDING_S
    if is_over or all(leg in s.held or _is_told(s, hearings.get(leg)) for leg in s.phones(s.capture.leg)):
        apply(change, Trigger.TOLD)


def _is_told(s: Session, hearing: Hearing | None) -> bool:
    """Whether no more is to be waited for."""
    if hearing is None or hearing.to_s is None:
        return False
    return hearing.is_heard or hearing.cause in _CANNOT_HEAR or s.told_times.get(hearing.leg, 0) >= MOST_TIMES
