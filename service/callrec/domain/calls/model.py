"""The nouns: call, leg, party, capture, recording, actor; their instants.

A *call* is what Asterisk groups by one Linkedid; a *leg* is one channel of it, known for life by its Uniqueid (a channel's
name changes in transfers). A *capture* is one MixMonitor on one leg; a *recording* is the captures of one call that
belong together, with one manifest: a call that is recorded twice on demand has two recordings.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.rules import CallUser, PlaceRule, Rule, UserId

ROUNDING_S = 0.001
"""By how much a sum of instants may miss a deadline."""


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
    PARTICIPANT = "participant"
    """One from outside, who has opted out."""
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused a change, and from which leg when a phone was involved."""

    kind: ActorKind
    user: UserId | None = None
    leg: LegId | None = None
    asker: str = ""
    """Who asked by the API, as the audit log names them: `account:12`, `token:ab12`, `machine:0`. Empty for all others."""


OPTED_OUT = "opted-out"
"""Why a recording ended: a participant from outside has pressed the digit for that."""
POLICY = Actor(ActorKind.POLICY)
SYSTEM = Actor(ActorKind.SYSTEM)


MEDIA_CHANNELS = ("AudioSocket/", "UnicastRTP/", "WebSocket/")
"""Channels whose other end is a program (chan_audiosocket.c, chan_rtp.c, chan_websocket.c)."""


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
    user: CallUser | None = None
    number: str = ""
    name: str = ""
    dialled: str = ""
    """What a leg that made the call dialled; empty for one that received it."""
    rules: tuple[PlaceRule, ...] = ()
    """What is said of calls that come where this leg's call came in, and of those over its trunk."""
    is_place_unknown: bool = False
    """Whether its call came in without the daemon, and Asterisk does not tell where, while numbers or contexts have rules."""
    at: PlaceRule | None = None
    """What is said of the queue to which this leg's call came last, or of the conference in which it is."""
    language: str = ""
    """Of the prompts that are played to it, as Asterisk names its sound folders; empty for the PBX's."""
    opted_out: bool = False
    """Whether its participant has asked not to be recorded in this call."""

    @property
    def place_rules(self) -> tuple[PlaceRule, ...]:
        """What is said of all places of this leg."""
        return (*self.rules, self.at) if self.at else self.rules

    @property
    def is_local(self) -> bool:
        """Half of a Local channel: no phone, and a recorder on it would block its optimisation."""
        return self.channel.startswith("Local/")

    @property
    def is_media(self) -> bool:
        """A program on AudioSocket or external media of ARI. A user may talk with it; beside two phones it may only listen."""
        return self.channel.startswith(MEDIA_CHANNELS)

    @property
    def local_pair(self) -> str:
        """What both halves of a Local channel have in common (`Local/1000@default-0000002a` of `...;1`); empty for a phone."""
        return self.channel.rpartition(";")[0] if self.is_local else ""


@dataclass(frozen=True, slots=True)
class LegAudio:
    """How a leg's audio can be recorded: at which rate, and why not (`domain.calls.legs.undecodable_legs`); empty when it can."""

    rate_hz: int
    undecodable: str = ""


LOST_MOST_MS = 100.0
"""As much as a recording may lack and still be sound."""
PACKET_MS, PACKET_MOST_MS = 20.0, 60.0
"""What a packet holds with nearly all phones, and at most."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What Asterisk has counted of the RTP that a participant's phone sent: packets received, packets lost on their way, and how
    irregularly they came (RFC 3550, 6.4.1), in milliseconds."""

    received: int
    lost: int
    jitter_ms: float
    packet_ms: float = PACKET_MS
    """How much of the voice one packet holds."""
    largest_delay_ms: float | None = None
    """By so much at most a packet came later than the one before it had promised, since the leg began; None: not known."""

    @property
    def is_lossy(self) -> bool:
        """Whether more is lost than a recording may lack and still be sound."""
        return self.lost * self.packet_ms > LOST_MOST_MS

    def since(self, first: "Quality", length_s: float) -> "Quality":
        """What came after that count, in so much time. A count that began again at zero is taken as it is. A packet's length is
        bounded, since a phone may not have sent all the time."""
        if self.received < first.received:
            first = replace(first, received=0, lost=0)
        received, lost = self.received - first.received, max(0, self.lost - first.lost)
        packet_ms = round(min(PACKET_MOST_MS, 1000 * length_s / max(1, received + lost)), 1)
        return replace(self, received=received, lost=lost, packet_ms=packet_ms)


