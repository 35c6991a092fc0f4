"""FastAGI dialogues per second and core: ours, bare asyncio servers, panoramisk's; `python -m bench.agi [seconds]`.

The same five SET VARIABLE commands each, on loopback, from one load generator with 16 connections in a process of its own.
Servers and generator are pinned to different cores (where there are two) and take turns in short rounds, so that noise hits
all alike. The rate is per second of CPU that the *server* used (/proc/PID/schedstat): the generator's speed, and whatever else
the machine does, count little. The wall-clock rate is given beside it.

Two processes that run the very same server differ by up to a quarter, for as long as they live (where the loader happens to
put things), so each server runs in several processes, and the median of all their rounds counts.

What the profile said: four fifths of a dialogue are recv, send, accept, close and the event loop, whoever serves (the bare
Protocol server has nothing else). Ours adds about 85 us, measured without sockets, of which the headers are 15 and the five
commands 8. Knowing the reply `200 result=1` without a parser, escaping only what needs it and one timer for the whole
connection took it there from 106 us. Garbage collection costs 2 us per dialogue: nothing to gain.
"""

import asyncio
import hmac
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bench import quiet

if TYPE_CHECKING:
    from callrec.app.calls.call_router import CallRouter

ROUND_S = 0.25
COPIES = 4
CONNECTIONS = 16
VARIABLES = (
    ("CALLREC_TAKE", "01JD"),
    ("CALLREC_STATE", "recording"),
    ("CALLREC_SOUND", "callrec/on"),
    ("CALLREC_LEG", "1.2"),
)
COMMANDS = [f'SET VARIABLE "{name}" "{value}"'.encode() for name, value in (*VARIABLES, ("CALLREC_RESULT", "on"))]
REQUEST = b"""agi_network: yes
agi_network_script: toggle?who=self
agi_request: agi://127.0.0.1:4573/toggle?who=self
agi_channel: PJSIP/1000-00000001
agi_language: en
agi_type: PJSIP
agi_uniqueid: 1795388400.1
agi_version: 22.10.1
agi_callerid: 1000
agi_calleridname: John Doe
agi_callingpres: 0
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: 1001
agi_rdnis: unknown
agi_context: callrec-toggle
agi_extension: s
agi_priority: 1
agi_enhanced: 0.0
agi_accountcode: \nagi_threadid: 139872345
agi_arg_1: self

"""
MANAGER = "BENCH_MANAGER_PORT"
SECRET = b"bench"
WORD = hmac.new(SECRET, b"1795388400.1", "sha256").hexdigest()[:32].encode()
_running: list[asyncio.Task[None]] = []


async def serve_ours() -> int:
    """Our server, with a script that decides at once."""
    from callrec.adapters.asterisk.fastagi import AgiServer, Channel
    from callrec.protocols.agi import Answer, Request

    async def toggle(_request: Request, _channel: Channel) -> Answer:
        return Answer("on", VARIABLES)

    return (await AgiServer({"toggle": toggle}).start("127.0.0.1", 0))[1]


async def serve_proven_first() -> int:
    """Ours, with the proof of a leg that has never asked before."""
    from callrec.app.dialplan import leg_authentication

    vars(leg_authentication)["MOST_NOTED"] = 0
    return await serve_proven_again()


async def serve_proven_again() -> int:
    """Ours, with the proof of a leg that has asked before."""
    from callrec.adapters.asterisk.ami import AmiLink, LinkState
    from callrec.adapters.asterisk.channel_variables import AmiLegVariables
    from callrec.adapters.asterisk.fastagi import AgiServer, Channel
    from callrec.app.dialplan.leg_authentication import LegAuthentication
    from callrec.protocols.agi import Answer, Request

    async def toggle(_request: Request, _channel: Channel) -> Answer:
        return Answer("on", VARIABLES)

    async def up() -> None:
        pass

    ami = AmiLink(
        host="127.0.0.1",
        port=int(os.environ[MANAGER]),
        username="bench",
        secret="bench",  # noqa: S106 - of a peer in this file
        wanted_events=(),
        on_event=lambda _event: None,
        on_up=up,
        on_down=lambda _reason: None,
    )
    _running.append(asyncio.create_task(ami.run()))
    while ami.state is not LinkState.UP:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    proof = LegAuthentication(cast("CallRouter", _AllLegs()), AmiLegVariables(ami), SECRET)
    return (await AgiServer({"toggle": toggle}, proof=proof.prove).start("127.0.0.1", 0))[1]


class _AllLegs:
    """What the proof asks of the engine: every leg is in a call."""

    def link_is_up(self) -> bool:
        return True

    async def wait_for_leg(self, _leg: str, _within_s: float) -> bool:
        return True


