"""`callrec verify`, `verify --prove` and `audit` as a person runs them, on a library that a log proves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import one_command
import pytest
from logged_library import ACCOUNT, LoggedLibrary

from callrec.domain.access.audit import Action, AuditEntry


class Commands:
    """The commands in this folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")},
            "CALLREC_STATE_DIR": str(folder),
            "CALLREC_MONITOR_DIR": str(folder / "monitor"),
            "CALLREC_SPOOL_DIR": str(folder / "spool"),
            "CALLREC_AUDIT_WITNESS": str(folder / "witness"),
        }

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output and complaints."""
        done = one_command.run(*words, env=self.environment, cwd=self.folder)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def found(self) -> tuple[int, set[tuple[str, str]]]:
        """The exit code of `verify`, and its findings but those about audio: the golden library has none."""
        code, out, _ = self("verify", "--json")
        findings = {(one["code"], one["path"]) for one in json.loads(out)["findings"]}
        return code, {one for one in findings if one[0] not in {"media-unreadable", "codec", "media-length"}}


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    made = await LoggedLibrary(tmp_path).begin(3)
    (tmp_path / "spool").mkdir()
    return made


@pytest.fixture
def callrec(logged: LoggedLibrary) -> Commands:
    return Commands(logged.folder)


def test_verify_names_what_was_changed_in_library_and_log(callrec: Commands, logged: LoggedLibrary) -> None:
    assert callrec.found()[1] == set()
    path, _ = logged.manifests()[0]
    sidecar, checkpoint = logged.monitor / f"{path}.json", logged.audit / "checkpoint"
    sidecar.write_bytes(sidecar.read_bytes() + b"\n")
    assert callrec.found() == (1, {("sidecar-changed", path)})
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"callrec/pbx1\n", b"callrec/pbx2\n"))
    assert ("audit-checkpoint", "checkpoint") in callrec.found()[1]


def test_the_evidence_is_checked_by_its_own_script(callrec: Commands, logged: LoggedLibrary) -> None:
    _, manifest = logged.with_media()[0]
    recording = manifest.recording.id
    code, out, err = callrec("verify", "--prove", recording, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["recording"], told["folder"]) == (recording, f"evidence-{recording}")
    check = [sys.executable, "-I", "-S", "check.py"]
    assert subprocess.run(check, cwd=logged.folder / told["folder"], check=False, capture_output=True).returncode == 0  # noqa: S603 - ours
    code, _, err = callrec("verify", "--prove", recording)
    assert (code, err.count("\n")) == (1, 1)
    assert "exists already" in err
    assert callrec("verify", "--prove", "cnone-1")[0] == 1


async def test_audit_lists_who_did_what(callrec: Commands, logged: LoggedLibrary) -> None:
    await logged.log([AuditEntry(Action.HELD, ACCOUNT, "c1-1", reason="complaint \x1b[2J", address="192.0.2.7")])
    code, out, err = callrec("audit", "list", "--action", "held")
    assert (code, err) == (0, "")
    header, row = out.splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert (cells["action"], cells["actor_id"], cells["recording"]) == ("held", "12", "c1-1")
    assert (cells["address"], cells["reason"], cells["signed"]) == ("192.0.2.7", "complaint \\x1b[2J", "on")
    _, out, _ = callrec("audit", "list", "--recording", "c1-1", "--json", "--limit", "2")
    assert [one["action"] for one in json.loads(out)] == ["held", "listened"]
    assert "there are more: --before" in callrec("audit", "list", "--limit", "1")[2]


def test_the_key_is_shown_for_other_tools(callrec: Commands, logged: LoggedLibrary) -> None:
    code, out, _ = callrec("audit", "key")
    assert code == 0
    assert out.startswith((logged.audit / "log.vkey").read_text())
    assert "BEGIN PUBLIC KEY" in out
    assert json.loads(callrec("audit", "key", "--json")[1])["vkey"].startswith("callrec/pbx1+")


def test_without_a_log_the_hint_says_which_setting(callrec: Commands, logged: LoggedLibrary) -> None:
    (logged.audit / "log.vkey").unlink()
    code, out, err = callrec("audit", "key")
    assert (code, out) == (2, "")
    assert "CALLREC_STATE_DIR" in err
