"""Rules for values, and a fast way to check thousands of values at once."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST = 1024
"""The longest value that is joined with others to check them at once: a hostile file may have only longer ones."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule for one value: `says` completes the sentence "must be ..."."""

    says: str
    accepts: Callable[[str], bool]
    pattern: str = ""
    """The rule as a regular expression for the whole value, if it is one. It never accepts a line break."""
    most: int = 0
    """The greatest length, if the pattern does not limit it."""
    words: tuple[str, ...] = ()
    """The accepted values, if they are a few words."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """Another spelling of a word, in lower case -> the word. `spelt` replaces it."""
    accepts_all: Callable[[Sequence[str]], bool] | None = None
    """True when each of these values is accepted or empty. After False each value has to be checked by itself."""

    def spelt(self, values: Sequence[str]) -> Sequence[str]:
        """The values, with other spellings replaced by their words."""
        if not self.spellings or set(values) <= {"", *self.words}:
            return values
        return [self.spellings.get(value.lower(), value) for value in values]

    def refused(self, values: Sequence[str]) -> tuple[int, ...]:
        """The indexes of the values that are not accepted. An empty value is always accepted: it means the default.

        A large file has millions of values, and nearly all are valid: checking many at once is several times as fast.
        """
        if self.accepts_all and max(map(len, values), default=0) <= LONGEST and self.accepts_all(values):
            return ()
        wrong = {value for value in set(values) if value and not self.accepts(value)}
        return tuple(place for place, value in enumerate(values) if value in wrong) if wrong else ()


def is_plain(value: str) -> bool:
    """True when no character breaks a line, ends a string or cannot be written as UTF-8."""
    return value.isprintable() or not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in value)


def text(most: int, least: int = 0) -> Check:
    """From `least` to `most` characters, without control characters."""
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
        # A value with a line break would count as two
        accepts_all=lambda values: (
            (joined := "\n".join(values)).count("\n") == len(values) - 1 and lines.fullmatch(joined + "\n") is not None
        ),
    )


def one_of(*values: str) -> Check:
    """Exactly one of a few words."""
    return Check("one of " + ", ".join(values), lambda value: value in values, words=values)


def flag() -> Check:
    """1 or 0, also in the other spellings that XiVO accepts and spreadsheets write, in any case."""
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
