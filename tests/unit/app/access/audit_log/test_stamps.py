"""What time stamps prove: since when an entry is there, and that the log is the one that was stamped."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LOG_BEGAN_S, LoggedLibrary
from time_authority import TimeAuthority

from callrec.adapters.audit.evidence_folder import write_evidence
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.audit.stamp_files import read_authorities
from callrec.adapters.audit.time_stamping import TimeStamping
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.access.audit_log.evidence import evidence_of
from callrec.app.access.audit_log.library_check import LibraryReport, check_library
from callrec.domain.access.audit import Action, AuditEntry

LOOKED = AuditEntry(Action.LISTENED, ACCOUNT, "c1-1")
PYTHON = "python3 -I -S check.py"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeAuthority]:
    with TimeAuthority(tmp_path_factory.mktemp("tsa")).serving() as one:
        yield one


@pytest.fixture
async def logged(tmp_path: Path, authority: TimeAuthority) -> LoggedLibrary:
    """Two states of the log are stamped, and one entry comes after them."""
    made = await LoggedLibrary(tmp_path).begin(300)
    made.reader = DiskLogReader(made.audit, authorities=authority.root)
    for _ in range(2):
        await stamped(made, authority)
        await made.log([LOOKED])
    return made


async def stamped(logged: LoggedLibrary, authority: TimeAuthority) -> None:
    """Stamp the log as it is now."""
    known = read_authorities(authority.root)
    one = TimeStamping(logged.audit, authority.url, known, 60.0, lambda error: pytest.fail(str(error)))
    assert await one.step() == 60.0


def check(logged: LoggedLibrary) -> LibraryReport:
    return check_library(logged.library, logged.reader, ())


async def test_a_log_that_was_stamped_is_sound_and_lists_say_when(logged: LoggedLibrary) -> None:
    report = check(logged)
    assert (report.findings, report.notes, report.stamps) == ((), (), 2)
    assert report.stamped_ms > LOG_BEGAN_S * 1000
    first, second = logged.reader.stamps()
    rows = {one["index"]: one["stamped"] for one in audit_page(logged.reader, AuditFilter(), 1000).entries}
    assert rows[second] is None, "the entry after the last stamp"
    assert str(rows[second - 1]).endswith("Z")
    assert rows[0] == rows[first - 1] is not None


async def test_without_a_list_of_authorities_the_signature_is_not_checked_and_that_is_said(
    logged: LoggedLibrary,
) -> None:
    logged.reader = DiskLogReader(logged.audit)
    report = check(logged)
    assert (report.findings, report.stamps) == ((), 2)
    (note,) = report.notes
    assert note.message.endswith("CALLREC_AUDIT_TIMESTAMP_CA is not set")


@pytest.mark.parametrize("change", ["bit", "checkpoint", "missing", "exchanged", "renamed", "another authority"])
async def test_a_stamp_that_was_changed_is_named(logged: LoggedLibrary, tmp_path: Path, change: str) -> None:
    first, second = logged.reader.stamps()
    stamps = logged.audit / "stamps"
    match change:
        case "bit":
            flip(stamps / f"{second}.tsr", -1)
        case "checkpoint":
            flip(stamps / f"{second}.checkpoint")
        case "missing":
            (stamps / f"{second}.checkpoint").unlink()
        case "exchanged":
            shutil.copy(stamps / f"{first}.tsr", stamps / f"{second}.tsr")
        case "renamed":
            for ending in ("checkpoint", "tsr"):
                (stamps / f"{second}.{ending}").rename(stamps / f"{second + 1}.{ending}")
        case "another authority":
            other = TimeAuthority(tmp_path / "other")
            (stamps / f"{second}.tsr").write_bytes(other.stamp_of((stamps / f"{second}.checkpoint").read_bytes()))
    report = check(logged)
    ((code, path),) = [(one.code, one.path) for one in report.findings]
    assert (code, report.stamps) == ("audit-stamp", 1)
    assert path == f"stamps/{second + (change == 'renamed')}.tsr"


def flip(path: Path, at: int = 40) -> None:
    """One bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


