"""An export of 100,000 recordings that breaks off in the middle: bounded memory, closed files, and a log of what left."""

import resource
from contextlib import aclosing

from many_recordings import Many

from callrec.app.library.media.exporting import BATCH, MOST_RECORDINGS, Wanted
from callrec.app.library.media.logged_access import Asker
from callrec.domain.access.principals import DAEMON
from callrec.domain.library.search import Filter

MOST_MIB, ENTRY_BYTES = 64, 700
"""Of what it may grow; the log of this test is in memory, too, at so much an entry."""


async def until(many: Many, opened: int) -> None:
    """Take an export until so many files were opened, and break it off."""
    wanted = Wanted(filter=Filter(), said="all")
    async with aclosing(many.exporting().archive(wanted, Asker(DAEMON))) as parts:
        async for _ in parts:
            if many.opened >= opened:
                break


def peak_bytes() -> int:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


async def test_p9_a_hundred_thousand_broken_off_in_the_middle_leave_nothing_open_and_the_log_says_how_far() -> None:
    await until(Many(BATCH), BATCH)
    before_bytes, many = peak_bytes(), Many(MOST_RECORDINGS)
    await until(many, MOST_RECORDINGS)  # two files each: half of them
    grown_bytes = peak_bytes() - before_bytes - ENTRY_BYTES * len(many.trail.entries)
    assert grown_bytes < MOST_MIB << 20, f"{grown_bytes >> 20} MiB"
    assert many.opened == many.closed
    handed = list(many.handed_out())
    assert MOST_RECORDINGS // 2 <= len(handed) <= MOST_RECORDINGS // 2 + BATCH
    assert handed == [f"r{nth:06}-1" for nth in range(len(handed))]
    last = many.trail.entries[-1].details
    assert "broken off" in last
    assert len(handed) - BATCH <= int(last.partition(" ")[0]) <= len(handed)
