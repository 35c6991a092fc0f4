"""Delays between attempts grow to their limit, and never to nothing."""

from callrec.adapters.backoff import jittered
from callrec.domain.backoff import Backoff


def test_delays_double_up_to_the_limit() -> None:
    backoff = Backoff(first_s=1.0, limit_s=10.0)
    assert [backoff.delay_s(failures) for failures in (1, 2, 3, 4, 5, 5000)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_jitter_leaves_at_least_half_of_a_delay() -> None:
    shortest = Backoff(first_s=1.0, limit_s=10.0, draw=lambda: 0.0)
    assert [shortest.delay_s(failures) for failures in (1, 2, 3, 4, 5, 5000)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_two_daemons_do_not_wait_equally_long() -> None:
    delays = {jittered().delay_s(1) for _ in range(20)}
    assert len(delays) > 10
    assert all(0.25 <= delay_s <= 0.5 for delay_s in delays)
