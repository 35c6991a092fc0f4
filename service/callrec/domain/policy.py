"""Who is recorded, and by which rule: one pure function from the legs of a conversation to a decision.

Each leg of a known user is judged by its side of the call (it made the call: out; it received it: in) and by whether the
other legs are users too (internal) or not (external). What was said for that case, the `*26` flag (always) and the `*3`
permission (on demand) are weighed together over all legs: **never > always > on demand > nothing said**. So one person's
"never" protects the call against everybody's recorder, and "always" of one is enough for a recording of both.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from callrec.domain.model import Direction, Leg
from callrec.domain.provisioning.model import Rule, User

_PRECEDENCE = (Rule.NEVER, Rule.ALWAYS, Rule.ON_DEMAND)


@dataclass(frozen=True, slots=True)
class Decision:
    """The strongest rule of a conversation and the leg whose user it comes from; None, None when nothing was said.

    Among equals the caller's leg is named first: one call, one recording, even when both parties have the flag.
    """

    rule: Rule | None
    leg: Leg | None


class OverridesAlways(StrEnum):
    """What `*3` does in a call that is recorded always: nothing (the presser hears that it is recorded), or pause and resume."""

    NOTHING = "nothing"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session waits before it draws a conclusion; all in seconds."""

    absorb_s: float = 1.0
    """A press so soon after a change is absorbed: its presser cannot yet have heard the change."""
    open_s: float = 2.0
    """Until both files of a take exist."""
    growth_s: float = 6.0
    """Until they grow: Asterisk buffers 32 KiB, 2 s at 8 kHz, and two steps of patience are needed."""
    lost_s: float = 1.0
    """Between files that close by themselves and the hangup that explains it."""
    stop_s: float = 2.0
    """Until the files of a stopped take are closed."""
    settle_s: float = 3.0
    """After the last leg is gone, until the takes are handed over whether or not their closing was seen."""
    retry_s: float = 5.0
    """After a recording that policy wants could not be begun, until it is tried again; twice as long each time."""
    retry_most_s: float = 300.0
    alone_s: float = 2.0
    """An answered leg that is alone for so long in a call talks with an application."""
    pause_s: float = 600.0
    """The longest pause: a forgotten one must not silence the rest of a call."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings that a session obeys."""

    limits: Limits = field(default_factory=Limits)
    overrides_always: OverridesAlways = OverridesAlways.NOTHING


def decide(legs: Iterable[Leg]) -> Decision:
    """The decision for the legs of one conversation (or, before an answer, for those who would be in it)."""
    conversation = sorted(legs, key=lambda leg: leg.direction is Direction.IN)
    claims = [(rule, leg) for leg in conversation if leg.user for rule in _claims(leg, leg.user, conversation)]
    return next(
        (Decision(rule, leg) for wanted in _PRECEDENCE for rule, leg in claims if rule is wanted), Decision(None, None)
    )


def _claims(leg: Leg, user: User, conversation: list[Leg]) -> Iterable[Rule]:
    others = [other for other in conversation if other.id != leg.id and not other.is_local]
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
