"""The daemon's side: a process for each job, one at a time.

The file is handed over whole or not at all, in memory that has no name (memfd): an upload that is cut, or a daemon that dies
during one, imports nothing; and no password in it ever reaches a disk.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterable, AsyncIterator, Iterator

from callrec.adapters.redis.connection import Address
from callrec.adapters.user_files.wire import ORDER, Order, progress_of, read_head
from callrec.app.directory.user_file.file_text import LARGEST_BYTES, too_large
from callrec.app.directory.user_file.import_users import Tell, nothing_told
from callrec.app.directory.user_file.jobs import Done, ExportJob, Job
from callrec.domain.errors import OutcomeUnknown, Unavailable

COMMAND = (sys.executable, "-P", "-m", "callrec.adapters.user_files")
HEAD_BYTES = 4 * 1024 * 1024
"""More than a thousand errors need."""
CHUNK_BYTES = 64 * 1024
TURN_S = 1.0
"""How long a job waits for the one before it: that one may be answered already, and about to end."""


class UserFileProcesses:
    """Implements `app.ports.directory.UserFiles`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._turn, self._upload = asyncio.Lock(), asyncio.Lock()

    @contextlib.asynccontextmanager
    async def done(
        self, job: Job, content: AsyncIterable[bytes] | None = None, tell: Tell = nothing_told
    ) -> AsyncIterator[Done]:
        """Do this job in a new process, which ends with the block. Raises as `UserFiles.done` says."""
        with _memory() as file:
            if content is not None:
                # One at a time comes in, and keeps no other job waiting: it may be slow, or stall
                async with _in_turn(self._upload):
                    await _keep(content, file)
            async with _in_turn(self._turn), _process(file) as process:
                order = Order(job, self._address, -1 if content is None else file)
                yield await _answer(process, job, ORDER.dump_json(order), tell)


@contextlib.asynccontextmanager
async def _in_turn(turn: asyncio.Lock) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(TURN_S):
            await turn.acquire()
    except TimeoutError:
        raise Unavailable(
            "user-files-busy", "another user file is being imported or exported", hint="repeat it when that is done"
        ) from None
    try:
        yield
    finally:
        turn.release()


@contextlib.contextmanager
def _memory() -> Iterator[int]:
    file = os.memfd_create("callrec-user-file")
    try:
        yield file
    finally:
        os.close(file)


async def _keep(content: AsyncIterable[bytes], file: int) -> None:
    kept = 0
    async for chunk in content:
        kept += len(chunk)
        if kept > LARGEST_BYTES:
            raise too_large()
        os.write(file, chunk)  # into memory, and whole: it never waits


@contextlib.asynccontextmanager
async def _process(file: int) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=PIPE, stdout=PIPE, pass_fds=(file,), limit=HEAD_BYTES
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # ProcessLookupError: the job has ended already
        await process.communicate()  # read the rest of its output, without which the process cannot end


async def _answer(process: Process, job: Job, order: bytes, tell: Tell) -> Done:
    assert process.stdin, "it was asked for"  # noqa: S101 - for the type checker
    assert process.stdout, "it was asked for"  # noqa: S101
    with contextlib.suppress(ConnectionError):  # it ended already: its answer is missing, too
        process.stdin.write(order)
        await process.stdin.drain()
        process.stdin.close()
    head = await process.stdout.readline()
    while head.endswith(b"\n") and (progress := progress_of(head)):
        tell(*progress)
        head = await process.stdout.readline()
    if not head.endswith(b"\n"):
        raise await _lost(process, job)
    return Done(_chunks(process, job, process.stdout), read_head(head))


async def _chunks(process: Process, job: Job, stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stdout.read(CHUNK_BYTES):
        yield chunk
    if await process.wait() != 0:
        raise await _lost(process, job)


async def _lost(process: Process, job: Job) -> Unavailable:
    ended = f"the process that works on user files ended before its answer (exit code {await process.wait()})"
    if isinstance(job, ExportJob) or job.dry_run:
        return Unavailable("user-files-lost", f"{ended}: nothing was changed", hint="ask again")
    hint = "ask again under the same Idempotency-Key"
    return OutcomeUnknown("store-outcome-unknown", f"{ended}: the change may have happened", hint=hint)
