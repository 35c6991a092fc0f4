"""How much CPU is free on this machine, and how many calls it carries at the same time."""

import functools
import os
import time
from pathlib import Path

FEWEST = 4
PER_FREE_CORE = 2
VARIABLE = "TEST_CALLS_AT_ONCE"
"""Set by `make test` for every file that it runs: what others compute then was not measured."""
LOOK_S = 1.0
STARVED_PERCENT = 40.0
"""Of a minute: two busy loops on two cores make 100, a quiet run of all tests about 20."""
PRESSURE = Path("/proc/pressure/cpu")


@functools.cache
def calls_at_once() -> int:
    """How many calls a test places at the same time: as `make test` found, else measured now."""
    return int(os.environ.get(VARIABLE) or at_once(free_cores()))


def at_once(free: float) -> int:
    """The number of calls, or of files with calls, where so many cores are free."""
    return max(FEWEST, round(PER_FREE_CORE * free))


def free_cores(look_s: float = LOOK_S) -> float:
    """How many cores have nothing to do, measured for so long."""
    before = _idle_ticks()
    time.sleep(look_s)
    return (_idle_ticks() - before) / os.sysconf("SC_CLK_TCK") / look_s


def is_starved() -> bool:
    """Whether programs waited for a core during much of the last minute, where the kernel tells its pressure."""
    try:
        words = PRESSURE.read_text("ascii").split()
    except OSError:
        return False
    return float(next(word for word in words if word.startswith("avg60=")).partition("=")[2]) >= STARVED_PERCENT


def _idle_ticks() -> int:
    """/proc/stat: idle, and idle while a disk works."""
    words = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()
    return int(words[4]) + int(words[5])
