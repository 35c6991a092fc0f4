"""The check of the whole audit log, on demand: one at a time, in the background, and what the last one found."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from callrec.app.access.log_check import check_log
from callrec.app.library.catalog import Finding
from callrec.app.ports.access import LogReader
from callrec.domain.errors import CallrecError


@dataclass(frozen=True, slots=True)
class ProofState:
    """What is known. Times in Unix time; None: there was no check since the daemon's start."""

    is_running: bool = False
    begun_s: float | None = None
    ended_s: float | None = None
    size: int = 0
    findings: Sequence[Finding] = ()
    notes: Sequence[Finding] = ()
    trouble: str = ""
    """Why the last check could not be made."""


class LogProof:
    """The check of this daemon's log."""

    def __init__(self, reader: LogReader, now_s: Callable[[], float]) -> None:
        self._reader, self._now_s = reader, now_s
        self._task: asyncio.Task[None] | None = None
        self.state = ProofState()

    def begin(self) -> None:
        """Begin a check, unless one is running."""
        if self._task is None or self._task.done():
            self.state = replace(self.state, is_running=True, begun_s=self._now_s())
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        begun_s = self.state.begun_s
        try:
            seen = await asyncio.to_thread(check_log, self._reader)
        except CallrecError as error:
            self.state = ProofState(begun_s=begun_s, ended_s=self._now_s(), trouble=str(error))
        except Exception:
            self.state = ProofState(begun_s=begun_s, ended_s=self._now_s(), trouble="defect")
            raise
        else:
            self.state = ProofState(
                begun_s=begun_s, ended_s=self._now_s(), size=seen.size, findings=seen.findings, notes=seen.notes
            )
