"""A PostgreSQL server of the tests' own: the machine's program, or one unpacked from the distribution's packages."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callrec_lab.apt import Archive, fetch_packages
from callrec_lab.installation import cache_folder, need_tools, one_at_a_time, run_tool

INSTALLED = Path("/usr/lib/postgresql")
PACKAGES = ("postgresql",)
OF_THE_MACHINE = ("libc6_", "libc-bin_")
"""Packages that are not unpacked: the machine's loader starts the programs, and it fits its own libc only."""
SUPERUSER, PASSWORD = "callrec", "s3cret"
LIMIT_S = 60


def binaries() -> tuple[Path, dict[str, str]]:
    """The folder of initdb and postgres, version 15 or newer, and the environment that they need. Several tests that ask for
    it at once unpack it once."""
    if found := _newest(INSTALLED):
        return found, {}
    place = unpacked_at()
    place.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(place.with_suffix(".lock"), print):
        if not place.is_dir():
            _unpack(place)
    found = _newest(place / "usr/lib/postgresql")
    assert found is not None, f"{place} has no PostgreSQL 15 or newer: remove it and repeat"
    libraries = [str(folder) for top in ("lib", "usr/lib") for folder in (place / top).glob("*-linux-gnu*")]
    return found, {"LD_LIBRARY_PATH": ":".join(libraries)}


def unpacked_at() -> Path:
    """In the user's cache. Root's is closed to `nobody`, as whom the server of a test that runs as root is started."""
    return (Path("/var/cache/callrec") if os.geteuid() == 0 else cache_folder()) / "postgresql"


def _unpack(place: Path) -> None:
    """The place gets its name in one rename, when all is there."""
    need_tools("apt-get", "dpkg-deb")
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="postgresql-unpacking-") as folder:
        root = Path(folder) / "root"
        root.mkdir(mode=0o755)
        for package in fetch_packages(Archive(None), PACKAGES, Path(folder) / "apt", print):
            if not package.name.startswith(OF_THE_MACHINE):
                run_tool("dpkg-deb", "-x", str(package), str(root))
        root.rename(place)


def _newest(folder: Path) -> Path | None:
    versions = [
        int(one.parent.parent.name) for one in folder.glob("*/bin/postgres") if one.parent.parent.name.isdigit()
    ]
    return folder / str(max(versions)) / "bin" if versions and max(versions) >= 15 else None


class PostgresServer:
    """One server on a free port of 127.0.0.1, with no durability. As root it runs as `nobody`, since it refuses root."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="callrec-postgres-"))
        self._binaries, extra = binaries()
        self._environment = {**os.environ, **extra, "LC_ALL": "C.UTF-8"}
        self._user = "nobody" if os.geteuid() == 0 else None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def make(self) -> None:
        """Make its files."""
        if self._user:
            shutil.chown(self._folder, self._user)
        (self._folder / "password").write_text(PASSWORD)
        (self._folder / "password").chmod(0o644)
        words = ["-D", str(self._folder / "data"), "-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
        self._run("initdb", *words, "--pwfile", str(self._folder / "password"))

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - fixed words
                [self._binaries / "postgres", "-D", self._folder / "data", *words],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=self._user, env=self._environment, cwd="/",
            )  # fmt: skip
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1", tries=LIMIT_S)

    def stop(self) -> None:
        """End it at once, with its connections; its files stay."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(LIMIT_S)
            self._process = None

    def remove(self) -> None:
        """End it, and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str = PASSWORD) -> str:
        """The address of a database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    async def new_database(self, *options: str) -> str:
        """The address of a new database."""
        self._databases += 1
        name = f"test{self._databases}"
        await self.execute(f"CREATE DATABASE {name} {' '.join(options)}")
        return self.url(name)

    async def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the superuser."""
        words = [self._binaries / "psql", "-v", "ON_ERROR_STOP=1", "-q", "-d", self.url(database), "-c", statement]
        process = await asyncio.create_subprocess_exec(*words, env=self._environment, stdin=subprocess.DEVNULL)
        assert await process.wait() == 0, statement

    def _run(self, program: str, *words: str, tries: int = 1) -> None:
        for _ in range(tries):
            done = subprocess.run(  # noqa: S603 - fixed words
                [self._binaries / program, *words],
                capture_output=True,
                user=self._user,
                env=self._environment,
                cwd="/",
                check=False,
            )
            if done.returncode == 0:
                return
            assert self._process is None or self._process.poll() is None, (self._folder / "log").read_text()
        raise AssertionError(done.stdout.decode() + done.stderr.decode())


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server, until the end of the block."""
    server = PostgresServer()
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.remove()
