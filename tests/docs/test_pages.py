"""That what the documents say about files, targets and commands is so."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from documents import ROOT, code, fences, pages, prose, text

from callrec.cli.app import app
from callrec.domain.calls import states
from callrec.domain.directory.function_keys import KEY_TYPES, SERVED
from callrec.domain.directory.model import Incall, Line, User, Voicemail
from callrec.domain.rules import RecordRules

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_TARGET = re.compile(r"^(?P<name>[a-z]+):(?!=)", re.MULTILINE)
_MAKE = re.compile(r"make ([a-z]+)")
_CALLREC = re.compile(r"(?:\S+/|python -m )?callrec (?P<words>[a-z].*)")
_SECTIONS = ("## Context", "## Decision", "## Consequences")


def anchor(heading: str) -> str:
    """The name that a heading has in links."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.finditer(prose(page)):
        target, _, fragment = link["target"].partition("#")
        if "://" in target:
            continue
        there = (ROOT / page).parent / target if target else ROOT / page
        assert there.exists(), f"{page}: {link['target']}"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.MULTILINE)
            assert fragment in map(anchor, headings), f"{page}: {link['target']}"


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (ROOT / page).parent.joinpath(link["target"].partition("#")[0]).resolve()
        for page in pages()
        for link in _LINK.finditer(prose(page))
        if "://" not in link["target"]
    }
    assert [] == [str(page) for page in pages() if (ROOT / page) not in linked and str(page) != "README.md"]


def test_the_picture_of_the_states_is_the_tables() -> None:
    """`python -m callrec.domain.calls.states` prints what has to stand there."""
    assert [states.diagram()] == [body.rstrip("\n") for body in fences("docs/ARCHITECTURE.md", "mermaid")]


def test_every_module_that_the_architecture_names_is_there() -> None:
    for name in code("docs/ARCHITECTURE.md"):
        if re.fullmatch(r"[a-z_/]+(\.py|/)", name):
            assert any((ROOT / folder / name).exists() for folder in ("service/callrec", "service", ".")), name


def records() -> list[Path]:
    return sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))


def test_every_decision_is_in_the_index_under_its_title() -> None:
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \|$", text("docs/decisions/README.md"), re.MULTILINE)
    titles = [path.read_text("utf-8").splitlines()[0] for path in records()]
    assert titles == [f"# {number}. {title}" for number, title, _ in rows]
    assert [path.name for path in records()] == [name for _, _, name in rows]


@pytest.mark.parametrize("record", records(), ids=lambda path: path.name)
def test_a_decision_has_its_number_status_and_sections(record: Path) -> None:
    page = record.read_text("utf-8")
    assert page.startswith(f"# {int(record.name[:4])}. ")
    assert re.search(r"^Status: (accepted|replaced by \[)", page, re.MULTILINE)
    assert list(_SECTIONS) == [line for line in page.splitlines() if line in _SECTIONS]


def test_each_decision_has_a_number_of_its_own() -> None:
    """Work that goes on side by side takes its numbers beforehand: one that is not needed leaves a hole."""
    numbers = [int(path.name[:4]) for path in records()]
    assert sorted(set(numbers)) == numbers


def test_the_readme_names_every_target_of_the_makefile_and_no_other() -> None:
    targets = set(_TARGET.findall(text("Makefile")))
    named = {name for part in code("README.md") for name in _MAKE.findall(part)}
    assert targets == named


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_make_target_that_a_page_names_is_there(page: Path) -> None:
    named = {name for part in code(page) for name in _MAKE.findall(part)}
    assert named <= set(_TARGET.findall(text("Makefile")))


Commands = Mapping[str, "Commands | set[str]"]
"""A group by its commands' names, a command by its options."""


@cache
def command_line() -> Commands:
    """All commands of `callrec`."""
    return tree(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def tree(commands: Mapping[str, Any]) -> Commands:
    """A group's commands. Typer carries a Click of its own, so what a group is made of is asked, not its class."""
    return {
        name: tree(one.commands)
        if hasattr(one, "commands")
        else {option for parameter in one.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, one in commands.items()
    }


def wrong(words: list[str]) -> str:
    """The first of these words that is no command of its group, or no option of its command; empty when all are right."""
    at: Commands | set[str] = command_line()
    for word in words:
        if isinstance(at, set):
            if word.startswith("--") and word not in at:
                return word
        elif word not in at:
            return word
        else:
            at = at[word]
    return ""


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    named = [shlex.split(found["words"]) for part in code(page) if (found := _CALLREC.match(part))]
    assert [] == [" ".join(words) for words in named if wrong(words)]


def test_a_command_or_an_option_that_nobody_has_is_noticed() -> None:
    told = [wrong(words) for words in (["users", "list"], ["sing"], ["users", "sing"], ["users", "list", "--loudly"])]
    assert ["", "sing", "sing", "--loudly"] == told


def test_the_commands_page_names_every_type_of_function_key_and_says_which_are_not_served() -> None:
    section = text("docs/commands.md").partition("## Function keys\n")[2].partition("\n## ")[0]
    table, _, refused = section.partition("These types are known and refused")
    named = {name for name in re.findall(r"`([a-z_]+)`", table) if name in KEY_TYPES}
    assert named == set(SERVED)
    assert set(re.findall(r"`([a-z_]+)`", refused)) == set(KEY_TYPES) - set(SERVED)


def test_the_defaults_that_a_reader_of_the_store_has_to_know_are_named() -> None:
    """Records leave them out; what is empty, false or null needs no name."""
    page = text("docs/redis.md")
    told = {
        (one.name, str(one.default).lower() if isinstance(one.default, bool) else str(one.default))
        for kind in (User, Line, Incall, Voicemail)
        for one in fields(kind)
        if one.default is not MISSING and one.default and one.default != RecordRules()
    }
    assert {name for name, _ in told} == {
        "outcallerid", "bosssecretary", "enablehint", "enablexfer", "voicemail_enabled", "entityid", "protocol", "ring_s",
    }  # fmt: skip
    defaults = page[page.index("The defaults:") :].partition("\n\n")[0]
    assert all(f"`{name}`" in defaults and f"`{value}`" in defaults for name, value in told)
