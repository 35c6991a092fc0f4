"""The users' services in Asterisk: one key of AstDB for each user, and custom device states for lamps and agents."""

from callrec.adapters.asterisk.controls import Actions
from callrec.domain.provisioning.model import User, UserId

SEPARATOR = "|"
"""No number and no flag contains it."""


class AmiServices:
    """Keeps the promises of `app.service_mirroring.ServiceCopy`."""

    def __init__(self, ami: Actions) -> None:
        self._ami = ami

    async def services(self, user: UserId, now: User | None) -> None:
        """See ServiceCopy. `callrec-standing` of the dialplan takes the value apart, in this order."""
        now = now or User(user, "")
        forwards = (now.forward_unconditional, now.forward_no_answer, now.forward_busy)
        fields = (now.dnd, *forwards, now.voicemail_enabled, now.filter_enabled)
        value = SEPARATOR.join(str(int(field)) if isinstance(field, bool) else field for field in fields)
        await self._ami.action("DBPut", [("Family", "callrec/services"), ("Key", user), ("Val", value)])

    async def agent(self, number: str, *, logged_in: bool) -> None:
        """See ServiceCopy. A queue does not ring a member who is UNAVAILABLE (app_queue.c: is_our_turn, ring_entry)."""
        await self._device(f"callrec-agent-{number}", "NOT_INUSE" if logged_in else "UNAVAILABLE")

    async def lamp(self, extension: str, *, lit: bool) -> None:
        """See ServiceCopy."""
        await self._device(extension, "INUSE" if lit else "NOT_INUSE")

    async def _device(self, name: str, state: str) -> None:
        await self._ami.action("Setvar", [("Variable", f"DEVICE_STATE(Custom:{name})"), ("Value", state)])
