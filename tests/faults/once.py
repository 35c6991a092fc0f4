"""Each case of following a call once, many at a time, for the test files that ask what became of one."""

import asyncio
from collections.abc import Mapping
from types import ModuleType

import pytest
from following import CASES, KINDS, SEATS, Case, prepare, run
from free_cpu import calls_at_once

from callrec_lab.stack import Stack

Told = Mapping[str, str | BaseException]
"""What became of each case, by its name: its word, or its failure."""


def cases_of(*modules: ModuleType) -> dict[str, Case]:
    """Those of these modules, by name."""
    names = {module.__name__ for module in modules}
    return {name: one for name, one in CASES.items() if one.play.__module__ in names}


async def play_once(stack: Stack, request: pytest.FixtureRequest, cases: Mapping[str, Case]) -> Told:
    """Those that this run of pytest has chosen: as many at a time as the CPU carries, first as the small PBX is."""
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "name" in item.callspec.params
    }
    chosen = [one for name, one in cases.items() if name in names]
    found: dict[str, str | BaseException] = {}
    for plc, tracks in KINDS:
        if waiting := [one for one in chosen if (one.plc, one.tracks) == (plc, tracks)]:
            await prepare(stack, plc=plc, tracks=tracks)
            await _play(stack, waiting, found)
    return found


async def _play(stack: Stack, waiting: list[Case], found: dict[str, str | BaseException]) -> None:
    async def sit(seat: int) -> None:
        while waiting:
            one = waiting.pop(0)
            try:
                found[one.name] = await run(stack, one, seat)
            except Exception as error:  # noqa: BLE001 - it is its own test's
                found[one.name] = error

    await asyncio.gather(*(sit(seat) for seat in range(min(SEATS, calls_at_once()))))


def word(told: Told, name: str) -> str:
    """The case's word. Raises its failure."""
    outcome = told[name]
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
