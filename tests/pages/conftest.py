"""A daemon's pages over a real store and a library of stored recordings, and a real browser: once for each file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import pytest_asyncio
from api_door import ServiceUrl, opened
from people import MORE, PASSWORDS_OF, TABLES
from playwright.async_api import Browser
from visitors import Visitor, started_browser, visitor

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share the event loop in which the browser lives."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser."""
    async with started_browser() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceUrl]:
    """The daemon's web server with the accounts of `people`."""
    async with opened(tmp_path_factory.mktemp("door"), TABLES, MORE) as running:
        yield running


class Someone(Protocol):
    """Makes visitors. `who`: a user name of `people`, who has logged in then; further words are Playwright's for contexts."""

    def __call__(self, who: str = "", **context: Any) -> "AbstractAsyncContextManager[Visitor]":
        """One visitor, until the end of the block."""


@pytest.fixture
def someone(browser: Browser, door: ServiceUrl) -> Someone:
    """Somebody who visits the pages."""

    @asynccontextmanager
    async def made(who: str = "", **context: Any) -> AsyncIterator[Visitor]:
        async with visitor(browser, f"http://127.0.0.1:{door.port}", **context) as one:
            if who:
                await one.log_in(who, PASSWORDS_OF[who])
            yield one

    return made
