"""`make faults [CASE=name N=times]`: the cases of following a call many times over, as many side by side as the machine carries.

What has run stands in `.faults.json`, so that a run that was interrupted goes on where it was; another commit or N begins again.
Failures, with their reason, stand in `.faults.log`. The exit code is 1 when any run failed.
"""

import asyncio
import fnmatch
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import deaf_cases  # noqa: F401 - puts its cases into the registry
import leaving_cases  # noqa: F401 - likewise
import structlog
from following import CASES, SEATS, Case, following_stack, run, set_plc

from callrec.domain.errors import CallrecError
from callrec.lab.stack import Stack

STATE, LOG = Path(".faults.json"), Path(".faults.log")
START_S = 20.0
STORED_S = 2.0
"""What a run takes beside its playing: calls begin, a recording is stored and listened to."""
USUAL_RUNS = 20
SEATS_PER_CORE = 3


@dataclass
class Tally:
    """What became of the runs of each case: the words that they returned, and `failed`."""

    commit: str
    runs: int
    seen: dict[str, Counter[str]] = field(default_factory=dict)

    def left(self, case: Case) -> int:
        """How many runs of it are still to do."""
        return max(0, self.runs - sum(self.seen.get(case.name, Counter()).values()))

    def note(self, case: Case, word: str) -> None:
        """One more, kept at once."""
        self.seen.setdefault(case.name, Counter())[word] += 1
        other = STATE.with_suffix(".new")
        other.write_text(json.dumps({"commit": self.commit, "runs": self.runs, "seen": self.seen}), "utf-8")
        other.replace(STATE)

    @classmethod
    def resume(cls, runs: int) -> "Tally":
        """Where an earlier run of the same commit was interrupted."""
        commit = _commit()
        try:
            kept = json.loads(STATE.read_text("utf-8"))
            if (kept["commit"], kept["runs"]) == (commit, runs):
                return cls(commit, runs, {name: Counter(seen) for name, seen in kept["seen"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        LOG.unlink(missing_ok=True)
        return cls(commit, runs)


async def main(pattern: str, runs: int, seats: int) -> int:
    """All chosen cases; prints how long it will take, what fails as it fails, and the table."""
    chosen = [one for one in CASES.values() if fnmatch.fnmatch(one.name, pattern)]
    if not chosen:
        print(
            f"There is no case {pattern!r}. Cases:",
            *(f"  {one.name:24} {one.says}" for one in CASES.values()),
            sep="\n",
        )
        return 2
    tally = Tally.resume(runs)
    work_s = sum(tally.left(one) * (one.length_s + STORED_S) for one in chosen)
    left = sum(map(tally.left, chosen))
    minutes = (START_S + work_s / seats) / 60
    print(f"== {left} runs of {len(chosen)} cases, {seats} at a time: about {math.ceil(minutes)} min", flush=True)
    if left:
        with tempfile.TemporaryDirectory(prefix="callrec-faults-") as folder:
            async with following_stack(Path(folder)) as stack:
                for plc in (False, True):
                    await set_plc(stack, on=plc)
                    await _play(stack, [one for one in chosen if one.plc is plc], tally, seats)
    failed = _table(chosen, tally)
    return 1 if failed else 0


async def _play(stack: Stack, cases: list[Case], tally: Tally, seats: int) -> None:
    """The cases in turn, so that each has run some times when somebody interrupts."""
    waiting = [one for nth in range(tally.runs) for one in cases if nth < tally.left(one)]
    total, since_s = len(waiting), time.monotonic()

    async def sit(seat: int) -> None:
        while waiting:
            one = waiting.pop(0)
            try:
                word = await run(stack, one, seat)
            except (AssertionError, CallrecError, TimeoutError) as error:
                word = "failed"
                _log(one, error)
            tally.note(one, word)
            done = total - len(waiting)
            print(f"{done:5}/{total} {time.monotonic() - since_s:5.0f} s  {one.name}: {word}", flush=True)

    await asyncio.gather(*(sit(seat) for seat in range(seats)))


def _log(one: Case, error: BaseException) -> None:
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"== {one.name}\n{''.join(traceback.format_exception(error))}\n")


def _table(cases: list[Case], tally: Tally) -> int:
    """Prints case, runs, failed and what was seen; the number of failed runs."""
    print(f"\n{'case':24} {'runs':>5} {'failed':>7}  seen")
    for one in cases:
        seen = tally.seen.get(one.name, Counter())
        words = ", ".join(f"{word} {count}" for word, count in sorted(seen.items()) if word != "failed")
        print(f"{one.name:24} {seen.total():5} {seen['failed']:7}  {words}")
    failed = sum(tally.seen.get(one.name, Counter())["failed"] for one in cases)
    if failed:
        print(f"Why they failed: {LOG}")
    return failed


def _commit() -> str:
    """The commit, and whether something was changed since."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return said.stdout.strip() or "no commit"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    case, times, at_once = (os.environ.get(name, "") for name in ("CASE", "N", "AT_ONCE"))
    most = min(SEATS, SEATS_PER_CORE * (os.cpu_count() or 1))
    code = asyncio.run(main(case or "*", int(times or USUAL_RUNS), min(SEATS, int(at_once or most))))
    STATE.unlink(missing_ok=True)  # all has run
    sys.exit(code)
