"""Watches whether Asterisk's capture files appear in the spool, and whether the daemon can read them.

Asterisk's answer to MixMonitor does not show it (app_mixmonitor.c: mixmonitor_thread opens the files later, as Asterisk's user,
with its umask, inside its sandbox). After the first capture whose files are missing or unreadable, the daemon is not ready. From
then on Asterisk writes a probe file from time to time; the first one that can be read ends the trouble.
"""

import asyncio
from typing import Final

from callrec.app.ports.asterisk import Probe
from callrec.app.ports.calls import Spool
from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import SpoolTrouble
from callrec.domain.vocabulary import AlarmCause

NOT_WRITTEN: Final = "file-not-written"
UNREADABLE: Final = "leg-unreadable"
AGAIN_S = 5.0
SANDBOX = (
    "let Asterisk's user write there (the check 'spool written by asterisk'), also through its systemd unit "
    "(ReadWritePaths=, no PrivateTmp=), SELinux or AppArmor and the mount options; Asterisk's own log says what refused it"
)
UMASK = (
    "put callrec's user into the spool's group, chmod 2770 the spool, and start Asterisk with a umask that leaves its group "
    "the right to read (UMask=0027 in its systemd unit)"
)


class SpoolHealth:
    """`failed` reports a capture whose files are missing or unreadable; `run` checks again until cancelled."""

    def __init__(self, spool: Spool, probe: Probe, observer: Observer) -> None:
        self._spool, self._probe, self._observer = spool, probe, observer
        self._trouble: SpoolTrouble | None = None

    @property
    def trouble(self) -> str:
        """The current trouble as a sentence; empty without one."""
        return f"{self._trouble.says}: {self._trouble.write}" if self._trouble else ""

    def failed(self, code: ErrorCode, says: str) -> None:
        """Asterisk accepted a capture, but its files are missing or unreadable."""
        self._trouble = SpoolTrouble(code, says, UMASK if code == UNREADABLE else SANDBOX)
        self._observer.alarmed(Alarm(f"{AlarmCause.SPOOL}: {code}", None), "")

    async def run(self) -> None:
        """Look for unreadable capture files, also without a call; after a trouble repeat the probe until it succeeds."""
        while True:
            await self.look()
            await asyncio.sleep(AGAIN_S)

    async def look(self) -> None:
        """Check once. Raises no CallrecError."""
        try:
            if unreadable := await asyncio.to_thread(self._spool.unreadable):
                if self._trouble is None or self._trouble.code != UNREADABLE:
                    self.failed(UNREADABLE, unreadable)
            elif self._trouble:
                self._trouble = await self._probe.look()
        except CallrecError:
            pass  # a missing spool and an unavailable Asterisk have their own alarms
