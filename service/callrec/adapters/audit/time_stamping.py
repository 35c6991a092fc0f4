"""Has checkpoints stamped by an authority (RFC 3161) over HTTP, and keeps what it answered beside the log.

    stamps/<size>.checkpoint    the checkpoint as it was stamped: it speaks of so many entries
    stamps/<size>.tsr           the authority's answer (TimeStampResp, DER)

A task of its own: neither a recording nor an entry waits for it. A stamp of the newest checkpoint covers everything before it,
so that one at a time is enough. The authority is trusted in nothing: its answer is bounded in size and time, and kept only when
it is a stamp of this checkpoint, with the nonce of this request, and signed by a known authority if there is a list of these.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
from cryptography.x509 import Certificate

from callrec import __version__
from callrec.adapters.audit.log_files import LogFiles
from callrec.adapters.audit.stamp_files import STAMPS, stamped_sizes
from callrec.adapters.backoff import jittered
from callrec.domain.backoff import Backoff
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.protocols.time_stamps import LARGEST_BYTES, check_signature, check_stamped, query_of

ANSWER_S = 20.0
LOOK_S = 10.0
"""How often a log that has not grown is looked at."""
FIRST_S, MOST_S = 30.0, 3600.0
"""The waits after failures."""
_LATE_S = 86_400.0
_CHUNK_BYTES = 8 << 10


class TimeStamping:
    """Stamps the log in this folder each `every_s` seconds, while it grows. `failed` is told each failure."""

    def __init__(
        self,
        folder: Path,
        url: str,
        authorities: Sequence[Certificate],
        every_s: float,
        failed: Callable[[CallrecError], None],
        *,
        answer_s: float = ANSWER_S,
        backoff: Backoff | None = None,
    ) -> None:
        self._files, self._url, self._authorities = LogFiles(folder), url, tuple(authorities)
        self._every_s, self._failed, self._answer_s = every_s, failed, answer_s
        self._backoff = backoff or jittered(FIRST_S, MOST_S)
        self._failures, self._good_s, self._error = 0, time.monotonic(), ""

    @property
    def why_not(self) -> str:
        """Why there has been no stamp for long; empty while all is well."""
        late = time.monotonic() - self._good_s > max(_LATE_S, 3 * self._every_s)
        return self._error if late else ""

    async def run(self) -> None:
        """Stamp, until cancelled."""
        while True:
            wait_s = await self.step()
            await asyncio.sleep(wait_s)

    async def step(self) -> float:
        """Have the newest checkpoint stamped, unless it is; the seconds until the next step."""
        try:
            note = await asyncio.to_thread(self._unstamped)
            if note is None:
                self._good_s = time.monotonic()
                return min(LOOK_S, self._every_s)
            await self._stamp(note)
        except CallrecError as error:
            self._failures, self._error = self._failures + 1, str(error)
            self._failed(error)
            return self._backoff.delay_s(self._failures)
        self._failures, self._error, self._good_s = 0, "", time.monotonic()
        return self._every_s

    async def _stamp(self, note: bytes) -> None:
        query, nonce = query_of(note)
        answer = await self._answer_to(query)
        await asyncio.to_thread(self._keep, note, answer, nonce)

    async def _answer_to(self, query: bytes) -> bytes:
        """The answer. Raises Unavailable."""
        limit = aiohttp.ClientTimeout(total=self._answer_s)
        headers = {
            "Content-Type": "application/timestamp-query",
            "Accept": "application/timestamp-reply",
            "User-Agent": f"callrec/{__version__}",
        }
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=limit, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
                ) as http,
                http.post(self._url, data=query, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status != 200:  # noqa: PLR2004 - HTTP's
                    raise _away(f"it answered HTTP {answer.status}")
                content = bytearray()
                async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                    content += chunk
                    if len(content) > LARGEST_BYTES:
                        raise _away(f"its answer has more than {LARGEST_BYTES >> 10} KiB")
                return bytes(content)
        except TimeoutError:
            raise _away(f"no answer within {self._answer_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _away(type(error).__name__) from None

    def _unstamped(self) -> bytes | None:
        """The newest checkpoint, unless it speaks of no entry, or is stamped. Blocking."""
        note = self._files.note() or b""
        size = _size_of(note)
        return note if size and size != max(stamped_sizes(self._files.folder), default=0) else None

    def _keep(self, note: bytes, answer: bytes, nonce: int | None) -> None:
        """Raises Corrupt for an answer that is no stamp of this checkpoint, Unavailable."""
        if check_stamped(answer, note).nonce != nonce:
            raise Corrupt("audit-stamp", "the time stamp has not the nonce of the request: it may be an old one")
        if self._authorities:
            check_signature(answer, note, self._authorities)
        name = f"{STAMPS}/{_size_of(note)}"
        for path, content in ((f"{name}.checkpoint", note), (f"{name}.tsr", answer)):
            self._files.put(path, content)
            self._files.sync([path])


def _size_of(note: bytes) -> int:
    lines = note.split(b"\n", 2)
    return int(lines[1]) if len(lines) > 1 and lines[1].isdigit() else 0


def _away(says: str) -> Unavailable:
    return Unavailable("audit-timestamp", f"the authority of CALLREC_AUDIT_TIMESTAMP_URL gives no time stamp: {says}")
