"""The users' services in Asterisk: one AstDB key for each user, and custom device states for BLF keys and agents."""

from callrec.app.ports.asterisk import Manager
from callrec.domain.directory.model import User
from callrec.domain.rules import UserId

SEPARATOR = "|"
"""A character that numbers and flags never contain."""


class AmiServices:
    """Implements `app.ports.asterisk.ServiceCopy`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def services(self, user: UserId, now: User | None) -> None:
        """See ServiceCopy. The dialplan's `callrec-standing` splits the value into these fields, in this order."""
        now = now or User(user, "")
        forwards = (now.forward_unconditional, now.forward_no_answer, now.forward_busy)
        fields = (now.dnd, *forwards, now.voicemail_enabled, now.filter_enabled)
        value = SEPARATOR.join(str(int(field)) if isinstance(field, bool) else field for field in fields)
        await self._ami.action("DBPut", [("Family", "callrec/services"), ("Key", user), ("Val", value)])

    async def agent(self, number: str, *, logged_in: bool) -> None:
        """See ServiceCopy. A queue does not ring a member whose state is UNAVAILABLE (app_queue.c: is_our_turn, ring_entry)."""
        await self._device(f"callrec-agent-{number}", "NOT_INUSE" if logged_in else "UNAVAILABLE")

    async def device_state(self, extension: str, *, lit: bool) -> None:
        """Set the custom device state behind this extension's hint."""
        await self._device(extension, "INUSE" if lit else "NOT_INUSE")

    async def _device(self, name: str, state: str) -> None:
        await self._ami.action("Setvar", [("Variable", f"DEVICE_STATE(Custom:{name})"), ("Value", state)])
