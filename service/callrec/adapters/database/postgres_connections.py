"""Connections to the catalogue's PostgreSQL server: made when they are needed, given back, and closed after an error, so that the
next use connects again. The library never repeats a statement by itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import psycopg
from psycopg.errors import (
    DataCorrupted,
    DiskFull,
    IndexCorrupted,
    InsufficientPrivilege,
    InvalidAuthorizationSpecification,
    InvalidCatalogName,
    InvalidPassword,
    LockNotAvailable,
    QueryCanceled,
    UndefinedColumn,
    UndefinedTable,
)

from callrec.adapters.database.postgres_schema import VERSION, Connection, migrate
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Unavailable

CONNECT_S = 3.0
LIMIT_S = 30.0
MIGRATION_S = 3600.0
"""Tables of another version are made those of this one; who else needs them meanwhile is told that they are busy."""
PURGE_S = 3600.0
"""The server looks through the indexes of all entries, which are millions perhaps."""
MOST = 4
"""Connections at once, besides those of rebuilds."""
_OLDEST = 150_000
_OPTIONS = f"-c statement_timeout={int(LIMIT_S * 1000)} -c lock_timeout=5000 -c application_name=callrec"
_REFUSED = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied")
_REBUILD = (
    "the recordings are not lost: drop the schema callrec, then callrec rebuild makes the catalogue again from them"
)


class PostgresConnections:
    """A few connections. `shown`: the server without user and password, for messages."""

    def __init__(self, url: str) -> None:
        self._url, parts = url, urlsplit(url)
        self.shown = f"postgresql://{parts.hostname or 'localhost'}{parts.path}"
        self._idle: list[Connection] = []
        self._places = asyncio.Semaphore(MOST)
        self._is_closed = False

    @asynccontextmanager
    async def one(self, limit_s: float = LIMIT_S) -> AsyncIterator[Connection]:
        """A connection for at most so long, in the tables of this version. Raises as `translated` says."""
        async with self._places, self.translated():
            database = self._idle.pop() if self._idle else await self.opened()
            try:
                async with asyncio.timeout(limit_s + CONNECT_S):
                    if limit_s > LIMIT_S:
                        await database.execute(f"SET statement_timeout = '{int(limit_s)}s'")
                    yield database
                    if limit_s > LIMIT_S:
                        await database.execute("RESET statement_timeout")
            except psycopg.DataError:
                raise
            except BaseException:
                await database.close()
                raise
            finally:
                if not database.closed and not self._is_closed:
                    self._idle.append(database)

    async def opened(self) -> Connection:
        """A new connection, which the caller closes. Raises psycopg's errors, and Misconfigured."""
        # Never prepared: a prepared statement is planned for any term, and terms differ by how many entries have them. With 1M
        # recordings a user's page took 100 times as long.
        database = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=int(CONNECT_S), options=_OPTIONS, prepare_threshold=None
        )
        try:
            self._check(database)
            async with asyncio.timeout(MIGRATION_S):
                await migrate(database, VERSION, self.shown)
        except BaseException:
            await database.close()
            raise
        return database

    def _check(self, database: Connection) -> None:
        """Raises Misconfigured (`catalogue-server`) for a server that cannot hold the catalogue."""
        version = database.info.server_version
        if version < _OLDEST:
            says = f"{self.shown} runs PostgreSQL {version // 10_000}; callrec needs 15 or newer"
            raise Misconfigured("catalogue-server", says)
        if database.info.parameter_status("server_encoding") != "UTF8":
            raise Misconfigured("catalogue-server", f"the database {self.shown} is not in UTF-8")

    async def close(self) -> None:
        """Close all that are idle; those in use are closed when they are given back."""
        self._is_closed = True
        while self._idle:
            with suppress(psycopg.Error):
                await self._idle.pop().close()

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Raises the library's errors as Unavailable (`catalogue-away`, `catalogue-busy`, `catalogue-disk`), Corrupt
        (`catalogue-damaged`) or Misconfigured (`catalogue-login`)."""
        try:
            yield
        except (psycopg.Error, OSError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> CallrecError:
        text = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        match error:
            case (
                InvalidPassword() | InvalidAuthorizationSpecification() | InsufficientPrivilege() | InvalidCatalogName()
            ):
                return self._refused(text)
            case UndefinedTable() | UndefinedColumn() | DataCorrupted() | IndexCorrupted():
                return Corrupt("catalogue-damaged", f"the tables in {self.shown} are damaged: {text}", hint=_REBUILD)
            case LockNotAvailable() | QueryCanceled():
                return Unavailable("catalogue-busy", f"{self.shown} took too long: {text}")
            case DiskFull():
                says = f"the disk of {self.shown} has no room: {text}"
                return Unavailable("catalogue-disk", says, hint="make room on the server's disk")
            case psycopg.OperationalError() if any(said in str(error) for said in _REFUSED):
                return self._refused(text)
            case _:
                return Unavailable(
                    "catalogue-away", f"{self.shown} does not answer: {text}", hint="check that it is running"
                )

    def _refused(self, text: str) -> Misconfigured:
        hint = "check CALLREC_DATABASE_URL; the user must be allowed to create a schema in the database"
        return Misconfigured("catalogue-login", f"{self.shown} refuses callrec: {text}", hint=hint)
