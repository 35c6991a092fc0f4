"""The process that does one job and ends: `python -m callrec.adapters.user_files`, started by the daemon only.

It has a low priority (nice), so that calls come first. The garbage collector is off: it would take half of the time.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Iterable

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.store import RedisStore
from callrec.adapters.user_files.wire import ORDER, Order, head_done, head_of, progress_line
from callrec.app.directory.user_file.jobs import ImportJob, exporting, importing
from callrec.domain.errors import CallrecError

NICENESS = 10


async def done(order: Order) -> tuple[str, Iterable[str]]:
    """The line with the outcome, and the document in pieces."""
    async with RedisStore(order.address) as store:
        if isinstance(order.job, ImportJob):
            with os.fdopen(order.file, "rb") as file:

                def content() -> bytes:
                    file.seek(0)
                    return file.read()

                return head_done(), await importing(store, order.job, content, Argon2Passwords(), told)
        text, left_out = await exporting(store, order.job)
        return head_done(left_out), [text]


def told(step: str, done: int, whole: int) -> None:
    """Tell the daemon how far the job is. It may be called in a thread, one at a time, and before the outcome only."""
    sys.stdout.buffer.write(progress_line(step, done, whole).encode() + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """One job from stdin, its outcome on stdout."""
    os.nice(NICENESS)
    gc.disable()
    order = ORDER.validate_json(sys.stdin.buffer.read())
    try:
        head, document = asyncio.run(done(order))
    except CallrecError as error:
        head, document = head_of(error), ()
    with sys.stdout.buffer as out:
        out.write(head.encode() + b"\n")
        for piece in document:
            out.write(piece.encode())


if __name__ == "__main__":
    main()
