"""What a command does with the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callrec.cli import store


class Large:
    """As the result of an import: as text it is hundreds of megabytes."""

    def __repr__(self) -> str:
        pytest.fail("nobody is to read it")


def test_what_a_command_finds_is_not_made_text(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def opened(_: object) -> AsyncIterator[str]:
        yield "store"

    async def work(given: object) -> tuple[object, Large]:
        return given, large

    large = Large()
    monkeypatch.setattr(store, "opened_store", opened)
    monkeypatch.setattr(store, "_say_when_new", lambda _: None)
    monkeypatch.setattr(store, "settings", lambda: None)
    given, found = store.with_store(work)  # type: ignore[arg-type] # takes whatever is opened
    assert ("store", True) == (given, found is large)
