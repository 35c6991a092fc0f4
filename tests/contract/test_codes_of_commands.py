"""The codes of what commands refuse: an operator's terminal shows the sentence, docs/errors.md and tests go by the code."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from callrec.adapters.disk.folder_lock import FolderLock
from callrec.cli import user_files
from callrec.cli.app import app
from callrec.domain.errors import CallrecError, Unavailable

FILE = "firstname|lastname|phonenumber|context|protocol|linename\nJohn|Doe|1000|default|sip|abc\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("state", "monitor", "spool"):
        monkeypatch.setenv(f"CALLREC_{name.upper()}_DIR", str(tmp_path / name))
    (tmp_path / "users.csv").write_text(FILE)
    return tmp_path


def code(line: str) -> str:
    """Of the error that this command ends with; empty when it does its work."""
    error = CliRunner().invoke(app, line.split()).exception
    assert error is None or isinstance(error, CallrecError), error
    return error.code if error else ""


@pytest.mark.usefixtures("folder")
def test_each_refusal_has_its_code() -> None:
    refused = {
        "users import users.csv": "",
        "users import absent.csv": "file-unreadable",
        "users export nowhere/x.csv": "file-unwritable",
        "users show nosuch": "no-such-user",
        "users set 1000 --rule in_internal=maybe": "record-rule",
        "contexts remove nosuch": "no-such-context",
        "roles remove nosuch": "no-such-role",
        "places remove queue nosuch": "no-such-place",
        "groups remove nosuch": "no-such-group",
        "profiles remove nosuch": "no-such-profile",
        "incalls set 9999 --record always": "no-such-incall",
        "keys remove 1000 7": "no-such-key",
        "recordings show nosuch": "no-such-recording",
        "confgen": "confgen-dir",
    }
    assert {line: code(line) for line in refused} == refused


def test_a_number_of_two_contexts_has_its_code(folder: Path) -> None:
    head, _ = FILE.split("\n", 1)
    rows = "".join(f"A|B|{n}|default|sip|l{n}|2050|{where}\n" for n, where in ((1001, "from-extern"), (1002, "other")))
    (folder / "users.csv").write_text(f"{head}|incallexten|incallcontext\n{rows}")
    lines = (
        "contexts set other --kind incall --range 2000-2999",
        "users import users.csv",
        "incalls set 2050 --record always",
    )
    assert [code(line) for line in lines] == ["", "", "incall-in-contexts"]


@pytest.mark.usefixtures("folder")
def test_secrets_that_cannot_be_written_do_not_look_like_an_import_that_was_refused() -> None:
    with open("/dev/full", "wb") as full, pytest.raises(Unavailable) as told:  # noqa: PTH123 - a device
        user_files._write_secrets(full.fileno(), [dict.fromkeys(user_files._SECRET, "x")])
    assert told.value.code == "secrets-not-written"


def test_the_catalogues_schema_is_not_changed_under_a_daemon(folder: Path) -> None:
    """Without one it is, and the next use changes it back."""
    (folder / "monitor").mkdir()
    lock = FolderLock(folder / "spool", "CALLREC_SPOOL_DIR", {"state": "there"})
    lock.take()
    assert code("rebuild --schema 1") == "daemon-runs"
    lock.release()
    assert code("rebuild --schema 99") == "catalogue-newer"
    assert [code("rebuild --schema 1"), code("recordings list"), code("rebuild")] == ["", "", ""]
