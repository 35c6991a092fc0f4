"""The embedded store: one owner, nothing left behind, nothing lost to a SIGKILL."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from callrec.adapters.redis.connection import ask
from callrec.adapters.redis.embedded import SOCKET_PATH_MOST_BYTES, EmbeddedValkey
from callrec.adapters.redis.store import open_store
from callrec.domain.errors import Corrupt, Misconfigured, Unavailable

OWNER = """
import asyncio, sys
from pathlib import Path
from callrec.adapters.redis.embedded import EmbeddedValkey
async def main():
    server = EmbeddedValkey(Path(sys.argv[1]))
    async with server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def state_dir(tmp_path_factory):
    """A folder with a short name: a socket's path has an end."""
    return tmp_path_factory.mktemp("s")


async def ask_at(server, *command):
    client = server._address.client()
    try:
        return await ask(client, *command)
    finally:
        await client.aclose()


async def test_starts_with_our_settings_and_leaves_nothing(state_dir):
    """It answers on a socket of its owner only, syncs every change, evicts nothing, opens no port; then it is gone."""
    server = EmbeddedValkey(state_dir)
    async with server as socket:
        assert 0o700 == stat.S_IMODE(server.folder.stat().st_mode) == stat.S_IMODE(socket.stat().st_mode)
        for name, value in {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "port": "0",
        }.items():
            assert {name: value} == await ask_at(server, "CONFIG GET", name)
        pid = server.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not socket.exists()


async def test_a_second_owner_is_refused(state_dir, monkeypatch):
    """Two daemons do not share a store; the refusal names the process that runs it. A command line may join it."""
    monkeypatch.setattr("callrec.adapters.redis.embedded.LOCK_PATIENCE_S", 0.05)
    async with EmbeddedValkey(state_dir):
        with pytest.raises(Unavailable, match=f"process {os.getpid()} runs") as refused:
            await EmbeddedValkey(state_dir).__aenter__()
        assert "embedded-store-in-use" == refused.value.code
        async with open_store("embedded:", state_dir, join=True) as joined:
            await joined.ping()
        async with open_store("embedded:", state_dir, join=True) as again:
            await again.ping()


async def test_alone_a_joining_command_runs_its_own(state_dir):
    """Without a daemon, the command line starts the store, uses it and stops it."""
    async with open_store("embedded:", state_dir, join=True) as store:
        await store.publish({"type": "test"})
    async with EmbeddedValkey(state_dir) as socket:
        assert socket.exists()


async def test_a_command_lets_those_finish_who_joined_it(state_dir):
    """The store goes when the last of them has left."""
    owner = EmbeddedValkey(state_dir, join=True)
    await owner.__aenter__()
    async with open_store("embedded:", state_dir, join=True) as guest:
        closing = asyncio.create_task(owner.__aexit__(None, None, None))
        await asyncio.sleep(0.1)
        await guest.publish({"type": "test"})
        assert not closing.done()
    async with asyncio.timeout(30):
        await closing
    assert not owner.socket.exists()


async def test_a_guest_who_never_leaves_is_not_waited_for(state_dir, monkeypatch):
    monkeypatch.setattr("callrec.adapters.redis.embedded_users.GUESTS_S", 0.05)
    owner = EmbeddedValkey(state_dir, join=True)
    await owner.__aenter__()
    async with open_store("embedded:", state_dir, join=True), asyncio.timeout(30):
        await owner.__aexit__(None, None, None)
    assert not owner.socket.exists()


async def test_a_daemon_waits_for_no_guest(state_dir):
    """Who ends it wants it ended: a command beside it is told that the store is away."""
    async with asyncio.timeout(30):
        daemon = EmbeddedValkey(state_dir)
        await daemon.__aenter__()
        async with open_store("embedded:", state_dir, join=True):
            await daemon.__aexit__(None, None, None)
    assert not daemon.socket.exists()


async def test_who_comes_while_a_command_closes_runs_the_store_anew(state_dir):
    owner, next_one = EmbeddedValkey(state_dir, join=True), EmbeddedValkey(state_dir, join=True)
    async with owner:
        await owner._guests.gone()
        coming = asyncio.create_task(next_one.__aenter__())
        await asyncio.sleep(0.1)
        assert not coming.done()
    async with asyncio.timeout(30):
        await coming
        assert next_one.pid
        await next_one.__aexit__(None, None, None)


async def test_an_orphan_saves_and_leaves(state_dir):
    """After SIGKILL of its owner the old server ends cleanly, a new one runs, and what was stored is there."""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(state_dir), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        orphan = int(await owner.stdout.readline())
        server = EmbeddedValkey(state_dir)
        await ask_at(server, "SET", "kept", "yes")
        owner.kill()
        await owner.communicate()
        os.kill(orphan, 0)
        async with server:
            assert orphan != server.pid
            assert "yes" == await ask_at(server, "GET", "kept")
        assert not alive(orphan)