@dataclass(frozen=True, slots=True)
class Party:
    """A leg's presence in the conversation, for the manifest: Unix times, `to_s` None while it lasts."""

    leg: LegId
    user: UserId | None
    number: str
    name: str
    from_s: float
    to_s: float | None = None
    quality: Quality | None = None
    """Of the recording, as it was last measured; None for a leg without RTP, or one that was there for a moment only."""


class Told(StrEnum):
    """What tells a participant that they are recorded."""

    TONE = "tone"
    PROMPT = "prompt"


class Signal(StrEnum):
    """What participants hear that is no outcome of a press, and no announcement that a hearing is noted of."""

    BEEP = "beep"


class NotHeard(StrEnum):
    """Why it is not proven that a participant has heard it; the code of an error, where the playback itself failed."""

    UNFINISHED = "unfinished"
    """Its end is not known: it still plays, or the call, the link or the daemon ended first."""
    NO_RTP_IN = "no-rtp-in"
    """Their phone sent no packet meanwhile, so perhaps no one listened."""
    NO_RTP_OUT = "no-rtp-out"
    """Asterisk sent their phone too few packets to hold it."""
    ON_HOLD = "on-hold"
    """They held the call when it began to play, or when it ended: their phone need not have played it to them."""
    NOT_ANNOUNCED = "not-announced"
    """Nothing was played to them: they came later, or the setting names others."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whether a participant has heard that they are recorded. The proof is the end of the playback on their own leg, and RTP in
    both directions of that leg meanwhile."""

    leg: LegId
    what: Told
    from_s: float
    to_s: float | None = None
    """When the playback had ended; None when that is not known."""
    cause: str = NotHeard.UNFINISHED
    """Why it is not proven: see NotHeard; empty when it was heard."""
    packets: int | None = None
    """How many packets Asterisk sent to their phone meanwhile; None when its technology does not count."""
    language: str = ""
    """In which language, as Asterisk names its sound folders; empty for the PBX's, and for a tone."""

    @property
    def is_heard(self) -> bool:
        """Whether they have heard it, with proof."""
        return not self.cause


@dataclass(frozen=True, slots=True)
class Presence:
    """A leg's time in the recorded conversation, in Unix time; `to_s` None while it lasts. A party may be in the call and not in
    this conversation: on hold in another bridge, or consulted by the partner."""

    leg: LegId
    from_s: float
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """From and to, in Unix time; `to_s` None while it lasts."""

    from_s: float
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Time in which nothing was recorded on purpose: from and to in Unix time; `to_s` None while it lasts."""

    from_s: float
    to_s: float | None = None
    is_proven: bool = True
    """Whether Asterisk has confirmed that every recorder of the call was muted, or closed. Where it has not, the stored file is
    silent for longer than the pause."""
    most_s: float | None = None
    """After so long it ends by itself, when its beginning said so; None: after the longest time that the setting allows."""

    def widened(self, exact_s: float) -> "Pause":
        """The time of which nothing is kept: a little more where a recorder may have heard what was said."""
        margin_s = 0.0 if self.is_proven else exact_s
        return replace(self, from_s=self.from_s - margin_s, to_s=None if self.to_s is None else self.to_s + margin_s)


class Control(StrEnum):
    """What can be asked of a call's recording."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class ControlStep:
    """A change of a recording that was asked for, or came by itself: what, when (Unix time), who asked, and the reason given."""

    control: Control
    at_s: float
    actor: Actor
    reason: str = ""


class Heard(StrEnum):
    """Which side of a stereo file: SAYS is the recorded user (left), HEARS the others (right), BOTH the whole time line."""

    SAYS = "says"
    HEARS = "hears"
    BOTH = "both"


GAP = "gap"
"""The cause of what is missing where no recorder was at work: between two captures, after the last one, or since a pause has
ended while the recorder was still muted."""
LATE_PACKETS = "late-packets"
"""The cause of what is missing where packets came late and then all at once, so that the recorder dropped some."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Sound that the file does not hold though it should: from and to in Unix time, the cause, and the side that lacks it. `to_s`
    is `from_s` while it lasts."""

    from_s: float
    to_s: float
    cause: str
    side: Heard = Heard.BOTH

    @property
    def lasts(self) -> bool:
        """Whether its end is still to come."""
        return self.to_s == self.from_s

    def ended(self, at_s: float) -> "Missing":
        """The same with its end, if that was still to come."""
        return replace(self, to_s=max(self.from_s, at_s)) if self.lasts else self


