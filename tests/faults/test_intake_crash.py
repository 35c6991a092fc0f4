"""Intake killed at each step, and on disks that fail: in the end there is one file, one sidecar, one digest, one entry."""

import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import pytest

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_files import LogFiles
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.audit.signing_key import public_key
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.system import SystemClock
from callrec.app.access.audit_log.library_check import check_library
from callrec.app.library.catalog import entries, export, verify
from callrec.app.library.finalize.finalizer import Finalizer, Ports, Terms
from callrec.config import Settings
from callrec.domain.access.audit import FileDigest
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Capture, Party, Recording
from callrec.domain.errors import CallrecError, Unavailable
from callrec.domain.library.file_names import Names
from callrec.domain.library.manifest import Format, Manifest, StoredState
from callrec.domain.rules import Rule
from callrec.protocols.audit_entries import decode_entry
from callrec.protocols.log_tiles import tiles_of
from callrec.wiring.encryption import library_of

STEPS = (
    "encoded",
    "sidecar-written",
    "sidecar",
    "media",
    "placed",
    "stored",
    "waiting",
    "logged",
    "indexed",
    "told",
    "dropped",
)
SECONDS = 5


class Nobody:
    """An index, an event stream and a listener that capture everything and keep nothing."""

    async def put(self, entry: Mapping[str, str]) -> None:
        """Take it."""

    async def publish(self, event: Mapping[str, str]) -> None:
        """Take it."""

    def stored(self, manifest: Manifest) -> None:
        """Hear it."""

    def delayed(self, recording: RecordingId, attempt: int, error: Exception) -> None:
        """Hear it."""

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """Hear it."""

    def damaged(self, recording: RecordingId, error: CallrecError) -> None:
        """Hear it."""

    def refused(self, recording: RecordingId, cause: str) -> None:
        """Hear it."""

    def overflowed(self) -> None:
        """Hear it."""


def recording() -> Recording:
    capture = Capture(CaptureId("c1-1-1"), LegId("1.1"), "PJSIP/a-1", 8000, 1795341600.0, 1795341600.0 + SECONDS)
    party = Party(LegId("1.1"), None, "1000", "John", 1795341600.0)
    return Recording(
        RecordingId("c1-1"),
        CallId("c1"),
        "1.1",
        NodeId("n"),
        Rule.ALWAYS,
        POLICY,
        1795341600.0,
        1795341600.0 + SECONDS,
        captures=(capture,),
        parties=(party, replace(party, number="1001")),
    )


def capture_files(folder: Path, seconds: float = SECONDS) -> None:
    """Both legs in the spool, a ramp and its reverse."""
    spool = DiskSpool(folder / "spool")
    spool.prepare()
    samples = b"".join((nth % 20_000).to_bytes(2, "little") for nth in range(int(8000 * seconds)))
    Path(spool.path(recording().captures[0], "read")).write_bytes(samples)
    Path(spool.path(recording().captures[0], "write")).write_bytes(samples[::-1])


def library_in(folder: Path, checkpoint: Callable[[str], None] = lambda _step: None) -> MonitorLibrary:
    """The monitor directory. With a file `keys` new recordings are encrypted; with `former-keys` they were."""
    keys = next((one for one in (folder / "keys", folder / "former-keys") if one.exists()), None)
    settings = Settings(
        monitor_dir=folder / "monitor",
        state_dir=folder / "state",
        encryption=(folder / "keys").exists(),
        encryption_keys=f"file:{keys}" if keys else "",
    )
    return library_of(settings, checkpoint=checkpoint)


async def finish(folder: Path, terms: Terms, die_at: str = "") -> Manifest | None:
    """What a daemon does with what its journal holds; at the step `die_at` it is killed. None: nothing was left to do."""

    def checkpoint(step: str) -> None:
        if step == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    journal = DiskJournal(folder / "journal")
    audit = DiskAuditLog(folder / "audit", "callrec/pbx1", SystemClock(), checkpoint=checkpoint)
    audit.open()
    live, nobody = journal.load(), Nobody()
    library = library_in(folder, checkpoint)
    encoder = PyAvEncoder(library.contents)
    ports = Ports(journal, DiskSpool(folder / "spool"), library, encoder, nobody, nobody, nobody, audit)  # type: ignore[arg-type] # what intake uses of them
    try:
        for entry in live:
            return await Finalizer(ports, terms, checkpoint=checkpoint).finish(entry.recording)
        return None
    finally:
        await audit.close()
        await journal.close()


