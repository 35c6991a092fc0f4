"""AMI events per second through our link, against panoramisk bare, in the same run; `python -m bench.ami [seconds]`.

A manager in a process of its own lets each client in and then sends the events of plain two-party calls as fast as the
socket takes them, over loopback TCP. Two streams: `unfiltered`, what an Asterisk without our `eventfilter` sends of a call (90
events, most of them VarSet and Newexten), and `filtered`, only those that `manager_callrec.conf.sample` lets through. Both
clients deliver the same wanted events to one callback, and must have delivered all of them when the round ends.

Rates are per second of the client's own CPU, so that the sender and a busy machine count little; the rate by the clock is
given beside it. The clients take turns; the median of the rounds counts.
"""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench import quiet
from callrec.adapters.asterisk.ami import AmiLink
from callrec.app.calls.ami_events import WANTED
from callrec.protocols.ami import Message

GOAL_EVENTS_PER_S = 90_000
CALLS = 200
"""Different calls in what is sent; sent as often as a round needs."""
ROUND_EVENTS = {"unfiltered": 36_000, "filtered": 12_000}
ROUND_LIMIT_S = 60.0
_LAST = "Shutdown"
_ONE_CALL = (
    ("Newchannel", 2),
    ("VarSet", 52),
    ("Newexten", 13),
    ("Newstate", 3),
    ("NewConnectedLine", 4),
    ("DialBegin", 1),
    ("DialState", 1),
    ("DialEnd", 1),
    ("BridgeCreate", 1),
    ("BridgeEnter", 2),
    ("HangupRequest", 1),
    ("BridgeLeave", 2),
    ("BridgeDestroy", 1),
    ("SoftHangupRequest", 1),
    ("DeviceStateChange", 3),
    ("Hangup", 2),
)
_MORE = {
    "VarSet": "Variable: DIALEDPEERNAME\r\nValue: PJSIP/1001-0000001f\r\n",
    "Newexten": "Extension: s\r\nApplication: GotoIf\r\nAppData: 1?end\r\n",
    "BridgeEnter": "BridgeUniqueid: 6c3d4a52-0c5e-4bb6-9a3a-{n:012d}\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\n"
    "BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\nBridgeNumChannels: 2\r\nBridgeVideoSourceMode: none\r\n",
    "DialEnd": "DestChannel: PJSIP/1001-{n:08x}\r\nDestUniqueid: lab-{n}.2\r\nDestLinkedid: lab-{n}.1\r\nDialStatus: ANSWER\r\n",
    "Hangup": "Cause: 16\r\nCause-txt: Normal Clearing\r\n",
}
_MORE["BridgeLeave"] = _MORE["BridgeEnter"]
_CHANNEL = (
    "Event: {name}\r\nPrivilege: call,all\r\nChannel: PJSIP/1000-{n:08x}\r\nChannelState: 6\r\nChannelStateDesc: Up\r\n"
    "CallerIDNum: 1000\r\nCallerIDName: John Doe\r\nConnectedLineNum: 1001\r\nConnectedLineName: George Clinton\r\n"
    "Language: en\r\nAccountCode: \r\nContext: pbx-user\r\nExten: s\r\nPriority: 2\r\n"
    "Uniqueid: lab-{n}.1\r\nLinkedid: lab-{n}.1\r\n"
)


def stream(kind: str) -> tuple[bytes, int, int]:
    """The bytes of a round but its last event, how many events they hold, and how many of those are wanted."""
    names = [name for name, count in _ONE_CALL for _ in range(count) if kind == "unfiltered" or name in WANTED]
    times = ROUND_EVENTS[kind] // (CALLS * len(names))
    calls = "".join(
        (_CHANNEL + _MORE.get(name, "")).format(name=name, n=n) + "\r\n" for n in range(CALLS) for name in names
    )
    events = times * CALLS * len(names)
    return calls.encode() * times, events, times * CALLS * sum(name in WANTED for name in names)


def _send() -> None:
    """The manager: one client after the other; each line of stdin is a stream to send to the present one."""
    streams = {kind: stream(kind)[0] + f"Event: {_LAST}\r\n\r\n".encode() for kind in ROUND_EVENTS}
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        for line in sys.stdin:
            if line == "accept\n":
                client, _ = server.accept()
                client.sendall(b"Asterisk Call Manager/11.0.0\r\n")
                login = client.recv(4096).decode()
                action_id = login.lower().partition("actionid: ")[2].partition("\r\n")[0]
                asked = login[login.lower().index(action_id) :][: len(action_id)]
                client.sendall(
                    f"Response: Success\r\nActionID: {asked}\r\nMessage: Authentication accepted\r\n\r\n"
                    "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n".encode()
                )
            else:
                client.sendall(streams[line.strip()])


