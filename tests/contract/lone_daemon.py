"""`callrec serve` as a process of its own, with no Asterisk but what a test plays."""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import one_command
from one_command import Process

from callrec_lab.asterisk import free_port

START_S = 120.0
"""A generous limit: starting Python takes long on a busy machine."""


@dataclass
class House:
    """Folders for daemons, and their settings."""

    folder: Path
    running: list[Process] = field(default_factory=list)
    ami: str = "ami://callrec:nobody@127.0.0.1:1"
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, state: str, **settings: str) -> dict[str, str]:
        """With this state folder, doors that are free, and an Asterisk that is not there."""
        others = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
        ours = {
            "CALLREC_AMI_URL": self.ami,
            "CALLREC_ARI_URL": "http://callrec:nobody@127.0.0.1:1/ari",
            "CALLREC_AGI_BIND": f"127.0.0.1:{free_port()}",
            "CALLREC_HTTP_BIND": f"127.0.0.1:{free_port()}",
            "CALLREC_NODE": f"node-of-{state}",
            **{f"CALLREC_{name.upper()}_DIR": str(self.folder / name) for name in ("spool", "monitor")},
        }
        return {**others, **ours, **self.settings, **settings, "CALLREC_STATE_DIR": str(self.folder / state)}

    def start(self, state: str = "s") -> Process:
        """A daemon that has started when this returns."""
        daemon = self.launch(state)
        self.until(state, "started")
        return daemon

    def launch(self, state: str = "s") -> Process:
        """A daemon in a session of its own, without a terminal; it begins to start."""
        with self.log(state).open("wb") as log:
            daemon = one_command.start("serve", env=self.environment(state), cwd=self.folder, out=log, err=log)
        self.running.append(daemon)
        return daemon

    def stop(self) -> None:
        """End all that run."""
        for daemon in self.running:
            if daemon.poll() is None:
                daemon.terminate()
                daemon.wait(30)

    def log(self, state: str) -> Path:
        """What this daemon says."""
        return self.folder / f"{state}.log"

    @property
    def started(self) -> dict[str, object]:
        """What the first daemon said when it had started."""
        lines = self.log("s").read_bytes().splitlines()
        return next(json.loads(line) for line in lines if b'"event": "started"' in line)

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
        done = self.command(word, state=state, **settings)
        return done.returncode, (done.stdout + done.stderr).decode().strip()

    def command(self, *words: str, state: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
        """The same, as it ended."""
        return one_command.run(*words, env=self.environment(state, **settings), cwd=self.folder)
