"""Whether what Asterisk is asked to write reaches the spool, and can be read there by us.

Asterisk's answer to MixMonitor says nothing of that (app_mixmonitor.c: mixmonitor_thread opens the files later, as Asterisk's
user, with its umask, inside its sandbox). The first recorder whose files do not come, or cannot be read, makes the daemon not
ready; from then on Asterisk is asked to write a probe now and then, and the first one that comes back ends it.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from callrec.app.call_actor import Observer
from callrec.app.ports import Spool
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.vocabulary import AlarmCause

NOT_WRITTEN, UNREADABLE = "file-not-written", "leg-unreadable"
AGAIN_S = 5.0
SANDBOX = (
    "let Asterisk's user write there (the check 'spool written by asterisk'), also through its systemd unit "
    "(ReadWritePaths=, no PrivateTmp=), SELinux or AppArmor and the mount options; Asterisk's own log says what refused it"
)
UMASK = (
    "put callrec's user into the spool's group, chmod 2770 the spool, and start Asterisk with a umask that leaves its group "
    "the right to read (UMask=0027 in its systemd unit)"
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps Asterisk's files from us: a code, a sentence, and what to do."""

    code: str
    says: str
    write: str


class Probe(Protocol):
    """Asterisk's own writing, tried out."""

    async def look(self) -> Trouble | None:
        """Have Asterisk write a probe into the spool, read it back and remove it. Raises what keeps Asterisk from being asked."""
        ...


class SpoolHealth:
    """`failed` is told of a recorder whose files did not come or cannot be read; `run` looks again until cancelled."""

    def __init__(self, spool: Spool, probe: Probe, observer: Observer) -> None:
        self._spool, self._probe, self._observer = spool, probe, observer
        self._trouble: Trouble | None = None

    @property
    def trouble(self) -> str:
        """What is wrong; empty when nothing is known to be."""
        return f"{self._trouble.says}: {self._trouble.write}" if self._trouble else ""

    def failed(self, code: str, says: str) -> None:
        """A recorder was accepted, and its files are not there or not ours to read."""
        self._trouble = Trouble(code, says, UMASK if code == UNREADABLE else SANDBOX)
        self._observer.alarmed(m.Alarm(f"{AlarmCause.SPOOL}: {code}", None), "")

    async def run(self) -> None:
        """Legs that lie there and cannot be read are found also without a call; what was wrong is tried out until it is not."""
        while True:
            await self.look()
            await asyncio.sleep(AGAIN_S)

    async def look(self) -> None:
        """Once. Raises nothing of ours."""
        try:
            if unreadable := await asyncio.to_thread(self._spool.unreadable):
                if self._trouble is None or self._trouble.code != UNREADABLE:
                    self.failed(UNREADABLE, unreadable)
            elif self._trouble:
                self._trouble = await self._probe.look()
        except CallrecError:
            pass  # a spool that is gone, or an Asterisk that is away, has its own alarm
