"""Live calls for operators: what each is doing, and requests to start, stop, pause or resume its recording.

A request is done or refused at once; what comes of it is waited for, for PROVEN_S at most. So an answer tells what is proven: a
recording is *recording* when its files grow, and *paused* when Asterisk has confirmed that every recorder is muted or closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from callrec.app.calls.call_router import CallRouter, no_such_call
from callrec.app.ports.access import AuditLog
from callrec.app.ports.calls import Spool
from callrec.domain.access.audit import Action, Actor, AuditEntry
from callrec.domain.access.decisions import Visible
from callrec.domain.calls.ids import CallId, CaptureId
from callrec.domain.calls.model import Control, Leg, Party, Recording
from callrec.domain.calls.session import ACTIVE, Session, State
from callrec.domain.directory.value_checks import text
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import ControlAnswer

PROVEN_S = 2.5
"""How long a request waits for the proof: a file at 8 kHz grows after 2.05 s."""
REASON = text(200)


class LiveState(StrEnum):
    """What a call's recording is doing, as it is told to the outside."""

    IDLE = "idle"
    ANNOUNCING = "announcing"
    """The participants are told that they are recorded; the recording begins when they have heard it."""
    STARTING = "starting"
    RECORDING = "recording"
    PAUSING = "pausing"
    """A pause was asked for, and Asterisk has not confirmed yet that nothing is recorded."""
    PAUSED = "paused"
    SUSPECT = "suspect"
    """The call should be recorded, and the proof is missing."""
    STOPPING = "stopping"
    FAILED = "failed"
    ABSENT = "absent"
    """No recorded user is in the call; the recording goes on when one comes back."""
    FALLBACK = "fallback"
    """The dialplan records it by itself, since it began while the daemon was away: the daemon can neither prove nor end that."""
    ENDED = "ended"


_STATES = {
    State.IDLE: LiveState.IDLE,
    State.ANNOUNCING: LiveState.ANNOUNCING,
    State.STARTING: LiveState.STARTING,
    State.OPENED: LiveState.STARTING,
    State.RECORDING: LiveState.RECORDING,
    State.PAUSED: LiveState.PAUSED,
    State.SUSPECT: LiveState.SUSPECT,
    State.STOPPING: LiveState.STOPPING,
    State.FAILED: LiveState.FAILED,
    State.ABSENT: LiveState.ABSENT,
    State.CLOSED: LiveState.ENDED,
}
_WANTED = {
    Control.START: LiveState.RECORDING,
    Control.STOP: LiveState.IDLE,
    Control.PAUSE: LiveState.PAUSED,
    Control.RESUME: LiveState.RECORDING,
}
_ON_THE_WAY = (LiveState.ANNOUNCING, LiveState.STARTING, LiveState.PAUSING, LiveState.STOPPING, LiveState.SUSPECT)


