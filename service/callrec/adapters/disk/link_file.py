"""Keeps the links to recordings in one file of the state folder, which only its owner can read."""

from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.library.links import Link
from callrec.protocols.links_file import decode_links, encode_links

NAME = "links.json"
_MODE = 0o600


class DiskLinks:
    """Implements `app.ports.media.LinkStore`."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / NAME

    def read(self) -> tuple[Link, ...]:
        """See ports.LinkStore."""
        with on_disk(f"file {self._path}"):
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return ()
        return decode_links(content)

    def write(self, links: tuple[Link, ...]) -> None:
        """See ports.LinkStore."""
        draft = self._path.with_name(f"{NAME}.new")
        with on_disk(f"file {self._path}"):
            draft.unlink(missing_ok=True)  # from a crash: one daemon alone writes here
            try:
                write_new(draft, encode_links(links), _MODE)
                draft.replace(self._path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise
            sync_folder(self._path.parent)
