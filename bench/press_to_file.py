"""From a press to the file: with 60 live calls, how long after the end of the last digit the files of a recording exist, ours by
`*3` against Asterisk's automixmon.

Half of the calls are ours, half automixmon's, and they press in turn. Asterisk tells the end of a digit (DTMFEnd, with its own
time), the disk when a file was made: its ctime is that until something is written, which is two seconds later. The kernel's
times of files are of its last tick, 4 ms early at most. Goal: p99 300 ms.
"""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench import part, quiet
from bench.calls import CALLED, end, manager, place, stack
from callrec.protocols.ami import Message
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

GOAL_MS = 300
CALLS, ROUNDS = 60, 4
OURS, THEIRS = "*3", "*4"
AUTOMIXMON = "88"
_DIALPLAN = f"""
exten => {AUTOMIXMON},1,Set(TOUCH_MIXMONITOR=${{UNIQUEID}})
 same => n,Dial(PJSIP/@CALLED@,60,xX)
"""
_USER, _SECRET = "digits", "for-this-benchmark"
LOOK_S, PATIENCE_S = 0.01, 10.0
RECORDED_S = 2.5
"""Between the start in a call and its stop: a press within a second of another is absorbed."""


class _Digits:
    """When the last digit was over, as Asterisk says."""

    def __init__(self) -> None:
        self.ended_s: dict[str, float] = {}
        """By digit, in seconds since 1970."""

    def take(self, message: Message) -> None:
        """An event."""
        if message.get("Event") == "DTMFEnd" and message.get("Direction") == "Received":
            self.ended_s[message.get("Digit")] = float(message.get("Timestamp"))


@asynccontextmanager
async def _digits(running: Stack) -> AsyncIterator[_Digits]:
    """A manager's user who hears of digits."""
    conf = (running.pbx.root / "etc/manager.conf").read_text()
    more = f"\n[{_USER}]\nsecret = {_SECRET}\ndeny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255\nread = dtmf\n"
    running.pbx.write_conf("manager.conf", conf + more)
    await running.pbx.cli("manager reload")
    found = _Digits()
    async with manager(running, _USER, _SECRET, events="DTMFEnd", on_event=found.take):
        yield found


async def _until_file(call: PhoneCall, code: str, digits: _Digits, files: Callable[[], set[Path]], count: int) -> float:
    """Press, and wait for so many new files; ms from the end of the digit to the last one of them."""
    before = files()
    digits.ended_s.clear()
    pressing = asyncio.create_task(call.press(code))
    async with asyncio.timeout(PATIENCE_S):
        while len(new := files() - before) < count or code[-1] not in digits.ended_s:  # noqa: ASYNC110 - files have no event
            await asyncio.sleep(LOOK_S)
    made_s = max(path.stat().st_ctime_ns / 1e9 for path in new)
    await pressing
    return 1000 * (made_s - digits.ended_s[code[-1]])


async def measure_all() -> dict[str, object]:
    """All calls live; no more than one or two are recorded at a time."""
    found: dict[str, list[float]] = {OURS: [], THEIRS: []}
    async with stack(_DIALPLAN, {"automixmon": THEIRS}) as running, _digits(running) as digits:
        spools = {OURS: running.daemon.spool, THEIRS: running.pbx.root / "spool/monitor"}
        counts = {OURS: 2, THEIRS: 1}

        def files(code: str) -> set[Path]:
            return {path for path in spools[code].glob("*.[rw]*") if path.is_file()}

        mine, theirs = await place(running, CALLS // 2, CALLED), await place(running, CALLS // 2, AUTOMIXMON)
        try:
            for _ in range(ROUNDS):
                for pair in zip(mine, theirs, strict=True):
                    for call, code in zip(pair, found, strict=True):
                        found[code].append(
                            await _until_file(call, code, digits, lambda code=code: files(code), counts[code])  # type: ignore[misc]
                        )
                    await asyncio.sleep(RECORDED_S)
                    for call, code in zip(pair, found, strict=True):
                        await call.press(code)
        finally:
            await end([*mine, *theirs])
    return _figures(found[OURS], found[THEIRS])


def _figures(ours_ms: list[float], theirs_ms: list[float]) -> dict[str, object]:
    figures: dict[str, object] = {"calls": CALLS, "presses": len(ours_ms), "goal_p99_ms": GOAL_MS}
    for who, values in (("ours", ours_ms), ("automixmon", theirs_ms)):
        figures[f"{who}_median_ms"] = round(statistics.median(values), 1)
        figures[f"{who}_p99_ms"] = round(part(values, 0.99), 1)
        figures[f"{who}_most_ms"] = round(max(values), 1)
    figures["ratio_median"] = round(statistics.median(ours_ms) / max(1.0, statistics.median(theirs_ms)), 2)
    return figures


def run() -> dict[str, object]:
    """The results; about eight minutes."""
    quiet()
    return asyncio.run(measure_all())


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
