"""The log's key is changed: at any crash the log goes on with one key, and all that the former one signed stays proven."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from logged_library import ACCOUNT, LoggedLibrary

from callrec.adapters.audit import signing_key
from callrec.adapters.audit.evidence_folder import write_evidence
from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.witness import Witness
from callrec.app.access.audit_log.evidence import evidence_of
from callrec.app.access.audit_log.log_check import check_log
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.errors import Corrupt
from callrec.protocols.checkpoints import VerifierKey, opened, signed_note

LOOK = AuditEntry(Action.LISTENED, ACCOUNT, "c1-1")


class Killed(Exception):
    """The process ended here."""


async def changed(logged: LoggedLibrary) -> None:
    """Change the key, as the command does."""
    log = DiskAuditLog(logged.audit, "callrec/pbx1", logged.clock, witness=Witness(logged.witness))
    log.open()
    await log.change_key(ACCOUNT)
    await log.append([LOOK])
    await log.close()


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    return await LoggedLibrary(tmp_path).begin(300)


async def test_all_that_was_signed_stays_proven_after_two_changes(logged: LoggedLibrary, tmp_path: Path) -> None:
    first, secret = logged.reader.key(), (logged.audit / "key").read_bytes()
    await changed(logged)
    await changed(logged)
    changes = logged.reader.key_changes()
    assert changes[0].former == first
    assert changes[-1].new == logged.reader.key() != first
    assert not check_log(logged.reader).findings, "with the witness's checkpoints of all three keys"
    assert (logged.audit / "key").read_bytes() != secret
    assert stat.S_IMODE((logged.audit / "key").stat().st_mode) == 0o600
    _, manifest = logged.with_media()[0]
    write_evidence(evidence_of(logged.library, logged.reader, manifest.recording.id), tmp_path / "out")
    code, said = checked(tmp_path / "out")
    assert (code, said.count(first.line)) == (0, 1), said
    keys = tmp_path / "out" / "keys"
    keys.write_bytes(keys.read_bytes().replace(b"entries 3", b"entries 4"))
    assert checked(tmp_path / "out")[0] == 1


def checked(folder: Path) -> tuple[int, str]:
    """As an expert checks it: with Python alone, and openssl."""
    check = [sys.executable, "-I", "-S", "check.py"]
    done = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return done.returncode, done.stdout


async def test_who_has_a_former_key_signs_no_later_entries(logged: LoggedLibrary) -> None:
    """A thief of the former key cuts the log off no more, and appends nothing to it."""
    former, key = (logged.audit / "key").read_bytes(), logged.reader.key()
    await changed(logged)
    note = logged.audit / "checkpoint"
    newest = opened(note.read_bytes(), logged.reader.key())
    (logged.audit / "key").write_bytes(former)
    stolen = signing_key._read(logged.audit)
    note.write_bytes(newest.text + signing_key_note(newest.text, key, stolen))
    assert [one.code for one in check_log(logged.reader).findings] == ["audit-checkpoint"]


def signing_key_note(text: bytes, key: VerifierKey, private: Ed25519PrivateKey) -> bytes:
    """The signature of this key below a text."""
    return signed_note(text, [(key, private.sign)])[len(text) :]


@pytest.mark.parametrize("step", ["key.new", "keys", "log.vkey", "renamed", "key"])
async def test_killed_at_any_step_the_log_goes_on_with_one_key(
    logged: LoggedLibrary, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write, rename, before = signing_key._write, Path.rename, logged.reader.key()

    def killed_after(folder: Path, name: str, content: bytes, mode: int) -> None:
        write(folder, name, content, mode)
        if name == step:
            raise Killed(name)

    def renamed(path: Path, target: Path) -> Path:
        done = rename(path, target)
        if step == "renamed" and path.name == "key.new":
            raise Killed(step)
        return done

    def crash_point(reached: str) -> None:
        if step == reached == "key":
            raise Killed(step)

    log = DiskAuditLog(logged.audit, "callrec/pbx1", logged.clock, checkpoint=crash_point)
    log.open()
    await log.append([LOOK])
    await log.settle()
    with monkeypatch.context() as patched:
        patched.setattr(signing_key, "_write", killed_after)
        patched.setattr(Path, "rename", renamed)
        with pytest.raises(Killed):
            await log.change_key(ACCOUNT)
    log._lock.release()
    started = DiskAuditLog(logged.audit, "callrec/pbx1", logged.clock)
    started.open()
    await started.close()
    _, manifest = logged.with_media()[0]
    assert evidence_of(logged.library, logged.reader, manifest.recording.id).files, "the checkpoint is that of its key"
    await logged.log([LOOK])
    assert not (logged.audit / "key.new").exists()
    assert (logged.reader.key() == before) == (step == "key.new")
    assert not check_log(logged.reader).findings


async def test_changes_that_were_tampered_with_are_named(logged: LoggedLibrary) -> None:
    await changed(logged)
    keys = logged.audit / "keys"
    content = keys.read_bytes()
    keys.write_bytes(b"")
    assert {one.code for one in check_log(logged.reader).findings} == {"audit-witness"}, "nobody knows the former key"
    keys.write_bytes(content.replace(b"entries 3", b"entries 4"))
    assert {one.code for one in check_log(logged.reader).findings} == {"audit-key"}
    keys.write_bytes(content.replace(b"root ", b"root A"))
    with pytest.raises(Corrupt):
        logged.reader.key_changes()
