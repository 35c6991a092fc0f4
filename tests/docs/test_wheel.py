"""What `pip install` brings: the product with its files that are no Python, and nothing of the test PBX."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

TOP = Path(__file__).parents[2]
BUILD = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"


def test_the_wheel_has_every_file_of_the_product_and_none_of_the_test_pbx(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(TOP / "service", source / "service", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    built = subprocess.run(  # noqa: S603 - our own build
        [sys.executable, "-c", BUILD], cwd=source, capture_output=True, check=True, text=True, timeout=60
    )
    with ZipFile(tmp_path / built.stdout.splitlines()[-1]) as wheel:
        shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    product = source / "service"
    assert shipped == {str(file.relative_to(product)) for file in (product / "callrec").rglob("*") if file.is_file()}
    assert "callrec/adapters/redis/scripts/edit.lua" in shipped
