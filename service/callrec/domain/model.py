"""The nouns: call, leg, party, take, recording, actor; their ids and instants.

A *call* is what Asterisk groups by one Linkedid; a *leg* is one channel of it, known for life by its Uniqueid (a channel's
name changes in transfers). A *take* is one continuous capture on one leg; a *recording* is the takes of one call that
belong together, with one manifest: a call that is recorded twice on demand has two recordings.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType, TypeVar

from callrec.domain.provisioning.model import Rule, User, UserId

NodeId = NewType("NodeId", str)
CallId = NewType("CallId", str)
"""Ours, unique for ever, sortable by time, `[0-9a-z]+`: safe in file names and keys."""
LegId = NewType("LegId", str)
"""Asterisk's Uniqueid. It holds dots and, with a systemname, other characters: never part of a path."""
BridgeId = NewType("BridgeId", str)
RecordingId = NewType("RecordingId", str)
TakeId = NewType("TakeId", str)


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on two clocks: `utc_s` (Unix time) for people, `mono_s` (never steps back) for lengths and deadlines."""

    utc_s: float
    mono_s: float


class ActorKind(StrEnum):
    """Who can cause a change."""

    USER = "user"
    POLICY = "policy"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused a change, and from which leg when a phone was involved."""

    kind: ActorKind
    user: UserId | None = None
    leg: LegId | None = None


POLICY = Actor(ActorKind.POLICY)
SYSTEM = Actor(ActorKind.SYSTEM)


class Direction(StrEnum):
    """A party's side of the call: OUT made it, IN received it."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a call. `user` is found by the endpoint in the channel's name, never by a variable:
    after a pickup, variables name the user who was rung."""

    id: LegId
    channel: str
    direction: Direction
    user: User | None = None
    number: str = ""
    name: str = ""
    dialled: str = ""
    """What a leg that made the call dialled; empty for one that received it."""

    @property
    def is_local(self) -> bool:
        """Half of a Local channel: no phone, and a recorder on it would block its optimisation."""
        return self.channel.startswith("Local/")

    @property
    def door(self) -> str:
        """What both halves of a Local channel have in common (`Local/1000@default-0000002a` of `...;1`); empty for a phone."""
        return self.channel.rpartition(";")[0] if self.is_local else ""


@dataclass(frozen=True, slots=True)
class Party:
    """A leg's presence in the conversation, for the manifest: Unix times, `to_s` None while it lasts."""

    leg: LegId
    user: UserId | None
    number: str
    name: str
    from_s: float
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """From and to, in Unix time; `to_s` None while it lasts."""

    from_s: float
    to_s: float | None = None


class Heard(StrEnum):
    """Which side of a stereo file: SAYS is the recorded user (left), HEARS the others (right), BOTH the whole time line."""

    SAYS = "says"
    HEARS = "hears"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Missing:
    """Sound that the file does not hold though it should: from and to in Unix time, the cause, and the side that lacks it."""

    from_s: float
    to_s: float
    cause: str
    side: Heard = Heard.BOTH


class WaitingKind(StrEnum):
    """Why the participants of a recorded call did not talk for a while."""

    HOLD = "hold"
    RINGING = "ringing"
    MUSIC = "music"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Time in which no conversation was possible: no loss and no alarm. From and to in Unix time; `to_s` None while it lasts."""

    from_s: float
    to_s: float | None
    kind: WaitingKind


_Span = TypeVar("_Span", Interval, Waiting)


def within(spans: Iterable[_Span], from_s: float, to_s: float) -> tuple[_Span, ...]:
    """The parts of these that lie in this time, each with an end. News come late, and in no order: what is left of one that ends
    before it begins, or lies outside, is nothing."""
    cut = (replace(one, from_s=max(one.from_s, from_s), to_s=min(_end(one, to_s), to_s)) for one in spans)
    return tuple(one for one in cut if _end(one, to_s) > one.from_s)


def _end(span: Interval | Waiting, to_s: float) -> float:
    return to_s if span.to_s is None else span.to_s


@dataclass(frozen=True, slots=True)
class Speech:
    """Proof that there was something to hear: this leg, in the recorded leg's conversation since `since_s`, began to speak at
    `at_s`, as Asterisk heard on that leg itself. Unix times."""

    take: TakeId
    leg: LegId
    since_s: float
    at_s: float
    proven: bool = True
    """False: Asterisk could not be asked to listen, so that it may have been speech or silence."""


@dataclass(frozen=True, slots=True)
class Take:
    """One continuous capture: two files, what the leg says (read) and what it hears (write)."""

    id: TakeId
    leg: LegId
    channel: str
    rate_hz: int
    from_s: float
    to_s: float | None = None
    mixmonitor: str = ""
    """Asterisk's MixMonitorID: recorders are stopped by it, never without (that would stop the newest, maybe somebody else's)."""
    cause: str = ""
    """Why it ended early or never began; empty for a take that ended as it should."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Takes of one call under one rule, and all that its manifest will say about who, why and when."""

    id: RecordingId
    call: CallId
    linkedid: str
    node: NodeId
    rule: Rule
    actor: Actor
    from_s: float
    """Since when there was something to record: the answer under a standing rule, the press on demand. All times of a recording
    are this one (by the clock of that moment) and monotonic lengths behind it: a clock that is set in a call changes none."""
    to_s: float | None = None
    takes: tuple[Take, ...] = ()
    parties: tuple[Party, ...] = ()
    pauses: tuple[Interval, ...] = ()
    announcements: tuple[float, ...] = ()
    """When a tone told the parties, in Unix time, proven by the end of its playback."""
    missing: tuple[Missing, ...] = ()
    """What its file lacks, each with its cause. A recording that lacks something is never *sound*."""
    waiting: tuple[Waiting, ...] = ()
    """Ringing, music, holds and parking inside the recording."""
    mono_s: float | None = None
    """`from_s` on the machine's monotonic clock, by which a daemon that was restarted goes on counting. A reboot ends that clock,
    and every live recording too. None in what older versions wrote."""
    speech: tuple[Speech, ...] = ()
    """Who was heard to speak after a change of partners: what its files are compared with (`app.deaf_legs`)."""
    cause: str = ""
    """Why it is not, or not whole: empty, `asterisk-died`, `file-not-opened`, `unanswered: BUSY`, ..."""
    end_reason: str = ""
    """Why it ended while the call went on, when no press and no rule asked for it: empty, or `recorded-user-left`."""

    @property
    def is_waiting(self) -> bool:
        """Whether its participants are known to wait."""
        return bool(self.waiting) and self.waiting[-1].to_s is None

    @property
    def is_paused(self) -> bool:
        """Whether somebody asked for a pause that nobody has ended."""
        return bool(self.pauses) and self.pauses[-1].to_s is None
