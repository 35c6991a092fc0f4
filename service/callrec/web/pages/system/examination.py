"""The doctor on demand: one at a time, in the background, and what it found last."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.ports.machine import Machine
from callrec.domain.errors import CallrecError


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known. Times in Unix time; None: it was not run since the daemon's start."""

    is_running: bool = False
    begun_s: float | None = None
    ended_s: float | None = None
    findings: Sequence[Finding] = ()
    trouble: str = ""

    @property
    def faults(self) -> Sequence[Finding]:
        """Those that are not good, the worst first."""
        order = (Verdict.WRONG, Verdict.CLOSED, Verdict.UNSEEN)
        return sorted((one for one in self.findings if one.verdict in order), key=lambda one: order.index(one.verdict))


class Examination:
    """The doctor of this daemon's page."""

    def __init__(self, machine: Machine, now_s: Callable[[], float]) -> None:
        self._machine, self._now_s = machine, now_s
        self._task: asyncio.Task[None] | None = None
        self.state = Examined()

    def begin(self) -> None:
        """Begin, unless one is running."""
        if self._task is None or self._task.done():
            self.state = replace(self.state, is_running=True, begun_s=self._now_s())
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        begun_s = self.state.begun_s
        try:
            findings = await self._machine.doctor()
        except CallrecError as error:
            self.state = Examined(begun_s=begun_s, ended_s=self._now_s(), trouble=str(error))
        else:
            self.state = Examined(begun_s=begun_s, ended_s=self._now_s(), findings=findings)
        finally:
            self.state = replace(self.state, is_running=False)
