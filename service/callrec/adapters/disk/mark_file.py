"""The mark of the tables that were seen last, in the state folder: one small file, whole at any moment."""

from pathlib import Path

from callrec.adapters.disk.durable import on_disk, sync_folder, write_new
from callrec.app.tables_mark import TablesMark, dumped, loaded

NAME = "tables.json"
MODE = 0o644
"""It holds no secret, and a command that root runs must not keep the daemon from it."""


class DiskMark:
    """Keeps the promises of `app.tables_mark.MarkFile`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def read(self) -> TablesMark | None:
        """See MarkFile."""
        with on_disk(f"cannot read {self._path}"):
            try:
                text = self._path.read_bytes()
            except FileNotFoundError:
                return None
        return loaded(text, str(self._path))

    def write(self, mark: TablesMark) -> None:
        """See MarkFile."""
        draft = self._path.with_name(f".{NAME}.new")
        with on_disk(f"cannot write {self._path}"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)  # of a writer that was killed
            try:
                write_new(draft, dumped(mark), MODE)
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(self._path.parent)