async def begin(folder: Path) -> None:
    """A call has ended: legs in the spool, the entry in the journal."""
    capture_files(folder)
    journal = DiskJournal(folder / "journal")
    journal.load()
    await journal.append(Entry(Step.ENDED, recording()))
    await journal.close()


Killed = Callable[[Path, Terms, str], None]


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    """Has a process finish what a folder's journal holds, and killed at a step. It is a fork of a fork that was made before any
    thread: Python's start would take most of the CPU of this file."""
    ours, theirs = multiprocessing.Pipe()
    server = os.fork()
    if server == 0:
        ours.close()
        _forks(theirs)
    theirs.close()

    def kill(folder: Path, terms: Terms, step: str) -> None:
        ours.send((folder, terms, step))
        assert ours.poll(60), f"the child neither ended nor came to {step}"
        assert ours.recv() == -signal.SIGKILL, f"the child did not come to {step}"

    yield kill
    ours.close()
    os.waitpid(server, 0)


def _forks(requests: Connection) -> NoReturn:
    """A fork for each request, until there are no more."""
    with contextlib.suppress(EOFError):
        while True:
            folder, terms, step = requests.recv()
            child = os.fork()
            if child == 0:
                try:
                    asyncio.run(finish(folder, terms, step))
                except BaseException:  # noqa: BLE001 - it ends here
                    traceback.print_exc()
                os._exit(1)
            requests.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def outcome(folder: Path) -> dict[str, bytes]:
    """Every file below the monitor directory, temporary ones included; without the lock, and peaks, which are made on demand."""
    files = (
        path
        for path in (folder / "monitor").rglob("*")
        if path.is_file() and path.suffix != ".peaks" and path.name != ".annotations-lock"
    )
    return {str(path.relative_to(folder / "monitor")): path.read_bytes() for path in files}


def stored_digests(folder: Path) -> list[tuple[FileDigest, ...]]:
    """What the audit log says of the files of recordings, entry by entry."""
    files = LogFiles(folder / "audit")
    size = files.checkpoint(public_key(folder / "audit")).size
    bundles = [files.entries(name) for name in tiles_of(size) if name.level is None]
    return [decode_entry(entry).files for bundle in bundles for entry in bundle]


def assert_settled(folder: Path, undisturbed: Path) -> None:
    assert outcome(folder) == outcome(undisturbed)
    library, spool = MonitorLibrary(folder / "monitor"), DiskSpool(folder / "spool")
    assert verify(library, spool, PyAvEncoder(), frozenset()).findings == ()
    assert export(entries(library)) == export(entries(MonitorLibrary(undisturbed / "monitor")))
    assert [path for path in (folder / "spool").rglob("*") if path.is_file()] == []
    logged = stored_digests(folder)
    assert logged, "its digests are in the audit log, also when the run that logged them was killed"
    assert set(logged) == set(stored_digests(undisturbed))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("media_format", "names"), [(Format.WAV, Names.CALLREC), (Format.OPUS, Names.XIVO)], ids=["wav", "opus-xivo"]
)
async def test_p5_killed_at_any_step_the_next_run_has_the_same_outcome(
    tmp_path: Path, killed: Killed, step: str, media_format: Format, names: Names
) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    terms = Terms(media_format, names)
    await begin(undisturbed)
    assert await finish(undisturbed, terms) is not None
    await begin(disturbed)
    for _ in range(2):  # a daemon that dies twice at the same place
        if step in {"media", "placed"} and outcome_has_media(disturbed):
            break
        await asyncio.to_thread(killed, disturbed, terms, step)
    assert await finish(disturbed, terms) is not None
    assert await finish(disturbed, terms) is None, "it is finished: the journal holds nothing any more"
    assert_settled(disturbed, undisturbed)


def outcome_has_media(folder: Path) -> bool:
    return any(not name.startswith(".") and not name.endswith((".json", ".key")) for name in outcome(folder))


def encrypt(folder: Path) -> None:
    """From now on this daemon encrypts."""
    folder.mkdir(exist_ok=True)
    (folder / "keys").touch(0o600)
    (folder / "keys").write_text(f"2026 {bytes(range(32)).hex()}")


