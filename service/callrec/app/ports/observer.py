"""Logs, metrics and the event stream, as the use cases see them."""

from typing import Protocol

from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.vocabulary import DropReason


class Observer(Protocol):
    """Gets every fact, alarm and defect of the daemon. Never blocks, never raises."""

    def told(self, fact: Tell) -> None:
        """A fact about a call."""
        ...

    def alarmed(self, alarm: Alarm, call: str) -> None:
        """Something that an operator must see. `call`: the call's id, or empty."""
        ...

    def dropped(self, what: DropReason) -> None:
        """An event or a piece of work was dropped because a bound was reached."""
        ...

    def broke(self, where: str, error: BaseException) -> None:
        """A defect in the daemon: an unexpected exception, and where it was raised."""
        ...
