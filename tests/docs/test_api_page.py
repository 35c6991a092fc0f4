"""That each request in docs/api.md is one that the OpenAPI document knows, with a body that its schema takes."""

import json
import re
import shlex
from unittest.mock import Mock

import pytest
from documents import fences, text

from callrec.app.dialplan.lookups import _variables
from callrec.web.api.operations import operations
from callrec.web.routes import Operation
from callrec.web.use_cases import UseCases

TABLE = operations(Mock(UseCases))  # nothing is asked of them
EXAMPLES = [line for body in fences("docs/api.md") for line in body.splitlines() if line.startswith("curl ")]


def operation(method: str, path: str) -> Operation:
    """The row of the table that this request meets: the first one, as it is served."""
    return next(
        one
        for one in TABLE
        if one.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", one.path), path.partition("?")[0])
    )


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_a_request_that_is_understood(line: str) -> None:
    words = shlex.split(line)
    body = words[words.index("--json") + 1] if "--json" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body or "--data-binary" in words else "GET"
    path = words[-1].removeprefix("$API")
    one = operation(method, path)
    assert "Authorization" not in line
    assert "$AUTH" in words
    assert ("If-Match: *" in words) == (method == "PATCH")
    assert ("--data-binary" in words) == bool(one.takes)
    if body:
        one.body.model_validate_json(body)
    if "?" in path:
        one.query.model_validate(dict(pair.split("=") for pair in path.partition("?")[2].split("&")))


def test_every_kind_of_operation_has_an_example() -> None:
    methods = {method for line in EXAMPLES for method in re.findall(r"-X (\w+)|(--json)", line)}
    assert {("PATCH", ""), ("", "--json"), ("DELETE", "")} <= methods


def test_every_status_of_the_document_is_explained() -> None:
    statuses = {int(status) for one in TABLE for status in (*one.problems, 401, 403, 503)}
    rows = re.findall(r"^\| ([\d, ]+) \|", text("docs/api.md"), re.MULTILINE)
    assert statuses == {int(status) for row in rows for status in row.split(",")}


def test_every_variable_of_a_look_up_is_named() -> None:
    assert all(f"`{name}`" in text("docs/api.md") for name, _ in _variables(None))


def test_bodies_in_the_page_are_json() -> None:
    assert all(
        json.loads(words[words.index("--json") + 1]) for words in map(shlex.split, EXAMPLES) if "--json" in words
    )
