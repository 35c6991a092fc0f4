"""What a user file takes of memory: about a gibibyte for 50 MiB, by command and in the process of its own.

Measured on a smaller file, since what is taken grows with the rows, and asked of the kernel by the process itself: `ru_maxrss`
begins with the peak of the process that started it.
"""

import asyncio
import os
import sys
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio

from callrec.adapters.redis.store import RedisStore, open_store
from callrec.adapters.user_files.wire import ORDER, Order
from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.user_file.jobs import ImportJob
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Context, ContextKind, Range
from callrec.domain.directory.user_file.file_rules import Mode

ROWS = 20_000
MIB = 1024 * 1024
SPECIFIED_FILE, SPECIFIED_MOST = 50 * MIB, 1024 * MIB
VARIES = 1.05
"""By so much the peak of the same import differs from run to run: what the allocator keeps is multiplied with the file."""
HEADER = (
    "firstname|lastname|language|agentnumber|mobilephonenumber|phonenumber|context|protocol|linename|linesecret|incallexten|"
    "incallcontext|voicemailname|voicemailmailbox|voicemailpassword|voicemailemail|onlinerecord\n"
)
MEASURED = """
import sys
from {module} import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM:")), file=sys.stderr)
"""


def file_of(rows: int, online: int) -> bytes:
    """Users with all that a row can make. Every fourth line has to get its name and secret."""
    names = ("Ada", "Björn", "Chloé", "Dušan")
    return (HEADER + "".join(
        f"{names[n % 4]}|Family {n % 5000}|fr_FR|{n}|+3312{n}|{n}|big|sip|{'' if n % 4 == 0 else f'line{n}'}|"
        f"{'' if n % 4 == 0 else f'secret-of-{n}'}|{n}|did|{names[n % 4]} {n}|{n}|{n % 9999:04}|user{n}@example.com|{online}\n"
        for n in range(100_000, 100_000 + rows)
    )).encode()  # fmt: skip


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[RedisStore]:
    """With contexts for so many numbers."""
    ranges = (Range("100000", "999999"),)
    contexts = Context("big", ContextKind.INTERNAL, ranges), Context("did", ContextKind.INCALL, ranges)
    async with open_store("embedded:", tmp_path / "s") as opened:
        await opened.edit(Edit(tuple(Change(None, context) for context in contexts)), "contexts")
        yield opened


async def measured(
    folder: Path, module: str, *words: str, stdin: bytes, keep: tuple[int, ...] = ()
) -> tuple[bytes, int]:
    """What the process printed, and the most memory that it had (bytes)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MEASURED.format(module=module), *words),
        **dict.fromkeys(("stdin", "stdout", "stderr"), PIPE),
        cwd=folder,
        env={**kept, "CALLREC_STATE_DIR": str(folder / "s")},
        pass_fds=keep,
    )
    out, err = await process.communicate(stdin)
    assert 0 == process.returncode, err.decode()[-1000:]
    return out, int(err.split()[-1]) * 1024


Import = Callable[[bytes, Mode, bool], Awaitable[tuple[bytes, int]]]
"""Of a file in a mode, in earnest or as a dry run: what was printed, and the most memory."""


async def check(imported: Import) -> None:
    """New users; the same file again; an update of every user: what each takes beyond a file of one row, by its size."""
    _, fixed = await imported(file_of(1, 1), Mode.ADD, False)  # in earnest: the audit log is loaded, too
    first, changed = file_of(ROWS, 1), file_of(ROWS, 0)
    for content, mode, rows in (
        (first, Mode.ADD, b'"added"'),
        (first, Mode.ADD, b'"unchanged_lines"'),
        (changed, Mode.UPDATE, b'"changed"'),
    ):
        out, most = await imported(content, mode, False)
        assert rows in out
        would_be = fixed + (most - fixed) / len(content) * SPECIFIED_FILE
        assert would_be <= SPECIFIED_MOST * VARIES, (mode, rows, fixed // MIB, most // MIB, would_be // MIB)


async def test_a_file_by_command(store: RedisStore, tmp_path: Path) -> None:
    async def imported(content: bytes, mode: Mode, dry_run: bool) -> tuple[bytes, int]:
        words = ("users", "import", "-", "--json", "--mode", mode, *["--dry-run"] * dry_run)
        return await measured(tmp_path, "callrec.cli.app", *words, stdin=content)

    await check(imported)
    assert {False} == {user.online_record for user in (await store.tables()).users}


async def test_a_file_in_the_process_of_its_own(store: RedisStore, tmp_path: Path) -> None:
    async def imported(content: bytes, mode: Mode, dry_run: bool) -> tuple[bytes, int]:
        file = os.memfd_create("users")
        try:
            os.write(file, content)
            request = ChangeRequest(uuid.uuid4().hex, "api", "w", may_be_repeated=True)
            order = ORDER.dump_json(Order(ImportJob(request, mode, dry_run), store.address, file))
            return await measured(tmp_path, "callrec.adapters.user_files.__main__", stdin=order, keep=(file,))
        finally:
            os.close(file)

    await check(imported)
    assert {False} == {user.online_record for user in (await store.tables()).users}
