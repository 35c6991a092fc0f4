"""What a test asks of a daemon on its own socket, with the daemon's token: bodies of any kind."""

import http.client
from pathlib import Path

from callrec.adapters.daemon_socket import connected
from callrec.adapters.disk.token import kept_token, token_owner


def got(state_dir: Path, path: str, **headers: str) -> tuple[int, bytes]:
    """Status and body of a GET below /api/v1."""
    connection = http.client.HTTPConnection("localhost", timeout=30)
    try:
        connection.sock = connected(state_dir, token_owner(state_dir), 30)
        connection.request(
            "GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {kept_token(state_dir)}", **headers}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