def assert_encrypted(folder: Path, undisturbed: Path, media_format: Format) -> None:
    """The same recording as that of an undisturbed daemon that does not encrypt, and without its key nobody reads it."""
    found, plain = outcome(folder), outcome(undisturbed)
    sidecar, media = (next(name for name in plain if name.endswith(end)) for end in (".json", media_format.value))
    assert sorted(found) == sorted([*plain, f"{sidecar.removesuffix('.json')}.key"])
    assert found[sidecar] == plain[sidecar], "the sidecar is the same"
    assert plain[media][1000:1032] not in found[media]
    library, spool = library_in(folder), DiskSpool(folder / "spool")
    report = verify(library, spool, PyAvEncoder(library.contents), frozenset())
    assert (report.findings, report.unheard) == ((), 0)
    assert verify(MonitorLibrary(folder / "monitor"), spool, PyAvEncoder(), frozenset()).findings == ()
    assert check_library(library, DiskLogReader(folder / "audit"), ()).findings == ()
    assert [path for path in (folder / "spool").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("media_format", "names", "step"),
    [
        *((Format.WAV, Names.CALLREC, step) for step in (*STEPS[:3], "key", *STEPS[3:])),
        *((Format.FLAC, Names.XIVO, step) for step in ("key", "media")),
    ],
)
async def test_p5_killed_at_any_step_of_an_encrypted_intake_nothing_is_lost(
    tmp_path: Path, killed: Killed, media_format: Format, names: Names, step: str
) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    terms = Terms(media_format, names)
    await begin(undisturbed)
    assert await finish(undisturbed, terms) is not None
    encrypt(disturbed)
    await begin(disturbed)
    for _ in range(2):  # a daemon that dies twice at the same place
        if step in {"media", "placed"} and outcome_has_media(disturbed):
            break
        await asyncio.to_thread(killed, disturbed, terms, step)
    assert await finish(disturbed, terms) is not None
    assert await finish(disturbed, terms) is None, "it is finished: the journal holds nothing any more"
    assert_encrypted(disturbed, undisturbed, media_format)


@pytest.mark.parametrize(
    ("is_encrypted", "step"),
    [(True, "sidecar"), (True, "media"), (False, "sidecar"), (False, "key"), (False, "media")],
)
async def test_p5_encryption_that_is_turned_on_or_off_between_two_runs_leaves_one_recording(
    tmp_path: Path, killed: Killed, is_encrypted: bool, step: str
) -> None:
    undisturbed, disturbed, terms = tmp_path / "undisturbed", tmp_path / "disturbed", Terms()
    await begin(undisturbed)
    assert await finish(undisturbed, terms) is not None
    await begin(disturbed)
    if not is_encrypted:
        encrypt(disturbed)
    await asyncio.to_thread(killed, disturbed, terms, step)
    if is_encrypted:
        encrypt(disturbed)
    else:
        (disturbed / "keys").rename(disturbed / "former-keys")
    assert await finish(disturbed, terms) is not None
    if is_encrypted is (step != "media"):
        assert_encrypted(disturbed, undisturbed, Format.WAV)
    else:  # what was complete before the change stays as it was
        assert_settled(disturbed, undisturbed)


async def test_without_its_master_key_a_recording_waits_in_the_spool(tmp_path: Path) -> None:
    encrypt(tmp_path)
    await begin(tmp_path)
    (tmp_path / "keys").write_text("2026 tooshort")
    with pytest.raises(Unavailable) as caught:
        await finish(tmp_path, Terms())
    assert caught.value.code == "encryption-keys-away"
    assert outcome(tmp_path) == {}
    assert len(list((tmp_path / "spool").iterdir())) == 2
    encrypt(tmp_path)
    assert await finish(tmp_path, Terms()) is not None
    await begin(tmp_path / "undisturbed")
    await finish(tmp_path / "undisturbed", Terms())
    assert_encrypted(tmp_path, tmp_path / "undisturbed", Format.WAV)


@pytest.mark.parametrize("media_format", list(Format))
async def test_a_full_disk_delays_an_encrypted_recording_and_loses_nothing(
    tmp_path: Path, tiny_disk: Path, media_format: Format
) -> None:
    encrypt(tmp_path)
    await begin(tmp_path)
    (tmp_path / "monitor").symlink_to(tiny_disk)
    (tiny_disk / "ballast").write_bytes(bytes(196 << 10))
    with pytest.raises(Unavailable):
        await finish(tmp_path, Terms(media_format))
    assert list(outcome(tmp_path)) == ["ballast"]
    (tiny_disk / "ballast").unlink()
    manifest = await finish(tmp_path, Terms(media_format))
    assert manifest is not None
    assert manifest.media is not None
    assert manifest.media.format is media_format


