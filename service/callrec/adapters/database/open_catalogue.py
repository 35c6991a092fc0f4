"""The catalogue that CALLREC_DATABASE_URL names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from callrec.domain.errors import Misconfigured

if TYPE_CHECKING:
    from callrec.adapters.database.postgres_catalogue import PostgresCatalogue
    from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue

SQLITE = ("sqlite:", "sqlite")
"""The values for the file in the state folder."""
POSTGRES = ("postgresql://", "postgres://")


@asynccontextmanager
async def open_catalogue(
    url: str, state_dir: Path, node: str = ""
) -> AsyncIterator["SqliteCatalogue | PostgresCatalogue"]:
    """The catalogue; it connects when it is first used. `node`: the daemon's own, whose disk a rebuild reads. Raises
    Misconfigured for a URL that callrec does not support."""
    catalogue = _catalogue(url, state_dir, node)
    try:
        yield catalogue
    finally:
        await catalogue.close()


def _catalogue(url: str, state_dir: Path, node: str) -> "SqliteCatalogue | PostgresCatalogue":
    if url in SQLITE:
        from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue

        return SqliteCatalogue(state_dir)
    if url.startswith(POSTGRES):
        from callrec.adapters.database.postgres_catalogue import PostgresCatalogue

        return PostgresCatalogue(url, node)
    says = f"CALLREC_DATABASE_URL begins with {url.partition(':')[0][:40]}:, which callrec does not support"
    raise Misconfigured("database-url", says, hint="set it to sqlite: or postgresql://user:password@host/database")
