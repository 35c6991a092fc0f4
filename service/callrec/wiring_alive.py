"""What tells that the daemon lives, joined: the loop's beat, the mark for the dialplan, the service manager."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.disk.alive import AliveMark
from callrec.adapters.systemd import ServiceManager
from callrec.app.heartbeat import Heartbeat
from callrec.observe.health import Readiness


@dataclass(frozen=True, slots=True)
class Alive:
    """The loop's beat, and the service manager that it tells."""

    heartbeat: Heartbeat
    manager: ServiceManager


@contextmanager
def keep_alive(spool: Path, readiness: Readiness) -> Iterator[Alive]:
    """Ready to beat. Readiness says when the dialplan does not learn of it."""
    mark, manager = AliveMark(spool), ServiceManager()
    heartbeat = Heartbeat(mark.renew, manager.alive, time.monotonic)
    readiness.add("alive", lambda: (not heartbeat.why_not, heartbeat.why_not))
    try:
        yield Alive(heartbeat, manager)
    finally:
        mark.close()
