"""Many live calls on the whole product, for the benchmarks that need a real Asterisk.

Calls go between the example's phones: any number of them between the same two, since a phone here is an endpoint and no
device. What the phones hear is not written (a recorder per leg would cost the machine more than the PBX itself).
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from callrec.adapters.asterisk.ami import AmiLink
from callrec.domain.errors import Unavailable
from callrec.protocols.ami import Message
from callrec_lab.phones import PhoneBank, PhoneCall
from callrec_lab.stack import Stack, Wishes, start

CALLER, CALLED, OTHER_CALLER = "1000", "1001", "1002"
CALLER_HZ, CALLED_HZ = 440, 1000
CALLS_PER_S = 12
ACTION_S = 5.0


@asynccontextmanager
async def stack(dialplan: str, features: Mapping[str, str] = {}) -> AsyncIterator[Stack]:
    """The whole product, its PBX with more extensions for the users (`@CALLED@` is an endpoint) and built-in features."""
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as folder:
        async with start(Path(folder), Wishes(tones_hz={CALLED: CALLED_HZ}), _silent) as running:
            etc = running.pbx.root / "etc"
            more = dialplan.replace("@CALLED@", running.line(CALLED)).replace(
                "@SPOOL@", str(running.pbx.root / "spool")
            )
            running.pbx.write_conf("extensions.conf", f"{(etc / 'extensions.conf').read_text()}\n[pbx-inside]\n{more}")
            keys = "".join(f"{name} = {code}\n" for name, code in features.items())
            text = (etc / "features.conf").read_text().replace("[featuremap]\n", f"[featuremap]\n{keys}")
            running.pbx.write_conf("features.conf", text)
            await running.pbx.cli("dialplan reload")
            await running.pbx.cli("module reload features")
            await add_extension(bank_of(running), "talk", "NoOp")
            yield running


def bank_of(running: Stack) -> PhoneBank:
    """Its phones, which it has."""
    if running.bank is None:
        raise Unavailable("test-pbx", "this stack has no phones")
    return running.bank


@asynccontextmanager
async def manager(
    running: Stack,
    user: str = "",
    secret: str = "",
    *,
    events: str = "",
    on_event: Callable[[Message], None] = lambda _: None,
) -> AsyncIterator[AmiLink]:
    """A manager connection beside the daemon's, as its user if none is given, that hears of this kind of event. `events`: its
    name; its class is the one that the user may read."""
    up = asyncio.Event()

    async def is_up() -> None:
        up.set()

    ports = running.pbx.ports
    link = AmiLink(
        host="127.0.0.1",
        port=ports.ami,
        username=user or ports.ami_user,
        secret=secret or ports.ami_secret,
        wanted_events=(events,) if events else (),
        event_classes="on" if events else "off",
        on_event=on_event,
        on_up=is_up,
        on_down=lambda _: None,
    )
    keeper = asyncio.create_task(link.run())
    try:
        await up.wait()
        yield link
    finally:
        await link.close()
        await asyncio.wait({keeper}, timeout=ACTION_S)


async def add_extension(bank: PhoneBank, exten: str, application: str, data: str = "", priority: int = 1) -> None:
    """Teach the phones one step of something new, or replace one."""
    step = [("Context", "phone"), ("Extension", exten), ("Priority", str(priority)), ("Application", application)]
    more = [("ApplicationData", data)] if data else []
    await bank.ami.action("DialplanExtensionAdd", [*step, *more, ("Replace", "yes")], timeout_s=ACTION_S)


async def place(running: Stack, count: int, number: str, caller: str = CALLER) -> list[PhoneCall]:
    """So many answered calls to a number, set up at a steady pace."""
    calls = []
    for _ in range(count):
        calls.append(await running.phone(caller).call(number, tone_hz=CALLER_HZ))
        await asyncio.sleep(1 / CALLS_PER_S)
    for call in calls:
        await call.answered()
    return calls


async def end(calls: list[PhoneCall]) -> None:
    """Hang all of them up."""
    await asyncio.gather(*(call.hangup() for call in calls))


def _silent(_progress: str) -> None:
    pass
