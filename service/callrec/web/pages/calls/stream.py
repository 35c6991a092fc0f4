"""The stream behind the page Live: rows as they change, for a browser that has logged in.

The list is looked at once in LOOK_S, for all browsers together. Each is sent the rows that its person may see and that changed
since it was last sent them, drawn in its language, and the ids of calls that are gone, or that the person may not see any more.
It is sent all rows when it connects, so it may come back at any time.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus

from aiohttp import web

from callrec.app.calls.live_calls import LiveCalls
from callrec.domain.access.decisions import visible
from callrec.domain.access.principals import Principal
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Unavailable
from callrec.web.auth import RECHECK_S, principal_of, still_may
from callrec.web.pages.calls import words
from callrec.web.pages.calls.rows import Row, controls_for
from callrec.web.pages.site import SITE, Site
from callrec.web.pages.view import View

LOOK_S = 0.5
HEARTBEAT_S = 10.0
STALL_S = 15.0
"""How long a browser may read nothing while something is to be sent."""
LIFE_S = 3600.0
RETRY_MS = 3000
MOST = 50
"""Browsers at once."""
AT_ONCE = 50
"""Rows that are drawn before others get their turn."""


class RowLook:
    """The rows of this moment, made at most once in LOOK_S."""

    def __init__(self, calls: LiveCalls, clock: Callable[[], float]) -> None:
        self._calls, self._clock = calls, clock
        self._rows: Sequence[Row] = ()
        self._at_s = float("-inf")

    def goes_on(self, call: str) -> bool:
        """Whether this call was there at the last look."""
        return any(row.id == call for row in self._rows)

    def rows(self, principal: Principal) -> Sequence[Row]:
        """What this principal may see, oldest call first."""
        if self._clock() - self._at_s >= LOOK_S:
            self._rows, self._at_s = [Row.of(call) for call in self._calls.every()], self._clock()
        within = visible(principal, Permission.CALLS_READ)
        return [row for row in self._rows if within.holds_any(row.users)]


class LiveStream:
    """The browsers that follow."""

    def __init__(self, look: RowLook) -> None:
        self._look = look
        self._following = 0

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """`GET /calls/stream`."""
        if self._following >= MOST:
            hint = "close pages that are not looked at"
            raise Unavailable("too-many-subscribers", f"{MOST} browsers follow the calls already", hint=hint)
        self._following += 1
        try:
            return await self._followed(request)
        finally:
            self._following -= 1

    async def _followed(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=HTTPStatus.OK, headers={"X-Accel-Buffering": "no"})
        answer.content_type, answer.charset = "text/event-stream", "utf-8"
        answer.enable_chunked_encoding()
        try:
            await answer.prepare(request)
            await _write(answer, f"retry: {RETRY_MS}\n\n")
            await self._send(request, answer)
            await answer.write_eof()
        except (TimeoutError, ConnectionError, CallrecError):
            _cut(request)
        except BaseException:
            _cut(request)
            raise
        return answer

    async def _send(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Until the connection's time or the permission is over."""
        clock = asyncio.get_running_loop().time
        ends_s, checked_s, wrote_s = clock() + LIFE_S, clock(), clock()
        sent: dict[str, str] | None = None
        while clock() < ends_s:
            if clock() - checked_s >= RECHECK_S:
                if not await still_may(request, Permission.CALLS_READ):
                    return
                checked_s = clock()
            rows, before = self._look.rows(principal_of(request)), sent or {}
            fresh = [row for row in rows if before.get(row.id) != row.mark]
            now = {row.id: row.mark for row in rows}
            gone = [one for one in before if one not in now]
            left = [one for one in gone if self._look.goes_on(one)]
            view = request.app[SITE].view(request)
            for place in range(0, len(fresh), AT_ONCE):
                part = fresh[place : place + AT_ONCE]
                await _write(answer, "".join(_frame("row", _drawn(view, one)) for one in part))
                await asyncio.sleep(0)
            if fresh or gone or sent is None or clock() - wrote_s >= HEARTBEAT_S:
                said = {"count": len(rows), "gone": gone, "left": left, "all": list(now) if sent is None else None}
                await _write(answer, _frame("calls", said))
                wrote_s = clock()
            sent = now
            await asyncio.sleep(LOOK_S)


def _drawn(view: View, row: Row) -> dict[str, object]:
    html = Site.drawn(view, "calls/rows.html", words=words, rows=[row], controls=controls_for(view.principal))
    return {"id": row.id, "mark": row.mark, "html": html.strip()}


def _frame(event: str, content: dict[str, object]) -> str:
    return f"event: {event}\ndata: {json.dumps(content)}\n\n"


async def _write(answer: web.StreamResponse, frames: str) -> None:
    async with asyncio.timeout(STALL_S):
        await answer.write(frames.encode())


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
