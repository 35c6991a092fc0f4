"""Each event of the spool goes to the open capture it belongs to. Files of no open capture go to recovery."""

from collections.abc import Callable

from callrec.app.calls.capture_files.file_watch import FileWatch
from callrec.domain.library.captures import FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.domain.library.file_names import CaptureFile, FallbackFile


class SpoolRouter:
    """`orphan_closed` hears of a closed file of no open capture, the two others of the dialplan's own files."""

    def __init__(
        self,
        files: FileWatch,
        *,
        orphan_closed: Callable[[], None],
        fallback_created: Callable[[FallbackFile], None],
        fallback_closed: Callable[[FallbackFile], None],
    ) -> None:
        self._files = files
        self._orphan_closed = orphan_closed
        self._fallback_created, self._fallback_closed = fallback_created, fallback_closed

    def event(self, event: SpoolEvent) -> None:
        """Pass one event on. Never blocks."""
        match event:
            case FileCreated(CaptureFile() as file):
                self._files.created(file)
            case FileClosed(CaptureFile() as file):
                if not self._files.closed(file):
                    self._orphan_closed()
            case FileCreated(FallbackFile() as file):
                self._fallback_created(file)
            case FileClosed(FallbackFile() as file):
                self._fallback_closed(file)
            case Rescanned():  # pragma: no branch - the last kind
                self._files.rescanned()
