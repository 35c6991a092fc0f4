"""The machine's clocks, and whether a time server keeps the wall clock: the kernel knows (adjtimex(2), STA_UNSYNC)."""

import ctypes
import time
from pathlib import Path

from callrec.domain.library.known_time import Clocks

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5
"""What adjtimex returns while no time server keeps the clock (TIME_ERROR)."""
_TIMEX_BYTES = 1024
"""More than struct timex has on any machine."""


class KeptClock:
    """Implements `app.ports.lifetime.RetentionClock`."""

    def clocks(self) -> Clocks:
        """What the clocks show now."""
        return Clocks(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), _boot(), is_kept())


def is_kept() -> bool:
    """Whether a time server keeps the wall clock; False when the kernel does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= int(state) < _TIME_ERROR


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
