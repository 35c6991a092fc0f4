"""Keeps the parts of `make run` running: when one ends by itself, it prints which one, how, and where its log is, and starts it
again.

The daemon and Asterisk are children of this process. The store is a child of the daemon, which starts it again
(`adapters.redis.embedded`); here that is only reported and waited for. A daemon that runs and does nothing is killed, as by
systemd's watchdog.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.redis.connection import QUICK_S, Address, ask, within
from callrec.domain.errors import Unavailable
from callrec_lab.stack import Stack

MOST_ENDS, WITHIN_S = 3, 60.0
"""A part that ends so often within that time is not started again: `make run` ends with the reason."""
STORE_BACK_S = 60.0
LOOK_S = 0.1
SILENT_S, SILENCE_LOOK_S = 10.0, 1.0
"""The longest time without a keep-alive message, as in the unit of docs/existing-pbx.md; a start takes less."""
LOG_TAIL_LINES = 15

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A child process of this one."""

    name: str
    log: Callable[[], Path]
    ended: Callable[[], Awaitable[int]]
    """Waits until it has ended; returns its exit code, or minus the number of the signal."""
    start: Callable[[], Awaitable[None]]
    """Starts it and waits until it answers. Raises Unavailable."""


async def supervise(stack: Stack, say: Say) -> None:
    """Watch all parts until cancelled. Raises Unavailable when one cannot be kept running."""
    daemon, pbx = stack.daemon, stack.pbx
    parts = (
        Part("the daemon", lambda: daemon.log, daemon.ended, daemon.start),
        Part("Asterisk", lambda: pbx.root / "log/messages.log", pbx.ended, pbx.start),
    )
    watches = [asyncio.create_task(kept_running(part, say)) for part in parts]
    watches.append(asyncio.create_task(_store_told(stack, say)))
    watches.append(asyncio.create_task(silent_ended(lambda: (daemon.pid, daemon.words), daemon.kill, say)))
    try:
        done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
        for watch in done:
            watch.result()
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def kept_running(part: Part, say: Say) -> None:
    """Start this part again whenever it ends. Raises Unavailable when it ends too often or does not start."""
    loop = asyncio.get_running_loop()
    ends_s: list[float] = []
    while True:
        how = _how(await part.ended())
        ends_s = [*(at_s for at_s in ends_s if loop.time() - at_s < WITHIN_S), loop.time()]
        if len(ends_s) >= MOST_ENDS:
            tail = "\n".join(_tail(part.log()))
            message = f"{part.name} ended {MOST_ENDS} times within {WITHIN_S:.0f} s, the last time {how}"
            raise Unavailable("test-pbx", message, hint=f"the end of its log {part.log()}:\n{tail}")
        say(f"== {part.name} ended {how}. Its log: {part.log()}. Starting it again")
        await part.start()
        say(f"== {part.name} runs again")


async def silent_ended(state: Callable[[], tuple[int, int]], kill: Callable[[], Awaitable[None]], say: Say) -> None:
    """Kill a running daemon that sends no more keep-alive messages (it is stopped, or its event loop hangs); it is then started
    again.

    `state`: its process id and the number of its messages, which each process counts from one: the last message of the daemon
    before gives its successor, which may take long to start, no deadline. Silence is counted in checks and not by a clock, so
    that after a stop of all processes (Ctrl-Z) the daemon has its full time again.
    """
    before, silent = (0, 0), 0
    while True:
        await asyncio.sleep(SILENCE_LOOK_S)
        now = pid, words = state()
        silent = silent + 1 if now == before and pid and words else 0
        before = now
        if silent * SILENCE_LOOK_S >= SILENT_S:
            say(f"== the daemon has sent no keep-alive message for {SILENT_S:.0f} s (is it stopped?). Killing it")
            await kill()
            before, silent = (0, 0), 0


async def _store_told(stack: Stack, say: Say) -> None:
    """Report when the store ends under a running daemon. One that ends together with its daemon is not reported again."""
    folder = stack.daemon.state / "valkey"
    pid = await _store_pid(folder)
    while True:
        daemon = stack.daemon.pid
        await _gone(pid)
        told = bool(daemon) and stack.daemon.pid == daemon
        if told:
            logs = f"{folder / 'valkey.log'}, and how it ended in {stack.daemon.log}"
            say(f"== the store ended (process {pid}). Its log: {logs}. The daemon starts it again.")
        pid = await _store_pid(folder)
        if told:
            say("== the store runs again")


async def _store_pid(folder: Path) -> int:
    """The process id of the store, once it answers. Raises Unavailable when it does not come back."""
    client = Address.of_socket(folder / "valkey.sock").client()
    try:
        async with asyncio.timeout(STORE_BACK_S):
            while True:
                try:
                    async with within(QUICK_S, "the store"):
                        return int((await ask(client, "INFO", "server"))["process_id"])
                except Unavailable:
                    await asyncio.sleep(LOOK_S)
    except TimeoutError:
        message = f"the store does not answer for {STORE_BACK_S:.0f} s"
        raise Unavailable("test-pbx", message, hint=f"see {folder / 'valkey.log'}") from None
    finally:
        await client.aclose()


async def _gone(pid: int) -> None:
    """Wait until this process, which is not a child of this one, has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(process)
        os.close(process)


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _tail(log: Path) -> list[str]:
    return log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:] if log.is_file() else []
