"""What 60 recorded calls cost: CPU of Asterisk plus daemon against the same calls with bare `MixMonitor(file.wav)`.

The calls are real SIP and RTP between two phones of the bank, mu-law at both ends, each saying a tone. They stand still while
CPU time is read: utime + stime of the processes from /proc, over windows of `WINDOW_S`, the ways of recording taking turns:

- `ours`: the caller is recorded always; two legs by our take; Asterisk, the daemon and its embedded store are counted.
- `mix`: `MixMonitor(file.wav)` in the dialplan, of a caller whom nobody records; only Asterisk is counted.
- `legs`: `MixMonitor(,r(...)t(...))` in the dialplan, no daemon: what of the difference is the two legs.
- `plain`: no recording.

In the windows of `ours`: the daemon's resident memory, and how late its event loop is (its own histogram, /metrics).
"""

import asyncio
import json
import os
import re
import statistics
import sys
from pathlib import Path

from bench import quiet
from bench.calls import CALLED, CALLER, OTHER_CALLER, end, place, stack
from callrec.lab.stack import Stack

GOAL_RATIO, GOAL_STALL_MS, GOAL_RSS_MIB = 1.03, 20, 150
CALLS = 60
WINDOW_S = 20.0
SETTLE_S = 3.0
TURNS = ("ours", "mix", "legs", "mix", "ours", "plain")
BUSY = 0.95
_MIX, _LEGS, _PLAIN = "81", "82", "83"
_DIALPLAN = f"""
exten => {_MIX},1,MixMonitor(bench/${{UNIQUEID}}.wav)
 same => n,Dial(PJSIP/@CALLED@,60)
exten => {_LEGS},1,MixMonitor(,r(@SPOOL@/bench-${{UNIQUEID}}.r.sln)t(@SPOOL@/bench-${{UNIQUEID}}.t.sln))
 same => n,Dial(PJSIP/@CALLED@,60)
exten => {_PLAIN},1,Dial(PJSIP/@CALLED@,60)
"""
_NUMBERS = {"ours": CALLED, "mix": _MIX, "legs": _LEGS, "plain": _PLAIN}
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


def p99_ms(before: dict[float, float], after: dict[float, float]) -> float:
    """The upper bound of the bucket that holds the 99th percentile of what came between."""
    counts = {limit: after[limit] - before.get(limit, 0) for limit in sorted(after)}
    total = counts[float("inf")]
    return next(limit for limit, count in counts.items() if count >= 0.99 * total) * 1000


async def _window(running: Stack, way: str) -> dict[str, float]:
    """One way's calls, standing: per cent of a core for each process, and how busy the machine was."""
    calls = await place(running, CALLS, _NUMBERS[way], CALLER if way == "ours" else OTHER_CALLER)
    await asyncio.sleep(SETTLE_S)
    pbx, daemon = running.pbx.pid or 0, running.daemon.pid
    counted = {"pbx": [pbx], "daemon": [daemon], "store": children(daemon)}
    recorders = len(list(running.daemon.spool.glob("*.read.sln*")))
    lag, idle_s = await _lag(running), _idle_s()
    used_s = {name: sum(map(cpu_s, pids)) for name, pids in counted.items()}
    began_s = asyncio.get_running_loop().time()
    await asyncio.sleep(WINDOW_S)
    length_s = asyncio.get_running_loop().time() - began_s
    found = {name: 100 * (sum(map(cpu_s, pids)) - used_s[name]) / length_s for name, pids in counted.items()}
    found["machine_busy"] = 1 - (_idle_s() - idle_s) / length_s / (os.cpu_count() or 1)
    found["recorders"], found["rss_mib"] = recorders, rss_mib(daemon)
    found["stall_p99_ms"] = p99_ms(lag, await _lag(running))
    await end(calls)
    await asyncio.sleep(SETTLE_S)
    return found


async def measure_all() -> dict[str, object]:
    """The windows one after the other, then the medians, their ratios and the goals."""
    windows: dict[str, list[dict[str, float]]] = {way: [] for way in TURNS}
    async with stack(_DIALPLAN) as running:
        await (await running.phone(CALLER).call("*26")).ended()
        for way in TURNS:
            windows[way].append(await _window(running, way))
    return _compared(windows)


def _compared(windows: dict[str, list[dict[str, float]]]) -> dict[str, object]:
    def median(way: str, *names: str) -> float:
        return statistics.median(sum(window[name] for name in names) for window in windows[way])

    ours, mix, legs, plain = (median(way, "pbx") for way in ("ours", "mix", "legs", "plain"))
    whole = median("ours", "pbx", "daemon", "store")
    busy = max(window["machine_busy"] for each in windows.values() for window in each)
    return {
        "calls": CALLS,
        "recorded_calls": min(window["recorders"] for window in windows["ours"]),
        "ours_cpu_percent": round(whole, 1),
        "ours_of_that_daemon_percent": round(median("ours", "daemon"), 1),
        "ours_of_that_store_percent": round(median("ours", "store"), 1),
        "mix_cpu_percent": round(mix, 1),
        "legs_cpu_percent": round(legs, 1),
        "plain_cpu_percent": round(plain, 1),
        "ratio_to_mix": round(whole / mix, 3),
        "goal_ratio": GOAL_RATIO,
        "ratio_pbx_alone_to_mix": round(ours / mix, 3),
        "ratio_legs_to_mix": round(legs / mix, 3),
        "spread_mix_percent": [round(window["pbx"], 1) for window in windows["mix"]],
        "spread_ours_percent": [round(window["pbx"], 1) for window in windows["ours"]],
        "stall_p99_ms_at_most": median("ours", "stall_p99_ms"),
        "goal_stall_ms": GOAL_STALL_MS,
        "daemon_rss_mib": round(max(window["rss_mib"] for window in windows["ours"])),
        "goal_rss_mib": GOAL_RSS_MIB,
        "machine_busy": round(busy, 2),
        "note": "the machine was saturated: fewer calls would say more" if busy > BUSY else "the machine had time left",
    }


def run() -> dict[str, object]:
    """The results; about three minutes."""
    quiet()
    return asyncio.run(measure_all())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        CALLS = int(sys.argv[1])
    print(json.dumps(run(), indent=2))
