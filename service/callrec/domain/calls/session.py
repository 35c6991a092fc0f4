"""What is known about one call at one moment: its legs, its bridges, its captures, and what its recording is doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter

from callrec.domain.calls.bridges import Bridges, is_conversation, joined
from callrec.domain.calls.commands import Arm, Command
from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import Capture, Direction, Instant, Leg, Party, Quality, Recording
from callrec.domain.calls.policy import Terms, decide
from callrec.domain.rules import Rule, UserId

APPLICATION = "application:"
"""Begins the name of what stands in the place of an application's leg: it is listed by the number that was dialled."""


class State(StrEnum):
    """What a call's recording is doing now; `states` explains each, and holds every way from one to another."""

    IDLE = "idle"
    ANNOUNCING = "announcing"
    STARTING = "starting"
    OPENED = "opened"
    RECORDING = "recording"
    PAUSED = "paused"
    SUSPECT = "suspect"
    STOPPING = "stopping"
    FAILED = "failed"
    ABSENT = "absent"
    CLOSED = "closed"


CAPTURING = (State.STARTING, State.OPENED, State.RECORDING, State.SUSPECT)
"""The states in which the voices of the call shall be captured."""
ACTIVE = (State.ANNOUNCING, *CAPTURING, State.PAUSED)
"""The states in which the call has a recording that shall go on."""


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
class StopRequest:
    """How often a recorder was asked to stop, and when it is asked again, on the monotonic clock."""

    times: int
    due_mono_s: float
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Supervision:
    """On which leg a supervisor listens in, and whether they may speak to it."""

    leg: LegId
    may_speak: bool


