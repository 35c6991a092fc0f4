"""Finds an Asterisk to run: the machine's own if its version is supported, otherwise packages unpacked into the user's cache.

Unpacking needs neither root nor a container, and runs no install script: apt downloads the packages of a distribution's suite
with its own lists and status file (so that libc is included), `dpkg-deb -x` unpacks them into one folder, and the unpacked
dynamic loader starts the unpacked binary. The machine's packages stay unchanged.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callrec.app.doctor.findings import fault_of
from callrec.domain.errors import Misconfigured, Unavailable
from callrec_lab.apt import Archive, fetch_packages

Progress = Callable[[str], None]

SUITE = "sid"
"""The Debian suite with a supported Asterisk: the only place to change when that moves. Ubuntu uses its own suites."""

PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm")
REMEDY = "install Asterisk 18.20 or newer yourself (20 from 20.5, 22 from 22.5), then repeat"
_COMMAND_S = 60
_VERSION = re.compile(r"Asterisk\s+(?:certified/|GIT-)?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Installation:
    """An Asterisk on disk: `argv` is the loader (if any) and the binary; the folders are only read."""

    argv: tuple[str, ...]
    modules: Path
    data: Path
    version: str


def is_supported(version: str) -> bool:
    """Whether this version records correctly: 18.20 and newer, except the releases with broken mixes or a broken mute."""
    parts = re.match(r"(\d+)\.(\d+)", version)
    if parts is None:
        return False
    return not fault_of(int(parts[1]), int(parts[2]))


def find_installation(progress: Progress) -> Installation:
    """The Asterisk to use. It takes milliseconds, except the first time on a machine without one: then it is downloaded.

    Raises Unavailable (no network, no package) or Misconfigured (a tool is missing), with the remedy.
    """
    own = _installed()
    if own is not None:
        return own
    architecture = os.uname().machine
    place = cache_folder() / f"asterisk-{SUITE}-{architecture}"
    cached = _unpacked(place)
    if cached is not None:
        return cached
    place.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(place.with_suffix(".lock"), progress):
        return _unpacked(place) or _unpack(place, progress)


def cache_folder() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/callrec`, which may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callrec"


def _installed() -> Installation | None:
    """The machine's own Asterisk, if its version is supported."""
    binary = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        return None
    version = _version((binary,))
    prefix = Path(binary).resolve().parents[1]
    places = (*prefix.glob("lib*/asterisk/modules"), *prefix.glob("lib/*/asterisk/modules"))
    modules = next((place for place in places if place.is_dir()), None)
    shares = (prefix / "share/asterisk", Path("/var/lib/asterisk"))
    data = next((place for place in shares if (place / "documentation").is_dir()), None)
    if modules is None or data is None or not is_supported(version):
        return None
    return Installation((binary,), modules, data, version)


def _unpacked(place: Path) -> Installation | None:
    """The Asterisk that an earlier run unpacked here. It is complete: the folder gets its name last."""
    try:
        note = json.loads((place / "installation.json").read_text())
        loader, libraries, modules = (str(place / note[name]) for name in ("loader", "libraries", "modules"))
        version = str(note["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    argv = (loader, "--library-path", libraries, str(place / "usr/sbin/asterisk"))
    return Installation(argv, Path(modules), place / "usr/share/asterisk", version) if is_supported(version) else None


def _unpack(place: Path, progress: Progress) -> Installation:
    """Download, unpack into a temporary folder, check that it starts, then rename the folder."""
    need_tools("apt-get", "dpkg-deb")
    progress("Asterisk: none of a supported version is installed; unpacking one into the cache (once, about 80 MB)")
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="asterisk-unpacking-") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        packages = fetch_packages(Archive.of_this_machine(SUITE), PACKAGES, Path(folder) / "apt", progress)
        progress(f"Asterisk: unpacking {len(packages)} packages")
        for package in packages:
            run_tool("dpkg-deb", "-x", str(package), str(root))
        version = _describe(root)
        if not is_supported(version):
            raise Unavailable(
                "test-pbx",
                f"The package archive has Asterisk {version}, which does not record correctly",
                hint=REMEDY,
            )
        shutil.rmtree(place, ignore_errors=True)
        root.rename(place)
    progress(f"Asterisk: {version} is ready in {place}")
    found = _unpacked(place)
    if found is None:
        raise Unavailable("test-pbx", f"The unpacked Asterisk in {place} vanished", hint="repeat the command")
    return found


def _describe(root: Path) -> str:
    """Write installation.json with the paths of the loader, the libraries and the modules, which depend on the architecture."""
    modules = next(iter(sorted(root.glob("usr/lib/*/asterisk/modules"))), None)
    libraries = modules.parents[1] if modules else root
    loader = next(iter(sorted(libraries.glob("ld-linux*.so.*")) or sorted(libraries.glob("ld*.so.*"))), None)
    if modules is None or loader is None:
        raise Unavailable("test-pbx", "The unpacked packages have no Asterisk that starts", hint=REMEDY)
    version = _version((str(loader), "--library-path", str(libraries), str(root / "usr/sbin/asterisk")))
    names = {"loader": loader, "libraries": libraries, "modules": modules}
    note = {name: str(path.relative_to(root)) for name, path in names.items()} | {"version": version}
    (root / "installation.json").write_text(json.dumps(note, indent=1))
    return version


def _version(argv: tuple[str, ...]) -> str:
    """`<major>.<minor>` as the binary reports it; empty when it does not start."""
    try:
        said = subprocess.run((*argv, "-V"), capture_output=True, text=True, timeout=_COMMAND_S, check=False)  # noqa: S603 - a path found above
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = _VERSION.search(said.stdout)
    return f"{found[1]}.{found[2]}" if found else ""


def need_tools(*tools: str) -> None:
    """Raises Misconfigured for the tools that this machine does not have."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        message = f"No Asterisk is installed, and {' and '.join(missing)}, needed to download one, is missing"
        raise Misconfigured("test-pbx", message, hint=REMEDY)


def run_tool(*argv: str) -> None:
    """Run a command to its end. Raises Unavailable."""
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_COMMAND_S)  # noqa: S603 - fixed words, own files
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        message = f"{argv[0]} failed: {detail[-1] if detail else error}"
        raise Unavailable("test-pbx", message, hint="is the disk full? else " + REMEDY) from error


@contextmanager
def one_at_a_time(lock: Path, progress: Progress) -> Iterator[None]:
    """Lock the cache: of two processes without an Asterisk the second waits, and then uses what the first has unpacked."""
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"{lock.stem}: another process is unpacking it; waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
