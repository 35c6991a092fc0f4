"""The daemon's HTTP door over a real store: what the API's contract tests ask."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp

from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.store import RedisStore
from callrec.adapters.user_files.processes import UserFileProcesses
from callrec.domain.provisioning.model import Incall, Line, Tables, User, UserId, Voicemail
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.api import operations
from callrec.web.app import build_app, serve_http

TOKEN = "t" * 43
JOHN = User(UserId("1"), "John", "Doe", language="en_US", mobilephonenumber="+49 170 1".replace(" ", ""))
EVE = User(UserId("2"), "Éve", "Johansson")
TABLES = Tables(
    (JOHN, EVE),
    (
        Line("desk", JOHN.id, "1000", "default", secret="line-secret"),
        Line("eve", EVE.id, "1001", "default", secret="x"),
    ),
    (Incall("2050", "from-extern", JOHN.id),),
    (Voicemail("1000", "default", JOHN.id, "John Doe", "4711"),),
)


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: aiohttp.typedefs.LooseHeaders, text: str) -> None:
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        """The body."""
        return json.loads(self.text)


class Door:
    """The served API, and what is behind it."""

    def __init__(self, store: RedisStore, feed: DirectoryFeed, files: UserFileProcesses) -> None:
        self.store, self.feed, self.files = store, feed, files
        self.port = 0
        self.http = aiohttp.ClientSession()

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request; a body that is text goes as it is, headers' dashes are underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = body if isinstance(body, str | bytes | BytesIO | None) else json.dumps(body)
        if sent is not None:
            named.setdefault("Content-Type", "application/json")
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        named = {"Authorization": f"Bearer {TOKEN}", **named}
        async with self.http.request(method, url, data=sent, headers=named) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def change(self, path: str, **fields: object) -> Answer:
        """Read a record and change it."""
        read = await self.ask("GET", path)
        return await self.ask("PATCH", path, fields, If_Match=read.headers["ETag"])


@asynccontextmanager
async def opened(folder: Path, tables: Tables = TABLES) -> AsyncIterator[Door]:
    """A door over a store that holds these tables."""
    embedded = EmbeddedValkey(folder)
    async with embedded, RedisStore(Address.of_socket(embedded.socket)) as store:
        await store.reserve_user_ids(len(tables.users))
        await store.add(tables, "seed")
        async with DirectoryFeed(store) as feed:
            await feed.wait_fresh(5)
            door = Door(store, feed, UserFileProcesses(store.address))
            api = operations(store, feed, door.files)
            app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token=TOKEN, api=api)
            runner, door.port = await serve_http(app, "127.0.0.1", 0)
            try:
                yield door
            finally:
                await runner.cleanup()
                await door.http.close()
