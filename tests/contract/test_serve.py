"""`callrec serve` as a process, with no Asterisk: who may run beside it, and what signals do."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callrec.lab.asterisk import free_port

START_S = 30.0


@dataclass
class House:
    """Folders for daemons, and their settings."""

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, state: str, **settings: str) -> dict[str, str]:
        """With this state folder, doors that are free, and an Asterisk that is not there."""
        others = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
        ours = {
            "CALLREC_AMI_URL": "ami://callrec:nobody@127.0.0.1:1",
            "CALLREC_ARI_URL": "http://callrec:nobody@127.0.0.1:1/ari",
            "CALLREC_AGI_BIND": f"127.0.0.1:{free_port()}",
            "CALLREC_HTTP_BIND": f"127.0.0.1:{free_port()}",
            "CALLREC_NODE": f"node-of-{state}",
            **{f"CALLREC_{name.upper()}_DIR": str(self.folder / name) for name in ("spool", "monitor")},
        }
        return {**others, **ours, **settings, "CALLREC_STATE_DIR": str(self.folder / state)}

    def start(self, state: str = "s", before: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
        """A daemon in a session of its own, without a terminal; it has started when this returns."""
        with self.log(state).open("wb") as log:
            command = [sys.executable, "-m", "callrec", "serve"]
            daemon = subprocess.Popen(  # noqa: S603 - our own program
                command,
                env=self.environment(state),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=before,  # noqa: PLW1509 - this process has one thread
            )
        self.running.append(daemon)
        self.until(state, "started")
        return daemon

    def log(self, state: str) -> Path:
        """What this daemon says."""
        return self.folder / f"{state}.log"

    def until(self, state: str, event: str) -> None:
        """Wait for this line of its log."""
        deadline_s = time.monotonic() + START_S
        while event not in self.events(state):
            assert time.monotonic() < deadline_s, self.log(state).read_text()
            time.sleep(0.05)

    def events(self, state: str) -> list[str]:
        """The names of its log lines, oldest first."""
        lines = self.log(state).read_bytes().splitlines()
        return [json.loads(line)["event"] for line in lines if line.startswith(b"{") and line.endswith(b"}")]

    def callrec(self, word: str, state: str = "t", **settings: str) -> tuple[int, str]:
        """A command with this state folder: its exit code, and what it said."""
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "callrec", word],
            env=self.environment(state, **settings),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.decode().strip()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    for daemon in made.running:
        if daemon.poll() is None:
            daemon.terminate()
            daemon.wait(30)


def test_a_second_daemon_with_another_state_folder_is_refused_by_spool_and_by_monitor(house: House) -> None:
    """Both used to run, and each stored every recording."""
    first = house.start()
    who = f"another callrec (node node-of-s, pid {first.pid}, state {house.folder}/s) works in {house.folder}"
    code, said = house.callrec("serve")
    assert (code, said.partition(" (stop")[0]) == (2, f"callrec: {who}/spool")
    assert said.endswith("(stop the other one, or give this one its own CALLREC_SPOOL_DIR)")
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


def test_a_closed_terminal_ends_the_daemon_in_order(house: House) -> None:
    with _terminal() as (master, slave):
        daemon = house.start(before=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
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
