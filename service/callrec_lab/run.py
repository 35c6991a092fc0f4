"""`make run`: the whole product on this machine, in the foreground, for softphones. Ctrl-C stops everything.

A part that ends by itself is reported and started again (`supervision`); one that cannot be kept running ends the run with exit
code 3.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from callrec.domain.directory.model import ADMINISTRATOR
from callrec.domain.errors import CallrecError, Unavailable
from callrec.observe.logs import set_up_logs
from callrec_lab.pbx import Ports
from callrec_lab.stack import Stack, Wishes, start
from callrec_lab.supervision import supervise

SIP, HTTP, AGI, AMI, ARI = 5060, 8080, 4573, 5038, 8088
RECORDINGS = Path("recordings").absolute()


def main() -> int:
    """Run until Ctrl-C."""
    set_up_logs(level="error", personal=False)
    try:
        asyncio.run(_run())
    except CallrecError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 3
    return 0


async def _run() -> None:
    ports = Ports(sip=SIP, ami=AMI, http=ARI, agi=AGI)
    for port, kind in ((SIP, socket.SOCK_DGRAM), *((port, socket.SOCK_STREAM) for port in (HTTP, AGI, AMI, ARI))):
        _must_be_free(port, kind)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await run(RECORDINGS, Wishes(ports=ports, http=HTTP, phones=False, administrator=True), _print, ended)


async def run(folder: Path, wishes: Wishes, say: Callable[[str], None], ended: asyncio.Event) -> None:
    """Run everything below this folder until `ended`. Raises Unavailable, Misconfigured."""
    async with start(folder, wishes, say) as stack:
        say(welcome(stack))
        supervision = asyncio.create_task(supervise(stack, say))
        told = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait((supervision, told), return_when=asyncio.FIRST_COMPLETED)
            if supervision.done():
                supervision.result()
        finally:
            for task in (supervision, told):
                task.cancel()
            await asyncio.gather(supervision, told, return_exceptions=True)
            say("\n== stopping")


def _must_be_free(port: int, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as sock, contextlib.suppress(PermissionError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            what = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
            hint = f"stop the program that uses it (ss -lpn 'sport = :{port}' shows it), or use make demo, which takes free ports"
            raise Unavailable(
                "test-pbx", f"{what} port {port} of 127.0.0.1 is in use: {error.strerror}", hint=hint
            ) from None


def _print(line: str) -> None:
    """Print and flush, so that a reader of a pipe gets the line at once."""
    print(line, flush=True)


def welcome(stack: Stack) -> str:
    """What is printed when everything runs: the pages, the first administrator's password, and what a softphone needs."""
    users = {user.id: user for user in stack.pbx.tables.users}
    http, sip, daemon = stack.daemon.http, stack.pbx.ports.sip, stack.daemon
    command = Path(sys.executable).with_name("callrec")
    return "\n".join(
        (
            f"\nEverything runs.  Pages: http://127.0.0.1:{http}/   recordings in {daemon.monitor}",
            *(
                [f"Log in there as {ADMINISTRATOR}, password {stack.first_password} (shown this once)"]
                if stack.first_password
                else []
            ),
            f"Phones register at 127.0.0.1:{sip} (UDP):",
            *(
                f"   {line.number}  {users[line.user].name:16} SIP name {line.name}   secret {line.secret}"
                for line in sorted(stack.pbx.tables.lines, key=lambda line: line.number)
            ),
            f"Mail of the mailboxes: {daemon.config.parent / 'mail'}",
            f"Commands beside it:  CALLREC_CONFIG={daemon.config} {command} doctor",
            "Next: register two softphones, call from one to the other, press *3, talk, press *3 again. Ctrl-C stops everything.",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
