"""The API of the running daemon, as a command asks it: on the socket in the state folder, with the token that lies there."""

import http.client
import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, cast

from callrec.adapters.daemon_socket import connected
from callrec.adapters.disk.token import kept_token, token_is_there, token_owner
from callrec.adapters.system_user import this_user
from callrec.domain.errors import CallrecError, Refused, Unavailable

if TYPE_CHECKING:
    from callrec.domain.error_codes import ErrorCode


def _header(name: str) -> str:
    """A name as the value of a header: ASCII, without control characters."""
    return "".join(one if one.isascii() and one.isprintable() else "?" for one in name)[:64]


SAVE_S, PIECE_BYTES = 600.0, 256 << 10
"""A file: how long the daemon may need for its first byte, and for each piece."""
ANSWER_S = 15.0
"""Longer than the slowest handler of live calls."""


class DaemonApi:
    """Requests to the daemon of this state folder, one connection each. Blocking. Its token goes to a process of the token's
    owner only."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        more: Mapping[str, str] | None = None,
        *,
        answer_s: float = ANSWER_S,
    ) -> dict[str, object]:
        """The JSON of the answer; `more`: further headers; `answer_s`: how long it may take. Raises Refused
        with the code of a problem, or when somebody else listens; Unavailable when there is no daemon or it cannot do it now,
        Misconfigured for a wrong token file."""
        connection = http.client.HTTPConnection("localhost", timeout=answer_s)
        try:
            answer = self._sent(connection, method, path, body, more or {})
            said = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._away(f"the daemon does not answer in the state folder {self._state_dir}") from error
        finally:
            connection.close()
        if answer.status < HTTPStatus.BAD_REQUEST:
            return cast("dict[str, object]", said)
        raise _refusal(answer.status, said)

    def save(self, method: str, path: str, body: object, file: Path) -> int:
        """Write the answer into this new file, with mode 600; its length in bytes. A file that breaks off is removed. Raises as
        `ask`, and Refused (`file-unwritable`) when the file exists, or cannot be written."""
        connection = http.client.HTTPConnection("localhost", timeout=SAVE_S)
        try:
            answer = self._sent(connection, method, path, body, {})
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise _refusal(answer.status, json.loads(answer.read() or b"{}"))
            return _written(answer, file)
        except (OSError, http.client.HTTPException, ValueError) as error:
            says = f"the daemon broke off; {file} is not there"
            raise Unavailable("daemon-away", says, hint="see the daemon's log, and try again") from error
        finally:
            connection.close()

    def _sent(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: object, more: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """The head of the answer. Raises OSError, HTTPException, Refused, Unavailable, Misconfigured."""
        if not token_is_there(self._state_dir):
            raise self._away(f"no daemon has run with the state folder {self._state_dir}")
        user = this_user()
        headers = {
            "Authorization": f"Bearer {kept_token(self._state_dir)}",
            "Content-Type": "application/json",
            "Callrec-User": _header(user.name),
            "Callrec-Sudo-User": _header(user.sudo_user),
            **more,
        }
        timeout_s = cast("float", connection.timeout)
        connection.sock = connected(self._state_dir, token_owner(self._state_dir), timeout_s)
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return connection.getresponse()

    def _away(self, says: str) -> Unavailable:
        return Unavailable("daemon-away", says, hint="the daemon does this: start it with callrec serve")


def _refusal(status: int, said: Mapping[str, object]) -> CallrecError:
    """The error of a problem."""
    code = cast("ErrorCode", said.get("code", "defect"))
    kind = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
    return kind(code, str(said.get("title", "")), hint=str(said.get("hint", "")))


def _written(answer: http.client.HTTPResponse, file: Path) -> int:
    """Write a body into a new file; it is on disk on return. Raises OSError, HTTPException when it breaks off; Refused."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        if os.path.lexists(file):
            raise Refused("file-unwritable", f"{file} exists already", hint="give the name of a new file")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            count = 0
            while piece := answer.read(PIECE_BYTES):
                count += opened.write(piece)
            opened.flush()
            os.fsync(opened.fileno())
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return count
