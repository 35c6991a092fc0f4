"""Threads for work that may hang: a few, started when they are needed, and behind the others where that is wanted."""

import os
import threading

import pytest

from callrec.adapters.threads import BEHIND, Threads


def test_at_most_so_many_work_at_once_and_the_rest_waits() -> None:
    threads, may_end, began = Threads(2, "test"), threading.Event(), threading.Semaphore(0)

    def work(nth: int) -> tuple[int, str]:
        began.release()
        assert may_end.wait(20)
        return nth, threading.current_thread().name

    futures = [threads.submit(work, nth) for nth in range(5)]
    assert began.acquire(timeout=20)
    assert began.acquire(timeout=20)
    assert not began.acquire(blocking=False)
    may_end.set()
    assert [future.result(20) for future in futures] == [(nth, "test") for nth in range(5)]
    assert len([one for one in threading.enumerate() if one.name == "test"]) == 2
    assert all(one.daemon for one in threading.enumerate() if one.name == "test"), (
        "the daemon's end does not wait for them"
    )


def test_an_error_is_the_askers_and_the_thread_goes_on() -> None:
    threads = Threads(1, "failing")
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result(20)
    assert threads.submit(lambda: 1).result(20) == 1


def test_a_cancelled_piece_of_work_is_not_begun() -> None:
    threads, may_end, done = Threads(1, "cancelled"), threading.Event(), []
    first = threads.submit(may_end.wait, 20)
    second = threads.submit(done.append, 1)
    assert second.cancel()
    may_end.set()
    assert first.result(20)
    assert threads.submit(lambda: len(done)).result(20) == 0


def test_threads_behind_the_others_have_a_lower_priority_and_no_other_thread_has() -> None:
    def nice() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = nice()
    assert Threads(1, "behind", is_behind=True).submit(nice).result(20) == min(19, before + BEHIND)
    assert Threads(1, "beside").submit(nice).result(20) == nice() == before
