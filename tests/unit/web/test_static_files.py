"""Static files: addresses with a digest, kept by browsers, compressed; and that every file of others is as it was published."""

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

import aiohttp
import pytest

from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.pages.site import TEMPLATES, Site
from callrec.web.server import build_app, serve_http
from callrec.web.static_files import FOLDER, StaticFiles

VENDORS = (FOLDER / "vendor", Path(__file__).parents[2] / "pages/vendor")
LICENCES = {"0BSD", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}
OWN = [file for file in FOLDER.rglob("*") if file.is_file() and "vendor" not in file.parts]
_HOST = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}")


def listed(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by its path below the folder."""
    packages = tomllib.loads((folder / "vendor.toml").read_text("utf-8"))
    return {
        f"{name.removesuffix('.js').removesuffix('.org')}-{package['version']}/{file}": sha256
        for name, package in packages.items()
        for file, sha256 in package["files"].items()
    }


@pytest.mark.parametrize("folder", VENDORS, ids=["served", "of tests"])
def test_every_file_of_others_is_listed_with_its_digest(folder: Path) -> None:
    found = {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "vendor.toml"
    }
    assert found == listed(folder)


@pytest.mark.parametrize("folder", VENDORS, ids=["served", "of tests"])
def test_every_package_of_others_has_its_licence_beside_it(folder: Path) -> None:
    packages = tomllib.loads((folder / "vendor.toml").read_text("utf-8"))
    assert {package["licence"] for package in packages.values()} <= LICENCES
    assert all("LICENSE" in package["files"] for package in packages.values())
    assert all(set(package["served"]) <= set(package["files"]) for package in packages.values())


@pytest.mark.parametrize("file", [*TEMPLATES.rglob("*.html"), *OWN], ids=lambda file: file.name)
def test_no_page_style_or_script_names_another_host(file: Path) -> None:
    assert [] == [one for one in _HOST.findall(file.read_text("utf-8")) if "www.w3.org" not in one]


@pytest.mark.parametrize("file", list(TEMPLATES.rglob("*.html")), ids=lambda file: file.name)
def test_no_template_has_a_script_or_a_style_in_it(file: Path) -> None:
    """The policy of the pages forbids them."""
    text = file.read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:|hx-on|\|safe", text)


def test_the_style_and_the_scripts_are_small() -> None:
    """As browsers get them: the style at most 20 kB, all scripts together at most 60 kB."""
    files = StaticFiles().files
    served = {
        f"vendor/{name.removesuffix('.js').removesuffix('.org')}-{package['version']}/{file}"
        for name, package in tomllib.loads((FOLDER / "vendor/vendor.toml").read_text("utf-8")).items()
        for file in package["served"]
    }
    scripts = {name: file for name, file in files.items() if name.startswith("js/") or name in served}
    assert len(files["app.css"].content) < 20_000
    assert sum(len(file.packed) for file in scripts.values()) < 60_000


async def test_a_file_is_kept_for_a_year_and_sent_compressed() -> None:
    site = Site([], None)
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token="t" * 43, site=site)
    runner, port = await serve_http(app, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as http:
            async with http.get(site.static.address("app.css")) as answer:
                packed = await answer.read()
                assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
                assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            async with http.get(site.static.address("app.css"), headers={"Accept-Encoding": "identity"}) as answer:
                assert await answer.read() == gzip.decompress(packed) == (FOLDER / "app.css").read_bytes()
                assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
            digest = site.static.digest
            for path in (
                "/static/000000000000/app.css",
                f"/static/{digest}/nothing.css",
                f"/static/{digest}/vendor/vendor.toml",
            ):
                async with http.get(path) as answer:
                    assert answer.status == 404
    finally:
        await runner.cleanup()


def test_a_change_of_one_file_changes_all_addresses(tmp_path: Path) -> None:
    """Scripts name each other by relative addresses: a browser never mixes versions."""
    (tmp_path / "a.css").write_text("a {}")
    (tmp_path / "b.js").write_text("1")
    before = StaticFiles(tmp_path)
    (tmp_path / "b.js").write_text("2")
    assert before.address("a.css") != StaticFiles(tmp_path).address("a.css")
    with pytest.raises(LookupError, match="no file c"):
        before.address("c.css")
