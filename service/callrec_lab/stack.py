"""The whole product on one machine: an Asterisk with the small PBX, the daemon as a process, and simulated phones."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from callrec.adapters.audit.from_commands import log_from_here
from callrec.adapters.audit.log import FOLDER
from callrec.adapters.disk.config_folder import DiskConfFolder
from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.access.accounts import AccountChange, set_account
from callrec.app.asterisk.config_files import Confgen
from callrec.app.directory.records import Records
from callrec.app.directory.user_file.import_users import import_users
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.directory.model import ADMINISTRATOR, Feature, Tables
from callrec.domain.directory.tables_mark import Marked, TablesMark
from callrec.domain.errors import Misconfigured
from callrec_lab.asterisk import dialplan_folder
from callrec_lab.daemon import Daemon
from callrec_lab.installation import find_installation
from callrec_lab.pbx import Pbx, Ports
from callrec_lab.phone_bank_config import OUTSIDE
from callrec_lab.phones import Phone, PhoneBank

Progress = Callable[[str], None]
ACTOR = "test-pbx"
"""Who imports the users."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The running product. It has phones only if they were requested."""

    daemon: Daemon
    pbx: Pbx
    bank: PhoneBank | None
    first_password: str = ""
    """Of the account ADMINISTRATOR, when it was made by this start."""

    def phone(self, number: str) -> Phone:
        """The simulated phone with this number."""
        if self.bank is None:
            raise Misconfigured("test-pbx", "this stack was started without phones")
        return self.bank.phone(self.line(number))

    def line(self, number: str) -> str:
        """The endpoint of this number."""
        return next(line.name for line in self.pbx.tables.lines if line.number == number)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of a stack."""

    users: Path = field(default_factory=lambda: dialplan_folder() / "pbx" / "users.csv")
    ports: Ports = field(default_factory=Ports)
    http: int | None = None
    phones: bool = True
    codecs: Mapping[str, str] = field(default_factory=dict)
    """Number, or `outside` -> codec; ulaw by default."""
    tones_hz: Mapping[str, int] = field(default_factory=dict)
    """Number, or `outside` -> the tone of the phone when it answers; 1000 Hz by default."""
    settings: Mapping[str, str] = field(default_factory=dict)
    as_asterisk: tuple[str, ...] = ()
    """A prefix for Asterisk's command line, which runs it as another user, or in a sandbox."""
    as_callrec: tuple[str, ...] = ()
    """The same for the daemon's command line."""
    administrator: bool = False
    """Whether an administrator's account is made with the first users."""
    later: Mapping[str, str] = field(default_factory=dict)
    """Line names and secrets of further phones, whose lines are added later."""


@asynccontextmanager
async def start(folder: Path, wishes: Wishes, progress: Progress) -> AsyncIterator[Stack]:
    """Start everything below `folder`: ready within the block, stopped at its end. Raises Unavailable, Misconfigured, with the
    remedy."""
    async with AsyncExitStack() as stack:
        installation = find_installation(progress)
        progress(f"== Asterisk {installation.version}")
        users = folder / "asterisk"
        users.mkdir(parents=True, exist_ok=True)
        settings = {"confgen_dir": str(users), **wishes.settings}
        daemon = Daemon(folder, wishes.ports, http=wishes.http, **settings)
        daemon.command = (*wishes.as_callrec, *daemon.command)
        await stack.enter_async_context(daemon)
        tables, first_password = await _provision(daemon, wishes)
        progress(f"== daemon and store up, {len(tables.users)} users")
        mail = str((folder / "mail").absolute())
        limited = replace(installation, argv=(*wishes.as_asterisk, *installation.argv))
        pbx = Pbx(limited, tables, spool=daemon.spool, ports=wishes.ports, users=users, mail=mail)
        await stack.enter_async_context(pbx)
        bank = None
        if wishes.phones:
            line_of = {line.number: line.name for line in tables.lines} | {OUTSIDE: OUTSIDE}
            codecs = {line_of[number]: codec for number, codec in wishes.codecs.items()}
            tones = {line_of[number]: hz for number, hz in wishes.tones_hz.items()}
            bank = PhoneBank(installation, pbx, codecs=codecs, tones_hz=tones, later=wishes.later)
            await stack.enter_async_context(bank)
        await daemon.ready()
        progress("== ready")
        yield Stack(daemon, pbx, bank, first_password)


async def _provision(daemon: Daemon, wishes: Wishes) -> tuple[Tables, str]:
    """Import the users as `callrec users import` does, and enable `*26`, which is disabled at first. Users of an earlier start
    stay as they are: an import of the same file could be refused, since other users may have its numbers now. Returns the tables,
    and the password of an administrator who was made with the first users."""
    first_password = ""
    async with open_store(daemon.settings.get("redis_url", "embedded:"), daemon.state, join=True) as store:
        tables = await store.tables()
        if not tables.users:
            await _log(daemon, "make run: import of the first users")
            await import_users(
                store, wishes.users.read_bytes, f"{ACTOR}-users", passwords=Argon2Passwords(), actor=ACTOR
            )
            code = next(one.code for one in tables.codes if one.feature is Feature.CALL_RECORD)
            await store.set_code(Feature.CALL_RECORD, code, True, actor=ACTOR)
            if wishes.administrator:
                await _log(daemon, f"make run: the first account, {ADMINISTRATOR}, with the role {ADMINISTRATOR}")
                first_password = await first_administrator(store)
        # The daemon writes the files too, but an Asterisk that starts now needs them at once.
        snapshot = await store.snapshot()
        if not wishes.as_callrec:

            async def source(_written_from: TablesMark | None) -> Marked:
                return Marked(snapshot.tables, snapshot.standing.mark)

            await Confgen(DiskConfFolder(Path(daemon.settings["confgen_dir"])), None).generate(source)
            return snapshot.tables, first_password
    ended, said = await daemon.callrec("confgen", "--no-reload")  # as callrec's user, who must own the files
    if ended:
        raise Misconfigured("test-pbx", f"callrec confgen ended with {ended}: {said}")
    return snapshot.tables, first_password


async def _log(daemon: Daemon, details: str) -> None:
    """Return when the daemon's audit log has that this process is about to change accounts. Raises Unavailable."""
    entry = AuditEntry(Action.ACCOUNT_CHANGED, Actor(ActorKind.MACHINE), subject="account:", details=details)
    origin = f"callrec/{daemon.settings['node']}"
    await asyncio.to_thread(log_from_here, daemon.state / FOLDER, origin, None, entry)


async def first_administrator(store: RedisStore) -> str:
    """Make the account ADMINISTRATOR for a user without a phone; its password, which is told once."""
    password = secrets.token_urlsafe(12)
    password_hash = await asyncio.to_thread(Argon2Passwords().hashed, password)
    async with DirectoryFeed(store) as tables:
        await tables.until_loaded()
        change = AccountChange(ADMINISTRATOR, password_hash=password_hash, role=ADMINISTRATOR)
        await set_account(Records(store, tables), change, lambda: secrets.token_hex(16), ACTOR)
    return password
