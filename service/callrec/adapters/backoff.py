"""Back-off for connections to servers that several daemons use."""

import random

from callrec.domain.backoff import Backoff


def jittered(first_s: float = 0.5, limit_s: float = 15.0) -> Backoff:
    """A back-off with random delays, so that several daemons do not connect to a restarted Asterisk or Redis at the same time."""
    return Backoff(first_s, limit_s, random.random)
