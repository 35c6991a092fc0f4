"""What a user file looks like before it is read: its separator, and its encoding or those that it may have."""

import codecs
from dataclasses import dataclass

from callrec.domain.directory.user_file.csv_text import separator_of

CANDIDATES = ("windows-1252", "iso-8859-15", "cp850", "mac-roman", "utf-16-le", "utf-16-be")
"""Encodings that a file may have which is not UTF-8, most likely first."""
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
MOST_SAMPLE = 80
_FEWEST_LINES = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """How a line of the file reads in an encoding."""

    encoding: str
    text: str


@dataclass(frozen=True, slots=True)
class FileLooks:
    """The encoding that was found (empty: none for sure), the separator, and samples to choose an encoding by."""

    encoding: str
    separator: str
    samples: tuple[Sample, ...] = ()


def looks_of(content: bytes, encoding: str = "") -> FileLooks:
    """What the bytes of a file look like. `encoding`: the one that was chosen; empty for none."""
    found = encoding or next((name for mark, name in MARKS if content.startswith(mark)), "") or _utf_8(content)
    if found:
        text = _decoded(content, found)
        if text is not None:
            return FileLooks(found, separator_of(text))
    return FileLooks("", "", tuple(_samples(content)))


def _utf_8(content: bytes) -> str:
    return "utf-8" if _decoded(content, "utf-8") is not None else ""


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except (UnicodeError, LookupError):
        return None


def _samples(content: bytes) -> list[Sample]:
    """The first line with other letters than English ones, as each encoding reads it; each reading once."""
    found: dict[str, Sample] = {}
    for encoding in CANDIDATES:
        text = _decoded(content, encoding)
        if text is None or "\0" in text or not _has_lines(text, content):
            continue
        line = next((one for one in text.splitlines() if not one.isascii()), "")
        at = next((at for at, char in enumerate(line) if not char.isascii()), 0)
        shown = line[max(0, at - MOST_SAMPLE // 2) : at + MOST_SAMPLE // 2].strip()
        if shown and shown.replace("\t", "").isprintable():
            found.setdefault(shown, Sample(encoding, shown))
    return list(found.values())


def _has_lines(text: str, content: bytes) -> bool:
    """Two bytes for a character make Chinese of English text: a file with many lines has them in the right encoding only."""
    return content.count(b"\n") < _FEWEST_LINES or text.count("\n") * 2 > content.count(b"\n")
