"""How long an audit entry takes until it is on disk, alone and with others, beside a bare `write` and `fdatasync`.

`alone`: one caller, one entry after the other, with the tiles and checkpoints that are written meanwhile. `together`: 50 callers
at once, as 50 listeners are. `bare`: a file of its own on the same disk, one line after the other: what the disk itself takes.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.system import SystemClock
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry

ENTRIES = 2000
CALLERS = 50
GOAL_MS = 5.0
_LINE = b"x" * 300
_ENTRY = AuditEntry(
    Action.LISTENED, Actor(ActorKind.ACCOUNT, "12"), "01m8j0czztz1ahn82gqn9kn9yz-1", address="192.0.2.7"
)


def run() -> dict[str, object]:
    """All numbers in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="callrec-bench-", dir=os.environ.get("CALLREC_BENCH_DIR")) as folder:
        bare = _bare(Path(folder))
        alone, together, size = asyncio.run(_log(Path(folder)))
    return {
        "entry_p50_ms": statistics.median(alone),
        "entry_p99_ms": _p99(alone),
        "together_p50_ms": statistics.median(together),
        "together_p99_ms": _p99(together),
        "bare_p50_ms": statistics.median(bare),
        "bare_p99_ms": _p99(bare),
        "ratio_to_bare": statistics.median(alone) / statistics.median(bare),
        "bytes_per_entry": size / (2 * ENTRIES),
    }


def _bare(folder: Path) -> list[float]:
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    took = []
    for _ in range(ENTRIES):
        since_s = time.perf_counter()
        os.write(descriptor, _LINE)
        os.fdatasync(descriptor)
        took.append((time.perf_counter() - since_s) * 1000)
    os.close(descriptor)
    return took


async def _log(folder: Path) -> tuple[list[float], list[float], int]:
    log = DiskAuditLog(folder / "audit", "callrec/bench", SystemClock())
    log.open()

    async def caller(entries: int) -> list[float]:
        took = []
        for _ in range(entries):
            since_s = time.perf_counter()
            await log.append([_ENTRY])
            took.append((time.perf_counter() - since_s) * 1000)
        return took

    alone = await caller(ENTRIES)
    many = await asyncio.gather(*(caller(ENTRIES // CALLERS) for _ in range(CALLERS)))
    await log.close()
    kept = [path for path in (folder / "audit").rglob("*") if path.is_file() and path.name != "waiting"]
    return alone, [one for took in many for one in took], sum(path.stat().st_size for path in kept)


def _p99(took: list[float]) -> float:
    return statistics.quantiles(took, n=100)[98]


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
