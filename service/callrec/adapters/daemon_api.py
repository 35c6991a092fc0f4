"""The API of the running daemon, as a command asks it: on the address of the settings, with the token of the state folder."""

import http.client
import json
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, cast

from callrec.adapters.disk.token import kept_token, token_is_there
from callrec.config import split_bind
from callrec.domain.errors import Misconfigured, Refused, Unavailable

if TYPE_CHECKING:
    from callrec.domain.error_codes import ErrorCode

ANSWER_S = 15.0
"""Longer than the slowest handler of live calls."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses to listen on, not to connect to


class DaemonApi:
    """Requests to the daemon of these settings, one connection each. Blocking."""

    def __init__(self, http_bind: str, state_dir: Path, certificate: Path | None = None) -> None:
        host, self._port = split_bind(http_bind)
        self._host = _EVERYWHERE.get(host, host)
        self._state_dir, self._certificate = state_dir, certificate

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """The JSON of the answer. Raises Refused with the code of a problem, Unavailable when there is no daemon or it cannot do
        it now, Misconfigured for a wrong token file."""
        if not token_is_there(self._state_dir):
            raise self._away(f"no daemon has run with the state folder {self._state_dir}")
        headers = {"Authorization": f"Bearer {kept_token(self._state_dir)}", "Content-Type": "application/json"}
        connection = self._connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._away(f"the daemon does not answer at {self._host}:{self._port}") from error
        finally:
            connection.close()
        if answer.status < HTTPStatus.BAD_REQUEST:
            return cast("dict[str, object]", said)
        code = cast("ErrorCode", said.get("code", "defect"))
        kind = Unavailable if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
        raise kind(code, str(said.get("title", "")), hint=str(said.get("hint", "")))

    def _connection(self) -> http.client.HTTPConnection:
        """With TLS when the daemon has a certificate: this one, whatever name is in it, since the address is the daemon's own.
        Raises Misconfigured."""
        if self._certificate is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_S)
        try:
            context = ssl.create_default_context(cafile=str(self._certificate))
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured("http-tls", f"cannot read the certificate {self._certificate}: {error}") from error
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return http.client.HTTPSConnection(self._host, self._port, timeout=ANSWER_S, context=context)

    def _away(self, says: str) -> Unavailable:
        return Unavailable("daemon-away", says, hint="the daemon does this: start it with callrec serve")