class WaitingKind(StrEnum):
    """Why the participants of a recorded call did not talk for a while."""

    HOLD = "hold"
    RINGING = "ringing"
    MUSIC = "music"
    PARKED = "parked"
    ABSENT = "absent"
    """No recorded user was in the call, and nothing was captured."""
    ANNOUNCING = "announcing"
    """The participants were told that they are recorded, and nothing was captured until they had heard it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Time in which no conversation was possible: no loss and no alarm. From and to in Unix time; `to_s` None while it lasts."""

    from_s: float
    to_s: float | None
    kind: WaitingKind


_Span = TypeVar("_Span", Pause, Waiting, Presence)


def within(spans: Iterable[_Span], from_s: float, to_s: float) -> tuple[_Span, ...]:
    """The parts of these that lie in this time, each with an end. News come late, and in no order: what is left of one that ends
    before it begins, or lies outside, is nothing."""
    cut = (replace(one, from_s=max(one.from_s, from_s), to_s=min(_end(one, to_s), to_s)) for one in spans)
    return tuple(one for one in cut if _end(one, to_s) > one.from_s)


def _end(span: Pause | Waiting | Presence, to_s: float) -> float:
    return to_s if span.to_s is None else span.to_s


@dataclass(frozen=True, slots=True)
class Speech:
    """As earlier versions wrote it: this leg, in the recorded leg's conversation since `since_s`, began to speak at `at_s`, as
    Asterisk heard on that leg itself. Unix times."""

    capture: CaptureId
    leg: LegId
    since_s: float
    at_s: float
    proven: bool = True
    """False: Asterisk could not be asked to listen, so that it may have been speech or silence."""


@dataclass(frozen=True, slots=True)
class GrowthMark:
    """At this instant (Unix time) Asterisk had written so many samples to each file of a capture."""

    samples: int
    at_s: float


@dataclass(frozen=True, slots=True)
class RtpGap:
    """Time in which the RTP counters of a capture's leg stood still, in both directions: certainly from `from_s` to `to_s`. The
    last packet came after `since_s` (None: not known), the next one before `until_s` (None: none was seen). Unix times."""

    from_s: float
    to_s: float
    since_s: float | None = None
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Renumbering:
    """At a moment between `from_s` and `to_s` a leg's phone has gone on with other RTP sequence numbers (`rtp_counts`). Unix
    times."""

    leg: LegId
    from_s: float
    to_s: float
    is_new_source: bool = False
    """Whether it has a new source (SSRC)."""
    behind_s: float | None = None
    """By so much voice the numbers of the same source went back; None: not known; 0: no counter tells it, and the leg's side of
    the file was silent when it hung up."""

    @property
    def is_doubt(self) -> bool:
        """Whether only the silence at the end of the call tells it."""
        return not self.is_new_source and self.behind_s == 0


@dataclass(frozen=True, slots=True)
class Capture:
    """One continuous capture: two files, what the leg says (read) and what it hears (write)."""

    id: CaptureId
    leg: LegId
    channel: str
    rate_hz: int
    from_s: float
    to_s: float | None = None
    mixmonitor: str = ""
    """Asterisk's MixMonitorID: recorders are stopped by it, never without (that would stop the newest, which may not be ours)."""
    cause: str = ""
    """Why it ended early or never began; empty for a capture that ended as it should."""
    marks: tuple[GrowthMark, ...] = ()
    """When its files had which length, wherever that differs from what steady writing gives (`domain.library.timeline`). They
    are gone from a stored recording, whose file has the time line already."""
    rtp_gaps: tuple[RtpGap, ...] = ()
    """When there was nothing to write for its recorder, as far as it was looked for; gone from a stored recording, as the marks
    are."""
    of_others: bool = False
    """The recorded user is not in the captured conversation: both its sides are others', and belong to the right channel."""
    is_partner: bool = False
    """Whether it is on a partner's leg: a second one beside the recorded leg's (`domain.calls.captures.partner_captures`)."""
    track_s: float | None = None
    """Of a partner's: since when it goes on for the partner's own track alone, in Unix time. From there on it stands in for
    nothing in the stereo file. None: it may."""

    @property
    def is_empty(self) -> bool:
        """Whether it has ended without any length: Asterisk has refused it, or it only keeps a place."""
        return self.to_s == self.from_s

    @property
    def is_place(self) -> bool:
        """Whether it never had a recorder, and only keeps the place where a paused recording goes on."""
        return not self.mixmonitor and self.is_empty and not self.cause


