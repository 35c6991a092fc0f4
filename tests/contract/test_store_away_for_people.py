"""The store goes away under people who are logged in: nobody gets in meanwhile, and their sessions go on afterwards."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest
from api_door import PASSWORDS, TABLES
from login_store import KeptAudit
from seeds import adding

from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.logins import RedisLogins
from callrec.adapters.redis.store import RedisStore
from callrec.app.access.logins import Client, Logins
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import User
from callrec.domain.errors import CallrecError
from callrec.domain.rules import UserId

ADA = User(
    UserId("7"),
    "Ada",
    enableclient=True,
    username="ada",
    password_hash=PASSWORDS.hashed("right"),
    profileclient="client",
)


async def test_sessions_and_counters_outlive_the_store_and_wait_for_it(tmp_path: Path) -> None:
    embedded, here = EmbeddedValkey(tmp_path), Client("192.0.2.1")
    async with embedded:
        address = Address.of_socket(embedded.socket)
        async with RedisStore(address) as store, DirectoryFeed(store) as feed:
            await store.edit(adding(TABLES), "seed")
            await store.edit(Edit((Change(None, ADA),)), "ada")
            assert await feed.wait_fresh(30)
            await feed.catch_up(10)
            kept = RedisLogins(address)
            logins = Logins(kept, feed, PASSWORDS, KeptAudit(), asyncio.get_running_loop().time)
            done = await logins.log_in("ada", "right", here)
            assert embedded.pid is not None
            os.kill(embedded.pid, signal.SIGKILL)
            for attempt in (logins.principal(done.secret), logins.log_in("ada", "right", here)):
                with pytest.raises(CallrecError) as away:
                    await attempt
                assert away.value.code.startswith(("store-", "tables-stale"))
            async with asyncio.timeout(60):
                found = None
                while found is None:
                    with contextlib.suppress(CallrecError):
                        found = await logins.principal(done.secret)
                    await asyncio.sleep(0.05)
            assert found[0].user == ADA.id
            assert await logins.log_in("ada", "right", here)
            await kept.close()
