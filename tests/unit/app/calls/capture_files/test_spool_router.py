"""Each event of the spool reaches the open capture it belongs to, or recovery."""
# ruff: noqa: D102 - the stand-in keeps the promises of FileWatch

from pathlib import Path

import pytest

from callrec.app.calls.capture_files.file_watch import FileWatch
from callrec.app.calls.capture_files.spool_router import SpoolRouter
from callrec.domain.calls.events import Event
from callrec.domain.calls.ids import CaptureId
from callrec.domain.library.captures import FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.domain.library.file_names import CaptureFile, FallbackFile, Side
from callrec.domain.rules import Rule
from callrec_lab.simulated_asterisk import Clock, FragileSpool

OURS, OTHERS = CaptureId("c1-1-1"), CaptureId("c2-1-1")
FALLBACK = FallbackFile(Rule.ON_DEMAND, "alice", "1.1", 1_795_341_600, Side.READ, 8000)


class Watch(FileWatch):
    """Notes what it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(FragileSpool(folder), Clock())
        self.heard: list[str] = []
        self.watch(OURS, self._ignore)

    def _ignore(self, event: Event) -> None:
        pass

    def created(self, file: CaptureFile) -> None:
        self.heard.append("created")
        super().created(file)

    def closed(self, file: CaptureFile) -> bool:
        self.heard.append("closed")
        return super().closed(file)

    def rescanned(self) -> None:
        self.heard.append("rescanned")


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (FileCreated(CaptureFile(OURS, Side.READ, 8000)), ["created"]),
        (FileClosed(CaptureFile(OURS, Side.READ, 8000)), ["closed"]),
        (FileClosed(CaptureFile(OTHERS, Side.READ, 8000)), ["closed", "orphan"]),
        (Rescanned(()), ["rescanned"]),
        (FileCreated(FALLBACK), ["fallback begins"]),
        (FileClosed(FALLBACK), ["fallback"]),
    ],
    ids=["created", "closed", "closed, of no open capture", "rescanned", "the dialplan's", "the dialplan's, closed"],
)
def test_an_event_goes_to_its_capture_or_to_recovery(tmp_path: Path, event: SpoolEvent, heard: list[str]) -> None:
    watch = Watch(tmp_path)
    router = SpoolRouter(
        watch,
        orphan_closed=lambda: watch.heard.append("orphan"),
        fallback_created=lambda file: watch.heard.append("fallback begins" if file is FALLBACK else "another"),
        fallback_closed=lambda file: watch.heard.append("fallback" if file is FALLBACK else "another"),
    )
    router.event(event)
    assert watch.heard == heard
