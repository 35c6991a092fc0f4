"""The files of a log in one folder, as anybody may read or serve them.

    checkpoint                  the newest signed statement of size and root
    log.vkey                    the public key
    tile/entries/000[.p/W]      entries, 256 in a file
    tile/0/000[.p/W], tile/1/   their hashes, and those of full tiles

Each appears complete: it is written under a temporary name, flushed, and renamed. What a checkpoint speaks of is on disk before
it.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.errors import Corrupt
from callrec.protocols.checkpoints import Checkpoint, VerifierKey
from callrec.protocols.key_changes import KeyChange, opened_by_any
from callrec.protocols.log_tiles import WIDTH, TileName, entries_in, hashes_in

if TYPE_CHECKING:
    from callrec.domain.error_codes import ErrorCode

CHECKPOINT, TILES, DRAFT = "checkpoint", "tile", ".tmp"
_MOST_BYTES = WIDTH * (2 + 65_535)
"""Of the largest file that a log has: a bundle of the longest entries."""


class LogFiles:
    """The log in this folder. Blocking. Each method raises Unavailable for an error of the disk, Corrupt for a damaged file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def note(self) -> bytes | None:
        """The newest checkpoint with its signatures; None without one."""
        return self._content(CHECKPOINT)

    def is_new(self) -> bool:
        """Whether the folder has neither a checkpoint nor anything that one would speak of."""
        return self.note() is None and next(self.names(), None) is None

    def checkpoint(self, key: VerifierKey, changes: Sequence[KeyChange] = ()) -> Checkpoint:
        """The newest checkpoint, which this key has signed, or the former one before the key was changed."""
        note = self.note()
        if note is None:
            hint = f"restore {self.folder} from a backup"
            raise Corrupt("audit-checkpoint", f"the checkpoint of the log in {self.folder} is missing", hint=hint)
        return opened_by_any(note, key, changes)

    def hashes(self, name: TileName) -> list[bytes]:
        """A tile's hashes."""
        return hashes_in(*self.content(name))[: name.width]

    def entries(self, name: TileName) -> list[bytes]:
        """A bundle's entries."""
        return entries_in(*self.content(name))[: name.width]

    def names(self) -> Iterator[str]:
        """All files below `tile/`, by their path in the folder, in a stable order; without drafts."""
        with on_disk(f"audit log {self.folder}"):
            for folder, folders, names in os.walk(self.folder / TILES):
                folders.sort()
                below = Path(folder).relative_to(self.folder)
                yield from (str(below / name) for name in sorted(names) if not name.endswith(DRAFT))

    def put(self, path: str, content: bytes) -> None:
        """Write a file durably; the folders that are new too. `sync` makes its name durable."""
        target = self.folder / path
        draft = target.with_name(f"{target.name}{DRAFT}")
        with on_disk(f"audit log {target}"):
            self._make_folders(target.parent)
            draft.unlink(missing_ok=True)
            write_new(draft, content, 0o644)
            draft.rename(target)

    def sync(self, paths: Sequence[str]) -> None:
        """Make the names of these files durable."""
        with on_disk(f"audit log {self.folder}"):
            for folder in sorted({(self.folder / path).parent for path in paths}):
                sync_folder(folder)

    def drop_partial(self, name: TileName) -> None:
        """Remove the partial files of what is full now, which the format allows. What cannot be removed stays."""
        shutil.rmtree(self.folder / f"{name.folder}.p", ignore_errors=True)

    def content(self, name: TileName) -> tuple[bytes, TileName]:
        """A file's bytes and its name; of a partial one that is full meanwhile, the full one's."""
        content = self._content(name.path)
        if content is None and name.width < WIDTH:
            name = TileName(name.level, name.index)
            content = self._content(name.path)
        if content is None:
            code: ErrorCode = "audit-bundle" if name.level is None else "audit-tile"
            raise Corrupt(code, f"{name.path} is missing", hint=f"restore {self.folder} from a backup")
        return content, name

    def _content(self, path: str) -> bytes | None:
        with on_disk(f"audit log {self.folder / path}"):
            try:
                with (self.folder / path).open("rb") as file:
                    return file.read(_MOST_BYTES + 1)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _make_folders(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folders(folder.parent)
            folder.mkdir(mode=0o755, exist_ok=True)
            sync_folder(folder.parent)
