"""The catalogue's SQLite file: opening it, replacing a damaged one, and its errors.

The file is in the state folder, mode 600. It is opened again when another process has put another file into its place (`callrec
rebuild` does, when the file is damaged).
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from callrec.adapters.database.catalogue_schema import VERSION, migrate
from callrec.domain.errors import Corrupt, Misconfigured, Unavailable

NAME = "catalogue.db"
BUSY_S = 5.0
"""How long a transaction waits for another process that writes."""
_LOOK_S = 0.01
_BESIDE = ("-wal", "-shm")
_PRAGMAS = (
    "synchronous = FULL",  # the journal forgets a recording once it is entered
    "secure_delete = ON",
    "cache_size = -8000",
)
_REBUILD = "the recordings are not lost: callrec rebuild makes the catalogue again from them"


class CatalogueFile:
    """One connection to the file, for one thread. `opened` connects when that is necessary."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: apsw.Connection | None = None
        self._inode = 0

    def opened(self) -> apsw.Connection:
        """The connection, to the file that is there now, in the schema of this version. Raises as `translated` says."""
        if self._database is not None and self._inode == _inode(self._path):
            return self._database
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _create(self._path)
        self._inode = _inode(self._path)
        database = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            database.set_busy_timeout(int(BUSY_S * 1000))
            _keep_log_of_changes(database)
            for pragma in _PRAGMAS:
                database.execute(f"PRAGMA {pragma}")
            migrate(database, VERSION, self._path)
        except BaseException:
            database.close()
            raise
        self._database = database
        return database

    def close(self) -> None:
        """Disconnect."""
        if self._database is not None:
            self._database.close()
            self._database = None


def _keep_log_of_changes(database: apsw.Connection) -> None:
    """Turn on WAL. On a new file SQLite answers `busy` at once, without its own waiting, while another connection does the same.
    Raises BusyError after BUSY_S."""
    deadline_s = time.monotonic() + BUSY_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_LOOK_S)
        else:
            return


def set_aside(path: Path) -> None:
    """Rename a damaged file, so that the next use makes a new one. Another damaged file of before is replaced."""
    for beside in _BESIDE:
        Path(f"{path}{beside}").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        path.rename(set_aside_path(path))


def set_aside_path(path: Path) -> Path:
    """Where `set_aside` puts this file."""
    return Path(f"{path}.damaged")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raises the library's errors as Unavailable (`catalogue-busy`, `catalogue-disk`), Corrupt (`catalogue-damaged`) or
    Misconfigured (`catalogue-rights`)."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Unavailable(
            "catalogue-busy", f"another process writes to {path} for longer than {BUSY_S:.0f} s"
        ) from error
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as error:  # SQLError: its tables are others than ours
        raise Corrupt("catalogue-damaged", f"{path} is damaged: {error}", hint=_REBUILD) from error
    except (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError, PermissionError) as error:
        if not os.access(path if path.exists() else path.parent, os.W_OK) and not _is_read_only(path.parent):
            owner = _owner(path.parent)
            hint = f"run this as the user {owner}, who has the folder; or: chown {owner} {path}*; chmod 600 {path}*"
            raise Misconfigured("catalogue-rights", f"{path} may not be written by this user", hint=hint) from error
        raise Unavailable("catalogue-disk", f"cannot write {path}: {error}", hint="look at its disk") from error
    except (apsw.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unavailable("catalogue-disk", f"cannot use {path}: {reason}", hint="look at its disk") from error


def _create(path: Path) -> None:
    """Make an empty file that only its owner may read; one that exists stays as it is."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    if os.geteuid() == 0:  # a command of root: the daemon must be able to use the file afterwards
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _owner(folder: Path) -> str:
    """The name of the user who has the folder; the number of one without a name."""
    try:
        return folder.owner()
    except KeyError:
        return str(folder.stat().st_uid)
