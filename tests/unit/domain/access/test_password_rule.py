"""The rule for a password that somebody chooses."""

import pytest

from callrec.domain.access.passwords import check_new
from callrec.domain.errors import Refused


@pytest.mark.parametrize("password", ["12345678", "ä" * 64, "correct horse battery staple"])
def test_a_password(password: str) -> None:
    assert check_new(password) == password


@pytest.mark.parametrize("password", ["", "1234567", "x" * 65, "12345678\n", "1234\x005678"])
def test_what_is_no_password(password: str) -> None:
    with pytest.raises(Refused, match="8 to 64 characters") as refused:
        check_new(password)
    assert refused.value.code == "password"
    assert not password or password not in str(refused.value)
