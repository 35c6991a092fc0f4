"""`make lock`: pins everything that setup.cfg and pyproject.toml ask for, with the SHA-256 of each wheel.

One entry holds the wheels of all Pythons and machines below, so that `pip install --require-hashes` takes nothing else anywhere.
Pinned versions stay; with `--upgrade` the newest are taken. The packages come from the index that pip is set up for; it tells
their hashes, so that next to nothing is downloaded.
"""

import configparser
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN, TEST = ROOT / "constraints.txt", ROOT / "constraints-test.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
GLIBC = ("2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35")
CONDITIONAL = {"async-timeout": 'python_full_version < "3.11.3"'}
"""What redis needs on some of our Pythons only: pip asks the running one about conditions, whatever --python-version says."""

Pins = dict[str, tuple[str, set[str]]]
"""By normalised name: the version, and the hashes of its wheels."""


def main() -> int:
    """Write both files."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    run = settings["options"]["install_requires"].split("\n")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    test = settings["options.extras_require"]["test"].split("\n")
    needed = [one for one in (*run, *build, *CONDITIONAL) if one]
    kept = {} if "--upgrade" in sys.argv else {**pinned(RUN), **pinned(TEST)}
    every: Pins = {}
    for python in PYTHONS:
        for machine in MACHINES:
            print(f"== Python {python} on {machine}", flush=True)
            fixed = kept | {name: version for name, (version, _) in every.items()}
            for name, (version, hashes) in resolved([*needed, *filter(None, test)], fixed, python, machine).items():
                every.setdefault(name, (version, set()))[1].update(hashes)
    versions = {name: version for name, (version, _) in every.items()}
    for_run = resolved(needed, versions, PYTHONS[0], MACHINES[0]).keys()
    RUN.write_text(written({name: every[name] for name in every if name in for_run}))
    TEST.write_text(written({name: every[name] for name in every if name not in for_run}))
    return 0


def resolved(needed: list[str], fixed: dict[str, str], python: str, machine: str) -> Pins:
    """What pip would install there. Raises SystemExit with what pip complained of."""
    with tempfile.TemporaryDirectory() as folder:
        pins, report = Path(folder, "pins.txt"), Path(folder, "report.json")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in fixed.items()))
        platforms = (f"manylinux_{glibc}_{machine}" for glibc in GLIBC)
        words = [
            *(
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--dry-run",
                "--ignore-installed",
                "--report",
                str(report),
            ),
            *("--only-binary", ":all:", "--target", folder, "--python-version", python, "--constraint", str(pins)),
            *(word for platform in (*platforms, f"manylinux2014_{machine}") for word in ("--platform", platform)),
            *needed,
        ]
        if subprocess.run(words, check=False).returncode:  # noqa: S603 - pip, and names from our own files
            raise SystemExit(f"pip finds no wheels of all this for Python {python} on {machine}: see above")
        found: Pins = {}
        for one in json.loads(report.read_text())["install"]:
            hashes = one["download_info"]["archive_info"].get("hashes", {})
            name = normalised(one["metadata"]["name"])
            if "sha256" not in hashes:
                raise SystemExit(f"the index tells no SHA-256 of {name}: set pip up for one that does")
            found[name] = one["metadata"]["version"], {hashes["sha256"]}
        return found


def written(pins: Pins) -> str:
    """A requirements file."""
    lines = ["# Made by `make lock` from setup.cfg and pyproject.toml: do not edit.\n"]
    for name in sorted(pins):
        version, hashes = pins[name]
        condition = f" ; {CONDITIONAL[name]}" if name in CONDITIONAL else ""
        each = "".join(f" \\\n    --hash=sha256:{one}" for one in sorted(hashes))
        lines.append(f"{name}=={version}{condition}{each}\n")
    return "".join(lines)


def pinned(file: Path) -> dict[str, str]:
    """The versions in a file that was written before."""
    text = file.read_text() if file.is_file() else ""
    return {normalised(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)}


def normalised(name: str) -> str:
    """As indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
