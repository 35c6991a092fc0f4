"""The evidence for a recording is checked without callrec: by sha256sum, openssl, and Python's standard library."""

import asyncio
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LoggedLibrary
from stored_library import StoredLibrary

from callrec.adapters.audit.evidence_folder import write_evidence
from callrec.adapters.audit.log_files import LogFiles
from callrec.app.access.audit_log import evidence as evidence_module
from callrec.app.access.audit_log.evidence import LOOK_AGAIN_S, evidence_of, signed_evidence
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.errors import Corrupt, Refused, Unavailable

BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
VERIFY = "openssl pkeyutl -verify -pubin -inkey log.pem -rawin -in checkpoint.txt -sigfile checkpoint.sig"


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    return await LoggedLibrary(tmp_path).begin(300)


@pytest.fixture
async def folder(logged: LoggedLibrary, tmp_path: Path) -> Path:
    """The evidence for the first recording with audio."""
    _, manifest = logged.with_media()[0]
    write_evidence(evidence_of(logged.library, logged.reader, manifest.recording.id), tmp_path / "evidence")
    return tmp_path / "evidence"


def names(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """In a process without callrec: an empty environment, no site packages."""
    return subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=BARE, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, f"{sys.executable} -I -S check.py")


async def test_more_tracks_than_an_entry_takes_are_proven_by_the_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callrec.app.access.audit_log.stored_entries.MOST_FILES", 2)
    logged = LoggedLibrary(tmp_path)
    StoredLibrary(tmp_path).store(1, tracks=True)
    ((path, manifest),) = logged.manifests()
    await logged.log(logged.stored())
    found = evidence_of(logged.library, logged.reader, manifest.recording.id)
    write_evidence(found, tmp_path / "evidence")
    assert {one.name for one in manifest.files} <= set(names(tmp_path / "evidence"))
    assert checked(tmp_path / "evidence").returncode == 0
    last = (logged.monitor / path).parent / manifest.files[-1].name
    last.write_bytes(last.read_bytes()[::-1])
    with pytest.raises(Corrupt):
        evidence_of(logged.library, logged.reader, manifest.recording.id)


def test_the_script_finds_it_right(folder: Path) -> None:
    done = checked(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[:8] for line in done.stdout.splitlines()[:4]] == ["ok      "] * 4


def test_the_steps_by_hand_find_it_right(folder: Path) -> None:
    text = (folder / "HOW-TO-CHECK.txt").read_text()
    assert VERIFY in text
    assert "sha256sum -c SHA256SUMS" in text
    assert run(folder, "sha256sum -c SHA256SUMS").returncode == 0
    assert "Signature Verified Successfully" in run(folder, VERIFY).stdout
    leaf = run(folder, "(printf '\\000'; cat entry.json) | sha256sum").stdout.split()[0]
    assert leaf == hashlib.sha256(b"\0" + (folder / "entry.json").read_bytes()).hexdigest()
    assert {path.name for path in folder.iterdir()} == {
        line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()
    } | {"SHA256SUMS"}


def test_the_digests_in_the_entry_are_those_of_the_files(folder: Path) -> None:
    entry = json.loads((folder / "entry.json").read_bytes())
    here = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert {one["sha256"] for one in entry["files"]} <= here
    assert [one["part"] for one in entry["files"]][:2] == ["manifest", "media"]


@pytest.mark.parametrize(
    "what",
    [
        "media",
        "sidecar",
        "entry.json",
        "entry.tlog-proof",
        "checkpoint",
        "checkpoint.txt",
        "checkpoint.sig",
        "log.pem",
        "log.vkey",
    ],
)
def test_one_flipped_bit_is_found(folder: Path, what: str) -> None:
    entry = json.loads((folder / "entry.json").read_bytes())
    by_digest = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.iterdir()}
    named = {one["part"]: by_digest[one["sha256"]] for one in entry["files"]}
    path = {"media": named["media"], "sidecar": named["manifest"]}.get(what, folder / what)
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 1
    path.write_bytes(content)
    done = checked(folder)
    assert done.returncode == 1
    assert "WRONG" in done.stdout
    assert run(folder, "sha256sum --quiet -c SHA256SUMS").returncode == 1


def test_another_log_s_proof_is_not_taken(folder: Path) -> None:
    lines = (folder / "entry.tlog-proof").read_text().split("\n")
    lines[2] = base64.b64encode(os.urandom(32)).decode()
    (folder / "entry.tlog-proof").write_text("\n".join(lines))
    assert "WRONG   the entry is not in the log" in checked(folder).stdout