@dataclass(frozen=True, slots=True)
class Recording:
    """All captures of one call under one rule, with its participants, its reasons and its times."""

    id: RecordingId
    call: CallId
    linkedid: str
    node: NodeId
    rule: Rule | None
    """None: not known, of an adopted recording."""
    actor: Actor
    from_s: float
    """Since when there was something to record: the answer under a standing rule, the press on demand. All times of a recording
    are this one (by the clock of that moment) and monotonic lengths behind it: a clock that is set in a call changes none."""
    to_s: float | None = None
    captures: tuple[Capture, ...] = ()
    """On the recorded user's leg, one after the other."""
    partner_captures: tuple[Capture, ...] = ()
    """On legs of new partners, beside those."""
    parties: tuple[Party, ...] = ()
    pauses: tuple[Pause, ...] = ()
    controls: tuple[ControlStep, ...] = ()
    """Who started, stopped, paused and resumed it, and why."""
    announcements: tuple[float, ...] = ()
    """When a tone told the participants, in Unix time: each who was there has heard it, as `hearings` prove."""
    hearings: tuple[Hearing, ...] = ()
    """Who has heard that they are recorded, and who has not, and why: one for each leg (`hearings`). Empty where nothing is to be
    announced."""
    missing: tuple[Missing, ...] = ()
    """What its file lacks, each with its cause. A recording that lacks something is never *sound*."""
    waiting: tuple[Waiting, ...] = ()
    """Ringing, music, holds and parking inside the recording."""
    mono_s: float | None = None
    """`from_s` on the machine's monotonic clock, by which a daemon that was restarted goes on counting. A reboot ends that clock,
    and every live recording too. None in what older versions wrote."""
    renumberings: tuple[Renumbering, ...] = ()
    """When phones restarted their RTP numbering: there a file may lack a voice. Gone from a stored recording."""
    speech: tuple[Speech, ...] = ()
    """Who was heard to speak after a change of partners: in recordings of earlier versions, which had no `partner_captures`."""
    rule_origin: str = ""
    """Where its rule hangs, when that is no user: `incall:2050@from-extern`, `context:from-extern`, `queue:support`."""
    is_place_unknown: bool = False
    """Whether its call came in without the daemon, and Asterisk does not tell where: the rule of a number may be missing."""
    cause: str = ""
    """Why it is not, or not whole: empty, `asterisk-died`, `file-not-opened`, `unanswered: BUSY`, ..."""
    end_reason: str = ""
    """Why it ended while the call went on, when no press and no rule asked for it: empty, `recorded-user-left`, `opted-out`."""
    timeline_exact_s: float | None = None
    """How far a moment of the stored file may lie from its true time, at most. None without a file, and for older versions."""
    may_lack_s: float | None = None
    """How much more than `missing` says may be missing, at most: silences of the stored file that nothing tells from a phone's
    own (`domain.library.late_pieces`). None without a file, for older versions, and where it is not known when its recorder
    began: the dialplan has begun it."""
    presences: tuple[Presence, ...] | None = None
    """Who was in the recorded conversation, and when: the tracks of its participants are made by it
    (`domain.calls.captures.tracks`). None of a recording without tracks."""

    @property
    def all_captures(self) -> tuple[Capture, ...]:
        """Those of the recorded user's leg and those of partners' legs."""
        return (*self.captures, *self.partner_captures)

    @property
    def is_waiting(self) -> bool:
        """Whether its participants are known to wait."""
        return bool(self.waiting) and self.waiting[-1].to_s is None

    @property
    def is_announcing(self) -> bool:
        """Whether its participants are told that they are recorded, and it begins after that."""
        return self.is_waiting and self.waiting[-1].kind is WaitingKind.ANNOUNCING

    @property
    def is_before_capture(self) -> bool:
        """Whether no recorder was asked for yet."""
        return all(one.is_place for one in self.captures)

    @property
    def is_paused(self) -> bool:
        """Whether a pause has begun and not ended."""
        return bool(self.pauses) and self.pauses[-1].to_s is None

    def closed(self, to_s: float, end: Callable[[Capture], Capture]) -> "Recording":
        """The recording with its end: nothing in it is open, and nothing outlasts it. `end` gives a capture its own end.

        Events come late: a participant who came after the end, or left before the beginning, is there for no time at all.
        """
        return replace(
            self,
            to_s=to_s,
            captures=tuple(map(end, self.captures)),
            partner_captures=tuple(map(end, self.partner_captures)),
            parties=tuple(_within(party, self.from_s, to_s) for party in self.parties),
            pauses=within(self.pauses, self.from_s, to_s),
            missing=tuple(one.ended(to_s) for one in self.missing),
            waiting=within(self.waiting, self.from_s, to_s),
            presences=None if self.presences is None else within(self.presences, self.from_s, to_s),
        )


def _within(party: Party, from_s: float, to_s: float) -> Party:
    left_s = max(from_s, to_s if party.to_s is None else min(party.to_s, to_s))
    return replace(party, from_s=min(party.from_s, left_s), to_s=left_s)
