"""How a command asks Asterisk for the numbers of keys: over AMI, with a link that is opened for the first number.

When Asterisk cannot be asked, the command says so once and takes the keys as they are, as pages and API do.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import typer

from callrec.adapters.asterisk.link import LinkState
from callrec.adapters.asterisk.numbers import AmiNumbers
from callrec.app.ports.asterisk import KnownNumber, Numbers
from callrec.cli.connections import opened
from callrec.cli.exit_codes import plain
from callrec.cli.store import settings
from callrec.domain.errors import CallrecError
from callrec.wiring.links import ami_link


@asynccontextmanager
async def dialplan_numbers() -> AsyncIterator[Numbers]:
    """The numbers of the Asterisk that the settings name. At the end it is told on stderr when some could not be asked for."""
    async with AsyncExitStack() as links:
        numbers = _OverAmi(links)
        yield numbers
    if numbers.trouble:
        typer.echo(
            plain(f"callrec: Asterisk was not asked whether it has the numbers of keys: {numbers.trouble}"), err=True
        )
        typer.echo("callrec: the keys are taken as they are; callrec doctor checks them later", err=True)


class _OverAmi:
    """Implements Numbers. Each number is asked for once; after the first one without an answer none is."""

    def __init__(self, links: AsyncExitStack) -> None:
        self._links = links
        self._numbers: AmiNumbers | None = None
        self._known: dict[tuple[str, str], KnownNumber | None] = {}
        self.trouble = ""

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """See Numbers."""
        place = number, context
        if place not in self._known and not self.trouble:
            self._known[place] = await self._look_up(number, context)
        return self._known.get(place)

    async def _look_up(self, number: str, context: str) -> KnownNumber | None:
        if self._numbers is None:
            try:
                link = ami_link(settings())
                await self._links.enter_async_context(opened(link))
            except CallrecError as error:
                self.trouble = error.message
                return None
            if link.state is not LinkState.UP:
                self.trouble = link.state_reason
                return None
            self._numbers = AmiNumbers(link)
        known = await self._numbers.known(number, context)
        if known is None:
            self.trouble = "AMI gave no answer"
        return known
