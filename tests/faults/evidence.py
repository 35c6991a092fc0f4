"""What a failed run of `make faults` leaves: the recording, its capture files, what each phone heard, the journal and the log.

A stored recording's capture files are removed, so each is held open from the moment in which it is seen: a further name would be
refused by the daemon as a link.
"""

import asyncio
import os
import shutil
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from following import Scene

LOOK_S = 0.25
"""A capture file is in the spool for longer than that."""
KEPT_S = 300.0
"""A run is judged within that after its last capture file was closed."""


class Evidence:
    """Keeps what belongs to a scene that failed in a folder of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._captures: dict[str, BinaryIO] = {}

    @asynccontextmanager
    async def of_spool(self, spool: Path) -> AsyncIterator[None]:
        """Within the block no capture file of this spool is lost."""
        task = asyncio.create_task(self._watch(spool))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            for file in self._captures.values():
                file.close()

    async def _watch(self, spool: Path) -> None:
        while True:
            self._look(spool)
            await asyncio.sleep(LOOK_S)

    def _look(self, spool: Path) -> None:
        for path in spool.glob("*.sln*"):
            if path.name not in self._captures:
                with suppress(OSError):  # gone in this moment
                    self._captures[path.name] = path.open("rb")
        for name, file in list(self._captures.items()):
            if os.fstat(file.fileno()).st_mtime < time.time() - KEPT_S:
                self._captures.pop(name).close()

    def keep(self, name: str, scene: Scene, error: BaseException) -> Path:
        """The folder with all that is known of this run."""
        folder = self._folder / f"{name}-{time.strftime('%H%M%S')}-{scene.seat}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error.txt").write_text("".join(traceback.format_exception(error)))
        for nth, call in enumerate(scene.calls):
            number = next((number for number in scene.people if scene.stack.phone(number) is call.phone), "other")
            heard = call.phone.bank.root / "spool/monitor" / f"heard-{call.leg}.sln16"
            with suppress(OSError):
                shutil.copy(heard, folder / f"heard-{nth}-{number}-{call.answered_s:.3f}.sln16")
        daemon = scene.stack.daemon
        for path, manifest in scene.new():
            for file in (daemon.monitor / path).parent.glob(f"{Path(path).stem}*"):
                shutil.copy(file, folder)
            for capture in manifest.recording.all_captures:
                for file_name, opened in self._captures.items():
                    if file_name.startswith(capture.id):
                        opened.seek(0)
                        (folder / file_name).write_bytes(opened.read())
        for file in (daemon.log, *daemon.state.glob("journal/*")):
            if file.is_file():
                shutil.copy(file, folder)
        return folder
