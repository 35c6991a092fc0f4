"""A folder with recordings of another program. Nothing in it is changed; links and what else is no file are not followed."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.disk.reading import opened
from callrec.adapters.encryption.contents import PLAIN, Contents, digest_of
from callrec.domain.errors import Refused

_MOST_FILES = 10_000_000
"""A folder with more is given to the command in parts."""
_CHUNK_BYTES = 1 << 20


class DiskAdoptableFiles:
    """Implements `app.ports.library.AdoptableFiles`. `contents`: how files of the library are opened."""

    def __init__(self, folder: Path, contents: Contents = PLAIN) -> None:
        self._folder, self._contents = folder, contents

    def names(self) -> Iterator[str]:
        """See ports.AdoptableFiles."""
        with on_disk(f"folder {self._folder}"):
            for folder, folders, names in os.walk(self._folder, onerror=_raised):
                below = Path(folder).relative_to(self._folder)
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                links = (name for name in folders if (Path(folder) / name).is_symlink())
                yield from (str(below / name) for name in sorted([*names, *links]) if not name.startswith("."))

    def absolute(self, file: str) -> str:
        """See ports.AdoptableFiles."""
        return str(self._folder / file)

    def measure(self, file: str, settled_s: float) -> tuple[int, str]:
        """See ports.AdoptableFiles."""
        with on_disk(f"file {file!a}"), opened(self._folder / file) as content:
            if time.time() - os.fstat(content.fileno()).st_mtime < settled_s:
                says = f"the file was written in the last {settled_s:g} s, and may not be whole yet"
                raise Refused("adopt-busy", says, hint="run the command again later")
            return os.fstat(content.fileno()).st_size, hashlib.file_digest(content, "sha256").hexdigest()

    def digest(self, path: str) -> tuple[int, str]:
        """See ports.AdoptableFiles."""
        with on_disk(f"file {path!a}"), self._contents.reading(path) as content:
            return content.size_bytes, digest_of(content)

    def copy(self, file: str, into: str, *, links: bool) -> None:
        """See ports.AdoptableFiles."""
        with on_disk(f"file {file!a}"), opened(self._folder / file) as content:
            if links:
                beside = f"{into}.link"
                os.link(self._folder / file, beside, follow_symlinks=False)
                Path(beside).rename(into)
                return
            with self._contents.writing(into) as copy:
                while chunk := content.read(_CHUNK_BYTES):
                    copy.write(chunk)


def _raised(error: OSError) -> None:
    raise error
