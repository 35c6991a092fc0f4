"""The import report as JSON, in pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.app.directory.user_file.import_report import text_of
from callrec.domain.directory.user_file.file_rules import TOGETHER

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\\n\x1bé€', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.parametrize("indent", [0, 2])
@given(st.dictionaries(st.sampled_from(["added", "changed", "count"]), st.lists(VALUES, max_size=3), min_size=1))
def test_pieces_are_what_is_written_at_once(indent: int, document: dict[str, list[object]]) -> None:
    """Whether the rows are a list or come one after the other."""
    at_once = json.dumps(document, indent=indent or None, ensure_ascii=bool(indent))
    for made in (document, {name: iter(value) for name, value in document.items()}):
        assert at_once == "".join(text_of(made, indent))


@pytest.mark.parametrize("rows", [TOGETHER, TOGETHER + 1, 2 * TOGETHER])
@pytest.mark.parametrize("indent", [0, 2])
def test_no_piece_has_more_than_a_thousand_rows(rows: int, indent: int) -> None:
    document = {"added": [{"line": n} for n in range(rows)], "count": 0}
    pieces = list(text_of(document | {"added": iter(document["added"])}, indent))  # type: ignore[call-overload] # a list
    assert json.dumps(document, indent=indent or None) == "".join(pieces)
    assert TOGETHER == max(piece.count('"line"') for piece in pieces)
