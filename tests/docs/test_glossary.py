"""Names below service/ speak the field's words: docs/GLOSSARY.md."""

import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest
from documents import ROOT

SERVICE = ROOT / "service"
OLD = {
    *("talk", "talks", "circle", "company", "meeting", "door", "doors", "star", "lamp", "lamps", "takes", "degraded"),
    *("homecoming", "stray", "strays", "engine", "asked", "edition", "noun", "nouns", "intake", "house"),
}
FROZEN = {
    "lamp": "a field of a function key in the API, and a variable of the example PBX",
    "takes": "which request bodies an operation, and which destinations a type of key takes: a verb",
    "intake": "the metric callrec_intake_total",
    "_intake": "the same",
    "_INTAKE": "the same",
    "INTAKE": "the drop reason",
    "intake_workers": "a setting",
    "EDITION": "a key in Redis",
    "Takes": "which destinations a type of key takes: a verb",
}
"""Identifiers that may stay, each with its reason."""


@cache
def names(path: Path) -> set[str]:
    """The module's own name and every identifier in it."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {path.stem} | {token.string for token in tokens if token.type == tokenize.NAME}


def words(name: str) -> set[str]:
    """`LegAppeared` and `leg_appeared` are the words leg and appeared."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("path", sorted(SERVICE.rglob("*.py")), ids=lambda path: str(path.relative_to(SERVICE)))
def test_no_old_word_is_in_a_name(path: Path) -> None:
    found = {name for name in names(path) if words(name) & OLD and name not in FROZEN}
    assert not found, "docs/GLOSSARY.md has the word to use"


def test_each_exemption_is_needed() -> None:
    used = set().union(*map(names, SERVICE.rglob("*.py")))
    assert set(FROZEN) <= used


def test_the_glossary_names_each_old_word() -> None:
    page = (ROOT / "docs/GLOSSARY.md").read_text()
    missing = {word for word in OLD if not re.search(rf"\b{word.removesuffix('s')}", page)}
    assert missing == {"house"}
