"""`make vendor`: takes the scripts of others that the pages use from the package registry, as `vendor.toml` names them.

`npm pack --ignore-scripts` downloads a package and runs nothing of it. Each package has the digest of its archive, each file its
SHA-256; with `--renew` they are written anew, after a change of a version on purpose.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "service/callrec/web/static/vendor", ROOT / "tests/pages/vendor")
HEAD = """\
# Scripts of others, taken by `make vendor`. `served`: what browsers get; the other files are its source and licence.
"""


def main() -> int:
    """0 when every file is there as listed."""
    is_renewed = "--renew" in sys.argv
    for folder in FOLDERS:
        listed = folder / "vendor.toml"
        packages: dict[str, dict[str, Any]] = tomllib.loads(listed.read_text("utf-8"))
        for name, package in packages.items():
            take(name, package, folder, is_renewed=is_renewed)
        if is_renewed:
            listed.write_text(HEAD + "\n".join(written(name, package) for name, package in packages.items()), "utf-8")
    return 0


def take(name: str, package: dict[str, Any], folder: Path, *, is_renewed: bool) -> None:
    """Put the listed files of a package into `folder`. Raises SystemExit when one is not what the list says."""
    with tempfile.TemporaryDirectory() as unpacked:
        archive = packed(f"{name}@{package['version']}", Path(unpacked))
        digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if is_renewed:
            package["integrity"] = digest
        elif digest != package["integrity"]:
            raise SystemExit(
                f"{name} {package['version']}: the registry's archive is not the one in {folder}/vendor.toml"
            )
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        place = folder / f"{name.removesuffix('.js').removesuffix('.org')}-{package['version']}"
        shutil.rmtree(place, ignore_errors=True)
        for file, sha256 in package["files"].items():
            target = place / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(unpacked, "package", file), target)
            target.chmod(0o644)
            found = hashlib.sha256(target.read_bytes()).hexdigest()
            if is_renewed:
                package["files"][file] = found
            elif found != sha256:
                raise SystemExit(f"{target}: not the file in {folder}/vendor.toml")
        print(f"{place.name}: {len(package['files'])} files")


def packed(what: str, folder: Path) -> Path:
    """The archive of a package. Raises SystemExit with what npm complained of."""
    npm = shutil.which("npm")
    if not npm:
        raise SystemExit("make vendor needs npm: apt-get install npm")
    done = subprocess.run(  # noqa: S603 - names from our own file
        [npm, "pack", "--ignore-scripts", "--silent", what], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"npm pack {what}: {done.stderr.strip()}")
    return folder / done.stdout.split()[-1]


def written(name: str, package: dict[str, Any]) -> str:
    """The table of a package."""
    lines = [f'["{name}"]', *(f'{key} = "{package[key]}"' for key in ("version", "licence", "integrity"))]
    lines.append(f"served = [{', '.join(chr(34) + one + chr(34) for one in package['served'])}]")
    lines += [f'\n["{name}".files]', *(f'"{file}" = "{sha256}"' for file, sha256 in package["files"].items()), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
