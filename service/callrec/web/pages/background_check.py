"""A check that a person begins on a page: one at a time, in the background. What the last one found stays until the next ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from callrec.domain.errors import CallrecError

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class CheckState(Generic[Found]):
    """What is known. Times in Unix time; None: there was no check since the daemon's start."""

    is_running: bool = False
    begun_s: float | None = None
    ended_s: float | None = None
    found: Found | None = None
    trouble: str = ""
    """Why the last check could not be made."""


class BackgroundCheck(Generic[Found]):
    """`look` makes one check; its CallrecError is the trouble that the page tells."""

    def __init__(self, look: Callable[[], Awaitable[Found]], now_s: Callable[[], float]) -> None:
        self._look, self._now_s = look, now_s
        self._task: asyncio.Task[None] | None = None
        self.state: CheckState[Found] = CheckState()

    def begin(self) -> None:
        """Begin a check, unless one is running."""
        if self._task is None or self._task.done():
            self.state = replace(self.state, is_running=True, begun_s=self._now_s())
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        found, trouble = None, "defect"
        try:
            found, trouble = await self._look(), ""
        except CallrecError as error:
            trouble = str(error)
        finally:
            self.state = CheckState(False, self.state.begun_s, self._now_s(), found, trouble)
