"""The account that `make run` makes at its first start opens everything."""

from pathlib import Path

from api_door import TABLES
from login_store import Clock, KeptAudit, MemoryLogins
from seeds import adding

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import open_store
from callrec.app.access.logins import Client, Logins
from callrec.domain.directory.model import ADMINISTRATOR, Permission
from callrec_lab.stack import first_administrator


async def test_the_first_administrator_can_log_in_and_may_do_everything(tmp_path: Path) -> None:
    async with open_store("embedded:", tmp_path / "state") as store:
        await store.reserve_user_ids(len(TABLES.users))
        await store.edit(adding(TABLES), "seed")
        password = await first_administrator(store)
        tables = await store.tables()
        assert [user.username for user in tables.users if user.enableclient] == [ADMINISTRATOR]
        assert password not in repr(tables)
        async with DirectoryFeed(store) as feed:
            assert await feed.wait_fresh(30)
            clock = Clock()
            logins = Logins(MemoryLogins(clock), feed, Argon2Passwords(), KeptAudit(), clock)
            done = await logins.log_in(ADMINISTRATOR, password, Client("127.0.0.1"))
    assert done.principal.permissions == set(Permission)
