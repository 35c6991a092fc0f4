"""That docs/call-situations.md names tests and cases that exist, and every case that there is."""

import re
import subprocess
import sys
from functools import cache

from documents import ROOT, text
from test_promises import names_of

_PAGE = "docs/call-situations.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_CASE = re.compile(r"`([a-z0-9-]+)`")
_WORDS = {"deaf-leg"}
"""Words of the page that stand in the same type, and are no cases."""
_REGISTRY = "import sys; sys.path[:0] = ['tests/faults', 'tests/support']; import long_runs; print(*long_runs.CASES)"


@cache
def cases() -> frozenset[str]:
    """All that `make faults` knows."""
    command = (sys.executable, "-c", _REGISTRY)
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 - fixed words
    return frozenset(done.stdout.split())


def _rows() -> list[str]:
    return [line for line in text(_PAGE).splitlines() if line.startswith("| ") and not line.startswith("| situation")]


def test_every_named_test_exists() -> None:
    named = _TEST.findall(text(_PAGE))
    assert len(named) > 1
    assert [] == [f"{path}::{name}" for path, name in named if name not in names_of(path)]


def test_every_named_case_exists_and_every_case_is_named() -> None:
    """But for the cases with PLC, which are about the phones."""
    named = {name for row in _rows() for name in _CASE.findall(row)} - _WORDS
    assert named <= cases()
    assert {name for name in cases() if not name.startswith("plc-")} == named


def test_every_situation_is_shown_by_something() -> None:
    assert [] == [row for row in _rows() if not (_TEST.search(row) or _CASE.search(row))]
