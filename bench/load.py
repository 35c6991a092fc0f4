"""What 60 recorded calls cost: CPU of Asterisk plus daemon against the same calls with bare `MixMonitor(file.wav)`.

The calls are real SIP and RTP between two phones of the bank, mu-law at both ends, each saying a tone. They stand still while
CPU time is read: utime + stime of the processes from /proc, over windows of `WINDOW_S`. The ways of recording take turns:

- `ours`: the caller is recorded always; two legs by our capture; Asterisk, the daemon and its embedded store are counted.
- `mix`: `MixMonitor(file.wav)` in the dialplan, of a caller whom nobody records; only Asterisk is counted.
- `legs`: `MixMonitor(,r(...)t(...))` in the dialplan, no daemon: what of the difference is the two legs.

A machine that others use is now faster, now slower, by a quarter and for minutes: so each window is compared with the mean of
the `mix` windows before and after it, and the median of these ratios counts.

In the windows of `ours`: the daemon's resident memory, and how late its event loop is (its own histogram, /metrics), beside how
late this benchmark's own loop is, which does nothing but wait: what of it is the machine.
"""

import asyncio
import json
import math
import os
import re
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench import quiet
from bench.calls import CALLED, CALLER, OTHER_CALLER, bank_of, end, place, stack
from callrec.observe.metrics import BEAT_S
from callrec_lab.stack import Stack

GOAL_RATIO, GOAL_STALL_MS, GOAL_RSS_MIB = 1.03, 20, 150
CALLS = 60
WINDOW_S = 20.0
SETTLE_S = 2.0
TURNS = ("mix", "ours", "mix", "ours", "mix", "legs", "mix")
"""Every other one is a `mix`."""
BUSY = 0.95
_MIX, _LEGS = "81", "82"
_DIALPLAN = f"""
exten => {_MIX},1,MixMonitor(bench/${{UNIQUEID}}.wav)
 same => n,Dial(PJSIP/@CALLED@,60,tT)
exten => {_LEGS},1,MixMonitor(,r(@SPOOL@/bench-${{UNIQUEID}}.r.sln)t(@SPOOL@/bench-${{UNIQUEID}}.t.sln))
 same => n,Dial(PJSIP/@CALLED@,60,tT)
"""
_NUMBERS = {"ours": CALLED, "mix": _MIX, "legs": _LEGS}
_LAG = re.compile(r'^callrec_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', re.MULTILINE)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def children(pid: int) -> list[int]:
    """The processes that it started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _idle_s() -> float:
    return int(Path("/proc/stat").read_text().split()[4]) / os.sysconf("SC_CLK_TCK")


async def _lag(running: Stack) -> dict[float, float]:
    _, text = await running.daemon.get("/metrics")
    return {float(limit): float(count) for limit, count in _LAG.findall(text)}


def p99_ms(counts: dict[float, float]) -> float:
    """The 99th percentile of a cumulative histogram in seconds, between a bucket's limits by its share."""
    wanted, lower, below = 0.99 * counts[math.inf], 0.0, 0.0
    for limit, count in sorted(counts.items()):
        if count >= wanted:
            return 1000 * (lower + (limit - lower) * (wanted - below) / (count - below) if limit < math.inf else lower)
        lower, below = limit, count
    return 0.0


async def _wait(length_s: float) -> list[float]:
    """Let time pass; how late each beat was, in seconds."""
    loop, late = asyncio.get_running_loop(), []
    until_s = loop.time() + length_s
    while (due_s := loop.time() + BEAT_S) < until_s:
        await asyncio.sleep(BEAT_S)
        late.append(max(0.0, loop.time() - due_s))
    return late


class Window(NamedTuple):
    """One way's calls, standing."""

    cpu: dict[str, float]
    """Per cent of a core: pbx, daemon, store, phones, others."""
    recorders: int
    rss_mib: float
    lag: dict[float, float]
    late_s: list[float]

    def whole(self, *names: str) -> float:
        """The sum of some."""
        return sum(self.cpu[name] for name in names)


