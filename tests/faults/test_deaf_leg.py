"""Each case of `deaf_cases` and `leaving_cases` once, many at a time: both voices are in the file, and both phones hear each
other.

What the file holds is compared with what the others' phones have said, and so is what the phones have heard. `make faults` plays
the same cases many times.
"""

from collections.abc import AsyncIterator

import deaf_cases
import leaving_cases
import pytest
import pytest_asyncio
from following import following_stack
from once import Told, cases_of, play_once, word

from callrec_lab.stack import Stack

OURS = cases_of(deaf_cases, leaving_cases)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product of its own: its codecs.conf changes."""
    async with following_stack(tmp_path_factory.mktemp("deaf")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(stack: Stack, request: pytest.FixtureRequest) -> Told:
    """What became of each chosen case."""
    return await play_once(stack, request, OURS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", OURS)
async def test_p1_both_voices_are_in_the_file_after_a_transfer(told: Told, name: str) -> None:
    """Once each, though the sequence numbers of two phones make half of the recorders deaf. `told`: little CPU was free."""
    assert word(told, name).partition(",")[0] in {"kept", "nearly kept", "told", "sound"}
