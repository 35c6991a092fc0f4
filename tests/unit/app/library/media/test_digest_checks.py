"""The digest of a file is computed once for each version of it, and no change goes unnoticed."""
# ruff: noqa: D102 - the stand-in keeps the promises of the port that it stands for

import asyncio

import pytest

from callrec.app.library.media.digest_checks import DigestChecks
from callrec.domain.errors import Unavailable


class File:
    """An open file whose content and version a test sets."""

    size_bytes = 1

    def __init__(self, content: str = "a", version: str = "1") -> None:
        self.content, self.said, self.digests = content, version, 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.error: Unavailable | None = None

    @property
    def opened_version(self) -> str:
        return self.said

    async def version(self) -> str:
        return self.said

    async def read(self, offset: int, count: int) -> bytes:
        return self.content[offset : offset + count].encode()

    async def sha256(self) -> str:
        self.digests += 1
        await self.may_answer.wait()
        if self.error:
            raise self.error
        return self.content

    async def close(self) -> None:
        return


async def test_one_check_for_all_who_read_it_at_the_same_time_and_afterwards() -> None:
    checks, file = DigestChecks(), File()
    file.may_answer.clear()
    first, second = checks.begun(file, "a"), checks.begun(file, "a")
    waiting = asyncio.gather(first.holds(), second.holds())
    file.may_answer.set()
    assert await waiting == [True, True]
    later = checks.begun(file, "a")
    assert (later.known, await later.holds(), file.digests) == (True, True, 1)


async def test_a_file_that_gets_another_name_is_looked_at_again() -> None:
    """A backup on the same disk does that. What was written meanwhile has another digest, or another time of writing."""
    for content, version, holds in (
        ("a", "1 2 2", True),
        ("b", "1 2 2", False),
        ("a", "2 2 2", False),
        ("a", "1 2 1", False),
    ):
        checks, file = DigestChecks(), File(version="1 1 1")
        check = checks.begun(file, "a")
        assert await check.holds()
        file.content, file.said = content, version
        assert [await check.holds(), await check.holds()] == [holds] * 2


async def test_another_digest_is_known_from_then_on() -> None:
    checks, file = DigestChecks(), File("b")
    assert not await checks.begun(file, "a").holds()
    assert checks.begun(file, "a").known is False


async def test_a_file_that_is_written_while_it_is_read_does_not_hold() -> None:
    checks, file = DigestChecks(), File()
    check = checks.begun(file, "a")
    assert await check.holds()
    file.said = "2"
    assert not await check.holds()
    assert checks.begun(file, "a").known is None


async def test_a_disk_that_fails_is_no_result() -> None:
    checks, file = DigestChecks(), File()
    file.error = Unavailable("disk", "does not answer")
    with pytest.raises(Unavailable):
        await checks.begun(file, "a").holds()
    file.error = None
    assert await checks.begun(file, "a").holds()


async def test_a_client_that_goes_away_does_not_end_the_check() -> None:
    checks, file = DigestChecks(), File()
    file.may_answer.clear()
    waiting = asyncio.ensure_future(checks.begun(file, "a").holds())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    file.may_answer.set()
    assert await checks.begun(file, "a").holds()
    assert file.digests == 1


async def test_the_results_that_were_not_used_for_the_longest_time_are_forgotten() -> None:
    checks, files = DigestChecks(most_known=2), [File(version=str(nth)) for nth in range(3)]
    for file in (files[0], files[1], files[0], files[2]):
        assert await checks.begun(file, "a").holds()
    assert [checks.begun(file, "a").known for file in files] == [True, None, True]
