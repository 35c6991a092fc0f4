"""The legs whose pressed digits Asterisk tells: those of participants who may opt out of being recorded.

The manager's events of digits need a right of their own, and come for all calls. So our ARI application is subscribed to these
channels alone. A subscription ends with its channel; after a lost link Asterisk has forgotten all of them.
"""

from collections.abc import Sequence

from callrec.app.background import Background
from callrec.app.calls.ami_events import leg_id_of
from callrec.app.ports.asterisk import ApplicationBridges
from callrec.domain.calls.ids import LegId
from callrec.domain.vocabulary import DropReason
from callrec.protocols.ami import Message

MOST_LEGS = 5000
"""As many legs as are followed: the bound of calls."""


class DigitLegs:
    """Subscribes to legs until they hang up."""

    def __init__(self, channels: ApplicationBridges, background: Background) -> None:
        self._channels, self._background = channels, background
        self._legs: dict[LegId, None] = {}

    def listen(self, legs: Sequence[LegId]) -> None:
        """From now on Asterisk tells the digits that are pressed on these legs."""
        for leg in legs:
            if len(self._legs) < MOST_LEGS:
                self._legs[leg] = None
                self._background.start(self._channels.follow(leg), DropReason.APPLICATION_PRESS)

    def asterisk(self, message: Message) -> None:
        """A manager event: who has hung up is forgotten."""
        if message.event == "Hangup":
            self._legs.pop(leg_id_of(message), None)

    async def link_up(self) -> None:
        """ARI is connected: subscribe again. Raises CallrecError."""
        for leg in tuple(self._legs):
            await self._channels.follow(leg)