def alive(pid):
    """True for a process that runs; one that ended and was not collected yet does not."""
    try:
        return " Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1][:3]
    except FileNotFoundError:
        return False


async def test_a_wedged_orphan_is_named(state_dir, monkeypatch):
    """A server that neither answers nor ends is told as such, and nothing starts beside it."""
    monkeypatch.setattr("callrec.adapters.redis.embedded.STOP_S", 0.2)
    async with EmbeddedValkey(state_dir) as socket:
        pass

    async def say_nothing(reader, writer):
        await reader.read()  # until the asker gives up
        writer.close()

    async with await asyncio.start_unix_server(say_nothing, socket):
        with pytest.raises(Unavailable) as refused:
            await EmbeddedValkey(state_dir).__aenter__()
    assert "embedded-store-wedged" == refused.value.code


async def test_a_killed_server_is_started_again(state_dir):
    """The owner notices that its child died, and starts it again with all that it held."""
    server = EmbeddedValkey(state_dir)
    async with server, asyncio.timeout(60):
        await ask_at(server, "SET", "kept", "yes")
        first = server.pid
        os.kill(first, signal.SIGKILL)
        while server.pid in {first, None}:  # noqa: ASYNC110 - the new child's id is the event
            await asyncio.sleep(0.01)
        assert "yes" == await ask_at(server, "GET", "kept")


async def test_a_stale_socket_is_no_obstacle(state_dir):
    """The socket that a killed server left behind is replaced."""
    async with EmbeddedValkey(state_dir) as socket:
        pass
    listening = await asyncio.start_unix_server(lambda *_: None, socket)
    listening.close()
    await listening.wait_closed()
    if not socket.exists():  # Python 3.13 removes it on closing
        socket.touch()
    async with open_store("embedded:", state_dir) as store:
        assert (await store.standing("")).revision == 0


async def test_a_torn_end_is_forgiven_and_a_broken_file_is_not(state_dir):
    """A write cut by a power failure costs that write; damage in the middle is Corrupt, and the file stays as it is."""
    async with open_store("embedded:", state_dir) as store:
        for number in range(20):
            await store.publish({"type": "test", "number": str(number)})
    (log,) = (state_dir / "valkey" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-7])
    async with open_store("embedded:", state_dir) as store:
        await store.publish({"type": "test"})
    whole = log.read_bytes()
    damaged = whole[:200] + b"\xff" * 50 + whole[250:]
    log.write_bytes(damaged)
    with pytest.raises(Corrupt) as refused:
        async with open_store("embedded:", state_dir):
            pass
    assert "embedded-store-file" == refused.value.code
    assert damaged == log.read_bytes()


async def test_a_server_that_ends_at_once_or_does_not_answer_is_told(state_dir, monkeypatch):
    """By its own log where it wrote one; and nothing is left running."""

    def ends():
        return "/bin/true"

    with monkeypatch.context() as patched:
        patched.setattr("callrec.adapters.redis.embedded.get_binary_path", ends)
        with pytest.raises(Unavailable, match="its log has no reason") as refused:
            await EmbeddedValkey(state_dir).__aenter__()
    assert "embedded-store-start" == refused.value.code

    async def no_answer(_):
        return False

    monkeypatch.setattr(EmbeddedValkey, "_answers", no_answer)
    monkeypatch.setattr("callrec.adapters.redis.embedded.START_S", 0.05)
    with pytest.raises(Unavailable, match="did not answer within") as refused:
        await EmbeddedValkey(state_dir).__aenter__()
    assert "embedded-store-slow" == refused.value.code


async def test_a_path_that_no_socket_can_have(tmp_path):
    """A state folder with too long a name is refused with the number of bytes it may have."""
    with pytest.raises(Misconfigured, match=f"the most is {SOCKET_PATH_MOST_BYTES}") as refused:
        await EmbeddedValkey(tmp_path / ("x" * 100)).__aenter__()
    assert refused.value.code == "state-dir-too-long"


async def test_a_folder_that_cannot_be_made(tmp_path):
    """A file where the folder must be is the operator's to mend."""
    (tmp_path / "f").write_text("", encoding="ascii")
    with pytest.raises(Misconfigured) as refused:
        await EmbeddedValkey(tmp_path / "f").__aenter__()
    assert "state-dir" == refused.value.code


async def test_a_binary_that_is_not_there(state_dir, monkeypatch):
    """Without a binary for this machine the hint names the way out, and the lock is free again."""

    def nothing():
        return state_dir / "no-such-binary"

    monkeypatch.setattr("callrec.adapters.redis.embedded.get_binary_path", nothing)
    with pytest.raises(Misconfigured, match="CALLREC_REDIS_URL") as refused:
        await EmbeddedValkey(state_dir).__aenter__()
    assert refused.value.code == "embedded-store-binary"
    monkeypatch.undo()
    async with EmbeddedValkey(state_dir):
        pass
