"""What a command on the machine changes or shows is in the audit log first: with its system user, beside a daemon and without."""

import getpass
import json
import os
import shutil
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from lone_daemon import House
from stored_library import RATE_HZ, tone

from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.access.audit_log.log_check import check_log

WHO = {
    "actor_kind": "machine",
    "actor_id": str(os.getuid()),
    "address": f"this machine: {getpass.getuser()}, by sudo of ann",
}
WEBHOOK = "webhooks add shop https://192.0.2.1/hook"
COMMANDS = {
    "roles set night --permission recordings.list": ("settings-changed", ""),
    "accounts set alice --role administrator --generate-password": ("account-changed", "account:"),
    "accounts set alice --disable": ("account-changed", "account:1"),
    "accounts list": ("listed", "accounts:all"),
    "extensions set agent_toggle --disable": ("settings-changed", ""),
    "users set id:1 --call-record on": ("settings-changed", ""),
    "users import users.csv": ("account-changed", ""),
    "users export": ("exported", "users:all"),
    WEBHOOK: ("settings-changed", "webhook:shop"),
    "webhooks remove shop": ("settings-changed", "webhook:shop"),
    "prompts set call-is-recorded en prompt.wav": ("settings-changed", "prompt:call-is-recorded/en"),
    "prompts remove call-is-recorded en": ("settings-changed", "prompt:call-is-recorded/en"),
    "recordings list --number 1000": ("listed", ""),
    "recordings show 01abc-1": ("shown", ""),
    "rebuild": ("settings-changed", "catalogue:all"),
    "backup backups": ("exported", "backup:all"),
    "audit list": ("audit-read", ""),
}
"""Each command, the action of its entry, and the subject."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    for name in ("spool", "monitor"):
        (tmp_path / name).mkdir()
    with wave.open(str(tmp_path / "prompt.wav"), "wb") as prompt:
        prompt.setnchannels(1)
        prompt.setsampwidth(2)
        prompt.setframerate(RATE_HZ)
        prompt.writeframes(tone(440, 0.5).tobytes())
    (tmp_path / "users.csv").write_text("entityid|firstname|lastname|language\n1|Max|Mustermann|\n")
    made = House(
        tmp_path,
        settings={
            "SUDO_USER": "ann",
            "CALLREC_PROMPTS_DIR": str(tmp_path / "prompts"),
            "CALLREC_WEBHOOK_NETWORKS": "192.0.2.0/24",
        },
    )
    yield made
    made.stop()


def entries(house: House) -> list[dict[str, object]]:
    """All of the log, oldest first."""
    page = audit_page(DiskLogReader(house.folder / "s" / "audit"), AuditFilter(), 1000, None)
    return [dict(one) for one in reversed(page.entries)]


def check_commands(house: House, every: int = 1) -> None:
    """Run each command, or each third, and see its entry."""
    for line, (action, subject) in list(COMMANDS.items())[::every]:
        before = len(entries(house)) if (house.folder / "s" / "audit" / "checkpoint").exists() else 0
        done = house.command(*line.split(), state="s")
        may_fail = line.startswith("recordings show") or every > 1  # what an earlier one should have made is not there
        assert done.returncode == 0 or may_fail, (line, done.stderr.decode())
        made = [one for one in entries(house)[before:] if one["actor_kind"] == "machine"]
        assert [(one["action"], one["details"]) for one in made] == [(action, line)], line
        assert made[0] | WHO == made[0], line
        assert str(made[0]["subject"]).startswith(subject), line


def test_p7_each_command_is_in_the_log_with_its_system_user_without_a_daemon(house: House) -> None:
    check_commands(house)
    report = check_log(DiskLogReader(house.folder / "s" / "audit"))
    assert not report.findings


def test_p7_each_command_is_in_the_log_with_its_system_user_beside_the_daemon(house: House) -> None:
    """The daemon has the log, and sees by the socket whose process it is; also for what it does itself for a command."""
    house.start()
    check_commands(house, every=3)
    made = house.command("accounts", "token", "crm", "--permission", "calls.read", "--json", state="s")
    token = json.loads(made.stdout)["id"]
    house.command("recordings", "tag", "01abc-1", "x", state="s")
    (last,) = [one for one in entries(house) if one["action"] == "token-made"]
    assert (last["actor_kind"], last["actor_id"], last["subject"]) == ("machine", str(os.getuid()), f"token:{token}")


@pytest.mark.parametrize(
    "line", ["roles set night --permission recordings.list", WEBHOOK, "recordings list", "users export"]
)
def test_p7_a_command_that_the_log_does_not_take_changes_and_shows_nothing(house: House, line: str) -> None:
    house.command("roles", "set", "other", "--permission", "recordings.list", state="s")
    audit = house.folder / "s" / "audit"
    shutil.move(audit, audit.with_name("away"))
    audit.write_text("no folder")
    done = house.command(*line.split(), state="s")
    assert (done.returncode, done.stdout) == (3, b""), done.stderr
    audit.unlink()
    shutil.move(audit.with_name("away"), audit)
    assert "night" not in house.command("roles", "list", state="s").stdout.decode()
    assert "shop" not in house.command("webhooks", "list", state="s").stdout.decode()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make files that the daemon could not read")
def test_what_root_logs_belongs_to_the_owner_of_the_state_folder() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, owner = Path(name), 65534
        folder.chmod(0o755)
        (folder / "s").mkdir()
        os.chown(folder / "s", owner, owner)
        house = House(folder)
        done = house.command("recordings", "list", state="s")
        made = {path.stat().st_uid for path in (folder / "s" / "audit").rglob("*")}
        assert (made, len(entries(house))) == ({owner}, 1), done.stderr
