"""Who is recorded, and by which rule: one pure function from the legs of a conversation to a decision.

Each leg of a known user is judged by its side of the call (it made the call: out; it received it: in) and by whether the
other legs are users too (internal) or not (external). What was said for that case, the `*26` flag (always) and the `*3`
permission (on demand) are weighed together over all legs, with what is said of the places of the call (its number, context,
trunk, queue, conference), and that a participant has opted out: **never > always > on demand > nothing said**. So one person's
"never" protects the call against everybody's recorder, and "always" of one is enough for a recording of both.

"Always" of a queue or a conference is said of those who talk there: a caller who waits for an agent, or for a second participant,
hears music. "Never" holds from the first moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from callrec.domain.calls.model import OPTED_OUT, Direction, Leg
from callrec.domain.rules import CallUser, PlaceRule, RecordRules, Rule

_PRECEDENCE = (Rule.NEVER, Rule.ALWAYS, Rule.ON_DEMAND)


@dataclass(frozen=True, slots=True)
class Decision:
    """The strongest rule of a conversation and the leg whose user it comes from; None, None when nothing was said.

    Among equals the caller's leg is named first: one call, one recording, even when both parties have the flag.
    """

    rule: Rule | None
    leg: Leg | None
    origin: str = ""
    """Where the rule hangs, when that is no user."""


class OverridesAlways(StrEnum):
    """What `*3` does in a call that is recorded always: nothing (the presser hears that it is recorded), or pause and resume."""

    NOTHING = "nothing"
    PAUSE = "pause"


class Follow(StrEnum):
    """How long a recording lasts: while a user is there whose rule says so (or who may press), or to the end of the call."""

    USER = "user"
    CALL = "call"


class Confirm(StrEnum):
    """Which participants hear the tone of a press of `*3`."""

    PRESSER = "presser"
    BOTH = "both"
    NONE = "none"


class Announcement(StrEnum):
    """What tells every participant of a recorded conversation that they are recorded, whatever the rule."""

    NONE = "none"
    TONE = "tone"
    PROMPT = "prompt"
    PROMPT_FIRST = "prompt-first"
    """The prompt, and no recorder begins before all have heard it."""


class RecordApplications(StrEnum):
    """Which talks of a user with an application of the PBX are recorded: all, or all but feature codes, callrec's prompts and the
    own mailbox, or none."""

    ALL = "all"
    USERS = "users"
    NONE = "none"


class Tracks(StrEnum):
    """What is stored of a recording: the stereo file, or beside it one mono file for each participant."""

    STEREO = "stereo"
    PARTICIPANTS = "participants"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session waits before it draws a conclusion; all in seconds."""

    absorb_s: float = 1.0
    """A press so soon after a change is absorbed: its presser cannot yet have heard the change."""
    open_s: float = 2.0
    """Until both files of a capture exist."""
    growth_s: float = 6.0
    """Until they grow: Asterisk buffers 32 KiB, 2 s at 8 kHz, and two steps of patience are needed."""
    lost_s: float = 1.0
    """Between files that close by themselves and the hangup that explains it."""
    stop_s: float = 2.0
    """Until the files of a stopped capture are closed."""
    settle_s: float = 3.0
    """After the last leg is gone, until the captures are handed over whether or not their closing was seen."""
    retry_s: float = 5.0
    """After a recording that policy wants could not be begun, until it is tried again; twice as long each time."""
    retry_most_s: float = 300.0
    alone_s: float = 2.0
    """An answered leg that is alone for so long in a call talks with an application."""
    tell_again_s: float = 5.0
    """After a participant could not be told that they are recorded, until they are told again."""
    announce_s: float = 15.0
    """So long at most a recording waits until the participants have heard that they are recorded."""
    pause_s: float = 600.0
    """The longest pause: a forgotten one must not silence the rest of a call."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings that apply to one call."""

    limits: Limits = field(default_factory=Limits)
    overrides_always: OverridesAlways = OverridesAlways.NOTHING
    follow: Follow = Follow.USER
    applications: RecordApplications = RecordApplications.USERS
    confirm: Confirm = Confirm.BOTH
    tracks: Tracks = Tracks.STEREO
    announce: Announcement = Announcement.NONE
    beep_s: float = 0.0
    """After so long participants of a recorded call hear a beep again; 0: never."""
    opt_out: bool = False
    """Whether a participant from outside may end the recording by a digit."""


def decide(legs: Iterable[Leg]) -> Decision:
    """The decision for the legs of one conversation (or, before an answer, for those who would be in it)."""
    conversation = sorted(legs, key=lambda leg: leg.direction is Direction.IN)
    claims = [Decision(rule, leg) for leg in conversation if leg.user for rule in _claims(leg, leg.user, conversation)]
    user = next((leg for leg in conversation if leg.user and not leg.is_local), None)
    claims += [
        Decision(one.rule, user or leg, one.origin) for leg in conversation for one in _said_of(leg, conversation)
    ]
    claims += [Decision(Rule.NEVER, leg, OPTED_OUT) for leg in conversation if leg.opted_out]
    return next((claim for wanted in _PRECEDENCE for claim in claims if claim.rule is wanted), Decision(None, None))


def _said_of(leg: Leg, conversation: list[Leg]) -> Iterable[PlaceRule]:
    waits = len(conversation) == 1 and leg.at is not None and leg.at.rule is Rule.ALWAYS
    return leg.rules if waits else leg.place_rules


def may_press(user: CallUser, rule: Rule | None) -> bool:
    """Whether `*3` of this user is obeyed in a conversation that is judged by this rule."""
    return user.online_record and rule is not Rule.NEVER


def may_press_in_fallback(user: CallUser) -> bool:
    """Whether the dialplan obeys `*3` of this user without the daemon. It does not know the other participant, so that a *never*
    for one kind of call counts for all."""
    return all(may_press(user, rule) for rule in _standing(user.rules))


def may_be_recorded(user: CallUser) -> bool:
    """Whether policy could record a call of this user without a press."""
    return user.call_record or Rule.ALWAYS in _standing(user.rules)


def _standing(rules: RecordRules) -> tuple[Rule | None, ...]:
    return (rules.in_internal, rules.in_external, rules.out_internal, rules.out_external)


def _claims(leg: Leg, user: CallUser, conversation: list[Leg]) -> Iterable[Rule]:
    others = [other for other in conversation if other.id != leg.id and not other.is_local and not other.is_media]
    internal = bool(others) and all(other.user is not None for other in others)
    if leg.direction is Direction.OUT:
        said = user.rules.out_internal if internal else user.rules.out_external
    else:
        said = user.rules.in_internal if internal else user.rules.in_external
    if said is not None:
        yield said
    if user.call_record:
        yield Rule.ALWAYS
    if user.online_record:
        yield Rule.ON_DEMAND
