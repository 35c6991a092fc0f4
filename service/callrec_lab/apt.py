"""Downloads the packages of a suite with apt-get into a folder, with its own lists and status, as any user.

The archive's address and key come from the machine's own apt sources.
"""

import os
import platform
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from callrec.domain.errors import Misconfigured, Unavailable

_DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SOURCES = Path("/etc/apt")
_REMEDY = "check the network and /etc/apt/sources.list*, or install Asterisk yourself, then repeat"
_DOWNLOAD_S = 900


@dataclass(frozen=True, slots=True)
class Archive:
    """The source of the packages: `line` is a sources.list line, or None for the machine's own sources."""

    line: str | None

    @classmethod
    def of_this_machine(cls, suite: str) -> "Archive":
        """On Debian this suite of the archive that the machine already uses; elsewhere the machine's own suites."""
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            release = {}
        if release.get("ID") != "debian":
            return cls(None)
        uri = _archive_uri(_index_targets(), release.get("VERSION_CODENAME", suite))
        return cls(f"deb [signed-by={_keyring(uri)}] {uri} {suite} main")


def fetch_packages(archive: Archive, names: Sequence[str], folder: Path, progress: Callable[[str], None]) -> list[Path]:
    """Download the packages below `folder`, with all that they depend on (even libc). Raises Unavailable."""
    for sub in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / sub).mkdir(parents=True)
    (folder / "status").touch()
    options = _options(archive, folder)
    what = names[0].capitalize()
    progress(f"{what}: reading the package lists")
    for _line in _apt(*options, "update"):
        pass
    fetched, total = 0, "?"
    for line in _apt(*options, "--yes", "--download-only", "install", *names):
        if newly := re.search(r"(\d+) newly installed", line):
            total = newly[1]
        fetched += line.startswith("Get:")
        if line.startswith("Get:") and fetched % 20 == 0:
            progress(f"{what}: {fetched} of {total} packages downloaded")
    return sorted((folder / "cache/archives").glob("*.deb"))


def _options(archive: Archive, folder: Path) -> list[str]:
    """The options of apt: it reads and writes below `folder` only, and treats the machine's packages as not installed."""
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Log": folder,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "APT::Update::Error-Mode": "any",
        "Acquire::Retries": 2,
        "Acquire::Languages": "none",
    }
    if archive.line is not None:
        (folder / "etc/sources.list").write_text(archive.line + "\n")
        settings |= {"Dir::Etc::sourcelist": folder / "etc/sources.list", "Dir::Etc::sourceparts": "/dev/null"}
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _apt(*words: str) -> Iterator[str]:
    """Run apt-get and yield its lines as they come. Raises Unavailable with its last error."""
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    last: deque[str] = deque(maxlen=40)
    with subprocess.Popen(  # noqa: S603 - fixed words
        ("timeout", str(_DOWNLOAD_S), "apt-get", *words),  # noqa: S607 - found by PATH
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        for line in process.stdout or ():
            last.append(line.strip())
            yield line
    if process.returncode != 0:
        complaint = next((line for line in last if line.startswith(("E:", "W:", "Err:"))), "apt-get failed")
        raise Unavailable("test-pbx", f"Asterisk could not be downloaded: {complaint}", hint=_REMEDY)


def _index_targets() -> list[tuple[str, str, str]]:
    """(archive address, suite, component) of each package list in this machine's apt sources."""
    form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    lines = [line.strip().split("|") for line in _apt("indextargets", "--format", form, "Created-By: Packages")]
    return [(words[0], words[1], words[2]) for words in lines if len(words) == len(form.split("|"))]


def _archive_uri(targets: Sequence[tuple[str, str, str]], codename: str) -> str:
    """The address of the main archive in the machine's sources: that of its codename first, never that of security updates."""
    main = [(uri, suite) for uri, suite, component in targets if component == "main" and "security" not in uri + suite]
    main.sort(key=lambda target: target[1] != codename)
    if not main:
        raise Misconfigured("test-pbx", "This machine's apt sources name no Debian archive", hint=_REMEDY)
    return main[0][0]


def _keyring(uri: str) -> Path:
    """The key file that the machine's sources give for this archive, otherwise Debian's archive keyring."""
    files = (
        *_SOURCES.glob("sources.list.d/*.sources"),
        *_SOURCES.glob("sources.list.d/*.list"),
        _SOURCES / "sources.list",
    )
    for file in files:
        text = file.read_text(errors="replace") if file.is_file() else ""
        for stanza in text.split("\n\n") if file.suffix == ".sources" else text.splitlines():
            named = re.search(r"signed-by\s*[:=]\s*(/[^\s\],]+)", stanza, re.IGNORECASE)
            if named and uri.rstrip("/") in stanza and Path(named[1]).is_file():
                return Path(named[1])
    if not _DEBIAN_KEYRING.is_file():
        raise Misconfigured("test-pbx", "The key of Debian's archive is missing", hint="install debian-archive-keyring")
    return _DEBIAN_KEYRING
