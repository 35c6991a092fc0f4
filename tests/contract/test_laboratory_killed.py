"""A test run that is killed leaves no daemon and no store: the kernel tells the daemon, which ends both in order."""

import os
import select
import signal
import subprocess
import sys

import pytest

from callrec_lab import command_server

PATIENCE_S = 20.0
LABORATORY = """
import asyncio, sys
from pathlib import Path
from callrec.adapters.redis.connection import Address, ask
from callrec_lab.daemon import Daemon
from callrec_lab.pbx import Ports
async def main():
    async with Daemon(Path(sys.argv[1]), Ports()) as daemon:
        client = Address.of_socket(daemon.state / "valkey/valkey.sock").client()
        print(daemon.pid, (await ask(client, "INFO", "server"))["process_id"], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_its_process_ends_nothing_is_left_running(
    tmp_path_factory: pytest.TempPathFactory, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(command_server.VARIABLE, raising=False)  # which has its own ways
    folder = tmp_path_factory.mktemp("s")
    command = [sys.executable, "-c", LABORATORY, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as laboratory:  # noqa: S603 - our own program
        assert laboratory.stdout is not None
        running = [os.pidfd_open(int(pid)) for pid in laboratory.stdout.readline().split()]
        assert len(running) == 2
        laboratory.send_signal(how)
    for process in running:
        ended, _, _ = select.select([process], [], [], PATIENCE_S)
        os.close(process)
        assert ended
    assert not (folder / "state/valkey/valkey.sock").exists(), "an orderly end removes it"
