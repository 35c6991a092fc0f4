"""`callrec calls`: what is asked of the daemon, and what is printed of its answers."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callrec.adapters.daemon_api import DaemonApi
from callrec.adapters.daemon_socket import NAME, connected, listening
from callrec.adapters.disk.token import kept_token
from callrec.cli.calls import app
from callrec.domain.errors import CallrecError, Refused, Unavailable

CALL = {
    "id": "01m8",
    "state": "paused",
    "participants": [{"number": "1000", "name": "", "leg": "1.1"}, {"number": "", "name": "", "leg": "1.2"}],
    "recording": {"rule": "always", "since_s": 0.0, "pauses": [{}]},
}
IDLE = CALL | {"id": "01m9", "state": "idle", "recording": None}


class Daemon(BaseHTTPRequestHandler):
    """Answers as the test says, and keeps what it was asked."""

    status, answer = 200, b""
    heard: list[tuple[str, str, str, Any]]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.heard.append((self.command, self.path, self.headers["Authorization"], json.loads(body) if body else None))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.answer)

    do_GET = do_POST = _answer  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Silent."""


class _Server(HTTPServer):
    """On the daemon's own socket."""

    address_family = socket.AF_UNIX

    def __init__(self, state_dir: Path, served: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((str(state_dir), 0), served, bind_and_activate=False)
        self.socket.close()
        self.socket = listening(state_dir)
        self.socket.setblocking(True)
        self.server_activate()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """A unix socket has no address of its client."""
        return self.socket.accept()[0], ("", 0)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Daemon]]:
    """It listens in the state folder."""
    served = type("Served", (Daemon,), {"heard": []})
    server = _Server(tmp_path, served)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("CALLREC_STATE_DIR", str(tmp_path))
    served.token = kept_token(tmp_path)  # type: ignore[attr-defined]  # of this test
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def run(*words: str) -> str:
    """The output of a command that succeeds."""
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_list_names_who_talks_and_by_which_rule_it_is_recorded(daemon: type[Daemon]) -> None:
    daemon.answer = json.dumps({"items": [CALL, IDLE]}).encode()
    head, first, second = run("list").splitlines()
    assert head.split("\t") == ["id", "state", "rule", "length_s", "participants", "pauses"]
    assert [first.split("\t")[n] for n in (0, 1, 2, 4, 5)] == ["01m8", "paused", "always", "1000, 1.2", "1"]
    assert second.split("\t")[:4] == ["01m9", "idle", "", ""]
    assert json.loads(run("list", "--json")) == [CALL, IDLE]
    assert daemon.heard[0] == ("GET", "/api/v1/calls", f"Bearer {daemon.token}", None)  # type: ignore[attr-defined]


def test_the_list_is_printed_again_every_second(daemon: type[Daemon], monkeypatch: pytest.MonkeyPatch) -> None:
    """Until Ctrl-C."""
    daemon.answer = json.dumps({"items": []}).encode()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("callrec.cli.calls.time.sleep", sleep)
    CliRunner().invoke(app, ["list", "--watch"])
    assert (slept, len(daemon.heard)) == ([1, 1], 2)


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["start", "01m8"], {"reason": ""}),
        (["stop", "01m8", "--reason", "enough"], {"reason": "enough"}),
        (["pause", "01m8", "--resume-after", "30"], {"reason": "", "resume_after_s": 30.0}),
        (["pause", "01m8", "--reason", "card"], {"reason": "card"}),
        (["resume", "01m8"], {"reason": ""}),
    ],
)
def test_a_request_says_what_came_of_it(daemon: type[Daemon], words: list[str], body: object) -> None:
    daemon.answer = json.dumps(CALL).encode()
    assert "paused" in run(*words)
    assert json.loads(run(*words, "--json")) == CALL
    assert [one[:2] + one[3:] for one in daemon.heard] == [
        ("POST", f"/api/v1/calls/01m8/recording/{words[0]}", body)
    ] * 2


def failed(daemon: type[Daemon], status: int, answer: bytes) -> CallrecError:
    daemon.status, daemon.answer = status, answer
    done = CliRunner().invoke(app, ["pause", "../users"])
    assert isinstance(done.exception, CallrecError)
    return done.exception


def test_what_the_daemon_refuses_is_told_with_its_code(daemon: type[Daemon]) -> None:
    refused = failed(daemon, 409, b'{"title": "no", "code": "not-recorded", "hint": "start it"}')
    assert (type(refused), refused.code, str(refused)) == (Refused, "not-recorded", "no (start it)")
    assert daemon.heard[0][1] == "/api/v1/calls/..%2Fusers/recording/pause"
    away = failed(daemon, 503, b'{"title": "away", "code": "ami-down", "hint": ""}')
    assert (type(away), away.code) == (Unavailable, "ami-down")
    assert failed(daemon, 200, b"<html>").code == "daemon-away"


def test_without_a_daemon_that_is_said(tmp_path: Path) -> None:
    """None has ever run here, or none runs now."""
    for prepare in (lambda: None, lambda: kept_token(tmp_path)):
        prepare()
        with pytest.raises(Unavailable) as caught:
            DaemonApi(tmp_path).ask("GET", "/api/v1/calls")
        assert caught.value.code == "daemon-away"


def test_the_token_is_sent_to_no_process_of_another_user(tmp_path: Path) -> None:
    """Who listens is asked of the kernel. Root's process may have it: it can read the file."""
    kept_token(tmp_path)
    with listening(tmp_path) as own:
        if os.getuid():
            own.listen()
        else:  # as nobody
            os.seteuid(65534)
            own.listen()
            os.seteuid(0)
        with pytest.raises(Refused) as caught:
            connected(tmp_path, os.getuid() + 1, 1.0)
        assert caught.value.code == "daemon-not-proven"
        own.setblocking(True)
        with own.accept()[0] as there:
            assert there.recv(1) == b""


def test_the_socket_of_a_daemon_that_has_ended_is_nobodys_and_the_next_one_takes_its_place(tmp_path: Path) -> None:
    """However long the folder's path is; no other file is removed."""
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    kept_token(folder)
    for _ in range(2):
        with listening(folder) as own:
            own.listen()
            connected(folder, os.getuid(), 1.0).close()
        with pytest.raises(Unavailable, match="does not answer"):
            DaemonApi(folder).ask("GET", "/api/v1/calls")
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    (folder / NAME).unlink()
    (folder / NAME).write_text("a file")
    with pytest.raises(Unavailable, match="Address already in use"):
        listening(folder)
    assert (folder / NAME).read_text() == "a file"
