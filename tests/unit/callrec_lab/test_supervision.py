"""A part that ends is told and started again; one that keeps ending ends the whole run, with its log."""

import asyncio
from pathlib import Path

import pytest

from callrec.domain.errors import Unavailable
from callrec_lab import supervision
from callrec_lab.supervision import MOST_ENDS, Part, kept_running


class Scripted:
    """A part that ends with these codes, one after the other, and then lives."""

    def __init__(self, folder: Path, *codes: int) -> None:
        self.log = folder / "part.log"
        self.log.write_text("the first line\nout of memory\n")
        self.codes, self.starts, self.settled = list(codes), 0, asyncio.Event()

    async def ended(self) -> int:
        """The next code."""
        if self.codes:
            return self.codes.pop(0)
        self.settled.set()
        return await asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Once more."""
        self.starts += 1

    def part(self) -> Part:
        """As the supervisor sees it."""
        return Part("the daemon", lambda: self.log, self.ended, self.start)


async def test_an_end_is_told_with_its_kind_and_its_log(tmp_path: Path) -> None:
    scripted, said = Scripted(tmp_path, -9, 3), list[str]()
    watch = asyncio.create_task(kept_running(scripted.part(), said.append))
    await scripted.settled.wait()
    watch.cancel()
    log = scripted.log
    assert said == [
        f"== the daemon ended by SIGKILL. Its log: {log}. Starting it again",
        "== the daemon runs again",
        f"== the daemon ended with exit code 3. Its log: {log}. Starting it again",
        "== the daemon runs again",
    ]
    assert scripted.starts == 2


async def test_a_part_that_keeps_ending_is_given_up_with_the_end_of_its_log(tmp_path: Path) -> None:
    scripted = Scripted(tmp_path, *([1] * MOST_ENDS))
    with pytest.raises(Unavailable, match="ended 3 times within 60 s, the last time with exit code 1") as raised:
        await kept_running(scripted.part(), lambda _: None)
    assert "out of memory" in raised.value.hint
    assert scripted.starts == MOST_ENDS - 1


@pytest.mark.parametrize("last", [0, 1], ids=["silent", "word"])
async def test_a_daemon_that_falls_silent_is_ended_once_and_one_that_starts_has_its_time(
    monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """It speaks, is silent until it is ended, is started again, and takes its time before it speaks. The second one dies, perhaps
    just after a word; the third one has its time as well."""
    monkeypatch.setattr(supervision, "SILENCE_LOOK_S", 0.001)
    monkeypatch.setattr(supervision, "SILENT_S", 0.005)
    first, second = [*((7, word) for word in range(20)), *([(7, 19)] * 5)], [*([(8, 0)] * 20), (8, 1), (8, 2)]
    states = iter([*first, *second, *([(8, 3)] * last), *([(9, 0)] * 20), (9, 1)])
    said, ends, over = list[str](), list[int](), asyncio.Event()

    def state() -> tuple[int, int]:
        now = next(states, None)
        if now is None:
            over.set()
        return now or (9, 1)

    async def kill() -> None:
        ends.append(1)

    watch = asyncio.create_task(supervision.silent_ended(state, kill, said.append))
    async with asyncio.timeout(5):
        await over.wait()
    watch.cancel()
    await asyncio.wait([watch])
    assert (ends, len(said)) == ([1], 1)
    assert "is it stopped?" in said[0]