def test_a_proof_that_is_too_long_or_too_short_is_not_taken(folder: Path) -> None:
    lines = (folder / "entry.tlog-proof").read_text().split("\n")
    for changed in ([*lines[:2], *lines[3:]], [*lines[:3], *([lines[2]] * 20), *lines[3:]]):
        (folder / "entry.tlog-proof").write_text("\n".join(changed))
        assert "WRONG" in checked(folder).stdout


async def test_each_recording_of_the_library_has_its_evidence(logged: LoggedLibrary, tmp_path: Path) -> None:
    for nth, (_, manifest) in enumerate(logged.manifests()):
        evidence = evidence_of(logged.library, logged.reader, manifest.recording.id)
        write_evidence(evidence, tmp_path / str(nth))
        assert checked(tmp_path / str(nth)).returncode == 0


async def test_what_is_not_logged_or_not_as_it_was_has_no_evidence(logged: LoggedLibrary, tmp_path: Path) -> None:
    path, manifest = logged.with_media()[0]
    recording = manifest.recording.id
    with pytest.raises(Refused, match="there is no recording"):
        evidence_of(logged.library, logged.reader, "cnone-1")
    file = logged.monitor / f"{path}.json"
    sidecar = file.read_text()
    (file.parent / "cadded-1.json").write_text(sidecar.replace(recording, "cadded-1"))
    with pytest.raises(Refused, match="no entry with the digests") as caught:
        evidence_of(logged.library, logged.reader, "cadded-1")
    assert caught.value.code == "recording-unlogged"
    file.write_text(sidecar + " ")
    with pytest.raises(Corrupt, match="is not the file that entry"):
        evidence_of(logged.library, logged.reader, recording)
    file.write_text(sidecar)
    evidence = evidence_of(logged.library, logged.reader, recording)
    logged.media_of(path, manifest).write_bytes(b"other audio")
    with pytest.raises(Corrupt, match="changed while it was copied"):
        write_evidence(evidence, tmp_path / "evidence")
    with pytest.raises(Corrupt, match="is not the file that entry"):
        evidence_of(logged.library, logged.reader, recording)
    assert "evidence" not in "".join(names(tmp_path)), "neither the folder nor a draft of it"


async def test_a_recording_that_no_checkpoint_speaks_of_yet_has_to_wait(logged: LoggedLibrary) -> None:
    _, manifest = logged.with_media()[0]
    entry = next(one for one in logged.stored() if one.recording == manifest.recording.id)
    await logged.log([entry], settled=False)
    with pytest.raises(Unavailable, match="no checkpoint speaks") as caught:
        evidence_of(logged.library, logged.reader, manifest.recording.id)
    assert caught.value.code == "audit-unsigned"


async def test_evidence_of_a_recording_that_was_stored_just_now_waits_for_the_daemon_to_sign_it(
    logged: LoggedLibrary,
) -> None:
    _, manifest = logged.with_media()[0]
    entry = next(one for one in logged.stored() if one.recording == manifest.recording.id)
    await logged.log([entry], settled=False)
    asked = asyncio.create_task(signed_evidence(logged.library, logged.reader, manifest.recording.id))
    await asyncio.sleep(2 * LOOK_AGAIN_S)
    assert not asked.done()
    await logged.log([])
    assert (await asked).index >= 0


async def test_evidence_that_is_never_signed_is_refused_in_the_end(
    logged: LoggedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_module, "SIGNED_WITHIN_S", 0.2)
    _, manifest = logged.with_media()[0]
    entry = next(one for one in logged.stored() if one.recording == manifest.recording.id)
    await logged.log([entry], settled=False)
    with pytest.raises(Unavailable, match="no checkpoint speaks"):
        await signed_evidence(logged.library, logged.reader, manifest.recording.id)


async def test_tiles_that_do_not_prove_the_entry_are_told(logged: LoggedLibrary) -> None:
    _, manifest = logged.with_media()[0]
    name = max(name for name in LogFiles(logged.audit).names() if name.startswith("tile/0/"))
    content = (logged.audit / name).read_bytes()
    (logged.audit / name).write_bytes(content[::-1])
    with pytest.raises(Corrupt, match="do not prove"):
        evidence_of(logged.library, logged.reader, manifest.recording.id)


async def test_a_folder_that_exists_is_not_written_into(logged: LoggedLibrary, folder: Path) -> None:
    _, manifest = logged.with_media()[0]
    before = names(folder)
    with pytest.raises(Refused, match="exists already") as caught:
        write_evidence(evidence_of(logged.library, logged.reader, manifest.recording.id), folder)
    assert caught.value.code == "folder-exists"
    assert names(folder) == before
    shutil.rmtree(folder)
    await logged.log([AuditEntry(Action.EXPORTED, ACCOUNT, manifest.recording.id)])
    write_evidence(evidence_of(logged.library, logged.reader, manifest.recording.id), folder)
    assert checked(folder).returncode == 0