async def _window(running: Stack, way: str) -> Window:
    calls = await place(running, CALLS, _NUMBERS[way], CALLER if way == "ours" else OTHER_CALLER)
    await asyncio.sleep(SETTLE_S)
    daemon = running.daemon.pid
    counted = {"pbx": [running.pbx.pid or 0], "daemon": [daemon], "store": children(daemon)}
    counted["phones"] = [bank_of(running).pid or 0]
    recorders = len(list(running.daemon.spool.glob("*.read.sln*")))
    lag, idle_s = await _lag(running), _idle_s()
    used_s = {name: sum(map(cpu_s, pids)) for name, pids in counted.items()}
    began_s = time.monotonic()
    late_s = await _wait(WINDOW_S)
    length_s = time.monotonic() - began_s
    cpu = {name: 100 * (sum(map(cpu_s, pids)) - used_s[name]) / length_s for name, pids in counted.items()}
    cpu["others"] = 100 * ((os.cpu_count() or 1) - (_idle_s() - idle_s) / length_s) - sum(cpu.values())
    after = await _lag(running)
    window = Window(
        cpu, recorders, rss_mib(daemon), {limit: after[limit] - lag.get(limit, 0) for limit in after}, late_s
    )
    await end(calls)
    await asyncio.sleep(SETTLE_S)
    return window


async def measure_all() -> dict[str, object]:
    """The windows one after the other, then their ratios and the goals."""
    async with stack(_DIALPLAN) as running:
        await (await running.phone(CALLER).call("*26")).ended()
        return _compared([await _window(running, way) for way in TURNS])


def _ratios(windows: list[Window], way: str, *names: str) -> list[float]:
    """This way's windows, each against the mean of its neighbours."""
    return [
        windows[at].whole(*names) / statistics.mean((windows[at - 1].cpu["pbx"], windows[at + 1].cpu["pbx"]))
        for at, turn in enumerate(TURNS)
        if turn == way
    ]


def _compared(windows: list[Window]) -> dict[str, object]:
    ways = {way: [window for window, turn in zip(windows, TURNS, strict=True) if turn == way] for way in _NUMBERS}

    def median(way: str, *names: str) -> float:
        return round(statistics.median(window.whole(*names) for window in ways[way]), 1)

    ours = ways["ours"]
    counts = {limit: sum(window.lag[limit] for window in ours) for limit in ours[0].lag}
    late_s = [late for window in ours for late in window.late_s]
    busy = max(sum(window.cpu.values()) for window in windows) / 100 / (os.cpu_count() or 1)
    return {
        "calls": CALLS,
        "recorded_calls": min(window.recorders for window in ours),
        "ours_cpu_percent": median("ours", "pbx", "daemon", "store"),
        "ours_of_that_daemon_percent": median("ours", "daemon"),
        "ours_of_that_store_percent": median("ours", "store"),
        "mix_cpu_percent": median("mix", "pbx"),
        "legs_cpu_percent": median("legs", "pbx"),
        "ratio_to_mix": round(statistics.median(_ratios(windows, "ours", "pbx", "daemon", "store")), 3),
        "ratio_to_mix_of_each": [round(ratio, 3) for ratio in _ratios(windows, "ours", "pbx", "daemon", "store")],
        "goal_ratio": GOAL_RATIO,
        "ratio_pbx_alone_to_mix": round(statistics.median(_ratios(windows, "ours", "pbx")), 3),
        "ratio_legs_to_mix": round(statistics.median(_ratios(windows, "legs", "pbx")), 3),
        "mix_cpu_percent_of_each": [round(window.cpu["pbx"], 1) for window in ways["mix"]],
        "stall_p99_ms": round(p99_ms(counts), 1),
        "waiting_loop_stall_p99_ms": round(1000 * statistics.quantiles(late_s, n=100)[-1], 1),
        "goal_stall_ms": GOAL_STALL_MS,
        "daemon_rss_mib": round(max(window.rss_mib for window in ours)),
        "goal_rss_mib": GOAL_RSS_MIB,
        "phones_cpu_percent": median("mix", "phones"),
        "others_cpu_percent_of_each": [round(window.cpu["others"], 1) for window in windows],
        "machine_busy": round(busy, 2),
        "note": "the machine was saturated: fewer calls would say more" if busy > BUSY else "the machine had time left",
    }


def run() -> dict[str, object]:
    """The results; about four minutes."""
    quiet()
    return asyncio.run(measure_all())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        CALLS = int(sys.argv[1])
    print(json.dumps(run(), indent=2))
