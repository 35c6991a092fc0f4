"""Each case of `transfer_cases`, `ring_cases`, `media_cases`, `supervisor_cases`, `conference_cases`, `pause_cases`,
`codec_cases`, `rtp_cases` and `renumbered_cases` once: whatever becomes of a call, its recording follows it.

What is checked stands in `followed`. `make faults` plays the same cases many times, and counts how often a gap is wider than it
should be.
"""

from collections.abc import AsyncIterator

import codec_cases
import conference_cases
import media_cases
import pause_cases
import pytest
import pytest_asyncio
import renumbered_cases
import ring_cases
import rtp_cases
import supervisor_cases
import transfer_cases
from followed import KEPT, ROUGH, TOLD
from following import following_stack
from once import Told, cases_of, play_once, word

from callrec_lab.stack import Stack

OURS = cases_of(
    transfer_cases,
    ring_cases,
    media_cases,
    supervisor_cases,
    conference_cases,
    pause_cases,
    codec_cases,
    rtp_cases,
    renumbered_cases,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product with everything that is dialled here."""
    async with following_stack(tmp_path_factory.mktemp("situations")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(stack: Stack, request: pytest.FixtureRequest) -> Told:
    """What became of each chosen case."""
    return await play_once(stack, request, OURS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", OURS)
async def test_p1_the_recording_follows_the_call(told: Told, name: str) -> None:
    """One entry, its user covered, no wide gap, everybody named who talked with them, and nobody else."""
    assert word(told, name).partition(",")[0] in {KEPT, ROUGH, TOLD}
