"""What Asterisk's dialplan has at a number, as its manager evaluates functions."""

from collections.abc import Sequence

import pytest

from callrec.adapters.asterisk.numbers import AmiNumbers
from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.errors import Refused, Unavailable
from callrec.protocols.ami import Message


class Manager:
    """Evaluates functions by this table, or fails."""

    def __init__(self, values: dict[str, str], fault: Exception | None = None) -> None:
        self._values, self._fault = values, fault

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """The value of a function."""
        assert (name, timeout_s) == ("Getvar", 1.0)
        if self._fault:
            raise self._fault
        return Message((("Response", "Success"), ("Value", self._values.get(dict(headers)["Variable"], ""))))

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """None is asked for."""
        raise AssertionError(name, headers, timeout_s)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"DIALPLAN_EXISTS(default,701,1)": "1", "HINT(701@default)": "park:701@lot"},
            KnownNumber(True, "park:701@lot"),
        ),
        ({"DIALPLAN_EXISTS(default,701,1)": "1"}, KnownNumber(True, "")),
        ({"DIALPLAN_EXISTS(default,701,1)": "0", "HINT(701@default)": "x"}, KnownNumber(False, "")),
        ({}, None),
    ],
    ids=["with a hint", "without", "absent", "no such function"],
)
async def test_a_number_is_there_or_not_and_may_have_a_hint(
    values: dict[str, str], expected: KnownNumber | None
) -> None:
    assert await AmiNumbers(Manager(values)).known("701", "default") == expected


@pytest.mark.parametrize("fault", [Refused("ami-error", "no"), Unavailable("ami-down", "away")], ids=["no", "away"])
async def test_what_asterisk_does_not_tell_is_not_known(fault: Exception) -> None:
    assert await AmiNumbers(Manager({}, fault)).known("701", "default") is None