async def test_a_log_that_was_written_anew_with_its_key_is_known_by_its_stamp(logged: LoggedLibrary) -> None:
    """Who owns the machine has the key, and no authority."""
    key, stamps = (logged.audit / "key").read_bytes(), logged.folder / "kept"
    shutil.copytree(logged.audit / "stamps", stamps)
    count = check(logged).entries
    shutil.rmtree(logged.audit)
    logged.audit.mkdir()
    (logged.audit / "key").write_bytes(key)
    (logged.audit / "key").chmod(0o600)
    (logged.audit / "beginning").touch()
    await logged.log([LOOKED] * (count - len(logged.manifests())))
    await logged.log(logged.stored())
    shutil.copytree(stamps, logged.audit / "stamps")
    findings = {(one.code, one.message.rpartition(": ")[2]) for one in check(logged).findings}
    assert findings == {("audit-stamp", "the log was rewritten")}


async def test_a_log_that_was_cut_off_is_known_by_its_stamp(logged: LoggedLibrary, authority: TimeAuthority) -> None:
    before = logged.folder / "before"
    shutil.copytree(logged.audit, before)
    await logged.log([LOOKED])
    await stamped(logged, authority)
    stamps = logged.folder / "kept"
    shutil.copytree(logged.audit / "stamps", stamps)
    shutil.rmtree(logged.audit)
    before.rename(logged.audit)
    shutil.copytree(stamps, logged.audit / "stamps", dirs_exist_ok=True)
    (finding,) = check(logged).findings
    assert (finding.code, finding.message.rpartition(": ")[2]) == ("audit-stamp", "it was cut off")


async def test_a_clock_that_was_ahead_is_noted(logged: LoggedLibrary, authority: TimeAuthority) -> None:
    """The authority's clock is that of this machine; the log's is a year ahead of it."""
    logged.clock.utc_s = check(logged).stamped_ms / 1000 + 365 * 86_400
    await logged.log([LOOKED])
    await stamped(logged, authority)
    report = check(logged)
    assert report.findings == ()
    assert [one.code for one in report.notes] == ["clock-ahead"]
    assert "the machine's clock was ahead by 3153" in report.notes[0].message


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """In a process without callrec."""
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=bare, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words


async def test_evidence_has_the_first_stamp_and_how_to_check_it(
    logged: LoggedLibrary, authority: TimeAuthority, tmp_path: Path
) -> None:
    _, manifest = logged.with_media()[0]
    folder = tmp_path / "evidence"
    write_evidence(evidence_of(logged.library, logged.reader, manifest.recording.id), folder)
    by_script = run(folder, PYTHON)
    assert (by_script.returncode, by_script.stderr) == (0, ""), by_script.stdout
    assert "has signed that it saw the log with the entry at 20" in by_script.stdout
    command = "openssl ts -verify -in stamp.tsr -data stamp.checkpoint -CAfile ca.pem"
    assert command in (folder / "HOW-TO-CHECK.txt").read_text()
    shutil.copy(authority.root, folder / "ca.pem")
    assert run(folder, command).stdout == "Verification: OK\n"
    (folder / "stamp-ca.pem").unlink()
    assert "step 4 of HOW-TO-CHECK.txt" in run(folder, PYTHON).stdout
    shutil.copy(TimeAuthority(tmp_path / "other").root, folder / "stamp-ca.pem")
    wrong = run(folder, PYTHON)
    assert (wrong.returncode, "no authority of stamp-ca.pem" in wrong.stdout) == (1, True)
    (folder / "stamp.tsr").write_bytes(authority.stamp_of(b"something else"))
    wrong = run(folder, PYTHON)
    assert (wrong.returncode, "not a time stamp of stamp.checkpoint" in wrong.stdout) == (1, True)


async def test_evidence_without_a_right_stamp_has_none(logged: LoggedLibrary, tmp_path: Path) -> None:
    for size in logged.reader.stamps():
        flip(logged.audit / f"stamps/{size}.checkpoint")
    _, manifest = logged.with_media()[0]
    write_evidence(evidence_of(logged.library, logged.reader, manifest.recording.id), tmp_path / "evidence")
    assert not list((tmp_path / "evidence").glob("stamp*"))
    done = run(tmp_path / "evidence", PYTHON)
    assert (done.returncode, "no authority has stamped the entry" in done.stdout) == (0, True)
