"""A product for each file that breaks one, on free ports; however a test leaves it, it is stopped and gone afterwards."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from trouble import aftermath, by_command_line, product

from callrec.lab.stack import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product. Its file ends with a look by the command line."""
    async with product(tmp_path_factory.mktemp("stack")) as running:
        yield running
        await by_command_line(running)


@pytest_asyncio.fixture(loop_scope="module")
async def whole(stack: Stack) -> AsyncIterator[Stack]:
    """The product, ready; after the test the checks that end every fault run."""
    await stack.daemon.ready()
    yield stack
    await aftermath(stack)
