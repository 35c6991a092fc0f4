"""What the tests with real calls share: the example's tables, and the laboratory in which they run."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from soundness import UNTOLD_S

from callrec.app.ports.directory import Source
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.tables_mark import Marked, TablesMark
from callrec.domain.rules import UserId
from callrec_lab.audio_checks import Sound, load
from callrec_lab.pbx import Pbx
from callrec_lab.phones import Phone, PhoneBank, PhoneCall

NEAR_S = UNTOLD_S + 0.1
"""What a recording may lack without a word of it, and five packets."""
PACKETS_S = 0.1
BOUND_S = 30.0
"""How long anything may take before a test gives up: no promise of ours."""
TONES_HZ = {"1000": 440, "1001": 1000, "1002": 1400, "outside": 700}
"""Each phone says its own tone; the confirmation tones and the music on hold are others."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What a test of this folder stands in."""

    pbx: Pbx
    bank: PhoneBank
    spool: Path
    boot_complaints: list[str]


def example_tables() -> Tables:
    """The specification's three users, with an incoming number and a mailbox for the first."""
    people = (("1", "John", "Doe", "en_US"), ("2", "George", "Clinton", "fr_FR"), ("3", "Bill", "Bush", None))
    first = UserId("1")
    return Tables(
        users=tuple(User(UserId(i), one, two, language, online_record=True) for i, one, two, language in people),
        lines=tuple(
            Line(f"100{n}", UserId(str(n + 1)), f"100{n}", "default", "sip", f"secret-of-100{n}") for n in range(3)
        ),
        incalls=(Incall("2050", "from-extern", first),),
        voicemails=(Voicemail("1000", "default", first, "John Doe", "1234"),),
    )


def source(tables: Tables) -> Source:
    """These tables, whenever they are asked for."""

    async def now(_written_from: TablesMark | None) -> Marked:
        return Marked(tables, None)

    return now


async def until(what: Callable[[], bool], *, timeout_s: float = BOUND_S) -> None:
    """Wait for something that sends no event, such as a file that another process closes."""
    async with asyncio.timeout(timeout_s):
        while not what():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)


class BareDaemon:
    """Plays the daemon: notes each FastAGI request and sets the variables that it was told to set."""

    def __init__(self, **variables: str) -> None:
        self.variables = variables
        self.requests: list[dict[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One AGI dialogue."""
        request: dict[str, str] = {}
        async with asyncio.timeout(BOUND_S):
            while line := (await reader.readline()).decode().strip():
                name, _, value = line.partition(": ")
                request[name] = value
            self.requests.append(request)
            for name, value in self.variables.items():
                writer.write(f'SET VARIABLE {name} "{value}"\n'.encode())
                assert (await reader.readline()).startswith(b"200 ")
        writer.close()

    def scripts(self) -> list[tuple[str, str, str]]:
        """(script, endpoint's channel, first argument) of each request."""
        return [
            (r["agi_network_script"], r["agi_channel"].rsplit("-", 1)[0], r.get("agi_arg_1", "")) for r in self.requests
        ]


@asynccontextmanager
async def daemon(lab: Laboratory, **variables: str) -> AsyncIterator[BareDaemon]:
    played = BareDaemon(**variables)
    server = await asyncio.start_server(played.serve, "127.0.0.1", lab.pbx.ports.agi)
    async with server:
        yield played


async def connect(one: Phone, number: str, other: Phone) -> tuple[PhoneCall, PhoneCall]:
    """A call between two phones, answered."""
    there = await one.call(number, tone_hz=TONES_HZ[one.name])
    here = await other.rings()
    await asyncio.gather(there.answered(), here.answered())
    return there, here


def talked_s(call: PhoneCall) -> float:
    """From the answer to the end, as the phones' Asterisk stamps them."""
    return call.ended_s - call.answered_s


async def finish(*calls: PhoneCall) -> None:
    await calls[0].hangup()
    for call in calls[1:]:
        await call.ended()


async def fallback_files(lab: Laboratory, rule: str, endpoint: str) -> tuple[Sound, Sound]:
    """What was said and heard by the endpoint, from the one capture that its rule left in the spool, when it is closed."""
    pattern = f"degraded-{rule}-{endpoint}-*"
    await until(lambda: len(list(lab.spool.glob(pattern))) == 2)
    await until(lambda: _closed(lab, pattern))
    files = sorted(lab.spool.glob(pattern))
    sounds = [load(file)[0] for file in files]
    assert [file.name.split(".")[-2] for file in files] == ["read", "write"]
    assert all(
        re.fullmatch(rf"degraded-{rule}-{endpoint}-[0-9.]+-[0-9]+\.(read|write)\.sln(16)?", f.name) for f in files
    )
    for file in files:
        file.unlink()
    return sounds[0], sounds[1]


def _closed(lab: Laboratory, pattern: str) -> bool:
    """Whether the PBX has none of these files open any more."""
    names = {str(file) for file in lab.spool.glob(pattern)}
    links = Path(f"/proc/{lab.pbx.pid}/fd").iterdir()
    return not names & {str(link.readlink()) for link in links if link.is_symlink()}


async def mirror(
    lab: Laboratory, endpoint: str, *, user: str = "", always: bool = False, online: bool = False, rules: str = "----"
) -> None:
    """What the daemon writes into AstDB of a line, and of its user (whose line it is unless another is named)."""
    user = user or next(line.user for line in lab.pbx.tables.lines if line.name == endpoint)
    rows = {
        f"user/{endpoint}": user,
        f"online/{endpoint}": f"{online:d}",
        f"rules/{user}": rules,
        f"lamp/{user}": bound(UserId(user), "*26"),
        f"always/{user}": f"{always:d}",
    }
    for key, value in rows.items():
        await lab.pbx.cli(f"database put callrec {key} {value}")
