"""The API of the running daemon, as a command asks it: on the socket in the state folder, with the token that lies there."""

import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, cast

from callrec.adapters.daemon_socket import connected
from callrec.adapters.disk.token import kept_token, token_is_there, token_owner
from callrec.domain.errors import Refused, Unavailable

if TYPE_CHECKING:
    from callrec.domain.error_codes import ErrorCode

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
        if not token_is_there(self._state_dir):
            raise self._away(f"no daemon has run with the state folder {self._state_dir}")
        headers = {"Authorization": f"Bearer {kept_token(self._state_dir)}", "Content-Type": "application/json"}
        headers |= more or {}
        connection = http.client.HTTPConnection("localhost", timeout=answer_s)
        try:
            connection.sock = connected(self._state_dir, token_owner(self._state_dir), answer_s)
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._away(f"the daemon does not answer in the state folder {self._state_dir}") from error
        finally:
            connection.close()
        if answer.status < HTTPStatus.BAD_REQUEST:
            return cast("dict[str, object]", said)
        code = cast("ErrorCode", said.get("code", "defect"))
        kind = Unavailable if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
        raise kind(code, str(said.get("title", "")), hint=str(said.get("hint", "")))

    def _away(self, says: str) -> Unavailable:
        return Unavailable("daemon-away", says, hint="the daemon does this: start it with callrec serve")
