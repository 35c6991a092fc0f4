"""The mark of the tables that were seen last: a small file in the state folder, replaced atomically."""

from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.directory.tables_mark import TablesMark, dumped, loaded

NAME = "tables.json"
MODE = 0o644
"""It contains no secret, and the daemon must be able to read it after root has run a command."""


class DiskMark:
    """Implements `app.ports.directory.MarkFile`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def read(self) -> TablesMark | None:
        """The mark; None when there is none yet. Raises Unavailable, Corrupt."""
        with on_disk(f"cannot read {self._path}"):
            try:
                text = self._path.read_bytes()
            except FileNotFoundError:
                return None
        return loaded(text, str(self._path))

    def write(self, mark: TablesMark) -> None:
        """Replace the mark; it is on disk on return. Raises Unavailable."""
        draft = self._path.with_name(f".{NAME}.new")
        with on_disk(f"cannot write {self._path}"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)  # from a process that was killed
            try:
                write_new(draft, dumped(mark), MODE)
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(self._path.parent)
