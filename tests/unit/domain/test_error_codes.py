"""The registry of error codes: each code has its sentence, is raised by the kind it stands under, and is shown by a test."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import callrec
from callrec.domain import error_codes
from callrec.domain.error_codes import ErrorCode

SERVICE = Path(callrec.__file__).parent
TESTS = Path(__file__).parents[2]
CODES: tuple[str, ...] = get_args(ErrorCode)
BY_KIND: Mapping[str, Mapping[ErrorCode, str]] = {
    "Refused": error_codes.REFUSED,
    "Conflict": error_codes.CONFLICT,
    "Unavailable": error_codes.UNAVAILABLE,
    "OutcomeUnknown": error_codes.OUTCOME_UNKNOWN,
    "Corrupt": error_codes.CORRUPT,
    "Misconfigured": error_codes.MISCONFIGURED,
    "WronglyAsked": error_codes.REQUESTS,
    "problem": error_codes.REQUESTS,
    "Trouble": error_codes.FINDINGS,
    "Finding": error_codes.FINDINGS | error_codes.CORRUPT,
}
"""By the name that is called with a code."""
TABLES = (*BY_KIND.values(), error_codes.TEST_PBX)
MODULES = sorted(SERVICE.rglob("*.py"))
SAID = {
    node.value
    for path in SERVICE.parent.rglob("*.py")
    if path.name != "error_codes.py"
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Constant)
}
"""All texts of the code."""


def raised(path: Path) -> Iterator[tuple[str, str, str]]:
    """Place, kind and code, wherever a module makes an error with a code that it spells out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BY_KIND:
            spelled = {
                one.value for argument in node.args[:2] for one in ast.walk(argument) if type(one) is ast.Constant
            }
            for code in spelled & set(CODES):
                yield f"{path.name}:{node.lineno}", node.func.id, code


def test_each_code_has_its_sentence_and_each_sentence_its_code() -> None:
    assert set(CODES) == {code for table in TABLES for code in table}
    assert list(CODES) == sorted(set(CODES))


def test_codes_are_small_letters_and_hyphens_and_their_sentences_fit_a_table() -> None:
    assert [] == [code for code in CODES if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)]
    sentences = [sentence for table in TABLES for sentence in table.values()]
    assert [] == [sentence for sentence in sentences if not re.fullmatch(r"[^|\n]{20,}\.", sentence)]


def test_a_code_is_raised_by_a_kind_that_it_stands_under() -> None:
    found = [one for path in MODULES for one in raised(path)]
    assert len(found) > len(CODES)
    assert [] == [(place, kind, code) for place, kind, code in found if code not in BY_KIND[kind]]


def test_no_code_is_dead() -> None:
    """`http-` and a status is what aiohttp refuses by itself."""
    assert [] == [code for code in CODES if code not in SAID and not code.startswith("http-4")]


def test_each_code_is_shown_by_a_test() -> None:
    """As a text of its own, or behind the cause of an alarm."""
    tests = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__))
    tested = set(re.findall(r'"(?:[A-Za-z-]+: )?([a-z0-9-]+)[":]', tests))
    assert [] == [code for code in CODES if code not in tested]
