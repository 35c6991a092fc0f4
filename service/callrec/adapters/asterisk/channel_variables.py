"""Variables and functions of a channel, by its Uniqueid."""

from callrec.app.ports.asterisk import Manager
from callrec.domain.calls.ids import LegId
from callrec.domain.errors import Refused

SETVAR_S = 1.0
"""For a variable; a caller that waits for it has a shorter limit of its own."""


class ChannelVariables:
    """Variables and functions of a channel, by its Uniqueid."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def get(self, leg: LegId, name: str) -> str:
        """A variable of a leg; empty also when the leg has hung up."""
        try:
            return (await self._ami.action("Getvar", [("Channel", leg), ("Variable", name)])).get("Value")
        except Refused as error:
            if is_gone(error):
                return ""
            raise

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """Set one variable. Raises Refused when Asterisk has no such leg, Unavailable."""
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", name), ("Value", value)])


class AmiLegVariables:
    """Implements `app.ports.asterisk.LegVariables`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """Set one variable. Raises Refused when Asterisk has no such leg, Unavailable."""
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", name), ("Value", value)], timeout_s=SETVAR_S)


def is_gone(error: Refused) -> bool:
    """Whether Asterisk refused since the channel has hung up, or its MixMonitor has ended already."""
    text = error.message.lower()
    return "no such channel" in text or "could not stop" in text
