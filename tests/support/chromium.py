"""Chromium for the tests of the pages: the machine's, installed now when the tests run as root, or unpacked into the cache.

Its headless shell shows pages as the browser does, and takes a third of its CPU: 0.1 s for a page, 0.2 s for a new visitor.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callrec_lab.apt import Archive, fetch_packages

SHELL = "usr/lib/chromium/chromium-headless-shell"
INSTALLED, BROWSER = Path("/", SHELL), Path("/usr/bin/chromium")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callrec" / "chromium"
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
INSTALL_S = 900


def executable() -> tuple[Path, dict[str, str]]:
    """The program, and the environment that it needs. Several tests that ask for it at once install it once."""
    if INSTALLED.is_file():
        return INSTALLED, {}
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with _lock(CACHE.with_suffix(".lock")):
        if INSTALLED.is_file() or (os.geteuid() == 0 and _install()):
            return INSTALLED, {}
        return (BROWSER, {}) if BROWSER.is_file() else unpacked()


def unpacked() -> tuple[Path, dict[str, str]]:
    """Chromium in the cache; it is downloaded and unpacked now when it is not there."""
    program = CACHE / SHELL
    if not program.is_file():
        with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
            place = Path(folder, "unpacked")
            for package in fetch_packages(Archive(None), PACKAGES, Path(folder, "packages"), print):
                subprocess.run(["dpkg-deb", "-x", str(package), str(place)], check=True)  # noqa: S603, S607 - fixed words
            shutil.rmtree(CACHE, ignore_errors=True)
            place.rename(CACHE)
    libraries = [str(folder) for top in ("lib", "usr/lib") for folder in (CACHE / top).glob("*-linux-gnu*")]
    fonts = CACHE / "fonts.conf"
    fonts.write_text(
        f'<?xml version="1.0"?><fontconfig><dir>{CACHE}/usr/share/fonts</dir><cachedir>{CACHE}/fonts</cachedir></fontconfig>'
    )
    return program, {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(fonts)}


def _install() -> bool:
    """Install it on this machine; False when that did not work."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    words = ("--yes", "--no-install-recommends", "install", *PACKAGES)
    for command in (("apt-get", "--quiet", "update"), ("apt-get", "--quiet", *words)):
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, timeout=INSTALL_S, check=False)  # noqa: S603 - fixed words
        if done.returncode:
            return False
    return INSTALLED.is_file()


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
