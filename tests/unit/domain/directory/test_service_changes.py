"""Changes of users' services under XiVO's names."""

from dataclasses import replace

import pytest

from callrec.domain.directory.model import User
from callrec.domain.directory.service_changes import ServiceChange, changed, services_of
from callrec.domain.rules import UserId

ADA = User(UserId("7"), "Ada")


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"call_record": True}, ("callrecord", True, "")),
        ({"dnd": True}, ("dnd", True, "")),
        ({"filter_enabled": True}, ("incallfilter", True, "")),
        ({"forward_unconditional": "1001"}, ("unc", True, "1001")),
        ({"forward_no_answer": "1001"}, ("rna", True, "1001")),
        ({"forward_busy": "1001"}, ("busy", True, "1001")),
    ],
)
def test_a_change_has_its_name_and_is_told_both_ways(fields: dict[str, object], change: tuple[str, bool, str]) -> None:
    off, on = services_of(ADA), services_of(replace(ADA, **fields))
    assert list(changed(off, on)) == [ServiceChange(ADA.id, *change)]
    assert list(changed(on, off)) == [ServiceChange(ADA.id, change[0], on=False)]


def test_another_destination_is_a_change_and_another_name_is_none() -> None:
    first, second = (services_of(replace(ADA, forward_busy=number)) for number in ("1001", "1002"))
    assert [one.value for one in changed(first, second)] == ["1002"]
    assert list(changed(services_of(ADA), services_of(replace(ADA, lastname="Lovelace")))) == []
