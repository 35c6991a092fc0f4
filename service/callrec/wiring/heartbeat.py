"""Constructs the signs that the daemon is alive: the heartbeat, the mark file for the dialplan, systemd's watchdog."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.disk.heartbeat_file import AliveMark
from callrec.adapters.systemd import ServiceManager
from callrec.app.heartbeat import Heartbeat
from callrec.observe.health import Readiness

LAG_S = 0.5
"""So late a daemon may see what happens in Asterisk."""


@dataclass(frozen=True, slots=True)
class Alive:
    """The heartbeat, and the service manager (systemd) that it notifies."""

    heartbeat: Heartbeat
    manager: ServiceManager
    former_s: float
    """Until when a former daemon has seen all calls, in Unix time; 0 when none has lived."""


@contextmanager
def keep_alive(spool: Path, readiness: Readiness) -> Iterator[Alive]:
    """The heartbeat, not running yet. The check `alive` fails when the dialplan's mark file cannot be renewed."""
    mark, manager = AliveMark(spool), ServiceManager()
    heartbeat = Heartbeat(mark.renew, mark.end, manager.alive, time.monotonic)
    readiness.add("alive", lambda: (not heartbeat.why_not, heartbeat.why_not))
    try:
        yield Alive(heartbeat, manager, min(mark.last_s(), time.time()) - LAG_S)
    finally:
        mark.close()
