"""Rules for one value, and the quick way to ask them of a thousand values at once."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST = 1024
"""Values with a longer one among them are not put together: a file may be made of nothing else."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule for one value: `says` completes the sentence "must be ..."."""

    says: str
    accepts: Callable[[str], bool]
    pattern: str = ""
    """The rule as a regular expression for the whole value, where it is one. It never accepts a line break."""
    most: int = 0
    """The greatest length, where the pattern does not say it."""
    words: tuple[str, ...] = ()
    """All that is accepted, where that is a few words."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """Other ways to write one of the words, in small letters -> that word. `spelt` puts it in their place."""
    accepts_all: Callable[[Sequence[str]], bool] | None = None
    """True when every one of these values is accepted or empty. False says nothing: each is to be asked."""

    def spelt(self, values: Sequence[str]) -> Sequence[str]:
        """The values, each as the word that it is a spelling of; those of a check without spellings as they are."""
        if not self.spellings or set(values) <= {"", *self.words}:
            return values
        return [self.spellings.get(value.lower(), value) for value in values]

    def refused(self, values: Sequence[str]) -> tuple[int, ...]:
        """The places of the values that are not accepted. An empty one always is: it means a default.

        A large file has millions of values, and nearly all are good: asking of many at once is several times as fast.
        """
        if self.accepts_all and max(map(len, values), default=0) <= LONGEST and self.accepts_all(values):
            return ()
        wrong = {value for value in set(values) if value and not self.accepts(value)}
        return tuple(place for place, value in enumerate(values) if value in wrong) if wrong else ()


def is_plain(value: str) -> bool:
    """True when no character breaks a line, ends a string or cannot be written as UTF-8."""
    return value.isprintable() or not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in value)


def text(most: int, least: int = 0) -> Check:
    """Any characters but control characters, within these numbers of them."""
    size = f"{least} to {most}" if least else f"at most {most}"
    return Check(
        f"{size} characters, none of them a control character",
        lambda value: least <= len(value) <= most and is_plain(value),
        most=most,
        accepts_all=lambda values: (
            all(not length or least <= length <= most for length in set(map(len, values))) and is_plain("".join(values))
        ),
    )


def matching(pattern: str, says: str) -> Check:
    """The whole value matches `pattern`."""
    rule, lines = re.compile(pattern), re.compile(rf"(?:(?>{pattern})?+\n)*+")
    return Check(
        says,
        lambda value: rule.fullmatch(value) is not None,
        pattern=pattern,
        # A line break in a value would make two lines of it
        accepts_all=lambda values: (
            (joined := "\n".join(values)).count("\n") == len(values) - 1 and lines.fullmatch(joined + "\n") is not None
        ),
    )


def one_of(*values: str) -> Check:
    """Exactly one of a few words."""
    return Check("one of " + ", ".join(values), lambda value: value in values, words=values)


def flag() -> Check:
    """1 or 0, in any of the spellings in which XiVO took them or a spreadsheet writes them, in any case."""
    spellings = {"y": "1", "yes": "1", "true": "1", "on": "1", "n": "0", "no": "0", "false": "0", "off": "0"}
    words = ("0", "1")
    says = "one of 0, 1 (or no, yes, n, y, off, on, false, true)"
    return Check(says, lambda value: value in words, words=words, spellings=spellings)


def between(least: int, most: int) -> Check:
    """A whole number in ASCII digits."""
    digits = re.compile(r"[0-9]{1,9}")
    return Check(
        f"a whole number from {least} to {most}",
        lambda value: digits.fullmatch(value) is not None and least <= int(value) <= most,
    )
