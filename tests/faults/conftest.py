"""A product for each file that breaks one, on free ports; however a test leaves it, it is stopped and gone afterwards."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from trouble import aftermath, product

from callrec_lab.stack import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product."""
    async with product(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def whole(stack: Stack) -> AsyncIterator[Stack]:
    """The product, ready; after the test the checks that end every fault run."""
    await stack.daemon.ready()
    yield stack
    await aftermath(stack)
