"""The process that does one job and ends: `python -m callrec.adapters.user_files`, started by the daemon only.

It gives way to the calls (nice), and keeps all that it makes until it ends: looking for garbage would take half of its time.
"""

import asyncio
import gc
import os
import sys

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.store import RedisStore
from callrec.adapters.user_files.wire import ORDER, Order, head_done, head_of
from callrec.app.user_files import ImportJob, exporting, importing
from callrec.domain.errors import CallrecError

NICENESS = 10


async def done(order: Order) -> tuple[str, str]:
    """The line that says how it went, and the document."""
    async with RedisStore(order.address) as store:
        if isinstance(order.job, ImportJob):
            with os.fdopen(order.file, "rb") as file:
                file.seek(0)
                content = file.read()
            return head_done(), await importing(store, order.job, content, Argon2Passwords())
        text, left_out = await exporting(store, order.job)
        return head_done(left_out), text


def main() -> None:
    """One job from stdin, its outcome on stdout."""
    os.nice(NICENESS)
    gc.disable()
    order = ORDER.validate_json(sys.stdin.buffer.read())
    try:
        head, document = asyncio.run(done(order))
    except CallrecError as error:
        head, document = head_of(error), ""
    with sys.stdout.buffer as out:
        out.write(head.encode() + b"\n" + document.encode())


if __name__ == "__main__":
    main()
