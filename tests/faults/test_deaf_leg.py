"""Each case of `deaf_cases` and `leaving_cases` once, many at a time: a voice is in the file, or the entry says that it is not;
both phones hear each other in any case.

What the file holds is compared with what the others' phones have said, and so is what the phones have heard. `make faults` plays
the same cases many times.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import deaf_cases
import leaving_cases
import pytest
import pytest_asyncio
from following import CASES, SEATS, Case, following_stack, run, set_plc
from trouble import by_command_line

from callrec.lab.stack import Stack

MODULES = (deaf_cases.__name__, leaving_cases.__name__)
OURS = {name: one for name, one in CASES.items() if one.play.__module__ in MODULES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product of its own: its codecs.conf changes."""
    async with following_stack(tmp_path_factory.mktemp("deaf")) as running:
        yield running
        await by_command_line(running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(stack: Stack, request: pytest.FixtureRequest) -> Mapping[str, str | BaseException]:
    """What became of each chosen case, by its name: as many at a time as there are seats, first as the small PBX is."""
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "name" in item.callspec.params
    }
    chosen = [one for name, one in OURS.items() if name in names]
    found: dict[str, str | BaseException] = {}
    for plc in (False, True):
        await set_plc(stack, on=plc)
        await _play(stack, [one for one in chosen if one.plc is plc], found)
    return found


async def _play(stack: Stack, cases: list[Case], found: dict[str, str | BaseException]) -> None:
    waiting = list(cases)

    async def sit(seat: int) -> None:
        while waiting:
            one = waiting.pop(0)
            try:
                found[one.name] = await run(stack, one, seat)
            except Exception as error:  # noqa: BLE001 - it is its own test's
                found[one.name] = error

    await asyncio.gather(*(sit(seat) for seat in range(SEATS)))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", OURS)
async def test_p1_a_voice_is_in_the_file_or_the_entry_says_that_it_is_not(
    told: Mapping[str, str | BaseException], name: str
) -> None:
    """Once each; two phones' sequence numbers decide, so a case may go either way. Both phones hear all (`Scene.voices`)."""
    outcome = told[name]
    if isinstance(outcome, BaseException):
        raise outcome
    assert outcome.partition(",")[0] in {"kept", "healed", "deaf", "sound"}