async def serve_manager() -> int:
    """A manager that does whatever it is asked."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        while True:
            try:
                action = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            (asked,) = (line for line in action.split(b"\r\n") if line.lower().startswith(b"actionid:"))
            writer.write(b"Response: Success\r\n" + asked + b"\r\n\r\n")
            if action.lower().startswith(b"action: login"):
                writer.write(b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n")

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


async def serve_bare() -> int:
    """What asyncio itself costs: nothing is parsed, nothing has a deadline."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        for command in COMMANDS:
            writer.write(command + b"\n")
            await writer.drain()
            await reader.readline()
        writer.close()

    server = await asyncio.start_server(dialogue, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


class _Bare(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._commands = iter(COMMANDS)

    def data_received(self, _data: bytes) -> None:
        if (command := next(self._commands, None)) is None:
            self._transport.close()
        else:
            self._transport.write(command + b"\n")


async def serve_bare_protocol() -> int:
    """The least that Python's asyncio can do: not even a task."""
    server = await asyncio.get_running_loop().create_server(_Bare, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


async def serve_panoramisk() -> int:
    """The FastAGI application of panoramisk, on the same streams."""
    from panoramisk import fast_agi

    async def toggle(request: fast_agi.Request) -> None:
        for command in COMMANDS:
            await request.send_command(command.decode())

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route("toggle?who=self", toggle)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


SERVERS: dict[str, Callable[[], Awaitable[int]]] = {
    "ours": serve_ours,
    "proven_first": serve_proven_first,
    "proven_again": serve_proven_again,
    "bare_asyncio": serve_bare,
    "bare_protocol": serve_bare_protocol,
    "panoramisk": serve_panoramisk,
}


class _Leg(asyncio.Protocol):
    """The generator's side of one dialogue: says who it is, and yes to everything."""

    def __init__(self, over: asyncio.Future[int]) -> None:
        self._over = over
        self._replies = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET"):
            self._transport.write(b"200 result=1 (" + WORD + b")\n")
            return
        self._replies += 1
        self._transport.write(b"200 result=1\n")

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(self._replies)


async def _dialogues(port: int, until_s: float) -> int:
    """One connection after the other until the time is over; returns the number of whole dialogues."""
    loop = asyncio.get_running_loop()
    count = 0
    while loop.time() < until_s:
        over: asyncio.Future[int] = loop.create_future()
        await loop.create_connection(partial(_Leg, over), "127.0.0.1", port)
        assert await over == len(COMMANDS)
        count += 1
    return count


async def _round(port: int) -> int:
    until_s = asyncio.get_running_loop().time() + ROUND_S
    return sum(await asyncio.gather(*(_dialogues(port, until_s) for _ in range(CONNECTIONS))))


def _pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def _serve(name: str) -> None:
    async def forever() -> None:
        print(await (serve_manager if name == "manager" else SERVERS[name])(), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in _running:
            task.cancel()

    quiet()
    _pin(1 if name == "manager" else 0)
    asyncio.run(forever())


def _generate() -> None:
    _pin(1)
    for line in sys.stdin:
        print(asyncio.run(_round(int(line))), flush=True)


def _start(*role: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.agi", *role]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves


def _cpu_s(process: subprocess.Popen[str]) -> float:
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


def _round_of(server: subprocess.Popen[str], port: str, generator: subprocess.Popen[str]) -> tuple[float, float]:
    """Dialogues per CPU second of the server, and per second."""
    cpu_s, begin_s = _cpu_s(server), time.perf_counter()
    generator.stdin.write(port)
    generator.stdin.flush()
    count = int(generator.stdout.readline())
    return count / (_cpu_s(server) - cpu_s), count / (time.perf_counter() - begin_s)


def _port_of(server: subprocess.Popen[str]) -> str:
    """The line in which it says where it listens."""
    line = server.stdout.readline()
    assert line, f"{server.args!r} has ended"
    return line


def run(seconds: float) -> dict[str, float]:
    """Measure for about so many seconds; the medians of all rounds, and our rate as ratios to the others."""
    manager = _start("serve", "manager")
    os.environ[MANAGER] = _port_of(manager).strip()
    servers = [(name, _start("serve", name)) for _ in range(COPIES) for name in SERVERS]
    generator = _start("generate")
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    try:
        ports = [_port_of(server) for _, server in servers]
        for turn in range(max(2, 1 + round(seconds / ROUND_S / len(servers)))):
            for (name, server), port in zip(servers, ports, strict=True):
                rates = _round_of(server, port, generator)
                if turn > 0:  # the first turn warms up
                    rounds[name].append(rates)
    finally:
        for process in (*(server for _, server in servers), generator, manager):
            process.stdin.close()
            process.wait(timeout=10)
            process.stdout.close()
    per_core = {name: statistics.median(rate for rate, _ in each) for name, each in rounds.items()}
    per_second = {name: statistics.median(rate for _, rate in each) for name, each in rounds.items()}
    return {
        **{f"{name}_dialogues_per_core_s": round(rate, 1) for name, rate in per_core.items()},
        **{f"{name}_dialogues_per_s": round(rate, 1) for name, rate in per_second.items()},
        "ratio_proven_first": round(per_core["proven_first"] / per_core["ours"], 3),
        "ratio_proven_again": round(per_core["proven_again"] / per_core["ours"], 3),
        "ratio_to_bare_asyncio": round(per_core["ours"] / per_core["bare_asyncio"], 3),
        "ratio_to_bare_protocol": round(per_core["ours"] / per_core["bare_protocol"], 3),
        "ratio_to_panoramisk": round(per_core["ours"] / per_core["panoramisk"], 3),
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", name]:
            _serve(name)
        case ["generate"]:
            _generate()
        case arguments:
            print(json.dumps(run(float(arguments[0]) if arguments else 15.0), indent=2))
