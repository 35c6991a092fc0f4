"""Readiness checks have names, and the reasons that the daemon gives itself are told in each language of the pages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_sentences import text_of, texts

import callrec
from callrec.web.pages.languages import LANGUAGES
from callrec.web.pages.system.reasons import reason_words
from callrec.web.pages.system.words import CHECKS

SOURCE = Path(callrec.__file__).parent
REASONS = {"why_not", "why_stale", "state_reason"}
"""The attributes that hold the reason of a check."""
TELLERS = {"_stopped", "_note"}
"""The methods that take a reason as their second argument."""
OTHERS = sorted(set(LANGUAGES) - {"en"})


def modules() -> list[tuple[Path, ast.Module]]:
    """All modules that may give a reason."""
    files = [*(SOURCE / "app").rglob("*.py"), *(SOURCE / "adapters").rglob("*.py"), *(SOURCE / "wiring").rglob("*.py")]
    return [(file, ast.parse(file.read_text())) for file in sorted(files)]


def reasons() -> Iterator[str]:
    """The reasons that stand in the source, with an `X` for each value."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    pairs = [(target, node.value)]
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        pairs = list(zip(target.elts, node.value.elts, strict=True))
                    for name, value in pairs:
                        if isinstance(name, ast.Attribute) and name.attr in REASONS:
                            yield from _outer(value)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TELLERS and len(node.args) > 1:
                yield from filter(None, [text_of(node.args[1])])
            elif isinstance(node, ast.Lambda) and file.parent.name == "wiring" and isinstance(node.body, ast.Tuple):
                yield from filter(None, map(text_of, node.body.elts))


def _outer(value: ast.expr) -> Iterator[str]:
    """The texts of an expression, without those inside a value of a text."""
    if isinstance(value, ast.IfExp):
        yield from (*_outer(value.body), *_outer(value.orelse))
    elif said := text_of(value):
        yield said


@pytest.mark.parametrize("language", OTHERS)
def test_each_reason_that_the_daemon_gives_itself_is_told_in_the_language(language: str) -> None:
    said = {*reasons(), "the check itself raised X", "no reason given"}
    assert {
        "closed", "unexpected X", "not connected yet", "erased recordings have left something in: X",
        "X bytes are missing, and nothing else may go", "the calls have not been compared with Asterisk's channels yet",
    } <= said  # fmt: skip
    assert [one for one in sorted(said) if reason_words(one, language) in {None, one}] == []


def test_what_others_have_answered_stays_as_it_is() -> None:
    assert reason_words("login of 'callrec' refused: Authentication failed", "de") is None
    said = reason_words("cannot connect to Asterisk's manager at 127.0.0.1:5038: [Errno 111] Connection refused", "de")
    assert said == "keine Verbindung zu Asterisks Manager auf 127.0.0.1:5038: [Errno 111] Connection refused"
    assert reason_words("not loaded yet", "en") == "not loaded yet"


def test_each_check_has_a_name() -> None:
    """Those that the wiring adds."""
    added = {
        text_of(node.args[0])
        for file, tree in modules()
        for node in ast.walk(tree)
        if file.parent.name == "wiring" and isinstance(node, ast.Call) and len(node.args) > 1
        if getattr(node.func, "attr", "") == "add" and isinstance(node.args[1], ast.Lambda)
    }
    assert {"ami", "alive", "catalogue"} <= added
    assert added - CHECKS.keys() == set()


def test_health_gives_the_two_reasons_of_its_own() -> None:
    said = set(texts(ast.parse((SOURCE / "observe/health.py").read_text())))
    assert {"the check itself raised X", "no reason given"} <= said