class _Round:
    """Counts what a client delivers, until the last event."""

    def __init__(self) -> None:
        self.count = 0
        self.over = asyncio.Event()
        self.up = asyncio.Event()

    def deliver(self, name: str) -> None:
        if name == _LAST:
            self.over.set()
        elif name == "FullyBooted":
            self.up.set()
        else:
            self.count += 1


async def _ours(port: int, tell: Callable[[str], None], kind: str) -> tuple[int, float, float]:
    news = _Round()

    async def up() -> None:
        news.up.set()

    def deliver(event: Message) -> None:
        news.deliver(event.event)

    link = AmiLink(
        host="127.0.0.1", port=port, username="bench", secret="bench",  # noqa: S106 - a server of our own
        wanted_events=WANTED, on_event=deliver, on_up=up, on_down=lambda _: None,
    )  # fmt: skip
    tell("accept")
    running = asyncio.create_task(link.run())
    measured = await _measure(news, tell, kind)
    await link.close()
    await running
    return measured


async def _panoramisk(port: int, tell: Callable[[str], None], kind: str) -> tuple[int, float, float]:
    from panoramisk.manager import Manager

    news = _Round()
    manager = Manager(
        host="127.0.0.1", port=port, username="bench", secret="bench",  # noqa: S106 - a server of our own
        loop=asyncio.get_running_loop(),
    )  # fmt: skip

    def deliver(_manager: Manager, event: dict[str, str]) -> None:
        news.deliver(event["Event"])

    for name in WANTED:
        manager.register_event(name, deliver)
    tell("accept")
    await manager.connect()
    measured = await _measure(news, tell, kind)
    manager.close()
    await asyncio.sleep(0)  # its transport closes in the loop's next turn
    return measured


async def _measure(news: _Round, tell: Callable[[str], None], kind: str) -> tuple[int, float, float]:
    """Events delivered, CPU seconds of this process, seconds."""
    async with asyncio.timeout(ROUND_LIMIT_S):
        await news.up.wait()
        cpu_s, began_s = time.process_time(), time.perf_counter()
        tell(kind)
        await news.over.wait()
    return news.count, time.process_time() - cpu_s, time.perf_counter() - began_s


CLIENTS = {"ours": _ours, "panoramisk": _panoramisk}


@contextmanager
def _manager() -> Iterator[tuple[int, Callable[[str], None]]]:
    command = [sys.executable, "-m", "bench.ami", "send"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        assert process.stdin is not None
        assert process.stdout is not None

        def tell(what: str) -> None:
            process.stdin.write(f"{what}\n")
            process.stdin.flush()

        yield int(process.stdout.readline()), tell
        process.stdin.close()


def run(seconds: float = 15.0) -> dict[str, float]:
    """Measure for about so many seconds: per stream the medians of both clients, their ratio, and the goal."""
    quiet()
    rates: dict[tuple[str, str], list[tuple[float, float]]] = {}
    until_s = time.monotonic() + seconds
    turn = 0
    with _manager() as (port, tell):
        while turn < 3 or time.monotonic() < until_s:  # the first turn warms up
            for kind in ROUND_EVENTS:
                _, events, wanted = stream(kind)
                for name, client in CLIENTS.items():
                    count, cpu_s, elapsed_s = asyncio.run(client(port, tell, kind))
                    assert count == wanted, f"{name} delivered {count} of {wanted} events"
                    if turn:
                        rates.setdefault((kind, name), []).append((events / cpu_s, events / elapsed_s))
            turn += 1
    found: dict[str, float] = {"goal_events_per_core_s": GOAL_EVENTS_PER_S}
    for kind in ROUND_EVENTS:
        ours, theirs = (statistics.median(rate for rate, _ in rates[kind, name]) for name in CLIENTS)
        found[f"{kind}_ours_events_per_core_s"] = round(ours)
        found[f"{kind}_ours_events_per_s"] = round(statistics.median(rate for _, rate in rates[kind, "ours"]))
        found[f"{kind}_panoramisk_events_per_core_s"] = round(theirs)
        found[f"{kind}_ratio_to_panoramisk"] = round(ours / theirs, 2)
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send"]:
            _send()
        case arguments:
            print(json.dumps(run(float(arguments[0]) if arguments else 15.0), indent=2))