@dataclass(frozen=True, slots=True)
class Participant:
    """A leg of a live call. `since_s`: since when it talks, in Unix time; None while it does not."""

    leg: Leg
    since_s: float | None


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A live call at this moment. `grows` and `written_bytes`: the proof that something is recorded."""

    session: Session
    state: LiveState
    participants: tuple[Participant, ...]
    recording: Recording | None
    grows: bool
    written_bytes: int

    @property
    def users(self) -> frozenset[UserId]:
        """Who is in it, as far as they are users."""
        return frozenset(one.leg.user.id for one in self.participants if one.leg.user)


@dataclass(frozen=True, slots=True)
class Controlled:
    """What came of a request. `is_proven`: the state is the one that was asked for."""

    call: LiveCall
    is_proven: bool


class LiveCalls:
    """The use cases. `spool` tells how much is written."""

    def __init__(self, calls: CallRouter, spool: Spool, audit: AuditLog) -> None:
        self._calls, self._spool, self._audit = calls, spool, audit

    def every(self) -> Sequence[LiveCall]:
        """The live calls, oldest first."""
        live = [session for session in self._calls.live() if session.state is not State.CLOSED]
        return [self._shown(session) for session in sorted(live, key=lambda one: one.call)]

    def seen(self, within: Visible) -> Sequence[LiveCall]:
        """Those of `every` that somebody may see."""
        return [call for call in self.every() if within.holds_any(call.users)]

    async def control(
        self,
        call: str,
        control: Control,
        reason: str = "",
        resume_after_s: float | None = None,
        *,
        by: Actor,
        within: Visible,
        address: str = "",
    ) -> Controlled:
        """Do this to the call's recording, once the audit log has who asked for it; a call that is not `within` what they may do
        it to is unknown. Raises Refused when it cannot be, or
        something else came of it; Unavailable while Asterisk cannot be asked, or the audit log takes no entry. A pause is done
        without the log, too: a card number that is recorded would be worse than an entry that is missing."""
        if not REASON.accepts(reason):
            raise Refused("control-reason", f"the reason must be {REASON.says}", hint="shorten it, or leave it out")
        if not within.all and call not in {one.session.call for one in self.seen(within)}:
            raise no_such_call(call)
        try:
            await self._logged(call, AuditEntry(Action.CONTROLLED, by, address=address, reason=reason, details=control))
        except CallrecError:
            if control is not Control.PAUSE:
                raise
        answer = await self._calls.control(CallId(call), control, reason, resume_after_s, f"{by.kind}:{by.id}")
        if answer not in {ControlAnswer.ACCEPTED, ControlAnswer.UNCHANGED}:
            raise _refused(call, control, answer)
        wanted = _WANTED[control]
        session = await self._calls.until(CallId(call), lambda one: _settled(one, wanted), PROVEN_S)
        shown = self._shown(session)
        if shown.state is wanted or shown.state in _ON_THE_WAY:
            return Controlled(shown, shown.state is wanted)
        raise Refused(
            "control-failed",
            f"the recording of call {call} is {shown.state}, not {wanted}",
            hint="another request or the end of the call came between, or Asterisk failed: see the call, and /readyz",
        )

    async def _logged(self, call: str, entry: AuditEntry) -> None:
        """The entry names the call, and its recording if it has one. For an unknown call there is none: nothing is done."""
        session = next((one for one in self._calls.live() if one.call == call), None)
        if session is not None:
            recording = session.recording.id if session.recording else ""
            await self._audit.append([replace(entry, recording=recording, subject=f"call:{session.call}")])

    def _shown(self, session: Session) -> LiveCall:
        talking = {leg.id for legs in session.conversations() for leg in legs}
        since: dict[str, Party] = {party.leg: party for party in session.parties if party.to_s is None}
        legs = [leg for leg in session.legs.values() if not leg.is_local]
        participants = (
            Participant(leg, since[leg.id].from_s if leg.id in talking and leg.id in since else None) for leg in legs
        )
        recording = session.recording if session.state in (*ACTIVE, State.STOPPING, State.ABSENT) else None
        capture = session.capture if recording else None
        grows = capture is not None and session.proven == capture.id and session.state is State.RECORDING
        written = sum(self._written_bytes(one.id) for one in recording.captures) if recording else 0
        return LiveCall(session, state_of(session), tuple(participants), recording, grows, written)

    def _written_bytes(self, capture: str) -> int:
        try:
            files = self._spool.capture_files(CaptureId(capture))
        except CallrecError:
            return 0
        return files.bytes if files else 0


def state_of(session: Session) -> LiveState:
    """What the call's recording is doing, as far as that is proven."""
    if session.state is State.IDLE and session.is_recorded_by_dialplan:
        return LiveState.FALLBACK
    is_pausing = (
        session.recording is not None and session.recording.is_paused and not session.recording.pauses[-1].is_proven
    )
    return LiveState.PAUSING if session.state is State.PAUSED and is_pausing else _STATES[session.state]


def _settled(session: Session, wanted: LiveState) -> bool:
    """Whether nothing more is to be waited for. A stopped recording that is set aside already may be followed by another one."""
    state = state_of(session)
    return state is wanted or state not in _ON_THE_WAY


def _refused(call: str, control: Control, answer: ControlAnswer) -> CallrecError:
    match answer:
        case ControlAnswer.ENDED:
            return Refused("call-ended", f"call {call} is over", hint="callrec recordings list has what was recorded")
        case ControlAnswer.NO_CONVERSATION:
            return Refused("no-conversation", f"call {call} is not answered yet", hint="repeat it when it is answered")
        case ControlAnswer.NEVER:
            return Refused("rule-never", f"a participant of call {call} must not be recorded", hint="see their rules")
        case ControlAnswer.ALWAYS:
            says = f"call {call} is recorded because a rule says so"
            return Refused("rule-always", says, hint="pause it, or change the rule for later calls")
        case ControlAnswer.BY_DIALPLAN:
            says = f"the dialplan records call {call} by itself, since it began while the daemon was away"
            return Refused("recorded-by-dialplan", says, hint=f"{control} works in calls that begin from now on")
        case ControlAnswer.PAUSED:
            return Refused("recording-paused", f"the recording of call {call} is paused", hint="resume it")
        case _:
            return Refused("not-recorded", f"call {call} is not recorded, so there is nothing to {control}")
