"""The monitor directory: one file, one sidecar, never over another's, whole or not at all."""

import errno
import hashlib
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Recording
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.rules import Rule
from callrec.protocols.json_documents import encode_manifest

PATH = "2026/11/22/c1-1"
AUDIO = b"RIFF of a kind"


def manifest(recording: str = "c1-1", path: str = PATH, content: bytes | None = AUDIO) -> Manifest:
    said = Recording(
        RecordingId(recording), CallId(recording[:-2]), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 1795341600.0
    )
    if content is None:
        return Manifest(SCHEMA, StoredState.FAILED, said)
    name = f"{path.rpartition('/')[2]}.wav"
    digest = hashlib.sha256(content).hexdigest()
    return Manifest(SCHEMA, StoredState.SOUND, said, Media(name, Format.WAV, 8000, 1, len(content), digest))


def stored(library: MonitorLibrary, what: Manifest, path: str = PATH, content: bytes = AUDIO) -> Manifest:
    temporary = library.temporary(what.recording.id, Format.WAV)
    Path(temporary).write_bytes(content)
    found = library.place(what, path, [temporary])
    library.tidy(what.recording.id)
    return found


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_media_and_sidecar_lie_side_by_side_and_nothing_else(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path / "monitor")
    assert stored(library, manifest()) == manifest()
    assert tree(tmp_path / "monitor") == [f"{PATH}.json", f"{PATH}.wav"]
    assert library.find(RecordingId("c1-1"), ["2026/11/22/none", PATH]) == (PATH, manifest())
    assert library.measure(f"{PATH}.wav") == (len(AUDIO), hashlib.sha256(AUDIO).hexdigest())
    assert (tmp_path / "monitor" / f"{PATH}.wav").stat().st_mode & 0o777 == 0o640
    assert list(library.sidecars()) == [(PATH, manifest())]
    assert list(library.files()) == [f"{PATH}.wav"]


def test_again_is_the_same_file(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    stored(library, manifest())
    inode = (tmp_path / f"{PATH}.wav").stat().st_ino
    assert stored(library, manifest(content=b"another encoding"), content=b"another encoding") == manifest()
    assert (tmp_path / f"{PATH}.wav").stat().st_ino == inode


def test_an_entry_without_audio_is_a_sidecar_alone(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    what = manifest(content=None)
    assert library.place(what, PATH, ()) == what == library.place(what, PATH, ())
    library.tidy(what.recording.id)
    assert tree(tmp_path) == [f"{PATH}.json"]
    assert library.find(what.recording.id, [PATH]) == (PATH, what)


def test_another_recordings_path_is_refused_and_untouched(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    stored(library, manifest(path="user-1-2-3"), "user-1-2-3")
    with pytest.raises(Refused) as caught:
        stored(library, manifest("c2-1", "user-1-2-3", b"other"), "user-1-2-3", b"other")
    assert caught.value.code == "path-taken"
    assert (tmp_path / "user-1-2-3.wav").read_bytes() == AUDIO
    assert library.find(RecordingId("c2-1"), ["user-1-2-3"]) is None


def test_a_strangers_media_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "user-1-2-3.wav").write_bytes(b"from the old system")
    with pytest.raises(Refused):
        stored(MonitorLibrary(tmp_path), manifest(path="user-1-2-3"), "user-1-2-3")
    assert not (tmp_path / "user-1-2-3.json").exists()
    assert (tmp_path / "user-1-2-3.wav").read_bytes() == b"from the old system"


@pytest.mark.parametrize("name", ["user-1-2-3.wav", "user-1-2-3.json"])
def test_a_file_that_comes_between_looking_and_linking_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    link: Callable[..., None] = os.link

    def late(source: str, target: Path) -> None:
        if target.name == name:
            target.write_bytes(b"quicker")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(Refused):
        stored(MonitorLibrary(tmp_path), manifest(path="user-1-2-3"), "user-1-2-3")
    assert (tmp_path / name).read_bytes() == b"quicker"
    assert [path for path in tree(tmp_path) if not path.startswith(".incoming")] == [name]


def test_a_sidecar_whose_media_never_came_is_completed_by_the_next_run(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    (tmp_path / "2026/11/22").mkdir(parents=True)
    (tmp_path / f"{PATH}.json").write_bytes(encode_manifest(manifest(content=b"a former encoder's")))
    assert library.find(RecordingId("c1-1"), [PATH]) is None
    assert stored(library, manifest()) == manifest()
    assert library.find(RecordingId("c1-1"), [PATH]) == (PATH, manifest())


def test_a_sidecar_without_media_and_nothing_to_put_there_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(Corrupt) as caught:
        MonitorLibrary(tmp_path).place(manifest(), PATH, ())
    assert caught.value.code == "media-missing"


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/b", "", "x\n"])
def test_a_path_that_is_no_place_for_a_recording_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Corrupt) as caught:
        MonitorLibrary(tmp_path).place(manifest(), path, ())
    assert caught.value.code == "stored-path"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(os.path.relpath(path))  # a path of its own would be too long


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("sidecar-unreadable", lambda path: path.write_bytes(b"")),
        ("sidecar-unreadable", lambda path: path.write_bytes(encode_manifest(manifest(path="x"))[:100])),
        ("file-odd", _pipe),
        ("file-odd", lambda path: path.symlink_to("/etc/hostname")),
        ("file-odd", _socket),
        (
            "sidecar-id",
            lambda path: path.write_bytes(
                encode_manifest(
                    replace(manifest(path="x"), recording=replace(manifest().recording, id=RecordingId("../x 1")))
                )
            ),
        ),
        ("sidecar-unreadable", lambda path: path.write_bytes(b" " * (5 << 20))),
        ("sidecar-schema", lambda path: path.write_bytes(b'{"schema": 99}')),
        (
            "sidecar-media",
            lambda path: path.write_bytes(
                encode_manifest(replace(manifest(), media=replace(manifest().media, name="../../etc/passwd")))  # type: ignore[type-var] # there is media
            ),
        ),
    ],
)
def test_a_damaged_sidecar_is_told_by_name_and_its_path_stays_taken(
    tmp_path: Path, code: str, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "x.json")
    library = MonitorLibrary(tmp_path)
    ((path, found),) = library.sidecars()
    assert path == "x"
    assert isinstance(found, Corrupt)
    assert found.code == code
    with pytest.raises(Refused):
        stored(library, manifest(path="x"), "x")


