"""Checks that a page begins: one at a time, and what the last one found."""

import asyncio

import pytest

from callrec.domain.errors import Unavailable
from callrec.web.pages.background_check import BackgroundCheck, CheckState


class Looked:
    """A check that ends when `go` is set, with what is in `outcome`."""

    def __init__(self) -> None:
        self.go, self.times, self.outcome = asyncio.Event(), 0, "first"
        self.error: Exception | None = None
        self.now_s = 10.0
        self.check = BackgroundCheck(self.look, lambda: self.now_s)

    async def look(self) -> str:
        """The check."""
        self.times += 1
        await self.go.wait()
        if self.error:
            raise self.error
        return self.outcome

    async def ended(self) -> None:
        """Let it end."""
        self.go.set()
        assert self.check._task is not None
        await asyncio.wait([self.check._task])
        self.go.clear()


async def test_one_runs_at_a_time_and_what_was_found_stays_until_the_next_has_ended() -> None:
    looked = Looked()
    assert looked.check.state == CheckState()
    looked.check.begin()
    looked.check.begin()
    assert looked.check.state == CheckState(is_running=True, begun_s=10.0)
    looked.now_s = 12.0
    await looked.ended()
    assert looked.times == 1
    assert looked.check.state == CheckState(begun_s=10.0, ended_s=12.0, found="first")
    looked.outcome = "second"
    looked.check.begin()
    assert (looked.check.state.is_running, looked.check.state.found) == (True, "first")
    await looked.ended()
    assert (looked.times, looked.check.state.found) == (2, "second")


@pytest.mark.parametrize(
    ("error", "trouble"),
    [(Unavailable("x", "the disk does not answer"), "the disk does not answer"), (ValueError(), "defect")],
)
async def test_a_check_that_could_not_be_made_says_why_and_can_be_begun_again(error: Exception, trouble: str) -> None:
    looked = Looked()
    looked.error = error
    looked.check.begin()
    await looked.ended()
    assert looked.check._task is not None
    assert isinstance(looked.check._task.exception(), ValueError | None)
    assert (looked.check.state.is_running, looked.check.state.found, looked.check.state.trouble) == (
        False,
        None,
        trouble,
    )
    looked.error = None
    looked.check.begin()
    await looked.ended()
    assert looked.check.state.trouble == ""
