"""Each event of the spool goes to the open capture it belongs to. Files of no open capture go to recovery."""

from collections.abc import Callable

from callrec.app.calls.capture_files.file_watch import FileWatch
from callrec.domain.library.captures import FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.domain.library.file_names import CaptureFile, FallbackFile


class SpoolRouter:
    """`orphan_closed` hears of a closed file of no open capture, `fallback_closed` of a closed file of the dialplan's own."""

    def __init__(
        self,
        files: FileWatch,
        *,
        orphan_closed: Callable[[], None],
        fallback_closed: Callable[[FallbackFile], None],
    ) -> None:
        self._files = files
        self._orphan_closed, self._fallback_closed = orphan_closed, fallback_closed

    def event(self, event: SpoolEvent) -> None:
        """Pass one event on. Never blocks."""
        match event:
            case FileCreated(CaptureFile() as file):
                self._files.created(file)
            case FileClosed(CaptureFile() as file):
                if not self._files.closed(file):
                    self._orphan_closed()
            case FileClosed(FallbackFile() as file):
                self._fallback_closed(file)
            case Rescanned():
                self._files.rescanned()
            case _:  # a new file of the dialplan's own: its end is what counts
                pass
