"""What is known about one call at one moment: its legs, its bridges, its takes, and what its recording is doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callrec.domain.model import (
    BridgeId,
    CallId,
    Direction,
    Instant,
    Leg,
    LegId,
    NodeId,
    Party,
    Recording,
    Take,
    TakeId,
)
from callrec.domain.policy import Terms
from callrec.domain.provisioning.model import UserId
from callrec.domain.toggle import State

CONVERSATION = 2
"""As many legs make a bridge a conversation."""


@dataclass(frozen=True, slots=True)
class Entered:
    """How many bridges a leg has entered, and when the last one, in Unix time."""

    times: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Alone:
    """The only phone of a call without a conversation, and since when its leg is answered."""

    leg: Leg
    since: Instant


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
    entered: Mapping[LegId, Entered] = field(default_factory=dict)
    listened: Mapping[LegId, float] = field(default_factory=dict)
    """The recorded leg's partners whose first word Asterisk shall tell, with the instant since when they talk together."""
    spoken: Mapping[LegId, float] = field(default_factory=dict)
    """The same of those who have spoken since that instant."""
    parties: tuple[Party, ...] = ()
    dial_status: str = ""
    hangup_cause: int = 0
    """Why the last leg ended, as Asterisk says (Q.850)."""
    is_end_missed: bool = False
    """Whether no event told how the last leg ended: somebody may have answered meanwhile."""
    answered: bool = False
    """Whether there was a conversation."""
    up: frozenset[LegId] = frozenset()
    """Legs that are answered, by a phone or by an application."""
    served: frozenset[LegId] = frozenset()
    """Legs that dialled a feature code of ours: what they hear is no conversation."""
    alone: Alone | None = None
    uncovered: Party | None = None
    """A user to be recorded always, who was alone with an application for longer than a moment."""
    state: State = State.IDLE
    recording: Recording | None = None
    """The current recording; None when idle."""
    set_aside: tuple[Recording, ...] = ()
    """Stopped recordings whose files are not closed yet."""
    open_takes: frozenset[TakeId] = frozenset()
    """Takes whose files may still be written."""
    proven: TakeId | None = None
    """The take that was seen to grow and has not stalled since."""
    lit: tuple[UserId, ...] = ()
    """Whose `*3` lamps this call has lit."""
    faults: int = 0
    failures: int = 0
    """How many recordings in a row could not be begun."""
    told_failed: TakeId | None = None
    """The take of which people were told that it failed, and that is kept all the same."""
    recordings: int = 0
    changed_mono_s: float = float("-inf")
    """When the last start, stop, pause or resume was asked for."""
    replies: tuple[str, ...] = ()
    """Dialogues that wait for the outcome of the running change."""
    began_s: float = 0.0
    anchor: Instant | None = None
    """The moment by which this call tells the time: see `clock`."""
    held: frozenset[LegId] = frozenset()
    """The legs that put the others on hold."""
    music: frozenset[LegId] = frozenset()
    """The legs that hear music on hold."""
    parked: frozenset[LegId] = frozenset()
    alone_s: float | None = None
    """Since when no conversation of this recorded call goes on, in Unix time; None while one does."""

    def clock(self, moment: Instant) -> Instant:
        """The moment as this call counts: Unix time as it was at the first event, monotonic time since then. So the difference of
        two Unix times of one call is always a length, whatever somebody does to the machine's clock meanwhile."""
        anchor = self.anchor or moment
        return Instant(anchor.utc_s + moment.mono_s - anchor.mono_s, moment.mono_s)

    @property
    def over(self) -> bool:
        """Nothing can happen to it any more: it may be forgotten."""
        return self.state is State.CLOSED and self.recording is None and not self.set_aside

    @property
    def take(self) -> Take | None:
        """The current take."""
        return self.recording.takes[-1] if self.recording and self.recording.takes else None

    @property
    def is_waiting(self) -> bool:
        """Whether there may be nothing to record at this moment: the recorded conversation is on hold, or there is none."""
        return self.alone_s is not None or (self.recording is not None and self.recording.is_waiting)

    def is_current(self, take: TakeId) -> bool:
        """Whether this is the take that the state speaks of."""
        return self.take is not None and self.take.id == take

    def find(self, take: TakeId) -> Take | None:
        """The take, wherever its recording is by now; None when it was handed over or never ours."""
        recordings = (*self.set_aside, self.recording) if self.recording else self.set_aside
        return next((one for recording in recordings for one in recording.takes if one.id == take), None)

    def is_written(self, recording: Recording) -> bool:
        """Whether a file of this recording may still be written."""
        return any(take.id in self.open_takes for take in recording.takes)

    @property
    def recorded_user(self) -> UserId | None:
        """The user of the left channel: whose rule or press began the current recording. None: a restart has lost that."""
        recording = self.recording
        if recording is None or recording.actor.user or not recording.takes:
            return recording.actor.user if recording else None
        first = recording.takes[0].leg
        known = (party.user for party in self.parties if party.leg == first)
        return next(known, None)

    def is_recorded_user(self, leg: Leg) -> bool:
        """Whether this leg is one of theirs. Also one whose user was known once: the tables may be late after a restart."""
        user = self.recorded_user
        known = {party.user for party in self.parties if party.leg == leg.id}
        if not known and self.recording and self.recording.takes:
            return leg.id == self.recording.takes[0].leg or _is(leg, user)
        return user in known or _is(leg, user)

    @property
    def recorded_user_left(self) -> bool:
        """Whether they have no leg in this call any more. On hold, parked or in a consultation they have one."""
        return self.recorded_user is not None and not any(map(self.is_recorded_user, self.legs.values()))

    def may_grow(self, take: Take) -> bool:
        """Whether a recorder that we saw may still be at work: a hangup ends it too, and tells nothing (app_mixmonitor.c)."""
        return take.id in self.open_takes and bool(take.mixmonitor) and take.leg in self.legs

    def conversations(self) -> list[list[Leg]]:
        """The living legs of each conversation, a phone among them. Two bridges that one Local channel joins are one."""
        groups: list[list[Leg]] = []
        for ids in self.bridges.values():
            legs = [self.legs[leg] for leg in ids if leg in self.legs]
            joined = [group for group in groups if _doors(group) & _doors(legs)]
            groups = [group for group in groups if group not in joined]
            groups.append([leg for group in (*joined, legs) for leg in group])
        return [group for group in groups if len(group) >= CONVERSATION and not all(leg.is_local for leg in group)]

    def conversation_of(self, leg: LegId) -> list[Leg]:
        """The legs of this one's conversation, itself included; empty when there is none."""
        return next((legs for legs in self.conversations() if any(one.id == leg for one in legs)), [])

    def company(self, leg: LegId | None) -> list[Leg]:
        """This leg and those in its conversation; also a leg that is alone for now (on hold, parked) is somebody."""
        alone = self.legs.get(leg) if leg else None
        return (self.conversation_of(alone.id) or [alone]) if alone else []

    @classmethod
    def resume(cls, recording: Recording, terms: Terms) -> "Session":
        """The session of a call whose recording was under way when the daemon died; its legs and bridges are still to come."""
        take = recording.takes[-1]
        if recording.to_s is not None:
            state = State.STOPPING
        else:
            state = State.PAUSED if recording.is_paused else State.OPENED if take.mixmonitor else State.STARTING
        return cls(
            call=recording.call,
            linkedid=recording.linkedid,
            node=recording.node,
            terms=terms,
            # A stand-in until Asterisk tells more: other legs may be told first, and this one must not look gone then.
            legs={take.leg: Leg(take.leg, take.channel, Direction.IN)},
            parties=recording.parties,
            answered=True,
            state=state,
            recording=recording,
            open_takes=frozenset({take.id} if take.to_s is None else ()),
            recordings=int(recording.id.rpartition("-")[2]),
            began_s=recording.from_s,
            anchor=None if recording.mono_s is None else Instant(recording.from_s, recording.mono_s),
        )


def _is(leg: Leg, user: UserId | None) -> bool:
    return leg.user is not None and leg.user.id == user


def _doors(legs: list[Leg]) -> set[str]:
    """The Local channels whose halves are here."""
    return {leg.door for leg in legs if leg.is_local}
