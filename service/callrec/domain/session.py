"""What is known about one call at one moment: its legs, its bridges, its takes, and what its recording is doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callrec.domain.model import BridgeId, CallId, Leg, LegId, NodeId, Party, Recording, Take, TakeId
from callrec.domain.policy import Terms
from callrec.domain.toggle import State


@dataclass(frozen=True, slots=True)
class Session:
    """All that is known about one call at one moment. Immutable; `handling.handle` gives the next one."""

    call: CallId
    linkedid: str
    node: NodeId
    terms: Terms = field(default_factory=Terms)
    legs: Mapping[LegId, Leg] = field(default_factory=dict)
    """The legs that are alive."""
    seen: Mapping[LegId, Leg] = field(default_factory=dict)
    """Every leg that ever was, and who would have been one: for the explanation of an unanswered call."""
    rates_hz: Mapping[LegId, int] = field(default_factory=dict)
    bridges: Mapping[BridgeId, tuple[LegId, ...]] = field(default_factory=dict)
    parties: tuple[Party, ...] = ()
    dial_status: str = ""
    answered: bool = False
    state: State = State.IDLE
    recording: Recording | None = None
    """The current recording; None when idle."""
    set_aside: tuple[Recording, ...] = ()
    """Stopped recordings whose files are not closed yet."""
    open_takes: frozenset[TakeId] = frozenset()
    """Takes whose files may still be written."""
    faults: int = 0
    recordings: int = 0
    changed_mono_s: float = float("-inf")
    """When the last start, stop, pause or resume was asked for."""
    replies: tuple[str, ...] = ()
    """Dialogues that wait for the outcome of the running change."""
    began_s: float = 0.0

    @property
    def over(self) -> bool:
        """Nothing can happen to it any more: it may be forgotten."""
        return self.state is State.CLOSED and self.recording is None and not self.set_aside

    @property
    def take(self) -> Take | None:
        """The current take."""
        return self.recording.takes[-1] if self.recording and self.recording.takes else None

    @classmethod
    def resume(cls, recording: Recording, terms: Terms) -> "Session":
        """The session of a call whose recording was under way when the daemon died; its legs and bridges are still to come."""
        take = recording.takes[-1]
        paused = bool(recording.pauses) and recording.pauses[-1].to_s is None
        return cls(
            call=recording.call,
            linkedid=recording.linkedid,
            node=recording.node,
            terms=terms,
            parties=recording.parties,
            answered=True,
            state=State.PAUSED if paused else State.OPENED if take.mixmonitor else State.STARTING,
            recording=recording,
            open_takes=frozenset({take.id}),
            recordings=int(recording.id.rpartition("-")[2]),
            began_s=recording.from_s,
        )
