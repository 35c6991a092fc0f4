"""`callrec verify` names whatever was done to a recording, to what stands beside it, or to the log: each kind by the command."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LOG_BEGAN_S, SetClock
from stored_library import StoredLibrary, tone
from typer.testing import CliRunner

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.witness import Witness
from callrec.app.access.audit_log.stored_entries import ANNOTATIONS, stored_entry
from callrec.cli.app import app
from callrec.domain.access.audit import Action, AuditEntry, FileDigest
from callrec.domain.library.annotations import Annotations
from callrec.protocols.annotations_file import encode_annotations
from callrec.protocols.log_tiles import TileName, bundle_of, entries_in

LOOKS = 300
"""More than a full tile."""
AT = "monitor/2026/11/22"
LOOKED = AuditEntry(Action.LISTENED, ACCOUNT, "c1-1")
Found = set[tuple[str, str]]


@dataclass
class House:
    """Folders of an installation: three recordings with tracks, peaks and annotations, all logged, and a witness."""

    folder: Path

    def file(self, name: str) -> Path:
        """A file of the library's day, or of the log (`audit/...`)."""
        return self.folder / (name if name.startswith(("audit", "witness")) else f"{AT}/{name}")

    def verify(self) -> tuple[int, Found, Found]:
        """The command's exit code, its findings and its notes: code and the end of the path."""
        settings = {
            "CALLREC_STATE_DIR": str(self.folder), "CALLREC_MONITOR_DIR": str(self.folder / "monitor"),
            "CALLREC_SPOOL_DIR": str(self.folder / "spool"), "CALLREC_AUDIT_WITNESS": str(self.folder / "witness"),
        }  # fmt: skip
        done = CliRunner().invoke(app, ["verify", "--json"], env=settings)
        said = json.loads(done.stdout)
        named = [
            {(one["code"], one["path"].rpartition("/")[2]) for one in said.get(kind, [])}
            for kind in ("findings", "notes")
        ]
        return done.exit_code, named[0], named[1]

    async def log(self, *entries: AuditEntry, at_s: float = LOG_BEGAN_S, settle: bool = True) -> None:
        """Append to the log."""
        log = DiskAuditLog(
            self.folder / "audit",
            "callrec/n",
            SetClock(at_s),
            witness=Witness(self.folder / "witness"),
            integrate_after_s=3600,
        )
        log.open()
        for at in range(0, len(entries), 100):
            await log.append(entries[at : at + 100])
        if settle:
            await log.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The installation that each test copies."""
    house = House(tmp_path_factory.mktemp("house"))
    asyncio.run(filled(house))
    return house


async def filled(house: House) -> None:
    """Recordings, annotations, the log of both."""
    stored = StoredLibrary(house.folder)
    (house.folder / "spool").mkdir()
    await house.log(*(replace(LOOKED, recording=f"c1-{nth}") for nth in range(LOOKS)))
    for nth in (1, 2, 3):
        manifest = stored.store(nth, tracks=True, left=tone(400 + 40 * nth, 1), right=tone(1000, 1))
        identity, path = manifest.recording.id, f"2026/11/22/{manifest.recording.id}"
        await house.log(stored_entry(stored.library, path, manifest))
        before = Annotations(identity)
        for revision in (1, 2):
            after = replace(before, revision=revision, tags=("sale", f"v{revision}"), salt=f"{nth}{revision}" * 16)
            content = encode_annotations(after)
            digest = FileDigest(ANNOTATIONS, hashlib.sha256(content).hexdigest(), len(content))
            await house.log(AuditEntry(Action.CHANGED, ACCOUNT, identity, files=(digest,)))
            stored.library.annotate(path, before, after)
            before = after
    for leg in house.folder.glob("leg-*"):
        leg.unlink()


@pytest.fixture
def house(made: House, tmp_path: Path) -> House:
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return House(tmp_path)


def flip(path: Path, at: int | None = None) -> None:
    """One bit, by default in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 1
    path.write_bytes(content)


def flip_in(name: str, text: bytes = b"") -> Callable[[House], None]:
    """Flip one bit of this file: of the first letter of this text, or in the middle."""
    return lambda house: flip(house.file(name), house.file(name).read_bytes().index(text) if text else None)


def remove(*names: str) -> Callable[[House], None]:
    return lambda house: [house.file(name).unlink() for name in names] and None


def rebundled(change: Callable[[list[bytes]], None]) -> Callable[[House], None]:
    """Change the entries of the first bundle, without touching the tiles."""

    def act(house: House) -> None:
        path = house.file("audit/tile/entries/000")
        entries = entries_in(path.read_bytes(), TileName(None, 0, 256))
        change(entries)
        path.write_bytes(bundle_of(entries))

    return act


