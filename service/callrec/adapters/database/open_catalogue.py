"""The catalogue that CALLREC_DATABASE_URL names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
from callrec.domain.errors import Misconfigured

SQLITE = ("sqlite:", "sqlite")
"""The values for the file in the state folder."""


@asynccontextmanager
async def open_catalogue(url: str, state_dir: Path) -> AsyncIterator[SqliteCatalogue]:
    """The catalogue; it connects when it is first used. Raises Misconfigured for a URL that callrec does not support."""
    if url not in SQLITE:
        scheme = url.partition(":")[0][:40]
        hint = "leave it out, or set it to sqlite:"
        raise Misconfigured(
            "database-url", f"CALLREC_DATABASE_URL begins with {scheme}:, which callrec does not support", hint=hint
        )
    catalogue = SqliteCatalogue(state_dir)
    try:
        yield catalogue
    finally:
        await catalogue.close()
