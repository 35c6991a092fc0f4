"""The numbers of Asterisk's dialplan, asked over AMI."""

from callrec.app.ports.asterisk import KnownNumber, Manager
from callrec.domain.errors import CallrecError


class AmiNumbers:
    """Implements `app.ports.asterisk.Numbers`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """See Numbers. Without a channel Getvar evaluates a function on one of its own (manager.c: action_getvar)."""
        try:
            there = await self._value(f"DIALPLAN_EXISTS({context},{number},1)")
            hint = await self._value(f"HINT({number}@{context})") if there == "1" else ""
        except CallrecError:
            return None
        return KnownNumber(there == "1", hint) if there in {"0", "1"} else None

    async def _value(self, function: str) -> str:
        return (await self._ami.action("Getvar", [("Variable", function)])).get("Value")
