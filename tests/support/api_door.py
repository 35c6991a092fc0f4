"""The daemon's HTTP door over a real store: what the API's contract tests ask."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import user_file_client
from login_store import Clock, KeptAudit
from seeds import adding
from stored_library import StoredLibrary

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.daemon_socket import listening
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.disk import token
from callrec.adapters.disk.fsync import write_new
from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis import connection, directory, event_sink, event_stream, logins, table_copy
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.logins import RedisLogins
from callrec.adapters.redis.store import RedisStore
from callrec.adapters.system import SystemClock
from callrec.adapters.user_files import processes
from callrec.adapters.user_files.processes import UserFileProcesses
from callrec.app.access.logins import Logins
from callrec.app.access.program_tokens import ProgramTokens
from callrec.app.calls.live_calls import REASON, Controlled, LiveCall, LiveCalls
from callrec.app.doctor.findings import Finding
from callrec.app.events.hub import EventHub
from callrec.app.ports.asterisk import KnownNumber, MessageCount
from callrec.app.ports.machine import Disk, Machine
from callrec.app.webhooks.registry import WebhookRegistry
from callrec.config import Settings
from callrec.domain.access.audit import Actor
from callrec.domain.access.decisions import Visible
from callrec.domain.calls.model import Control
from callrec.domain.directory.edit import Edit
from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.observe.observer import Observation
from callrec.web.api.links import shared_pages
from callrec.web.api.operations import operations
from callrec.web.clients import Clients
from callrec.web.connection_limits import Patience
from callrec.web.pages.table import site
from callrec.web.server import Access, build_app, serve_http
from callrec.web.use_cases import UseCases
from callrec.wiring.events import event_hub, keep_webhooks
from callrec.wiring.media import Around, stored_media
from callrec.wiring.prompts import prompts_of
from callrec_lab import command_server

if TYPE_CHECKING:
    from callrec.app.ports.library import Catalogue

TOKEN = "t" * 43
STORE_S = 30.0
"""How long the store may take: on a busy machine its answers come after a daemon's limits, which have tests of their own."""
PASSWORDS = Argon2Passwords(memory_kib=64, passes=1)
PATIENCE = Patience(per_connection_s=1000.0, together_s=1000.0, burst=1000)
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


class NoCalls(LiveCalls):
    """A node without live calls."""

    def __init__(self) -> None:
        """Nothing is asked of Asterisk."""

    def every(self) -> Sequence[LiveCall]:
        """None."""
        return ()

    async def control(
        self,
        call: str,
        control: Control,
        reason: str = "",
        resume_after_s: float | None = None,
        *,
        by: Actor,
        within: Visible,
        address: str = "",
    ) -> Controlled:
        """There is none with this id."""
        if not REASON.accepts(reason):
            raise Refused("control-reason", f"the reason of {control} must be {REASON.says}")
        raise Refused(
            "no-such-call",
            f"there is no live call {call!r}",
            hint=f"after {resume_after_s} for {by} of {within} at {address}",
        )


class FewDisks(Machine):
    """A machine with one disk, whose doctor finds what a test has set."""

    def __init__(self) -> None:
        """All is well."""
        self.findings: list[Finding] = []

    def disks(self) -> Sequence[Disk]:
        """One, with too little space."""
        return [Disk("CALLREC_SPOOL_DIR", "/spool", 500_000_000, 100_000_000_000, 1 << 30)]

    def unfinished(self) -> int:
        """Some."""
        return 3

    async def doctor(self) -> Sequence[Finding]:
        """What was set."""
        return self.findings

    def versions(self) -> Sequence[tuple[str, str]]:
        """One."""
        return [("callrec", "1.2.3")]


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: aiohttp.typedefs.LooseHeaders, text: str) -> None:
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        """The body."""
        return json.loads(self.text)


class ServiceUrl:
    """The served API, and what is behind it."""

    def __init__(self, store: RedisStore, feed: DirectoryFeed, files: UserFileProcesses, state_dir: Path) -> None:
        self.store, self.feed, self.files, self.state_dir = store, feed, files, state_dir
        self.port = 0
        self.http = aiohttp.ClientSession()
        self._asking = 0
        self.hub: EventHub
        self.audit, self.clock = KeptAudit(), Clock(time.time())
        self.audit_log: DiskAuditLog
        self.catalogue: Catalogue
        self.library: StoredLibrary
        self.logins: RedisLogins
        self.machine = FewDisks()
        self.ready = Readiness()
        self.messages: dict[str, MessageCount] = {}
        self.dialplan: dict[str, KnownNumber] = {}
        """What Asterisk has at NUMBER@CONTEXT; empty: it does not answer."""

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request; a body that is text goes as it is, headers' dashes are underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = body if isinstance(body, str | bytes | BytesIO | None) else json.dumps(body)
        if sent is not None:
            named.setdefault("Content-Type", "application/json")
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        named = {"Authorization": f"Bearer {TOKEN}", **named}
        self._asking += 1
        try:
            async with self.http.request(method, url, data=sent, headers=named) as answer:
                return Answer(answer.status, answer.headers, await answer.text())
        finally:
            self._asking -= 1

    async def count(self, mailbox: str, context: str) -> MessageCount | None:
        """What a test has set for this mailbox: the door is Asterisk's mailboxes, too."""
        return self.messages.get(f"{mailbox}@{context}")

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """What a test has set for this number: the door is Asterisk's dialplan, too."""
        return self.dialplan.get(f"{number}@{context}", KnownNumber(False, "")) if self.dialplan else None

    async def close(self) -> None:
        """Close the client once its requests have ended: a request would not notice that its client is closed, and wait on."""
        while self._asking:  # noqa: ASYNC110 - requests of several tasks
            await asyncio.sleep(0.01)
        await self.http.close()

    async def change(self, path: str, **fields: object) -> Answer:
        """Read a record and change it."""
        read = await self.ask("GET", path)
        return await self.ask("PATCH", path, fields, If_Match=read.headers["ETag"])


