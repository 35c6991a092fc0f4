"""A command's user in the audit log: the number for ever, the names as a text that can be erased."""

import pytest

from callrec.domain.access.audit import Actor, ActorKind
from callrec.domain.access.system_user import MOST_NAME, SystemUser


@pytest.mark.parametrize(
    ("user", "place"),
    [
        (SystemUser(0, "root", "ann"), "this machine: root, by sudo of ann"),
        (SystemUser(1000, "ann"), "this machine: ann"),
        (SystemUser(4711), "this machine: user 4711"),
        (SystemUser(1, "a\nb\x1b[31m", "c\0d"), "this machine: ab[31m, by sudo of cd"),
        (SystemUser(1, "x" * 1000), f"this machine: {'x' * MOST_NAME}"),
    ],
)
def test_an_entry_says_who_it_was_on_the_machine(user: SystemUser, place: str) -> None:
    assert (user.actor, user.place) == (Actor(ActorKind.MACHINE, str(user.number)), place)
