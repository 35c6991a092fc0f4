"""What the page shows of a live call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from callrec.app.calls.live_calls import LiveCall, LiveState
from callrec.domain.access.decisions import Visible, visible
from callrec.domain.access.principals import Principal
from callrec.domain.calls.model import Control, Direction
from callrec.domain.directory.model import Permission
from callrec.domain.rules import Rule, UserId
from callrec.web.pages.calls.words import offered

FINE_BYTES, COARSE_BYTES = 100_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """A participant. `since_s`: since when they talk, in Unix time; None while they do not."""

    name: str
    number: str
    direction: Direction
    since_s: float | None

    @property
    def called(self) -> str:
        """Name, else number; empty for an unknown one."""
        return self.name or self.number


@dataclass(frozen=True, slots=True)
class Row:
    """A call in the list. `written_bytes` is rounded down, so that a row does not change with every packet."""

    id: str
    since_s: float
    state: LiveState
    people: tuple[Person, ...]
    rule: Rule | None
    origin: tuple[str, str]
    """Kind and name of the place where the rule hangs; empty for a user's rule."""
    grows: bool
    written_bytes: int
    pauses: int
    users: tuple[UserId, ...] = ()
    """Who is in the call: whose supervisors may see it. In one order, so that the mark does not change by it."""

    @classmethod
    def of(cls, call: LiveCall) -> "Row":
        """The row of this call."""
        recording = call.recording
        kind, _, name = (recording.rule_origin if recording else "").partition(":")
        people = (
            Person(one.leg.name, one.leg.number, one.leg.direction, one.since_s)
            for one in sorted(call.participants, key=lambda one: (one.leg.direction is Direction.IN, one.leg.id))
        )
        return cls(
            call.session.call,
            call.session.began_s,
            call.state,
            tuple(people),
            recording.rule if recording else None,
            (kind, name),
            call.grows,
            rounded(call.written_bytes),
            len(recording.pauses) if recording else 0,
            tuple(sorted(call.users)),
        )

    @property
    def mark(self) -> str:
        """Changes when anything of the row does."""
        return blake2b(repr(self).encode("utf-8", "replace"), digest_size=6).hexdigest()

    @property
    def controls(self) -> Sequence[Control]:
        """What can be asked now."""
        return offered(self.state)


def controls_for(principal: Principal | None) -> Callable[[Row], Sequence[Control]]:
    """What this principal can ask now of a row's recording."""
    within = visible(principal, Permission.CALLS_RECORD) if principal else Visible(all=False)
    return lambda row: row.controls if within.holds_any(row.users) else ()


def rounded(written_bytes: int) -> int:
    """To 0.1 MB, and to 1 MB from there on: at 32 kB/s a row changes every half minute."""
    step = FINE_BYTES if written_bytes < COARSE_BYTES else COARSE_BYTES
    return written_bytes // step * step
