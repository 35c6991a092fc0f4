"""Files that do not change while the daemon runs: style, scripts, pictures. Browsers keep them for a year.

Their addresses contain a digest of all of them, so that a new version has new addresses; scripts name each other by relative
addresses, which then lead to the same version.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static"
ROUTE = PREFIX + "/{digest:[0-9a-f]{12}}/{name:.+}"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain", "": "text/plain"}
"""By the end of a name. A licence has none. Files of other kinds are not served."""
KEPT_S = 365 * 24 * 3600


@dataclass(frozen=True)
class StaticFile:
    """A file, in memory: all of them together are smaller than 1 MB."""

    content: bytes
    kind: str

    @cached_property
    def packed(self) -> bytes:
        """The content, compressed; it is made once."""
        return gzip.compress(self.content, mtime=0)


class StaticFiles:
    """All files below a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.files: Mapping[str, StaticFile] = {
            path.relative_to(folder).as_posix(): StaticFile(path.read_bytes(), TYPES[path.suffix])
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES
        }
        whole = hashlib.sha256()
        for name, file in self.files.items():
            whole.update(name.encode() + b"\0" + hashlib.sha256(file.content).digest())
        self.digest = whole.hexdigest()[:12]

    def address(self, name: str) -> str:
        """The address of a file. Raises LookupError when there is none of this name."""
        if name not in self.files:
            raise LookupError(f"there is no file {name} in {FOLDER}")
        return f"{PREFIX}/{self.digest}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """The answer to GET and HEAD of ROUTE; 404 for files of another version, so that no browser keeps a mixture."""
        file = self.files.get(request.match_info["name"])
        if file is None or request.match_info["digest"] != self.digest:
            raise web.HTTPNotFound
        is_packed = "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {
            "Content-Type": f"{file.kind}; charset=utf-8",
            "Cache-Control": f"public, max-age={KEPT_S}, immutable",
            "Vary": "Accept-Encoding",
            **({"Content-Encoding": "gzip"} if is_packed else {}),
        }
        return web.Response(body=file.packed if is_packed else file.content, status=HTTPStatus.OK, headers=headers)
