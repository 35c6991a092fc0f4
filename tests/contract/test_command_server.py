"""Commands that a warm process runs do what the command line does."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

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


async def test_without_a_server_there_is_nobody_to_ask() -> None:
    with pytest.raises(ConnectionRefusedError):
        await command_server.run_there("callrec-test-nobody", ("--version",), {})
