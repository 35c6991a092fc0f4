"""`callrec recordings export|link` beside a daemon: what leaves is whole, checked by others' programs, and in the audit log."""

import json
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lone_daemon import House
from stored_library import StoredLibrary

from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page

FILLED_S = 30.0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    library = StoredLibrary(tmp_path)
    for nth in (1, 2):
        library.store(nth)
    (tmp_path / "spool").mkdir()
    made = House(tmp_path)
    made.start()
    deadline = time.monotonic() + FILLED_S
    while b"c2-1" not in made.command("recordings", "list", state="s").stdout and time.monotonic() < deadline:
        pass  # each look takes a second: the daemon fills the catalogue meanwhile
    yield made
    made.stop()


def said(house: House, *words: str) -> dict[str, object]:
    """The JSON that this command prints."""
    done = house.command("recordings", *words, "--json", state="s")
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_recordings_leave_by_commands_whole_and_logged(house: House) -> None:
    assert said(house, "export", "no.zip", "--number", "1000", "--preview")["recordings"] == 2
    assert not (house.folder / "no.zip").exists()
    by_filter, by_id = said(house, "export", "all.zip", "--number", "1000"), said(house, "export", "one.zip", "c1-1")
    for name, count, told in (("all.zip", 2, by_filter), ("one.zip", 1, by_id)):
        path = house.folder / name
        assert (path.stat().st_size, path.stat().st_mode & 0o777) == (told["bytes"], 0o600)
        with zipfile.ZipFile(path) as archive:
            assert sum(one.endswith(".wav") for one in archive.namelist()) == count
            archive.extractall(house.folder / name.partition(".")[0])
        sums, there = ["sha256sum", "--check", "--strict", "SHA256SUMS"], house.folder / name.partition(".")[0]
        checked = subprocess.run(sums, cwd=there, capture_output=True, check=False)  # noqa: S603 - fixed words
        assert checked.returncode == 0, checked.stderr
    link = said(house, "link", "c1-1", "--hours", "1", "--at", "2")
    assert str(link["path"]).startswith("/shared/")
    assert house.command("recordings", "unlink", "c1-1", str(link["id"]), state="s").returncode == 0
    page = audit_page(DiskLogReader(house.folder / "s" / "audit"), AuditFilter(), 100, None)
    done = [(one["actor_kind"], one["action"], one["recording"]) for one in reversed(page.entries)]
    mine = [one[1:] for one in done if one[0] == "machine" and one[1] in {"exported", "link-made", "link-revoked"}]
    whole = ("exported", "")
    assert mine == [
        *(whole, ("exported", "c1-1"), ("exported", "c2-1"), whole),
        *(whole, ("exported", "c1-1"), whole),
        *(("link-made", "c1-1"), ("link-revoked", "c1-1")),
    ]


def test_an_export_replaces_no_file_and_leaves_no_part(house: House) -> None:
    (house.folder / "mine.zip").write_text("mine")
    refused = [
        house.command("recordings", "export", *words, state="s").returncode
        for words in (
            ["mine.zip", "c1-1"],
            ["x.zip"],
            ["x.zip", "c1-1", "--number", "1"],
            ["x.zip", "--number-part", "1"],
        )
    ]
    wav = next((house.folder / "monitor").rglob("c1-1.wav"))
    content = wav.read_bytes()
    wav.write_bytes(content[:-1] + b"\x7f" * 1)
    broken = house.command("recordings", "export", "broken.zip", "c1-1", state="s")
    assert (refused, broken.returncode) == ([1, 2, 2, 1], 3), broken.stderr
    assert (house.folder / "mine.zip").read_text() == "mine"
    assert not [*house.folder.glob("broken*"), *house.folder.glob(".*.tmp"), *house.folder.glob("x.zip")]
