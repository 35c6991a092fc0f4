"""`make run` on free ports: each of its three parts is killed; the run says so, and everything works again."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from callrec.adapters.redis.connection import Address, ask
from callrec_lab import command_server
from callrec_lab.run import run
from callrec_lab.stack import Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_S = 120.0
MORE = """entityid|firstname|lastname|language|phonenumber|context|protocol|voicemailname|voicemailmailbox|voicemailpassword
1|John|Doe|en_US|1000|default|sip|John Doe|1000|1234
"""


class Run:
    """A running `make run`, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.others = children()
        self.said: list[str] = []
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    def say(self, line: str) -> None:
        """Kept for `until`."""
        self.said.append(line)
        self._more.set()

    async def until(self, pattern: str) -> re.Match[str]:
        """Wait for a line that holds this, and forget it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for line in self.said:
                    if found := re.search(pattern, line):
                        self.said.remove(line)
                        return found
                self._more.clear()
                await self._more.wait()


@pytest.fixture(scope="module", autouse=True)
def _as_typed() -> Iterator[None]:
    """Every process is started as `make run` starts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(command_server.VARIABLE, raising=False)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """Everything runs."""
    made = Run(tmp_path_factory.mktemp("run"))
    made.task = asyncio.create_task(run(made.folder, Wishes(phones=False), made.say, made.ended))
    await made.until("Everything runs")
    yield made
    made.ended.set()
    await made.task


async def store_pid(folder: Path) -> int:
    """Of the embedded store."""
    client = Address.of_socket(folder / "state/valkey/valkey.sock").client()
    try:
        return int((await ask(client, "INFO", "server"))["process_id"])
    finally:
        await client.aclose()


def children() -> set[str]:
    """The processes that this one has started; other stacks may run beside."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def child_running(word: str, running: Run) -> int:
    """The child that came with this run and whose command line holds this word."""
    own = children() - running.others
    (found,) = (pid for pid in own if word in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0"))
    return int(found)


def lives(pid: int) -> bool:
    """Whether it runs: one that has ended, and was not asked yet how, has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def is_file(path: str) -> bool:
    """Whether the log that was named is there."""
    return Path(path).is_file()


def written(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text)
    return path


async def command(running: Run, *arguments: str) -> tuple[int, str]:
    """`callrec` beside it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "callrec", *arguments),
        env={**os.environ, "CALLREC_CONFIG": str(running.folder / "callrec.toml")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    return process.returncode or 0, said


async def test_a_killed_daemon_is_told_and_runs_again(running: Run) -> None:
    os.kill(child_running("serve", running), signal.SIGKILL)
    told = await running.until(r"the daemon ended by SIGKILL\. Its log: (\S+)\.")
    assert is_file(told[1])
    await running.until("the daemon runs again")
    assert (await command(running, "users", "list"))[0] == 0
    assert not any("the store ended" in line for line in running.said), "its daemon replaced it: no end of its own"


async def test_a_killed_asterisk_is_told_and_runs_again(running: Run) -> None:
    os.kill(child_running("-f", running), signal.SIGKILL)
    told = await running.until(r"Asterisk ended by SIGKILL\. Its log: (\S+)\.")
    assert is_file(told[1])
    await running.until("Asterisk runs again")
    assert child_running("-f", running)


async def test_a_killed_store_is_told_and_runs_again(running: Run) -> None:
    os.kill(await store_pid(running.folder), signal.SIGKILL)
    told = await running.until(r"the store ended \(process \d+\)\. Its log: (\S+),")
    assert is_file(told[1])
    await running.until("the store runs again")
    assert (await command(running, "users", "list"))[0] == 0


async def test_users_of_an_earlier_start_stay_as_they_were_left(running: Run, tmp_path: Path) -> None:
    """The specification's second file gives 1000 a language and a mailbox: the next start finds them, and imports nothing."""
    more = written(tmp_path / "voicemail.csv", MORE)
    code, said = await command(running, "users", "import", "--mode", "merge", str(more))
    assert code == 0, said
    running.ended.set()
    assert running.task is not None
    await running.task
    again = Run(running.folder)
    task = asyncio.create_task(run(again.folder, Wishes(phones=False), again.say, again.ended))
    try:
        await again.until("Everything runs")
        shown = json.loads((await command(again, "users", "show", "1000", "--json"))[1])
        assert (["1000@default"], "en_US") == (shown["voicemails"], shown["language"])
    finally:
        again.ended.set()
        await task


async def test_an_end_while_the_daemon_is_started_again_leaves_no_process(tmp_path: Path) -> None:
    """Its store outlived it, and nobody was left to end that."""
    made = Run(tmp_path)
    made.task = asyncio.create_task(run(tmp_path, Wishes(phones=False), made.say, made.ended))
    await made.until("Everything runs")
    store = await store_pid(tmp_path)
    os.kill(child_running("serve", made), signal.SIGKILL)
    made.ended.set()
    await made.task
    assert not lives(store)


async def test_the_first_start_makes_an_administrator_and_tells_the_password_once(tmp_path: Path) -> None:
    """On the daemon that runs, the password opens a session with everything; the next start tells nothing."""
    for first in (True, False):
        made = Run(tmp_path)
        wishes = Wishes(phones=False, administrator=True)
        made.task = asyncio.create_task(run(tmp_path, wishes, made.say, made.ended))
        try:
            told = (await made.until("Everything runs")).string
            password = re.search(r"as administrator, password (\S+) \(shown this once\)", told)
            assert (password is not None) is first
            port = re.search(r"http://127\.0\.0\.1:(\d+)/", told)
            if password and port:
                login = {"username": "administrator", "password": password[1]}
                url = f"http://127.0.0.1:{port[1]}/api/v1/login"
                async with aiohttp.ClientSession() as http, http.post(url, json=login) as answer:
                    assert (answer.status, (await answer.json())["role"]) == (200, "administrator")
        finally:
            made.ended.set()
            await made.task
