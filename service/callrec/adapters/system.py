"""The system's clocks, and the source of ids."""

import os
import resource
import threading
import time
from contextlib import suppress

from callrec.domain.calls.model import Instant

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: sortable, without letters that look like digits."""
_TIME_BITS, _RANDOM_BITS, _BITS = 48, 80, 5


class SystemClock:
    """Implements `app.ports.calls.Clock`."""

    def now(self) -> Instant:
        """This moment, by the system clock and the monotonic clock."""
        return Instant(time.time(), time.monotonic())


class UlidIds:
    """Implements `app.ports.calls.Ids` with ULIDs: 48 bits of milliseconds and 80 random bits, each greater than the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def new_call(self) -> str:
        """A new ULID in lower case: 26 characters, sortable by time."""
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
        with self._lock:
            self._last = max(fresh, self._last + 1)
            value = self._last
        digits = (_TIME_BITS + _RANDOM_BITS + _BITS - 1) // _BITS
        return "".join(_ALPHABET[value >> _BITS * place & 31] for place in reversed(range(digits)))


def allow_open_files() -> None:
    """Let this process, and those that it starts, have as many open files as the administrator allows (getrlimit(2)): the soft
    limit, most often 1024, is for programs that use select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # a container may forbid it: then the soft limit stays
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def has_terminal() -> bool:
    """Whether this process was started in a terminal that can be closed (termios(3): a session's controlling terminal)."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
