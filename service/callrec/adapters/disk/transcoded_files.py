"""Files that were re-encoded for a listener, in one folder with a bound: `<digest of the source>-<own digest>.<ext>`.

The folder can be removed at any time. It is emptied at each start of the daemon, so that nothing stays in it for ever.
"""

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk
from callrec.domain.library.captures import Encoded
from callrec.domain.library.manifest import Format

_NAME = re.compile(r"(?P<source>[0-9a-f]{64})-(?P<own>[0-9a-f]{64})\.(?P<ext>wav|flac|opus|mp3)")
_TEMPORARY = ".encoding"


class DiskTranscodedFiles:
    """Implements `app.ports.media.TranscodedFiles`."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self.most_bytes = folder, most_bytes

    def empty(self) -> None:
        """Create the folder, and remove all files in it. Raises Unavailable."""
        with on_disk(f"folder {self._folder}"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._folder.iterdir():
                if _NAME.fullmatch(path.name) or path.name.endswith(_TEMPORARY):
                    path.unlink(missing_ok=True)

    def find(self, source_sha256: str, media_format: Format) -> tuple[str, str] | None:
        """See ports.TranscodedFiles."""
        for path in self._folder.glob(f"{source_sha256}-*.{media_format.value}"):
            if found := _NAME.fullmatch(path.name):
                try:
                    os.utime(path)  # it is used: the others are removed before it
                except OSError:
                    continue  # removed since, or the disk is read-only: encode again
                return str(path), found["own"]
        return None

    def temporary(self) -> str:
        """See ports.TranscodedFiles."""
        with on_disk(f"folder {self._folder}"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(_TEMPORARY, "", self._folder)
            os.close(descriptor)
        return name

    def keep(self, temporary: str, source_sha256: str, media_format: Format, encoded: Encoded) -> str:
        """See ports.TranscodedFiles."""
        target = self._folder / f"{source_sha256}-{encoded.sha256}.{media_format.value}"
        with on_disk(f"folder {self._folder}"):
            self._make_room(encoded.bytes)
            Path(temporary).rename(target)
        return str(target)

    def drop(self, temporary: str) -> None:
        """See ports.TranscodedFiles."""
        with suppress(OSError):  # it has its name already, or the next start of the daemon removes it
            Path(temporary).unlink()

    def forget(self, source_sha256: str) -> None:
        """See ports.TranscodedFiles."""
        with on_disk(f"folder {self._folder}"):
            for path in self._folder.glob(f"{source_sha256}-*"):
                path.unlink(missing_ok=True)

    def _make_room(self, bytes_: int) -> None:
        """Raises OSError."""
        kept = sorted(
            ((found.st_mtime_ns, found.st_size, path) for path, found in self._kept()), key=lambda one: one[0]
        )
        left = self.most_bytes - bytes_ - sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if left >= 0:
                return
            path.unlink(missing_ok=True)
            left += size

    def _kept(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name):
                try:
                    found.append((path, path.stat()))
                except FileNotFoundError:
                    continue
        return found
