"""Commands that a warm process runs do what the command line does."""

import asyncio
import os
import select
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lone_daemon import House

from callrec_lab import command_server


@pytest_asyncio.fixture
async def name() -> AsyncIterator[str]:
    name = f"callrec-test-{uuid.uuid4().hex}"
    command = (sys.executable, "-m", "callrec_lab.command_server", name)
    server = await asyncio.create_subprocess_exec(*command)
    async with asyncio.timeout(60):
        while f"@{name}" not in Path("/proc/net/unix").read_text():  # noqa: ASYNC110, ASYNC240 - it tells nobody that it listens
            await asyncio.sleep(0.05)
    yield name
    server.kill()
    await server.wait()


async def test_a_command_says_and_returns_what_the_command_line_does(name: str, tmp_path: Path) -> None:
    """And has the environment of the request, and nothing of another's."""
    environment = {**os.environ, "CALLREC_STATE_DIR": str(tmp_path / "state"), "CALLREC_CONFGEN_DIR": "/no/where"}
    for arguments in (
        ("--version",),
        ("users", "show", "1000"),
        ("confgen", "--dry-run"),
        ("nonsense",),
        ("users", "--help"),
    ):
        plain = await asyncio.to_thread(
            subprocess.run,
            (sys.executable, "-m", "callrec", *arguments),
            env=environment,
            capture_output=True,
            text=True,
        )
        code, said = await command_server.run_there(name, arguments, environment)
        assert code == plain.returncode, said
        assert sorted(said.replace("python -m callrec", "callrec").split()) == sorted(
            (plain.stdout + plain.stderr).replace("python -m callrec", "callrec").split()
        )


async def test_a_daemon_prints_into_its_log_and_ends_as_it_is_told(name: str, tmp_path: Path) -> None:
    """It runs in its own session and in the folder of its log; the exit code is that of `callrec serve`."""
    house = House(tmp_path)
    daemon = await command_server.start_there(name, ("serve",), house.environment("s"), house.log("s"))
    await asyncio.to_thread(house.until, "s", "started")
    assert daemon.returncode is None
    assert os.getsid(daemon.pid) == daemon.pid
    assert os.readlink(f"/proc/{daemon.pid}/cwd") == str(tmp_path)  # noqa: PTH115 - no disk is read
    again = await command_server.start_there(name, ("serve",), house.environment("s"), tmp_path / "again.log")
    async with asyncio.timeout(60):
        assert await again.wait() == 2
    assert "another callrec uses" in (tmp_path / "again.log").read_text()
    daemon.terminate()
    async with asyncio.timeout(60):
        assert await daemon.wait() == 0
    with pytest.raises(ProcessLookupError):
        daemon.kill()


CLIENT = """
import asyncio, os, sys
from pathlib import Path
from callrec_lab import command_server
async def main():
    daemon = await command_server.start_there(sys.argv[1], ("serve",), dict(os.environ), Path(sys.argv[2]))
    print(daemon.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_daemon_ends_with_who_started_it_however_that_ends(name: str, tmp_path: Path) -> None:
    """Also by SIGKILL: in order, so that its store ends as well."""
    house = House(tmp_path)
    command = (sys.executable, "-c", CLIENT, name, str(house.log("s")))
    client = await asyncio.create_subprocess_exec(*command, env=house.environment("s"), stdout=asyncio.subprocess.PIPE)
    assert client.stdout is not None
    daemon = os.pidfd_open(int(await client.stdout.readline()))
    await asyncio.to_thread(house.until, "s", "started")
    client.kill()
    await client.wait()
    ended, _, _ = await asyncio.to_thread(select.select, [daemon], [], [], 60)
    os.close(daemon)
    assert ended
    assert not (tmp_path / "s/valkey/valkey.sock").exists(), "an orderly end removes it"


async def test_without_a_server_there_is_nobody_to_ask() -> None:
    with pytest.raises(ConnectionRefusedError):
        await command_server.run_there("callrec-test-nobody", ("--version",), {})
