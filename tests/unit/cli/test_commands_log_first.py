"""One table of all commands: each has its audit entry before it reaches anything, asks the daemon, or says why it needs none."""

import re
import sys
from collections.abc import Iterator, Sequence
from unittest.mock import Mock

import pytest
import typer
from typer.testing import CliRunner

from callrec.adapters.audit import from_commands
from callrec.adapters.daemon_api import DaemonApi
from callrec.cli import store
from callrec.cli.app import app
from callrec.domain.access.audit import AuditEntry
from callrec.domain.directory.model import Tables, User
from callrec.domain.errors import Unavailable
from callrec.domain.rules import UserId
from callrec.web.api.operations import operations
from callrec.web.use_cases import UseCases

LOGGED = {
    "accounts list": "listed accounts:all",
    "accounts sessions ann": "listed accounts:sessions",
    "accounts tokens": "listed tokens:all",
    "accounts set ann --disable": "account-changed account:7",
    "audit list": "audit-read ",
    "backup there": "exported backup:all",
    "confgen --dir .": "settings-changed confgen:all",
    "confgen --accept-store 3": "settings-changed tables:accepted",
    "contexts set more --range 1-9": "settings-changed ",
    "contexts remove more": "settings-changed ",
    "extensions set call_record --enable": "settings-changed ",
    "groups set sales --member id:7": "settings-changed ",
    "groups remove sales": "settings-changed ",
    "incalls set 2050@from-extern --record always": "settings-changed ",
    "keys set id:7 1 user --to id:7": "settings-changed ",
    "keys remove id:7 1": "settings-changed ",
    "keys import keys.csv": "settings-changed ",
    "places set queue support --record always": "settings-changed ",
    "places remove queue support": "settings-changed ",
    "profiles set agents --role user": "settings-changed ",
    "profiles remove agents": "settings-changed ",
    "prompts set call-is-recorded fr keys.csv": "settings-changed prompt:call-is-recorded/fr",
    "prompts remove call-is-recorded fr": "settings-changed prompt:call-is-recorded/fr",
    "rebuild": "settings-changed catalogue:all",
    "recordings list": "listed ",
    "recordings show c1-1": "shown ",
    "roles set night --permission audit.read": "settings-changed ",
    "roles remove night": "settings-changed ",
    "users import keys.csv": "account-changed ",
    "users export": "exported users:all",
    "users set id:7 --call-record on": "settings-changed ",
    "verify --prove c1-1": "exported ",
    "webhooks add shop https://192.0.2.1/": "settings-changed webhook:shop",
    "webhooks set shop --disable": "settings-changed webhook:shop",
    "webhooks remove shop": "settings-changed webhook:shop",
    "webhooks test shop": "settings-changed webhook:shop",
    "webhooks resend shop": "settings-changed webhook:shop",
}
"""Action and subject of the entry that the command itself makes."""
BY_DAEMON = {
    "accounts sessions ann --end": "endSessions",
    "accounts unlock ann": "unlockAccount",
    "accounts second-factor ann --remove": "removeSecondFactor",
    "accounts token crm --permission users.read": "createToken",
    "accounts token ab12 --remove": "removeToken",
    "calls start c1": "startRecording",
    "calls stop c1": "stopRecording",
    "calls pause c1": "pauseRecording",
    "calls resume c1": "resumeRecording",
    "recordings annotations c1-1": "showAnnotations",
    "recordings tag c1-1 x": "showAnnotations",
    "recordings note c1-1 words": "noteRecording",
    "recordings tag --user 7 --add x": "tagRecordings",
    "recordings note --user 7 --text words": "noteRecordings",
    "recordings hold c1-1 --reason r": "holdRecording",
    "recordings hold --user 7 --reason r": "holdRecordings",
    "recordings release c1-1 --reason r": "releaseRecording",
    "recordings release --user 7 --reason r": "releaseRecordings",
    "recordings erase c1-1 --reason r --yes": "eraseRecording",
    "recordings erase --user 7 --preview": "previewErasures",
    "recordings links c1-1": "listLinks",
    "recordings link c1-1": "makeLink",
    "recordings unlink c1-1 ab": "revokeLink",
    "recordings export there.zip --user 7 --preview": "previewExport",
    "retention list": "showRetention",
    "retention set long --max-days 9": "setRetentionClass",
    "retention remove long": "removeRetentionClass",
    "retention preview long": "previewRetentionClass",
    "retention enable long --expected 1": "enableRetentionClass",
    "retention disable long": "disableRetentionClass",
    "retention space --free-gb 1": "setRetentionSpace",
    "retention run": "runRetention",
    "retention clock --trust": "trustClock",
}
"""The first operation that the command asks of the daemon, which logs it: tests/contract/test_changes_are_logged.py."""
NONE = {
    **dict.fromkeys(("serve", "doctor", "users template", "audit key"), "nothing of recordings, accounts or the log"),
    **dict.fromkeys(
        ("users list", "users show", "contexts list", "incalls list", "places list", "keys list", "keys export"),
        "looks at users, lines and other records are not logged",
    ),
    **dict.fromkeys(
        ("profiles list", "roles list", "groups list", "extensions list", "webhooks list", "webhooks show",
         "prompts list", "prompts export"),
        "looks at settings are not logged",
    ),
    "calls list": "looks at live calls are not logged",
    "restore": "there is no log before; tests/contract/test_backup_command.py shows the entries in the restored one",
    "audit rotate-key": "the log itself has the entry: tests/unit/adapters/audit/test_log.py",
    "encryption new-key": "it makes a key, and stores it nowhere",
    "encryption status": "counts of files and the ids of keys: nothing of a recording",
    **dict.fromkeys(
        ("encryption encrypt", "encryption rotate"),
        "they look for a master key before; tests/contract/test_encryption_commands.py shows the entries",
    ),
    "recordings adopt": "the daemon enters what it finds: enterAdopted",
}  # fmt: skip
"""Commands without an entry of their own, and why."""

