"""The column outcallerid, taken apart."""

import pytest

from callrec.domain.directory.outcallerid import Shown, is_showable, shown
from callrec.domain.errors import Refused


@pytest.mark.parametrize("said", ["default", "anonymous", ""])
def test_these_are_no_name_and_no_number(said: str) -> None:
    assert shown(said) is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("0123456789", Shown(number="0123456789")),
        ("+33123", Shown(number="+33123")),
        ('"ACME, Paris" <0123>', Shown("ACME, Paris", "0123")),
        ("ACME <0123>", Shown("ACME", "0123")),
        ("<0123>", Shown(number="0123")),
        ("ACME", Shown("ACME")),
    ],
)
def test_a_name_a_number_or_both(said: str, expected: Shown) -> None:
    assert shown(said) == expected
    assert is_showable(said)


@pytest.mark.parametrize(
    "said",
    ['"ACME', "ACME <12a>", "ACME;<0123>", "${SHELL(id)}", '"${X}" <1>', "a<1><2>", "ACME\n", '"ACME"\n<1>', "A" * 81],
)
def test_anything_else_is_refused(said: str) -> None:
    with pytest.raises(Refused):
        shown(said)
    assert not is_showable(said)