@asynccontextmanager
async def _followed(address: Address) -> AsyncIterator[EventHub]:
    async with AsyncExitStack() as stack:
        hub = await event_hub(address, Observation(Metrics()), stack)
        running = asyncio.create_task(hub.run())
        yield hub
        running.cancel()
        await asyncio.wait([running])


def _access(address: Address, feed: DirectoryFeed, door: ServiceUrl, stack: AsyncExitStack) -> Access:
    """Logins and tokens in the same store, with hashes that take no time."""
    store = RedisLogins(address)
    stack.push_async_callback(store.close)
    door.logins = store
    logins = Logins(store, feed, PASSWORDS, door.audit, door.clock)
    return Access(logins, ProgramTokens(store, feed, door.audit, door.clock), door.audit, Clients(["127.0.0.9"]))


@asynccontextmanager
async def _sending(address: Address, folder: Path) -> AsyncIterator[WebhookRegistry]:
    settings = Settings(state_dir=folder, webhook_networks=("127.0.0.0/8",))
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        webhooks = await keep_webhooks(settings, address, Observation(metrics), metrics, stack)
        running = asyncio.create_task(webhooks.delivery.run())
        yield webhooks.registry
        running.cancel()
        await asyncio.wait([running])


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """All of this process is patient with its store. Forks of the command server, if there is one, work on user files: Python's
    start takes a second of CPU."""

    def patient(limit_s: float, shown: str) -> AbstractAsyncContextManager[None]:
        return connection.within(max(limit_s, STORE_S), shown)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection, "CONNECT_S", STORE_S)
        for module in (directory, event_sink, event_stream, logins, table_copy):
            patched.setattr(module, "within", patient)
        if server := os.environ.get(command_server.VARIABLE):
            client = (sys.executable, "-I", "-S", user_file_client.__file__, server)
            patched.setattr(processes, "COMMAND", client)
        yield


@asynccontextmanager
async def opened(
    folder: Path, tables: Tables = TABLES, more: Edit | None = None, calls: LiveCalls | None = None
) -> AsyncIterator[ServiceUrl]:
    """A door over a store that holds these tables. `more`: what else its store begins with."""
    embedded = EmbeddedValkey(folder)
    async with _patience(), embedded, RedisStore(Address.of_socket(embedded.socket)) as kept:
        if tables.users:
            await kept.reserve_user_ids(max(int(user.id) for user in tables.users))
        if more:
            await kept.edit(more, "more")
        await kept.edit(adding(tables), "seed")
        async with DirectoryFeed(kept) as feed, AsyncExitStack() as stack:
            assert await feed.wait_fresh(30)
            door = ServiceUrl(kept, feed, UserFileProcesses(kept.address), folder)
            door.hub = hub = await stack.enter_async_context(_followed(kept.address))
            webhooks = await stack.enter_async_context(_sending(kept.address, folder))
            door.catalogue = catalogue = await stack.enter_async_context(open_catalogue("sqlite:", folder))
            door.audit_log = audit = DiskAuditLog(folder / "audit", "callrec/door", SystemClock())
            audit.open()
            stack.push_async_callback(audit.close)
            reader = DiskLogReader(folder / "audit")
            (folder / "library").mkdir()
            door.library = library = StoredLibrary(folder / "library")
            around = Around(catalogue, library.library, audit, library, library, library.may_share)
            media = stored_media(library.settings, around)
            access = _access(kept.address, feed, door, stack)
            prompts = prompts_of(Settings(prompts_dir=folder / "prompts"))
            use = UseCases(
                store=kept, tables=feed, files=door.files, hub=hub, webhooks=webhooks, calls=calls or NoCalls(), mailboxes=door,
                numbers=door,
                logins=access.logins, tokens=access.tokens, audit=audit, audit_reader=reader, catalogue=catalogue, stored=media,
                prompts=prompts, readiness=door.ready, machine=door.machine,
            )  # fmt: skip
            app = build_app(
                readiness=door.ready,
                metrics=Metrics(),
                live=list,
                token=TOKEN,
                api=operations(use),
                access=access,
                shared=shared_pages(media),
                site=site(use, "door"),
                patience=PATIENCE,
            )
            write_new(folder / token.NAME, TOKEN.encode(), token.MODE)  # commands beside it log through its own socket
            runner, door.port = await serve_http(app, "127.0.0.1", 0, own=listening(folder))
            try:
                yield door
            finally:
                await runner.cleanup()
                await door.close()
