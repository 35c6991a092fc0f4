"""The project's documents, as its documentation tests read them."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = {".venv", ".git", "build", "node_modules"}
_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


@cache
def pages() -> list[Path]:
    """Every markdown file of the project."""
    found = (path.relative_to(ROOT) for path in sorted(ROOT.rglob("*.md")))
    return [path for path in found if not any(part in _NOT_OURS or part.startswith(".") for part in path.parts)]


@cache
def text(page: Path | str) -> str:
    """The text of a page, by its path from the top of the checkout."""
    return (ROOT / page).read_text("utf-8")


def fences(page: Path | str, kind: str | None = None) -> list[str]:
    """The bodies of its fenced blocks, of one kind or of all."""
    return [found["body"] for found in _FENCE.finditer(text(page)) if kind is None or found["kind"] == kind]


def prose(page: Path | str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text(page))


@cache
def code(page: Path | str) -> list[str]:
    """What stands as code: the spans of the prose, and the lines of the fenced blocks without their comments."""
    lines = (line.partition("  #")[0].strip() for body in fences(page) for line in body.splitlines())
    return [*_SPAN.findall(prose(page)), *(line for line in lines if line)]


@cache
def parsed(file: str) -> ast.Module:
    """A Python file, by its path from the top of the checkout, without importing it."""
    return ast.parse(text(file))