@dataclass(slots=True)
class Session:
    """All that is known about one call at one moment.

    `handle` alone changes it, and changes its own copy only: a session that is held elsewhere stays as it is. Every value in it
    is immutable, so a copy shares them.
    """

    call: CallId
    linkedid: str
    node: NodeId
    terms: Terms = field(default_factory=Terms)
    legs: Mapping[LegId, Leg] = field(default_factory=dict)
    """The legs that are alive."""
    moved: frozenset[LegId] = frozenset()
    """The legs that go on in another call, until they hang up: recorders of this one may be on them."""
    seen: Mapping[LegId, Leg] = field(default_factory=dict)
    """Every leg that the call has had, and a placeholder for each one that was dialled and never created: they explain an
    unanswered call."""
    rates_hz: Mapping[LegId, int] = field(default_factory=dict)
    undecodable: Mapping[LegId, str] = field(default_factory=dict)
    """The legs that no recorder can hear now, and why: see `undecodable_legs`."""
    bridges: Bridges = field(default_factory=dict)
    entered: Mapping[LegId, Entered] = field(default_factory=dict)
    unheard: Mapping[LegId, float] = field(default_factory=dict)
    """The recorded leg's new partners that its recorder may not hear, with the instant since when it should hear them."""
    heard: Mapping[LegId, float] = field(default_factory=dict)
    """The same of those that it is known to hear."""
    renumbered: Mapping[LegId, float] = field(default_factory=dict)
    """The partners to whose voices the recorder is deaf since they restart their RTP numbering, and since when, in Unix time."""
    parties: tuple[Party, ...] = ()
    counted: Mapping[LegId, tuple[Quality, float]] = field(default_factory=dict)
    """What had been counted of a participant's RTP when it was first measured in this recording, and when that was,
    in Unix time."""
    met: Mapping[LegId, float] = field(default_factory=dict)
    """Who was in a conversation that is recorded, and since when first, in Unix time."""
    dial_status: str = ""
    hangup_cause: int = 0
    """Why the last leg ended, as Asterisk says (Q.850)."""
    is_end_missed: bool = False
    """Whether no event told how the last leg ended: it may have been answered meanwhile."""
    had_conversation: bool = False
    """Whether there was a conversation."""
    answered_legs: frozenset[LegId] = frozenset()
    """Legs that are answered, by a phone or by an application."""
    dialled_feature_code: frozenset[LegId] = frozenset()
    """Legs that dialled a feature code of ours, or their own mailbox: what they hear is no conversation."""
    recorded_by_dialplan: frozenset[LegId] = frozenset()
    """Legs whose calls the dialplan records by itself: these captures become entries of their own."""
    sought: Alone | None = None
    """The leg of which it is asked what application it talks with, and since when it may."""
    next_query_mono_s: float = float("inf")
    """When that is asked again."""
    application: LegId | None = None
    """The leg that is recorded in its talk with an application; None once there is a conversation."""
    alone: Alone | None = None
    uncovered: Party | None = None
    """A user to be recorded always, who was alone with an application for longer than a moment."""
    state: State = State.IDLE
    recording: Recording | None = None
    """The current recording; None when idle."""
    set_aside: tuple[Recording, ...] = ()
    """Stopped recordings whose files are not closed yet."""
    open_captures: frozenset[CaptureId] = frozenset()
    """Captures whose files may still be written."""
    unconfirmed_starts: frozenset[CaptureId] = frozenset()
    """Those of them whose start Asterisk has not answered: a recorder may be at work, and its MixMonitorID is not known."""
    ending: frozenset[CaptureId] = frozenset()
    """Partner captures whose end was asked for, and whose files are not closed."""
    stops: Mapping[CaptureId, StopRequest] = field(default_factory=dict)
    """Stops that were requested, of captures whose files are not closed: see `stops`."""
    muted: frozenset[CaptureId] = frozenset()
    """Captures of which Asterisk has confirmed that they are muted."""
    is_resuming: bool = False
    """A pause has ended, and it is not confirmed yet that the voice is recorded again."""
    from_pause: frozenset[LegId] = frozenset()
    """Legs that came from another call, which was paused, and have not heard yet that they are recorded here."""
    pause_noted: frozenset[LegId] = frozenset()
    """Legs that carry the note that their call is paused (`pauses`)."""
    must_end: bool = False
    """Somebody who must not be recorded has come: the recording has ended, also when its recorder cannot be stopped yet."""
    proven: CaptureId | None = None
    """The capture that was seen to grow and has not stalled since."""
    blinking: tuple[UserId, ...] = ()
    """Whose `*3` lamps blink, since the call is paused."""
    lit: tuple[UserId, ...] = ()
    """Whose `*3` lamps this call has lit."""
    faults: int = 0
    failures: int = 0
    """How many recordings in a row could not be begun."""
    failed: RecordingId | None = None
    """The last of them, while policy wants the call: it lasts until the next one begins, and so tells of the time between."""
    told_failed: CaptureId | None = None
    """The capture of which people were told that it failed, and that is kept all the same."""
    told_times: Mapping[LegId, int] = field(default_factory=dict)
    """How often something was played to a leg that tells that it is recorded, in this recording."""
    tell_again: frozenset[LegId] = frozenset()
    """The legs that have not heard it, and are told again."""
    beep_mono_s: float | None = None
    """When the participants hear the next beep, on the monotonic clock; None while they hear none."""
    listened: frozenset[LegId] = frozenset()
    """The legs whose digits Asterisk tells (`opt_outs`)."""
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
    supervisors: Mapping[LegId, Supervision] = field(default_factory=dict)
    """By the supervisor's leg, which is in another call. By the leg that they are on where a restart has lost who they were."""
    is_resyncing: bool = False
    """Whether a restart has lost who is in which bridge, and Asterisk has not told it yet. Of a recording with tracks: its
    partner captures go on, and no participant counts as gone. Of one that is announced: its announcement goes on."""
    alone_s: float | None = None
    """Since when no conversation of this recorded call goes on, in Unix time; None while one does."""
    known_conversations: tuple[Mapping[LegId, Leg], Bridges, list[list[Leg]]] | None = field(
        default=None, compare=False, repr=False
    )
    """What `conversations` found last, and in which legs and bridges: several functions ask it after each event."""

    def copied(self) -> "Session":
        """A session with the same values. `dataclasses.replace` does the same, and takes a quarter of an event's time."""
        copy = object.__new__(Session)
        for name, value in zip(_FIELDS, _values(self), strict=True):
            setattr(copy, name, value)
        return copy

    def clock(self, moment: Instant) -> Instant:
        """The moment as this call counts: Unix time as it was at the first event, monotonic time since then. So the difference of
        two Unix times of one call is always a length, whatever happens to the machine's clock meanwhile."""
        anchor = self.anchor or moment
        return Instant(anchor.utc_s + moment.mono_s - anchor.mono_s, moment.mono_s)

    @property
    def over(self) -> bool:
        """Nothing can happen to it any more: it may be forgotten."""
        return self.state is State.CLOSED and self.recording is None and not self.set_aside

    # -- its recording -----------------------------------------------------------------------------------------------

    @property
    def capture(self) -> Capture | None:
        """The current capture."""
        return self.recording.captures[-1] if self.recording and self.recording.captures else None

    @property
    def is_waiting(self) -> bool:
        """Whether there may be nothing to record at this moment: the recorded conversation is on hold, or there is none."""
        return self.alone_s is not None or (self.recording is not None and self.recording.is_waiting)

    @property
    def is_undecodable(self) -> bool:
        """Whether no recorder can hear the captured leg now."""
        return self.capture is not None and self.capture.leg in self.undecodable

    @property
    def pause_most_s(self) -> float:
        """How long the current pause may last."""
        most_s, wanted_s = self.terms.limits.pause_s, None
        if self.recording and self.recording.pauses:
            wanted_s = self.recording.pauses[-1].most_s
        return most_s if wanted_s is None else min(most_s, wanted_s)

    @property
    def is_silenced(self) -> bool:
        """Whether every recorder of this call that may be at work is muted."""
        return not any(one.id in self.open_captures and one.id not in self.muted for one in self.captures())

    def is_current(self, capture: CaptureId) -> bool:
        """Whether this is the capture that the state speaks of."""
        return self.capture is not None and self.capture.id == capture

    def is_wanted(self, capture: CaptureId) -> bool:
        """Whether this capture is the current one and its end is not requested."""
        return self.is_current(capture) and self.state in ACTIVE

    def captures(self) -> list[Capture]:
        """All captures that are not handed over."""
        recordings = (*self.set_aside, self.recording) if self.recording else self.set_aside
        return [capture for recording in recordings for capture in recording.all_captures]

    def find(self, capture: CaptureId) -> Capture | None:
        """The capture, wherever its recording is by now; None when it was handed over or never ours."""
        return next((one for one in self.captures() if one.id == capture), None)

    def is_written(self, recording: Recording) -> bool:
        """Whether a file of this recording may still be written."""
        return any(capture.id in self.open_captures for capture in recording.all_captures)

    def may_grow(self, capture: Capture) -> bool:
        """Whether a recorder that we saw, or must reckon with, may still be at work: a hangup ends it too, and tells nothing
        (app_mixmonitor.c)."""
        has_begun = bool(capture.mixmonitor) or capture.id in self.unconfirmed_starts
        return capture.id in self.open_captures and has_begun and self.lives(capture.leg)

    @property
    def has_recorder(self) -> bool:
        """Whether a recorder of ours, or one that the dialplan has begun, may be at work in this call."""
        return self.is_recorded_by_dialplan or any(map(self.may_grow, self.captures()))

    @property
    def is_recorded_by_dialplan(self) -> bool:
        """Whether the dialplan records this call by itself. The daemon can neither mute nor stop that recorder."""
        return any(leg in self.recorded_by_dialplan for leg in self.legs)

    def lives(self, leg: LegId) -> bool:
        """Whether it has not hung up, here or in another call."""
        return leg in self.legs or leg in self.moved

    # -- its conversations -------------------------------------------------------------------------------------------

    def conversations(self) -> list[list[Leg]]:
        """The living legs of each conversation, a phone among them. Two bridges that one Local channel joins are one."""
        if (
            self.known_conversations is None
            or self.known_conversations[0] is not self.legs
            or self.known_conversations[1] is not self.bridges
        ):
            bridges = ([self.legs[leg] for leg in ids if leg in self.legs] for ids in self.bridges.values())
            found = [legs for legs in joined(bridges) if is_conversation(legs)]
            self.known_conversations = self.legs, self.bridges, found
        return self.known_conversations[2]

    def conversation_of(self, leg: LegId) -> list[Leg]:
        """The legs of this one's conversation, itself included; empty when there is none."""
        return next((legs for legs in self.conversations() if any(one.id == leg for one in legs)), [])

    def is_protected(self, leg: LegId) -> bool:
        """Whether somebody in this leg's conversation, or its talk with an application, must not be recorded: no recorder may
        begin there."""
        legs = self.members(leg) if leg == self.application else self.conversation_of(leg)
        return decide(legs).rule is Rule.NEVER

    @property
    def is_wanted_by_policy(self) -> bool:
        """Whether a rule wants a conversation of this moment, or the talk with an application, recorded."""
        return self.application is not None or any(decide(legs).rule is Rule.ALWAYS for legs in self.conversations())

    def members(self, leg: LegId | None) -> list[Leg]:
        """This leg and those in its conversation; a leg that is alone for now (on hold, parked) is the only member."""
        alone = self.legs.get(leg) if leg else None
        return (self.conversation_of(alone.id) or [alone]) if alone else []

    def phones(self, leg: LegId) -> list[LegId]:
        """Those of the members that are no halves of Local channels: people, or a line to them."""
        return [one.id for one in self.members(leg) if not one.is_local]

    # -- its recorded user -------------------------------------------------------------------------------------------

    @property
    def recorded_user(self) -> UserId | None:
        """The user of the left channel: whose rule or press began the current recording. None: the rule is a place's, and the
        left channel a caller's who is no user; or a restart has lost it (`is_user_lost`)."""
        recording = self.recording
        if recording is None or recording.actor.user or not recording.captures:
            return recording.actor.user if recording else None
        first = recording.captures[0].leg
        known = (party.user for party in self.parties if party.leg == first)
        return next(known, None)

    @property
    def is_user_lost(self) -> bool:
        """Whether a restart has lost whose recording it is. The rule of a place needs no user."""
        return self.recorded_user is None and not (self.recording and self.recording.rule_origin)

    def is_recorded_user(self, leg: Leg) -> bool:
        """Whether this leg is one of theirs, or the caller's without a user. Also one whose user was known once: the tables may
        be late after a restart."""
        user = self.recorded_user
        if user is None and not self.is_user_lost and self.recording and self.recording.captures:
            return leg.id == self.recording.captures[0].leg
        known = {party.user for party in self.parties if party.leg == leg.id}
        if not known and self.recording and self.recording.captures:
            return leg.id == self.recording.captures[0].leg or _is(leg, user)
        return user in known or _is(leg, user)

    @property
    def recorded_user_left(self) -> bool:
        """Whether they have no leg in this call any more. On hold, parked or in a consultation they have one."""
        return not self.is_user_lost and not any(map(self.is_recorded_user, self.legs.values()))

    def is_without_recorded_user(self, leg: Leg) -> bool:
        """Whether this leg talks without them, in their recording."""
        if self.is_user_lost or self.recording is None or not self.recording.captures:
            return False
        return not any(map(self.is_recorded_user, self.members(leg.id)))

    @classmethod
    def resume(cls, recording: Recording, terms: Terms) -> "Session":
        """The session of a call whose recording was under way when the daemon died; its legs and bridges are still to come."""
        capture = recording.captures[-1]
        lost_supervision = Supervision(capture.leg, may_speak=True)
        state = State.STOPPING if recording.to_s is not None else _state_without_stop(recording, capture)
        return cls(
            call=recording.call,
            linkedid=recording.linkedid,
            node=recording.node,
            terms=terms,
            # A stand-in until Asterisk tells more: other legs may be told first, and this one must not look gone then.
            legs={capture.leg: Leg(capture.leg, capture.channel, Direction.IN)},
            parties=recording.parties,
            # What was counted before is lost: rather too much than too little.
            counted={party.leg: (Quality(0, 0, 0.0), recording.from_s) for party in recording.parties},
            met={party.leg: party.from_s for party in reversed(recording.parties)},
            supervisors={capture.leg: lost_supervision} if any(one.lasts for one in recording.missing) else {},
            had_conversation=True,
            application=capture.leg if _is_with_application(recording) else None,
            state=state,
            recording=recording,
            must_end=state is State.STOPPING,  # the journal does not say why it was to end
            is_resyncing=recording.presences is not None or state is State.ANNOUNCING,
            tell_again=frozenset(one.leg for one in recording.hearings if not one.is_heard),
            # Recovery has ended all but the last one, those that go on, and those at work that it could not stop.
            open_captures=frozenset(one.id for one in recording.all_captures if one.to_s is None),
            unconfirmed_starts=frozenset(
                one.id
                for one in recording.all_captures
                if one.to_s is None and not one.mixmonitor and one is not capture
            ),
            recordings=int(recording.id.rpartition("-")[2]),
            began_s=recording.from_s,
            anchor=None if recording.mono_s is None else Instant(recording.from_s, recording.mono_s),
        )


_FIELDS = tuple(one.name for one in fields(Session))
_values = attrgetter(*_FIELDS)


@dataclass(slots=True)
class Change:
    """One event's work: a session that nothing else holds yet, as it changes, and the commands so far.

    The functions of this package that change something take a `Change`. When one of them fails, the session of before stands.
    """

    session: Session
    now: Instant
    happened: Instant
    """When the event came about: at or before `now`, at which we get to do something about it."""
    commands: list[Command] = field(default_factory=list)

    def arm(self, wait: Wait, after_s: float) -> None:
        """A deadline for the current capture."""
        capture = self.session.capture
        self.commands.append(Arm(wait, capture.id if capture else None, after_s))


def _is(leg: Leg, user: UserId | None) -> bool:
    return leg.user is not None and leg.user.id == user


def _state_without_stop(recording: Recording, capture: Capture) -> State:
    if recording.is_paused:
        return State.PAUSED
    if recording.is_announcing:
        return State.ANNOUNCING
    return State.OPENED if capture.mixmonitor else State.STARTING


def _is_with_application(recording: Recording) -> bool:
    """Whether its user talked with an application when it was last journaled."""
    return any(party.leg.startswith(APPLICATION) and party.to_s is None for party in recording.parties)