def test_a_hostile_file_name_is_told_without_being_trusted(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n<script>.json")).write_bytes(encode_manifest(manifest()))
    ((_, found),) = MonitorLibrary(tmp_path).sidecars()
    assert isinstance(found, Corrupt)
    assert found.message.isascii()
    assert found.message.isprintable()


def test_a_folder_that_is_gone_or_cannot_be_read_is_unavailable_and_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        list(MonitorLibrary(tmp_path / "gone").sidecars())

    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(Unavailable):
        list(MonitorLibrary(tmp_path).files())


def test_a_folder_that_cannot_be_read_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and what lies beside it is read."""
    library = MonitorLibrary(tmp_path)
    for path in ("2026/11/22/c1-1", "2026/11/23/c1-1"):
        stored(library, manifest(path=path), path)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "2026")
    (tmp_path / "a note.json").touch()
    real = os.scandir

    def refuse(path: str | Path) -> object:
        if str(path).endswith("/22"):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = {path: one.code if isinstance(one, Corrupt) else one.state.value for path, one in library.sidecars()}
    assert found == {
        "a note": "sidecar-name",
        "elsewhere": "folder-link",
        "2026/11/22": "folder-unreadable",
        "2026/11/23/c1-1": "sound",
    }
    assert list(library.files()) == ["2026/11/23/c1-1.wav"]


def test_an_unreadable_sector_is_told_of_its_sidecar_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = MonitorLibrary(tmp_path)
    for path in ("c1-1", "c2-1"):
        stored(library, manifest(path=path), path)
    unreadable(monkeypatch, tmp_path / "c1-1.json")
    (told, found), (other, whole) = library.sidecars()
    assert (told, other) == ("c1-1", "c2-1")
    assert isinstance(found, Corrupt)
    assert (found.code, found.message) == ("file-unreadable", "sidecar c1-1: Input/output error")
    assert isinstance(whole, Manifest)


@pytest.mark.parametrize("make", [_pipe, _socket, lambda path: path.symlink_to("/etc/hostname")])
def test_media_that_is_no_file_is_not_read(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """A pipe used to hang whoever read it."""
    make(tmp_path / "x.wav")
    with pytest.raises(Corrupt, match="must be a regular file"):
        MonitorLibrary(tmp_path).measure("x.wav")


def unreadable(monkeypatch: pytest.MonkeyPatch, bad: Path) -> None:
    """The disk refuses this file."""
    real = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777, **how: int | None) -> int:
        if Path(path) == bad:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path, flags, mode, **how)

    monkeypatch.setattr(os, "open", refuse)


def test_leftovers_are_told_by_age_and_tidied_by_recording(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    old, young = library.temporary(RecordingId("c1-1"), Format.FLAC), library.temporary(RecordingId("c2-1"), Format.WAV)
    os.utime(old, (1, 1))
    assert list(library.leftovers(3600)) == [f".incoming/{Path(old).name}"]
    library.tidy(RecordingId("c1-1"))
    assert not Path(old).exists()
    assert Path(young).exists()
    assert Path(library.absolute("a.wav")) == tmp_path / "a.wav"
    assert library.measure("none.wav") is None


def with_tracks() -> Manifest:
    """Two tracks, the second of which could not be encoded."""
    what = manifest()
    assert what.media is not None
    first = replace(what.media, name="c1-1.track-1.wav")
    tracks = (
        Track(1, (LegId("1.1"),), None, "1000", "", (), media=first),
        Track(2, (LegId("1.2"),), None, "1001", "", ()),
    )
    return replace(what, tracks=tracks)


def temporaries(library: MonitorLibrary, count: int = 2) -> list[str]:
    made = [library.temporary(RecordingId("c1-1"), Format.WAV) for _ in range(count)]
    for one in made:
        Path(one).write_bytes(AUDIO)
    return made


def test_tracks_lie_beside_the_recording(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    assert library.place(with_tracks(), PATH, temporaries(library)) == with_tracks()
    library.tidy(RecordingId("c1-1"))
    assert tree(tmp_path) == [f"{PATH}.json", f"{PATH}.track-1.wav", f"{PATH}.wav"]
    assert list(library.sidecars()) == [(PATH, with_tracks())]
    assert library.find(RecordingId("c1-1"), [PATH]) == (PATH, with_tracks())


def test_after_a_crash_between_its_files_the_next_run_links_the_rest(tmp_path: Path) -> None:
    """What is there already stays."""

    def crash(step: str) -> None:
        if step == "media":
            raise KeyboardInterrupt

    broken = MonitorLibrary(tmp_path, checkpoint=crash)
    with pytest.raises(KeyboardInterrupt):
        broken.place(with_tracks(), PATH, temporaries(broken))
    assert tree(tmp_path / "2026") == ["11/22/c1-1.json", "11/22/c1-1.wav"]
    inode = (tmp_path / f"{PATH}.wav").stat().st_ino
    library = MonitorLibrary(tmp_path)
    assert library.find(RecordingId("c1-1"), [PATH]) is None
    library.place(with_tracks(), PATH, temporaries(library))
    assert tree(tmp_path / "2026") == ["11/22/c1-1.json", "11/22/c1-1.track-1.wav", "11/22/c1-1.wav"]
    assert (tmp_path / f"{PATH}.wav").stat().st_ino == inode


def test_a_track_of_a_foreign_name_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor when it appears in the very moment: the claim is withdrawn, and what was linked."""
    library = MonitorLibrary(tmp_path)
    foreign = tmp_path / f"{PATH}.track-1.wav"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"foreign")
    with pytest.raises(Refused, match="belongs to another"):
        library.place(with_tracks(), PATH, temporaries(library))
    monkeypatch.setattr("os.path.lexists", lambda _path: False)
    with pytest.raises(Refused, match="belongs to another"):
        library.place(with_tracks(), PATH, temporaries(library))
    assert tree(tmp_path / "2026") == ["11/22/c1-1.track-1.wav"]
    assert foreign.read_bytes() == b"foreign"


def test_a_track_that_names_a_foreign_file_is_no_track(tmp_path: Path) -> None:
    library = MonitorLibrary(tmp_path)
    what = with_tracks()
    assert what.media is not None
    odd = replace(what.tracks[0], media=replace(what.media, name="../c2-1.track-1.wav"))
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / f"{PATH}.json").write_bytes(encode_manifest(replace(what, tracks=(odd,))))
    ((_, found),) = library.sidecars()
    assert isinstance(found, Corrupt)
    assert found.code == "sidecar-media"