OPERATIONS = [
    (one.method, re.compile(re.sub(r"{\w+(:[^}]+)?}", "[^/]+", one.route)), one.name)
    for one in operations(Mock(UseCases))
]


class Reached(Exception):
    """The command has done the first thing that can be seen from outside."""


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[list[str]]:
    """What commands reach: the audit log and the daemon end them; the store has one user, and is only read before."""
    seen: list[str] = []

    def log(_folder: object, _origin: str, _witness: object, entry: AuditEntry) -> None:
        seen.append(f"{entry.action} {entry.subject}")
        raise Reached

    def ask(_daemon: DaemonApi, method: str, path: str, *_body: object, **_more: object) -> None:
        plain = path.partition("?")[0]
        seen.append(next(name for verb, route, name in OPERATIONS if verb == method and route.fullmatch(plain)))
        raise Reached

    monkeypatch.setattr(from_commands, "log_from_here", log)
    monkeypatch.setattr(DaemonApi, "ask", ask)
    monkeypatch.setattr(store, "_run", lambda _work: Tables((User(UserId("7"), "Ann", username="ann"),)))
    monkeypatch.setattr(store, "with_catalogue", Mock(side_effect=Unavailable("catalogue-busy", "it was not logged")))
    monkeypatch.setenv("CALLREC_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.csv").write_text("user|number|type|destination\n")
    return seen


def commands(command: object, before: Sequence[str] = ()) -> Iterator[str]:
    """The names of all commands."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(before)
    for name, one in (inner or {}).items():
        yield from commands(one, (*before, name))


def test_p7_each_command_has_its_entry_or_a_reason() -> None:
    """A command that is new fails here until it is in a table."""
    every = set(commands(typer.main.get_command(app)))
    lines = [*LOGGED, *BY_DAEMON, *NONE]
    assert every - {name for name in every for line in lines if f"{line} ".startswith(f"{name} ")} == set()
    assert not {name for name in NONE if name not in every}


@pytest.mark.parametrize(("line", "entry"), [*LOGGED.items(), *BY_DAEMON.items()])
def test_p7_the_entry_comes_before_anything_else(
    line: str, entry: str, outside: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["callrec", *line.split()])
    done = CliRunner().invoke(app, line.split())
    assert (outside, type(done.exception)) == ([entry], Reached), done.output
