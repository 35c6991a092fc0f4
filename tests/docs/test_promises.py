"""That docs/PROMISES.md promises all of P1 to P11, names tests that exist, and calls nothing kept that is not."""

import ast
import re
from dataclasses import dataclass
from functools import cache

import pytest
from documents import ROOT, parsed, text

_PAGE = "docs/PROMISES.md"
_HEAD = re.compile(r"^## P(\d+) .+$", re.MULTILINE)
_NEXT = re.compile(r"^## ", re.MULTILINE)
_STATUS = re.compile(r"^Status: (kept|partly|not yet)$", re.MULTILINE)
_PROOF = re.compile(r"^- `(tests/[\w/]+\.py)::(\w+(?:::\w+)?)`", re.MULTILINE)
_CLAIM = re.compile(r"test_p(\d+)_")


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise as the page has it."""

    number: int
    status: str
    proofs: tuple[tuple[str, str], ...]
    has_gap: bool


@cache
def promises() -> list[Promise]:
    found = []
    for head in _HEAD.finditer(text(_PAGE)):
        body = _NEXT.split(text(_PAGE)[head.end() :])[0]
        [status] = _STATUS.findall(body)
        proofs = tuple((path, name) for path, name in _PROOF.findall(body))
        found.append(Promise(int(head[1]), status, proofs, "\nNot yet: " in body))
    return found


@cache
def names_of(path: str) -> frozenset[str]:
    """The tests of a file, without importing it: `test_x`, or `TestY::test_x`."""
    names = set()
    for node in parsed(path).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        names |= {prefix + one.name for one in inner if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    return frozenset(name for name in names if name.rpartition("::")[2].startswith("test_"))


def test_every_promise_is_there_once_and_in_order() -> None:
    assert list(range(1, 13)) == [promise.number for promise in promises()]


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: f"P{promise.number}")
def test_every_named_test_exists(promise: Promise) -> None:
    missing = [
        f"{path}::{name}" for path, name in promise.proofs if not (ROOT / path).is_file() or name not in names_of(path)
    ]
    assert [] == missing


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: f"P{promise.number}")
def test_the_status_is_honest(promise: Promise) -> None:
    """Kept: proven and nothing missing. Partly: proven and something missing. Not yet: nothing is claimed to be proven."""
    assert (promise.status != "not yet", promise.status != "kept") == (bool(promise.proofs), promise.has_gap)


def test_every_test_that_claims_a_promise_is_named_under_it() -> None:
    named = {(promise.number, path, name) for promise in promises() for path, name in promise.proofs}
    files = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    claims = {
        (int(claim[1]), path, name) for path in files for name in names_of(path) if (claim := _CLAIM.search(name))
    }
    assert set() == claims - named
