"""The messages of a mailbox, as Asterisk's manager counts them."""

from collections.abc import Sequence

import pytest

from callrec.adapters.asterisk.mailboxes import AmiMailboxes
from callrec.app.ports.asterisk import MessageCount
from callrec.domain.errors import Refused, Unavailable
from callrec.protocols.ami import Message


class Manager:
    """Answers each action with these headers, or fails."""

    def __init__(self, *headers: tuple[str, str], fault: Exception | None = None) -> None:
        self._headers, self._fault = headers, fault
        self.asked: list[tuple[str, Sequence[tuple[str, str]]]] = []

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """One answer."""
        assert timeout_s <= 1
        self.asked.append((name, headers))
        if self._fault:
            raise self._fault
        return Message((("Response", "Success"), *self._headers))

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """None is asked for."""
        raise AssertionError(name, headers, timeout_s)


async def test_urgent_messages_are_new_ones() -> None:
    manager = Manager(("UrgMessages", "1"), ("NewMessages", "2"), ("OldMessages", "5"))
    assert await AmiMailboxes(manager).count("1000", "default") == MessageCount(3, 5)
    assert manager.asked == [("MailboxCount", [("Mailbox", "1000@default")])]


@pytest.mark.parametrize(
    "manager",
    [
        Manager(),
        Manager(("NewMessages", "many"), ("OldMessages", "5")),
        Manager(fault=Refused("ami-error", "no")),
        Manager(fault=Unavailable("ami-down", "away")),
    ],
    ids=["no numbers", "not a number", "refused", "away"],
)
async def test_what_asterisk_does_not_tell_is_not_known(manager: Manager) -> None:
    assert await AmiMailboxes(manager).count("1000", "default") is None
