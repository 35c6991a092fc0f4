"""Every test asserts something, by itself or through a helper whose name says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import ROOT, parsed

TESTS = ROOT / "tests"
ASSERTING = {
    "raises": "of pytest",
    "fail": "of pytest",
    "answered": "a phone's call: raises Unavailable when it is not answered in time",
    "holds": "a recording: both voices in it, each on its side",
    "stays": "a copy of the tables: it is the former one, and says why",
    "until": "raises when what it waits for does not come in time",
    "until_flag": "likewise",
    "until_told": "likewise",
    "validate_response": "of schemathesis",
}
"""Names of helpers that assert, besides `assert_*` and `expect_*`, and what they assert."""


def functions_of(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions and methods of a file."""
    for node in ast.walk(parsed(str(file.relative_to(ROOT)))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def name_called(node: ast.Call) -> str:
    """The last part of what is called."""
    match node.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def asserts(test: ast.AST) -> bool:
    """Whether anything in it can fail for what it finds."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            return True
        name = name_called(node).lstrip("_") if isinstance(node, ast.Call) else ""
        if name in ASSERTING or name.startswith(("assert_", "expect_")):
            return True
    return False


@pytest.mark.parametrize("file", sorted(TESTS.rglob("test_*.py")), ids=lambda file: str(file.relative_to(TESTS)))
def test_every_test_asserts(file: Path) -> None:
    silent = [f"{file.name}:{test.lineno} {test.name}" for test in functions_of(file) if not asserts(test)]
    assert silent == [], "these tests pass whatever happens: assert something, or name the helper assert_..."


def test_a_test_without_an_assertion_is_found() -> None:
    """An assertion in a nested function counts, a call alone does not."""
    tests = ("run()", "def inner():\n        assert 1", "_assert_x()", "return")
    text = "\n".join(f"def test_{nth}():\n    {body}" for nth, body in enumerate(tests))
    assert [asserts(node) for node in ast.parse(text).body] == [False, True, True, False]
