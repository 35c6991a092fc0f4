"""The filter of a list of recordings: its conditions, and what they ask of the keys that the catalogue stores (`search_keys`)."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from callrec.domain.errors import Refused
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.search_keys import MOST_CHARACTERS, MOST_START_MS, SLOTS, Heard, in_ms, squeezed, term
from callrec.domain.rules import Rule, UserId

PART_CHARACTERS = 3
"""A part of a number or a name has at least so many characters: both engines look for groups of three."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted: all that meet every condition. An empty filter takes all. `__post_init__` raises Refused
    (`search-text`) for a part of a number of fewer than three characters, for blanks, and for texts of more than 200."""

    user: UserId | None = None
    """Of a participant."""
    recorded: frozenset[UserId] | None = None
    """Whose recording it is, one of these users: what somebody may see. None: no such condition."""
    number: str = ""
    """A participant's whole number."""
    number_part: str = ""
    name: str = ""
    """A part of a participant's name; of fewer than three characters: a whole word of it."""
    direction: CallDirection | None = None
    rule: Rule | None = None
    state: StoredState | None = None
    node: str = ""
    tag: str = ""
    is_held: bool | None = None
    heard: Heard | None = None
    from_s: float | None = None
    """The earliest start, in Unix time."""
    to_s: float | None = None
    """The latest start."""
    least_s: float | None = None
    """The least length of the audio, in seconds."""
    most_s: float | None = None

    def __post_init__(self) -> None:
        for name, text in (("number_part", self.number_part), ("number", self.number), ("name", self.name)):
            if len(text) > MOST_CHARACTERS:
                raise Refused("search-text", f"{name} has more than {MOST_CHARACTERS} characters", hint="shorten it")
            if text and not squeezed(text):
                raise Refused("search-text", f"{name} has nothing but blanks", hint="leave it out")
        if self.number_part and len(self.number_text) < PART_CHARACTERS:
            says = f"a part of a number has at least {PART_CHARACTERS} characters"
            raise Refused("search-text", says, hint="give more of it, or the whole number as `number`")

    @property
    def number_text(self) -> str:
        """The part of a number as it is searched."""
        return squeezed(self.number_part)

    @property
    def name_text(self) -> str:
        """The part of a name as it is searched; empty when it is too short for that, and is a word in `clauses`."""
        text = squeezed(self.name)
        return text if len(text) >= PART_CHARACTERS else ""

    @property
    def places(self) -> tuple[int, int]:
        """The lowest and the highest place that the start allows, both inclusive."""
        lowest = 0 if self.from_s is None else _bounded_ms(math.ceil(in_ms(self.from_s))) * SLOTS
        if self.to_s is None:
            return lowest, (MOST_START_MS + 1) * SLOTS - 1
        return lowest, (_bounded_ms(math.floor(in_ms(self.to_s))) + 1) * SLOTS - 1

    @property
    def lengths_ms(self) -> tuple[int, int] | None:
        """The least and the greatest length, both inclusive; None when every length is wanted."""
        if self.least_s is None and self.most_s is None:
            return None
        least_ms = 0 if self.least_s is None else _bounded_ms(math.ceil(in_ms(self.least_s)))
        most_ms = MOST_START_MS if self.most_s is None else _bounded_ms(math.floor(in_ms(self.most_s)))
        return least_ms, most_ms

    @property
    def clauses(self) -> tuple[frozenset[str], ...]:
        """An entry must have at least one term of each of these."""
        return tuple(frozenset(clause) for clause in self._clauses())

    @property
    def absent(self) -> tuple[str, ...]:
        """Terms that a wanted entry does not have."""
        held = ("held",) if self.is_held is False else ()
        return (*held, "heard:yes", "heard:no") if self.heard is Heard.NONE else held

    def _clauses(self) -> Iterator[Iterable[str]]:
        if self.recorded is not None:
            yield (term("recorded", user) for user in self.recorded)
        word = "" if self.name_text else squeezed(self.name)
        for kind, value in (
            ("user", self.user),
            ("number", squeezed(self.number)),
            ("word", word),
            ("tag", self.tag),
            ("node", self.node),
            ("direction", self.direction),
            ("rule", self.rule),
            ("state", self.state),
            ("heard", None if self.heard is Heard.NONE else self.heard),
        ):
            if value:
                yield (term(kind, str(value)),)
        if self.is_held:
            yield ("held",)


ALL = Filter()


def _bounded_ms(ms: int) -> int:
    return min(max(ms, 0), MOST_START_MS)
