"""What a user file of 100,000 users costs, each with a line, an incoming number and a voicemail, without clients' passwords.

- `dry_run_s`: the file on an empty store, checked and compared.
- `applied_s`: the same, done and on disk.
- `export_s`: from the store to the text of a file.
- `again_s`: the same file once more, which changes nothing; `update_s`: as an update that changes nobody.
- Memory: what the store's server and a directory take more with the users than without, for each user.

All but the server runs in this process, without collections of garbage, as the commands do it; the seconds are the clock's.
The store is an embedded Valkey that syncs each change.
"""

import asyncio
import gc
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import quiet
from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.connection import ask
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.directory.user_file.export_users import export_users
from callrec.app.directory.user_file.import_users import Imported, import_users
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Context, ContextKind, Range
from callrec.domain.directory.user_file.file_rules import Mode

USERS = 100_000
GOAL_DRY_RUN_S, GOAL_APPLIED_S, GOAL_EXPORT_S = 3.0, 5.0, 3.0
_HEADER = (
    "entityid|firstname|lastname|language|outcallerid|agentnumber|mobilephonenumber|phonenumber|context|protocol|linename|"
    "linesecret|incallexten|incallcontext|voicemailname|voicemailmailbox|voicemailpassword|voicemailemail|onlinerecord\n"
)
_FIRST = ("Ada", "Björn", "Chloé", "Dušan", "Eve", "Farid", "Gwen", "Hélène", "Ivan", "John")


def user_file(users: int) -> bytes:
    """A file of so many users; every fourth line has to get its name and secret."""
    rows = (
        f"1|{_FIRST[n % 10]}|Family {n % 5000}|fr_FR|default|{n}|+3312{n}|{n}|big|sip|{'' if n % 4 == 0 else f'line{n}'}|"
        f"{'' if n % 4 == 0 else f'secret-of-{n}'}|{n}|did|{_FIRST[n % 10]} {n}|{n}|{n % 9999}|user{n}@example.com|1\n"
        for n in range(100_000, 100_000 + users)
    )
    return (_HEADER + "".join(rows)).encode()


async def _timed(work: Callable[[], Awaitable[Imported]]) -> tuple[float, Imported]:
    gc.collect()
    began_s = time.perf_counter()
    done = await work()
    return round(time.perf_counter() - began_s, 2), done


async def _used_bytes(store: RedisStore) -> int:
    async with store.address.client() as client:
        return int((await ask(client, "INFO", "memory"))["used_memory"])


async def measure_all(users: int) -> dict[str, object]:
    """Everything, on a store of its own."""
    content = user_file(users)
    with tempfile.TemporaryDirectory(prefix="cr-") as folder:
        async with open_store("embedded:", Path(folder)) as store:
            contexts = (
                Context("big", ContextKind.INTERNAL, (Range("100000", "999999"),)),
                Context("did", ContextKind.INCALL, (Range("100000", "999999"),)),
            )
            await store.edit(Edit(tuple(Change(None, context) for context in contexts)), "contexts")
            return await _measured(store, content, users)


async def _measured(store: RedisStore, content: bytes, users: int) -> dict[str, object]:
    def capture(request: str, mode: Mode = Mode.ADD, *, dry_run: bool = False) -> Callable[[], Awaitable[Imported]]:
        return lambda: import_users(
            store, lambda: content, request, passwords=Argon2Passwords(), mode=mode, dry_run=dry_run
        )  # fmt: skip

    before = await _used_bytes(store)
    dry_run_s, dry = await _timed(capture("dry", dry_run=True))
    applied_s, done = await _timed(capture("applied"))
    store_bytes = await _used_bytes(store) - before
    assert (users, users) == (len(dry.added), len(done.added))
    del dry, done
    again_s, again = await _timed(capture("again"))
    update_s, update = await _timed(capture("update", Mode.UPDATE))
    assert users == len(again.unchanged) == len(update.unchanged)
    del again, update
    gc.collect()
    began_s = time.perf_counter()
    text, remarks = await export_users(store)
    export_s = round(time.perf_counter() - began_s, 2)
    assert (users, []) == (text.count("\n") - 1, remarks)
    return {
        "users": users,
        "file_mib": round(len(content) / 1024 / 1024, 1),
        "dry_run_s": dry_run_s,
        "goal_dry_run_s": GOAL_DRY_RUN_S,
        "applied_s": applied_s,
        "goal_applied_s": GOAL_APPLIED_S,
        "export_s": export_s,
        "goal_export_s": GOAL_EXPORT_S,
        "again_s": again_s,
        "update_s": update_s,
        "store_bytes_per_user": round(store_bytes / users),
        "directory_bytes_per_user": round(await _directory_bytes(store) / users),
    }


async def _directory_bytes(store: RedisStore) -> int:
    """What the local copy takes: the tables and the directory over them."""
    tracemalloc.start()
    directory = Directory(await store.tables())
    gc.collect()
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert directory.users()
    return now


def run() -> dict[str, object]:
    """The results; about a minute."""
    quiet()
    gc.disable()
    try:
        return asyncio.run(measure_all(USERS))
    finally:
        gc.enable()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        USERS = int(sys.argv[1])
    print(json.dumps(run(), indent=2))