def exchanged(house: House) -> None:
    """The audio and the peaks of two recordings, with sidecars that fit them."""
    for ending in ("wav", "peaks"):
        one, other = (house.file(f"c{nth}-1.{ending}") for nth in (1, 2))
        contents = one.read_bytes(), other.read_bytes()
        one.write_bytes(contents[1])
        other.write_bytes(contents[0])
    for path in (house.file(f"c{nth}-1.wav") for nth in (1, 2)):
        sidecar = path.with_suffix(".json")
        said = json.loads(sidecar.read_bytes())
        said["media"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        said["media"]["bytes"] = path.stat().st_size
        sidecar.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")


def added(house: House) -> None:
    """A recording that callrec did not store: another one's files under another id."""
    for name in ("c1-1.wav", "c1-1.json"):
        content = house.file(name).read_bytes()
        house.file(name.replace("c1-1", "c9-1")).write_bytes(content.replace(b"c1-1", b"c9-1"))
    said = json.loads(house.file("c9-1.json").read_bytes())
    said["tracks"] = []
    house.file("c9-1.json").write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")


def put_back(house: House) -> None:
    """An older file of annotations, with one tag less."""
    older = Annotations("c1-1", 1, tags=("sale", "v1"), salt="11" * 16)  # type: ignore[arg-type] # an id
    house.file("c1-1.annotations.json").write_bytes(encode_annotations(older))


ACTS: dict[str, tuple[Callable[[House], None], Found, Found]] = {
    "one bit of the media": (flip_in("c1-1.wav"), {("media-changed", "c1-1.wav")}, set()),
    "one bit of a track": (flip_in("c2-1.track-1.wav"), {("media-changed", "c2-1.track-1.wav")}, set()),
    "one bit of a number in the sidecar": (flip_in("c1-1.json", b'0"'), {("sidecar-changed", "c1-1")}, set()),
    "one bit of the sidecar's form": (
        flip_in("c1-1.json", b"{"),
        {("sidecar-unreadable", "c1-1"), ("recording-removed", "c1-1")}
        | {("media-orphan", name) for name in (
            "c1-1.wav", "c1-1.track-1.wav", "c1-1.track-2.wav", "c1-1.annotations.json", "c1-1.peaks",
            "c1-1.track-1.peaks", "c1-1.track-2.peaks",
        )},
        set(),
    ),
    "one bit of the peaks": (flip_in("c1-1.peaks"), {("peaks-damaged", "c1-1.peaks")}, set()),
    "one bit of a tag": (flip_in("c1-1.annotations.json", b"sale"), {("annotations-unlogged", "c1-1.annotations.json")}, set()),
    "one bit of an entry": (flip_in("audit/tile/entries/000"), {("audit-entry", "000")}, set()),
    "one bit of a hash": (flip_in("audit/tile/0/000"), {("audit-tile", "000")}, set()),
    "one bit of the checkpoint": (flip_in("audit/checkpoint", b"1"), {("audit-checkpoint", "checkpoint")}, set()),
    "media removed": (remove("c1-1.wav"), {("media-missing", "c1-1.wav")}, set()),
    "peaks removed, which are made again": (remove("c1-1.peaks"), set(), set()),
    "annotations removed": (
        remove("c1-1.annotations.json"), {("annotations-unlogged", "c1-1.annotations.json")}, set(),
    ),
    "an older file of annotations put back": (put_back, set(), {("annotations-unlogged", "c1-1.annotations.json")}),
    "a recording removed as a whole": (
        lambda house: [path.unlink() for path in house.file("").glob("c1-1.*")] and None, {("recording-removed", "c1-1")}, set(),
    ),
    "a file added": (
        lambda house: shutil.copy(house.file("c1-1.wav"), house.file("c8-1.wav")) and None, {("media-orphan", "c8-1.wav")}, set(),
    ),
    "a recording added": (added, {("recording-unlogged", "c9-1")}, set()),
    "a file added to the log": (
        lambda house: house.file("audit/tile/note").write_text("x") and None, {("audit-odd", "note")}, set(),
    ),
    "a bundle of entries removed": (remove("audit/tile/entries/000"), {("audit-bundle", "000")}, set()),
    "an entry removed": (
        rebundled(lambda entries: entries.pop(3) and None), {("audit-bundle", "000"), ("audit-entry", "000")}, set(),
    ),
    "an entry added": (
        rebundled(lambda entries: entries.insert(3, entries[3].replace(b'"12"', b'"13"'))),
        {("audit-bundle", "000"), ("audit-entry", "000")}, set(),
    ),
    "an entry changed": (
        rebundled(lambda entries: entries.__setitem__(3, entries[3].replace(b'"12"', b'"13"'))),
        {("audit-entry", "000")}, set(),
    ),
    "two recordings exchanged": (exchanged, {("sidecar-changed", "c1-1"), ("sidecar-changed", "c2-1")}, set()),
}  # fmt: skip
"""What is done, what `verify` finds, and what it notes: the code of each, and the file."""


def test_what_nobody_touched_is_right(house: House) -> None:
    assert house.verify() == (0, set(), set())


@pytest.mark.parametrize("what", ACTS)
def test_p2_whatever_was_done_is_named(house: House, what: str) -> None:
    act, findings, notes = ACTS[what]
    act(house)
    assert house.verify() == (int(bool(findings)), findings, notes)


async def test_p2_entries_in_another_order_are_named(house: House) -> None:
    """All entries of the tile are alike but two, which change places."""
    path = house.file("audit/tile/entries/001.p/53")
    entries = entries_in(path.read_bytes(), TileName(None, 1, 53))
    entries[-1], entries[-4] = entries[-4], entries[-1]
    path.write_bytes(bundle_of(entries))
    assert house.verify()[:2] == (1, {("audit-entry", "53")})


async def test_p2_a_clock_that_was_set_back_is_noted(house: House) -> None:
    await house.log(LOOKED, at_s=LOG_BEGAN_S - 3600)
    code, findings, notes = house.verify()
    assert (code, findings) == (0, set())
    assert {found for found, _ in notes} == {"clock-set-back"}


async def test_p2_a_log_that_was_put_back_to_a_former_state_is_named(house: House, made: House) -> None:
    """Its own signatures are right: only the witness knows."""
    await house.log(LOOKED)
    shutil.rmtree(house.folder / "audit")
    shutil.copytree(made.folder / "audit", house.folder / "audit")
    assert house.verify() == (1, {("audit-witness", "witness")}, set())
