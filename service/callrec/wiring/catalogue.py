"""Constructs the catalogue of recordings and its keeper, with the readiness check."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callrec.adapters.database.erasure_file import ErasureFile
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.redis.store import RedisStore
from callrec.app.library.catalogue_keeper import CatalogueKeeper
from callrec.app.ports.library import Catalogue, Library
from callrec.config import Settings
from callrec.observe.health import Readiness
from callrec.observe.observer import Observation


@dataclass(frozen=True, slots=True)
class HeldCatalogue:
    """The catalogue, and what keeps it complete."""

    catalogue: Catalogue
    keeper: CatalogueKeeper


@asynccontextmanager
async def hold_catalogue(
    settings: Settings, library: Library, store: RedisStore, observation: Observation, readiness: Readiness
) -> AsyncIterator[HeldCatalogue]:
    """Open it. Raises Misconfigured; whether the catalogue works, readiness tells."""
    async with open_catalogue(settings.database_url, settings.state_dir, settings.node) as catalogue:
        erasures = ErasureFile(settings.state_dir)
        keeper = CatalogueKeeper(
            catalogue, library, store, store, observer=observation, notices=observation, erasures=erasures
        )
        readiness.add("catalogue", lambda: (not keeper.why_not, keeper.why_not))
        yield HeldCatalogue(catalogue, keeper)
