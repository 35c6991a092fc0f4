"""Asterisk's way of reading a configuration file, and stricter: what it would skip with a warning is an error here.

As config.c: process_text_line does: a line ends at LF, `;` begins a comment unless a backslash stands before it, blanks around
names and values do not count, `=>` is `=`.
"""

import re
from dataclasses import dataclass

_SECTION = re.compile(r"\[(?P<name>[A-Za-z0-9_.@+-]+)\](?:\((?P<template>!|[a-z-]+(?:-[0-9]+)?)\))?")
_COMMENT = re.compile(r"(?<!\\);.*")


@dataclass(frozen=True)
class Section:
    """One section with its rows in order."""

    name: str
    template: str
    rows: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The one row of that name; empty when there is none."""
        values = [value for row, value in self.rows if row == name]
        assert len(values) <= 1
        return values[0] if values else ""


def read(text: str) -> list[Section]:
    """All sections; an AssertionError for a line that is none of blank, comment, section or row."""
    assert text.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text), "a control character"
    text.encode()
    found: list[tuple[str, str, list[tuple[str, str]]]] = []
    for line in text.split("\n"):
        plain = _COMMENT.sub("", line).replace("\\;", ";").strip()
        if plain.startswith("["):
            section = _SECTION.fullmatch(plain)
            assert section, line
            found.append((section["name"], section["template"] or "", []))
        elif plain:
            assert not plain.startswith("#"), line
            name, equals, value = plain.partition("=")
            assert equals, line
            assert re.fullmatch(r"[a-z0-9_ *#+]+", name), line
            found[-1][2].append((name.strip(), value.removeprefix(">").strip()))
    return [Section(name, template, tuple(rows)) for name, template, rows in found]


def by_name(text: str) -> dict[str, list[Section]]:
    """The same, by the sections' names."""
    sections: dict[str, list[Section]] = {}
    for section in read(text):
        sections.setdefault(section.name, []).append(section)
    return sections
