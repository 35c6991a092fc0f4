"""A served API of stored recordings, and a client of it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import aiohttp
from aiohttp import web
from stored_library import StoredLibrary

from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.domain.access.principals import DAEMON, Principal
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web import server
from callrec.web.api.annotations import annotation_operations
from callrec.web.api.erasures import erasure_operations
from callrec.web.api.exports import export_operations
from callrec.web.api.holds import hold_operations
from callrec.web.api.links import link_operations, shared_pages
from callrec.web.api.many_annotations import many_annotation_operations
from callrec.web.api.marks import marks_operation
from callrec.web.api.media import media_operation
from callrec.web.api.retention import retention_operations
from callrec.web.api.waveforms import waveform_operation
from callrec.web.auth import Authentication
from callrec.web.server import build_app, serve_http
from callrec.wiring.media import Around, stored_media

TOKEN = "t" * 43


class Client:
    """Asks for media."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self.port, self.http = port, http

    async def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, aiohttp.typedefs.LooseHeaders, bytes]:
        """Status, headers and body; headers' dashes are underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.port}/api/v1/recordings/{path}"
        async with self.http.request(method, url, headers=named) as answer:
            return answer.status, answer.headers, await answer.read()

    async def send(self, path: str, method: str, body: object, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer to a body, which is JSON too."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.port}/api/v1/recordings/{path}"
        async with self.http.request(method, url, json=body, headers=named) as answer:
            return answer.status, json.loads(await answer.read())


@asynccontextmanager
async def served(
    stored: StoredLibrary, principal: Principal | Callable[[], Principal] = DAEMON
) -> AsyncIterator[Client]:
    """The API of this library, as this principal reaches it, or the one of the moment."""

    class Known(Authentication):
        """Whoever has the token is the principal."""

        async def principal(self, request: web.Request) -> Principal | None:
            """They, with the token."""
            now = principal() if callable(principal) else principal
            return now if self.opens(request) else None

    around = Around(stored, stored.library, stored, stored, stored, stored.may_share, contents=stored.contents)
    media = stored_media(stored.settings, around)
    api = [
        media_operation(media),
        waveform_operation(media),
        marks_operation(media),
        *annotation_operations(media),
        *link_operations(media),
        *export_operations(media, DiskLogReader(stored.settings.state_dir / "audit")),
        *erasure_operations(media),
        *hold_operations(media),
        *many_annotation_operations(media),
        *retention_operations(media),
    ]
    with patch.object(server, "Authentication", Known):
        app = build_app(
            readiness=Readiness(), metrics=Metrics(), live=list, token=TOKEN, api=api, shared=shared_pages(media)
        )
    runner, port = await serve_http(app, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            yield Client(port, http)
    finally:
        await runner.cleanup()


def stranger(client: Client) -> aiohttp.ClientSession:
    """A client without a token."""
    return aiohttp.ClientSession(f"http://127.0.0.1:{client.port}")


def actions(stored: StoredLibrary) -> list[str]:
    return [f"{one.action} {one.recording} {one.subject} {one.actor.kind}".replace("  ", " ") for one in stored.audited]
