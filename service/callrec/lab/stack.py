"""The whole product on one machine: an Asterisk with the small PBX, the daemon as a process, and simulated phones."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from callrec.adapters.redis.store import open_store
from callrec.domain.errors import Misconfigured
from callrec.domain.provisioning.model import Tables
from callrec.lab.asterisk import dialplan_folder
from callrec.lab.bank_conf import OUTSIDE
from callrec.lab.daemon import Daemon
from callrec.lab.installation import find_installation
from callrec.lab.pbx import Doors, Pbx
from callrec.lab.phones import Phone, PhoneBank

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything running. Phones are there only when they were asked for."""

    daemon: Daemon
    pbx: Pbx
    bank: PhoneBank | None

    def phone(self, number: str) -> Phone:
        """The simulated phone with this number."""
        if self.bank is None:
            raise Misconfigured("no-phones", "this stack was made without phones")
        return self.bank.phone(self.line(number))

    def line(self, number: str) -> str:
        """The endpoint of this number."""
        return next(line.name for line in self.pbx.tables.lines if line.number == number)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a stack shall be like."""

    users: Path = field(default_factory=lambda: dialplan_folder() / "pbx" / "users.csv")
    doors: Doors = field(default_factory=Doors)
    http: int | None = None
    phones: bool = True
    codecs: Mapping[str, str] = field(default_factory=dict)
    """By number, or `outside`: ulaw unless said."""
    tones_hz: Mapping[str, int] = field(default_factory=dict)
    """By number, or `outside`: what a phone says when it answers; 1000 Hz unless said."""
    settings: Mapping[str, str] = field(default_factory=dict)
    as_asterisk: tuple[str, ...] = ()
    """Words before Asterisk's command: they run it as another user, or in a sandbox."""
    as_callrec: tuple[str, ...] = ()
    """The same before the daemon's."""
    later: Mapping[str, str] = field(default_factory=dict)
    """Line names and secrets for which there are phones, although nobody has these lines yet."""


@asynccontextmanager
async def start(folder: Path, wishes: Wishes, progress: Progress) -> AsyncIterator[Stack]:
    """Start all of it below `folder`; ready inside, stopped after. Raises Unavailable, Misconfigured, with the remedy."""
    async with AsyncExitStack() as stack:
        installation = find_installation(progress)
        progress(f"== Asterisk {installation.version}")
        users = folder / "asterisk"
        users.mkdir(parents=True, exist_ok=True)
        settings = {"confgen_dir": str(users), **wishes.settings}
        daemon = Daemon(folder, wishes.doors, http=wishes.http, **settings)
        daemon.command = (*wishes.as_callrec, *daemon.command)
        await stack.enter_async_context(daemon)
        tables = await _provision(daemon, wishes.users)
        progress(f"== daemon and store up, {len(tables.users)} users")
        mail = str((folder / "mail").absolute())
        limited = replace(installation, argv=(*wishes.as_asterisk, *installation.argv))
        pbx = Pbx(limited, tables, spool=daemon.spool, doors=wishes.doors, users=users, mail=mail)
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
        yield Stack(daemon, pbx, bank)


async def _provision(daemon: Daemon, users: Path) -> Tables:
    """Import the users as an administrator does, and switch `*26` on: codes are shipped off. Users who are there from an earlier
    start stay as they were left: the file would be refused, since others have its numbers by now."""
    async with open_store("embedded:", daemon.state, join=True) as store:
        is_new = not (await store.tables()).users
    commands = (
        *((("users", "import", str(users)), ("extensions", "set", "call_record", "--enable")) if is_new else ()),
        (
            "confgen",
            "--no-reload",
        ),  # the daemon does it by itself, but an Asterisk that starts now has to find the files
    )
    for arguments in commands:
        code, said = await daemon.callrec(*arguments)
        if code:
            raise Misconfigured("provisioning", f"callrec {' '.join(arguments)} ended with {code}: {said}")
    async with open_store(daemon.settings.get("redis_url", "embedded:"), daemon.state, join=True) as store:
        return await store.tables()
