"""Background work for calls: tones, device states, checks of files. It is bounded, and its errors do not affect calls."""

import asyncio
from collections.abc import Coroutine

from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.errors import CallrecError
from callrec.domain.vocabulary import DropReason

MAX_AT_ONCE = 200
"""The most pieces of work at once. Further work is dropped and counted: a tone minutes later would mislead."""


class Background:
    """Work runs in the task group of the call router: before that is open, and after its end, work is dropped."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._tasks: asyncio.TaskGroup | None = None
        self.at_once = 0
        """How much work is under way."""

    def run_in(self, tasks: asyncio.TaskGroup) -> None:
        """Start the work in this task group from now on."""
        self._tasks = tasks

    def start(self, work: Coroutine[None, None, None], what: DropReason) -> None:
        """Run this beside the calls. CallrecError becomes an alarm, every other exception a defect."""
        if self._tasks is None or self.at_once >= MAX_AT_ONCE:
            work.close()
            self._observer.dropped(what)
            return
        self.at_once += 1
        self._tasks.create_task(self._run(work, what))

    async def _run(self, work: Coroutine[None, None, None], what: DropReason) -> None:
        try:
            await work
        except CallrecError as error:
            self._observer.alarmed(Alarm(f"{what}: {error.code}", None), "")
        except Exception as error:  # noqa: BLE001 - a task boundary: a tone that fails must not end the daemon
            self._observer.broke(what, error)
        finally:
            self.at_once -= 1