async def test_a_file_that_cannot_grow_delays_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    await begin(tmp_path)
    former, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, former[1]))
    try:
        with pytest.raises(Unavailable):
            await finish(tmp_path, Terms())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, handler)
    assert outcome(tmp_path) == {}
    assert await finish(tmp_path, Terms()) is not None
    await begin(tmp_path / "undisturbed")
    await finish(tmp_path / "undisturbed", Terms())
    assert_settled(tmp_path, tmp_path / "undisturbed")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB; only root can make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=200k", "callrec-test", str(disk)]
    mounted = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a fixed command
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["/bin/umount", str(disk)], check=True)  # noqa: S603 - a fixed command


def remount(disk: Path, options: str) -> None:
    subprocess.run(["/bin/mount", "-o", options, str(disk)], check=True)  # noqa: S603 - a fixed command


@pytest.mark.parametrize("media_format", list(Format))
async def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path, tiny_disk: Path, media_format: Format) -> None:
    await begin(tmp_path)
    (tmp_path / "monitor").symlink_to(tiny_disk)
    (tiny_disk / "ballast").write_bytes(bytes(196 << 10))
    with pytest.raises(Unavailable):
        await finish(tmp_path, Terms(media_format))
    assert list(outcome(tmp_path)) == ["ballast"]
    (tiny_disk / "ballast").unlink()
    manifest = await finish(tmp_path, Terms(media_format))
    assert manifest is not None
    assert manifest.state is StoredState.SOUND
    assert manifest.media is not None
    assert manifest.media.format is media_format


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the read-only mount below covers root")
async def test_a_folder_that_is_not_ours_to_write_delays(tmp_path: Path) -> None:
    await begin(tmp_path)
    (tmp_path / "monitor").mkdir(mode=0o500)
    with pytest.raises(Unavailable):
        await finish(tmp_path, Terms())
    (tmp_path / "monitor").chmod(0o700)
    assert await finish(tmp_path, Terms()) is not None


async def test_a_disk_that_became_read_only_delays(tmp_path: Path, tiny_disk: Path) -> None:
    await begin(tmp_path)
    (tmp_path / "monitor").symlink_to(tiny_disk)
    remount(tiny_disk, "remount,ro")
    with pytest.raises(Unavailable):
        await finish(tmp_path, Terms())
    remount(tiny_disk, "remount,rw,size=2m")
    assert await finish(tmp_path, Terms()) is not None


def spoil(folder: Path, side: str, content: bytes | None) -> None:
    """The leg becomes this; None: no file."""
    path = Path(DiskSpool(folder / "spool").path(recording().captures[0], side))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("read", "write", "state", "cause"),
    [
        (bytes(80_000), bytes(80_000), StoredState.SOUND, ""),
        (bytes(80_001), bytes(79_999), StoredState.SOUND, ""),
        (bytes(32_768), bytes(32_768), StoredState.PARTIAL, "timeline"),
        (bytes(80_000), b"", StoredState.PARTIAL, "shorter-side: write by 5.0 s"),
        (bytes(80_000), None, StoredState.PARTIAL, "no-file: write"),
        (b"", b"", StoredState.FAILED, "empty-file"),
        (b"\x01", b"", StoredState.FAILED, "no-audio"),
        (None, None, StoredState.FAILED, "no-file"),
    ],
    ids=["whole", "odd", "half", "empty side", "side gone", "empty", "a byte", "gone"],
)
async def test_p1_whatever_the_legs_are_there_is_one_entry_that_explains_them(
    tmp_path: Path, read: bytes | None, write: bytes | None, state: StoredState, cause: str
) -> None:
    await begin(tmp_path)
    spoil(tmp_path, "read", read)
    spoil(tmp_path, "write", write)
    manifest = await finish(tmp_path, Terms())
    assert manifest is not None
    assert (manifest.state, manifest.recording.cause) == (state, cause)
    sidecars = [name for name in outcome(tmp_path) if name.endswith(".json")]
    assert sidecars == ["2026/11/22/c1-1.json"]
    assert json.loads(outcome(tmp_path)[sidecars[0]])["state"] == state.value
