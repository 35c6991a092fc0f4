"""`callrec serve` as a process, with no Asterisk: who may run beside it, and what signals do."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lone_daemon import House

from callrec_lab import command_server


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Its daemons and commands are processes of their own."""
    made = House(tmp_path, settings={command_server.VARIABLE: ""})
    yield made
    made.stop()


def test_a_second_daemon_with_another_state_folder_is_refused_by_spool_and_by_monitor(house: House) -> None:
    """Both used to run, and each stored every recording."""
    first = house.start()
    who = f"another callrec (node node-of-s, pid {first.pid}, state {house.folder}/s) works in {house.folder}"
    code, said = house.callrec("serve")
    assert (code, said.partition(" (stop")[0]) == (2, f"callrec: {who}/spool")
    assert said.endswith("(stop the other daemon, or give this one its own CALLREC_SPOOL_DIR)")
    code, said = house.callrec("serve", CALLREC_SPOOL_DIR=str(house.folder / "spool2"))
    assert (code, said.partition(" (stop")[0]) == (2, f"callrec: {who}/monitor")
    code, said = house.callrec("verify", "t")
    assert (code, "other-journal" in said) == (1, True)
    assert house.callrec("verify", "s")[0] == 0
    first.kill()
    first.wait()
    house.start()  # a daemon that was killed has nothing any more; its store is the next one's


def test_sighup_ends_no_daemon_that_has_no_terminal(house: House) -> None:
    """It used to end it at once, without its orderly end."""
    daemon = house.start()
    daemon.send_signal(signal.SIGHUP)
    house.until("s", "hangup-ignored")
    assert daemon.poll() is None
    daemon.terminate()
    assert daemon.wait(30) == 0
    assert house.events("s")[-1] == "ended"


def test_sighup_ends_no_daemon_that_is_starting(house: House) -> None:
    """For a second it had no answer to it yet, and ended."""
    daemon = house.launch()
    status = Path(f"/proc/{daemon.pid}/status")
    while not int(re.search(r"SigIgn:\s+(\w+)", status.read_text())[1], 16) & 1:  # type: ignore[index] # it is always there
        assert "started" not in house.events("s"), "it never ignored SIGHUP"
        time.sleep(0.01)
    daemon.send_signal(signal.SIGHUP)
    house.until("s", "started")
    assert daemon.poll() is None


def test_a_command_asks_the_daemon_whoever_has_its_port(house: House) -> None:
    """On the socket in the state folder: a program that listens on the address of the settings hears nothing, with a daemon and
    without one."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.setblocking(False)
        bind = f"127.0.0.1:{stranger.getsockname()[1]}"
        daemon = house.start()
        done = house.command("calls", "list", "--json", state="s", CALLREC_HTTP_BIND=bind)
        assert (done.returncode, json.loads(done.stdout)) == (0, [])
        daemon.kill()
        daemon.wait()
        done = house.command("calls", "list", state="s", CALLREC_HTTP_BIND=bind)
        assert (done.returncode, b"the daemon does not answer in the state folder" in done.stderr) == (3, True)
        with pytest.raises(BlockingIOError):
            stranger.accept()
    house.start()  # and ended in order, with the store that the killed one has left running


def test_a_closed_terminal_ends_the_daemon_in_order(house: House) -> None:
    with _terminal() as (master, slave):
        with house.log("s").open("wb") as log:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "callrec", "serve"],
                env=house.environment("s"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - this process has one thread
            )
        house.running.append(daemon)
        house.until("s", "started")
        os.close(master)
        assert daemon.wait(30) == 0
    assert house.events("s")[-1] == "ended"


@contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    try:
        yield master, slave
    finally:
        os.close(slave)
