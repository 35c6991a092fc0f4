"""The mark that recordings from before the log have their entries: an empty file in the log's folder."""

from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder

NAME = "adopted"


class FileMark:
    """Implements `app.ports.access.AdoptionMark` in this folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_set(self) -> bool:
        """Whether the file is there. Raises Unavailable."""
        with on_disk(f"audit log {self._folder / NAME}"):
            return (self._folder / NAME).exists()

    def set(self) -> None:
        """Make the file. Raises Unavailable."""
        with on_disk(f"audit log {self._folder / NAME}"):
            (self._folder / NAME).touch(mode=0o644)
            sync_folder(self._folder)
