"""Looks after the master keys while the daemon runs: `/readyz` and an alarm tell when they cannot be had.

Calls are recorded all the same: what has ended waits in the spool until it can be encrypted.
"""

import asyncio

from callrec.app.ports.library import EncryptionNotices, MasterKeyRing
from callrec.domain.errors import CallrecError

LOOK_S = 10.0


class EncryptionWatch:
    """A task of the daemon (`run`)."""

    def __init__(self, keys: MasterKeyRing, notices: EncryptionNotices) -> None:
        self._keys, self._notices = keys, notices
        self.why_not = "the master keys were not read yet"
        """Why they cannot be used; empty when they can."""
        self._is_told = False

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once."""
        try:
            await asyncio.to_thread(self._keys.look)
        except CallrecError as error:
            if self.why_not != str(error):
                self._notices.master_keys_away(error)
            self.why_not, self._is_told = str(error), True
        else:
            if self._is_told:
                self._notices.master_keys_back()
            self.why_not, self._is_told = "", False
