"""`make run`: everything on this machine, in the foreground, for a newcomer with a softphone. Ctrl-C stops all of it.

What ends by itself is told, and started again (`supervision`); what cannot be kept running ends all of it with exit code 3.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from callrec.domain.errors import CallrecError, Unavailable
from callrec.lab.pbx import Doors
from callrec.lab.stack import Stack, Wishes, start
from callrec.lab.supervision import supervise
from callrec.observe.logs import set_up_logs

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
    doors = Doors(sip=SIP, ami=AMI, http=ARI, agi=AGI)
    for port, kind in ((SIP, socket.SOCK_DGRAM), *((port, socket.SOCK_STREAM) for port in (HTTP, AGI, AMI, ARI))):
        _must_be_free(port, kind)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await run(RECORDINGS, Wishes(doors=doors, http=HTTP, phones=False), _print, ended)


async def run(folder: Path, wishes: Wishes, say: Callable[[str], None], ended: asyncio.Event) -> None:
    """Run everything below this folder until `ended`. Raises what keeps it from running: Unavailable, Misconfigured."""
    async with start(folder, wishes, say) as stack:
        say(_welcome(stack))
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
            hint = f"stop what uses it (ss -lpn 'sport = :{port}' names it), or use make demo, which takes free ports"
            raise Unavailable(
                "port-used", f"{what} port {port} of 127.0.0.1 is in use: {error.strerror}", hint=hint
            ) from None


def _print(line: str) -> None:
    """At once: what reads a pipe shall know of an end when it happens."""
    print(line, flush=True)


def _welcome(stack: Stack) -> str:
    users = {user.id: user for user in stack.pbx.tables.users}
    http, sip, daemon = stack.daemon.http, stack.pbx.doors.sip, stack.daemon
    command = Path(sys.executable).with_name("callrec")
    return "\n".join(
        (
            f"\nEverything runs.  Status page  http://127.0.0.1:{http}/   recordings in {daemon.monitor}",
            f"Phones register at 127.0.0.1:{sip} (UDP):",
            *(
                f"   {line.number}  {users[line.user].name:16} SIP name {line.name}   secret {line.secret}"
                for line in sorted(stack.pbx.tables.lines, key=lambda line: line.number)
            ),
            f"What mailboxes send is put into {daemon.config.parent / 'mail'}",
            f"The command line beside it:  CALLREC_CONFIG={daemon.config} {command} doctor",
            "Next: register two softphones, call from one to the other, press *3, talk, press *3 again. Ctrl-C stops everything.",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
