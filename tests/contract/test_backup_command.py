"""`callrec backup` beside a daemon that works, and `callrec restore` on another machine: other folders, another node."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import old_recordings as old
import one_command
import pytest
from daemon_client import got
from lone_daemon import House

USERS = "firstname|lastname|phonenumber|context|protocol|linesecret\nJohn|Doe|1000|default|sip|s3cret-of-john\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, settings={"TZ": "Europe/Berlin"})
    (tmp_path / "users.csv").write_text(USERS)
    yield made
    made.stop()


def other(tmp_path: Path) -> dict[str, str]:
    """The folders of another machine."""
    return {
        f"CALLREC_{name.upper()}_DIR": str(tmp_path / "elsewhere" / name) for name in ("monitor", "spool", "prompts")
    }


def run(house: House, *words: str, state: str = "s", **settings: str) -> tuple[int, object]:
    done = house.command(*words, "--json", state=state, **settings)
    assert done.returncode in {0, 1}, (words, done.stderr.decode())
    return done.returncode, json.loads(done.stdout)


def adopted(house: House, folder: Path, *, some: int = 0) -> None:
    """Recordings in the library: those of `old.house`, and so many more."""
    old.house(folder)
    for nth in range(some):
        old.wav(folder / f"user-1-2-{1700001000 + nth}.wav", 0.2 + nth / 1000)
    assert run(house, "recordings", "adopt", str(folder))[0] == 0


def test_a_backup_of_a_working_daemon_is_restored_elsewhere_whole_and_proven(house: House, tmp_path: Path) -> None:
    house.start()
    assert run(house, "users", "import", "users.csv")[0] == 0
    adopted(house, tmp_path / "old")
    one = run(house, "recordings", "list", "--rule", "always")[1][0]["id"]
    assert run(house, "recordings", "tag", one, "sale")[0] == 0
    more = str(_more(tmp_path / "more"))
    writer = one_command.start("recordings", "adopt", more, env=house.environment("s"), cwd=tmp_path)
    code, said = run(house, "backup", "backups")
    assert (code, said["missing"]) == (0, [])
    writer.wait(120)
    assert 8 <= said["recordings"] <= 48
    assert run(house, "backup", "backups")[1]["recordings"] == 48
    assert run(house, "backup", "backups", "--verify") == (0, {"recordings": 48, "findings": []})
    listed, users = run(house, "recordings", "list"), run(house, "users", "list")
    media = got(tmp_path / "s", f"/recordings/{one}/media")
    house.stop()
    there = other(tmp_path)
    assert run(house, "restore", "backups", state="t", **there) == (0, {"recordings": 48, "erased": [], "findings": []})
    house.settings |= there
    house.start("t")
    assert run(house, "recordings", "list", state="t") == listed
    assert run(house, "users", "list", state="t") == users
    assert got(tmp_path / "t", f"/recordings/{one}/media") == media
    assert run(house, "verify", state="t") == (0, {"recordings": 48, "erased": 0, "findings": []})
    assert run(house, "rebuild", state="t") == (0, {"recordings": 48, "findings": []})
    exported = [house.command("users", "export", state=state).stdout for state in "t"]
    assert b"s3cret-of-john" in exported[0]


def _more(folder: Path) -> Path:
    for nth in range(40):
        old.wav(folder / f"user-1-2-{1700001000 + nth}.wav", 0.2 + nth / 1000)
    return folder


def test_a_backup_that_is_killed_is_no_backup_and_the_next_one_is(house: House, tmp_path: Path) -> None:
    house.start()
    adopted(house, tmp_path / "old", some=60)
    backups = tmp_path / "backups"
    killed = 0
    for wait_s in (0.0, 0.005, 0.02):
        running = one_command.start("backup", "backups", env=house.environment("s"), cwd=tmp_path)
        deadline_s = time.monotonic() + 30
        while running.poll() is None and not list(backups.glob(".unfinished-*")) and time.monotonic() < deadline_s:
            time.sleep(0.001)
        time.sleep(wait_s)
        running.send_signal(signal.SIGKILL)
        killed += running.wait() == -signal.SIGKILL
    assert killed
    whole = [one for one in backups.iterdir() if not one.name.startswith(".")]
    if not whole:
        assert house.command("backup", "backups", "--verify", state="s").returncode == 1
    assert run(house, "backup", "backups")[1]["recordings"] == 68
    assert not list(backups.glob(".unfinished-*"))
    assert run(house, "backup", "backups", "--verify")[0] == 0


def killed_restore(house: House, there: dict[str, str]) -> None:
    """A restore that SIGKILL ends while it copies the library."""
    running = one_command.start("restore", "backups", env=house.environment("t", **there), cwd=house.folder)
    monitor, deadline_s = Path(there["CALLREC_MONITOR_DIR"]), time.monotonic() + 60
    while running.poll() is None and time.monotonic() < deadline_s and not list(monitor.rglob("*.wav")):
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert (house.folder / "t" / ".restoring").exists()


def test_a_half_restored_installation_is_refused_until_the_restore_has_ended(house: House, tmp_path: Path) -> None:
    """A daemon, and a command that writes, would use half a library and contradict the rest of the restore."""
    house.start()
    adopted(house, tmp_path / "old", some=40)
    run(house, "backup", "backups")
    house.stop()
    there = other(tmp_path)
    killed_restore(house, there)
    for words in (("serve",), ("users", "list"), ("audit", "list"), ("rebuild",)):
        done = house.command(*words, state="t", **there)
        assert (done.returncode, done.stdout) == (2, b""), words
        assert b"was broken off" in done.stderr
        assert b"run the same callrec restore again" in done.stderr
    assert run(house, "restore", "backups", state="t", **there) == (0, {"recordings": 48, "erased": [], "findings": []})
    house.settings |= there
    house.start("t")
    assert run(house, "verify", state="t") == (0, {"recordings": 48, "erased": 0, "findings": []})
    (entry,) = run(house, "audit", "list", "--subject", "backup:restored", state="t")[1]
    assert (entry["action"], entry["actor_kind"]) == ("settings-changed", "machine")


def test_what_was_erased_after_the_backup_stays_erased_and_the_log_says_so(house: House, tmp_path: Path) -> None:
    house.start()
    adopted(house, tmp_path / "old")
    run(house, "backup", "backups")
    gone = run(house, "recordings", "list")[1][0]["id"]
    house.stop()
    (tmp_path / "erased.txt").write_text(f"{gone}\n")
    there = other(tmp_path)
    assert run(house, "restore", "backups", "--erased", "erased.txt", state="t", **there) == (
        0, {"recordings": 7, "erased": [gone], "findings": []},
    )  # fmt: skip
    house.settings |= there
    house.start("t")
    assert run(house, "verify", state="t") == (0, {"recordings": 7, "erased": 1, "findings": []})
    assert got(tmp_path / "t", f"/recordings/{gone}")[0] == 404
    (entry,) = run(house, "audit", "list", "--action", "erased", state="t")[1]
    assert (entry["recording"], entry["actor_kind"], entry["actor_id"]) == (gone, "machine", str(os.geteuid()))
    left = [path for path in (tmp_path / "elsewhere").rglob("*") if gone in path.name]
    assert left == []


def test_a_restore_refuses_a_running_or_used_installation(house: House, tmp_path: Path) -> None:
    house.start()
    adopted(house, tmp_path / "old")
    run(house, "backup", "backups")
    done = house.command("restore", "backups", state="s")
    assert (done.returncode, b"callrec serve" in done.stderr) == (1, True)
    house.stop()
    done = house.command("restore", "backups", state="s")
    assert (done.returncode, b"CALLREC_STATE_DIR" in done.stderr) == (1, True)
    done = house.command("restore", "nowhere", state="t", **other(tmp_path))
    assert (done.returncode, b"no whole backup" in done.stderr) == (1, True)


def test_a_store_that_has_users_is_not_overwritten(house: House, tmp_path: Path) -> None:
    house.start()
    adopted(house, tmp_path / "old")
    run(house, "backup", "backups")
    house.stop()
    there = other(tmp_path)
    assert run(house, "users", "import", "users.csv", state="t", **there)[0] == 0
    done = house.command("restore", "backups", state="t", **there)
    assert (done.returncode, b"the store has" in done.stderr) == (1, True)
    assert not (tmp_path / "elsewhere/monitor").exists()
    assert len(run(house, "users", "list", state="t", **there)[1]) == 1
