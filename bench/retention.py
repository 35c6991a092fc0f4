"""Retention over a catalogue of a million recordings: a preview, a run that finds nothing, one that erases a thousand, and one
with a quota. How long each takes, how much memory, and how late the event loop is meanwhile, since calls go first.

The class takes the recordings of one user only, and all others are older than its limit: the run must look at every one. The
thousand have sidecars in a real library and go through the real audit log and tombstones.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench import part, quiet
from bench.catalogue import CHUNK, ENTRIES, GAP_S, START_S, entry, server
from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.database.erasure_file import ErasureFile
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.retention_file import DiskRetention
from callrec.adapters.system import SystemClock
from callrec.app.library.catalog import index_entry
from callrec.app.library.lifetime import retention
from callrec.app.library.lifetime.erasure import Erasure, ErasurePorts
from callrec.app.library.lifetime.retention import RetentionKeeper, RetentionPorts
from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sources import Sources
from callrec.app.library.recording_locks import RecordingLocks
from callrec.app.ports.library import Catalogue
from callrec.domain.access.principals import DAEMON
from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Party, Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.erasure import Erasing
from callrec.domain.library.known_time import Clocks
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.library.retention import RetentionClass, Space
from callrec.domain.rules import Rule, UserId
from callrec.protocols.json_documents import encode_manifest

DUE = 1000
ASKER = Asker(DAEMON, "")
OF_ONE = RetentionClass("short", users=(UserId("due"),), max_days=1)
OF_ALL = RetentionClass("all", max_days=1)
LOOKS_S = 0.005


class Around:
    """The clock, the stream of events, and who is told."""

    def clocks(self) -> Clocks:
        """Long after the newest recording."""
        return Clocks(START_S + 2.0 * ENTRIES * GAP_S, time.monotonic(), "bench", is_kept=True)

    async def publish(self, event: dict[str, str]) -> None:
        """No stream."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Every notice."""
        return lambda *_args, **_named: None


class NoTrace:
    """Nothing is left elsewhere."""

    name = "nowhere"

    async def forget(self, erasings: Sequence[Erasing], words: Collection[str]) -> None:
        """Nothing to do."""


def run() -> dict[str, object]:
    """All figures, of both engines."""
    found = asyncio.run(_measured("sqlite:"))
    try:
        with server() as running:
            found["postgresql"] = asyncio.run(_measured(asyncio.run(running.new_database())))
    except (CallrecError, OSError, ImportError) as error:
        print(f"   no PostgreSQL: {error}")
    return found


async def _measured(url: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as name:
        folder = Path(name)
        async with open_catalogue(url, folder, "bench") as catalogue:
            async with catalogue.rebuild() as rebuilding:
                for first in range(0, ENTRIES, CHUNK):
                    await rebuilding.put([entry(nth) for nth in range(first, min(first + CHUNK, ENTRIES))])
                await rebuilding.finish(lambda _: True)
            return await figures(catalogue, folder)


async def figures(catalogue: Catalogue, folder: Path) -> dict[str, object]:
    """Of a catalogue that is filled."""
    for path, manifest in _due():
        sidecar = folder / "monitor" / f"{path}.json"
        sidecar.parent.mkdir(parents=True, exist_ok=True)
        sidecar.write_bytes(encode_manifest(manifest))
        await catalogue.put(index_entry(path, manifest))
    found: dict[str, object] = {}
    async with _keeper(catalogue, folder) as keeper:
        for table in (OF_ONE, OF_ALL):
            await keeper.put(table, ASKER)
        found |= await _watched("preview", lambda: keeper.preview(OF_ONE.name, ASKER))
        found |= await _watched("preview_all_due", lambda: keeper.preview(OF_ALL.name, ASKER))
        await keeper.enable(OF_ONE.name, DUE, ASKER)
        found |= await _watched("run", lambda: keeper.run_now(ASKER))
        found |= await _watched("run_again", lambda: keeper.run_now(ASKER))
        await keeper.limit(Space(quota_bytes=1 << 60), ASKER)
        found |= await _watched("run_with_quota", lambda: keeper.run_now(ASKER))
    return found


async def _watched(name: str, work: Callable[[], Awaitable[object]]) -> dict[str, object]:
    """How long it takes, with how much memory, and how late the loop is meanwhile."""
    late_ms: list[float] = []

    async def look() -> None:
        while True:
            began_s = time.perf_counter()
            await asyncio.sleep(LOOKS_S)
            late_ms.append(1000 * (time.perf_counter() - began_s - LOOKS_S))

    _forget_peak()
    before_mib, looking = _mib("VmRSS"), asyncio.create_task(look())
    began_s, cpu_s = time.perf_counter(), time.process_time()
    print(f"   {name}: {await work()}"[:150])
    took_s, took_cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    looking.cancel()
    return {
        f"{name}_s": round(took_s, 2),
        f"{name}_cpu_s": round(took_cpu_s, 2),
        f"{name}_more_mib": round(_mib("VmHWM") - before_mib, 1),
        f"{name}_late_p99_ms": round(part(late_ms, 0.99), 1),
        f"{name}_late_most_ms": round(max(late_ms), 1),
    }


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _mib(name: str) -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) / 1024


def _due() -> list[tuple[str, Manifest]]:
    """Recordings of the user whose class it is, as the library has them; those without audio cost the same."""
    found = []
    for nth in range(DUE):
        at_s, recording = float(START_S - (nth + 1) * GAP_S), RecordingId(f"due{nth:06d}-1")
        parties = (Party(LegId("1.1"), UserId("due"), "1000", "John Doe", at_s, at_s + 60),)
        said = Recording(
            recording, CallId(f"due{nth:06d}"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, at_s, at_s + 60, parties=parties,
        )  # fmt: skip
        found.append((f"2023/11/{nth % 28 + 1:02}/{recording}", Manifest(SCHEMA, StoredState.FAILED, said)))
    return found


@asynccontextmanager
async def _keeper(catalogue: Catalogue, folder: Path) -> AsyncIterator[RetentionKeeper]:
    around, state = Around(), folder / "state"
    state.mkdir(exist_ok=True)
    library, audit = MonitorLibrary(folder / "monitor"), DiskAuditLog(state / "audit", "callrec/bench", SystemClock())
    audit.open()
    retention.PAUSE = 0.0  # a run rests as long as it works
    sources = Sources(catalogue, library, Looks(audit))
    erasure = Erasure(
        ErasurePorts(
            *(sources, ErasureFile(state), audit, around, SystemClock(), RecordingLocks()),  # type: ignore[arg-type] # what is used of it
            *(frozenset, (NoTrace(),), around),
        )
    )
    try:
        yield RetentionKeeper(RetentionPorts(DiskRetention(state), catalogue, library, erasure, audit, around, around))
    finally:
        await audit.close()


if __name__ == "__main__":
    quiet()
    print(json.dumps(run(), indent=1))
