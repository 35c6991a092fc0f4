"""The entry of a stored recording has the digests of its files as they are on disk."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.domain.access.audit import Action, ActorKind
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.manifest import Manifest

TODAY = Path(__file__).parents[4] / "golden" / "today" / "monitor"


def test_the_digests_are_those_of_sha256sum(tmp_path: Path) -> None:
    shutil.copytree(TODAY, tmp_path / "monitor")
    library = MonitorLibrary(tmp_path / "monitor")
    for path, manifest in library.sidecars():
        assert isinstance(manifest, Manifest)
        entry = stored_entry(library, path, manifest)
        assert (entry.action, entry.actor.kind, entry.recording) == (
            Action.STORED,
            ActorKind.DAEMON,
            manifest.recording.id,
        )
        on_disk = [
            tmp_path / "monitor" / f"{path}.json",
            *((tmp_path / "monitor" / path).parent / one.name for one in manifest.files),
        ]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in on_disk if file.exists()]
        assert [one.sha256 for one in entry.files][: len(digests)] == digests
        assert entry.files[0].part == "manifest"
        assert [one.part for one in entry.files[1:2]] == (["media"] if manifest.media else [])
        (tmp_path / "monitor" / f"{path}.json").unlink()
        with pytest.raises(Corrupt, match="is gone"):
            stored_entry(library, path, manifest)


def test_a_sidecar_of_which_no_entry_can_be_made_is_corrupt(tmp_path: Path) -> None:
    """An id or a digest that no entry can have is told like any other damage of the file."""
    shutil.copytree(TODAY, tmp_path / "monitor")
    library = MonitorLibrary(tmp_path / "monitor")
    path, manifest = next(
        (path, found) for path, found in library.sidecars() if isinstance(found, Manifest) and found.media
    )
    assert manifest.media is not None
    bad_id = replace(manifest, recording=replace(manifest.recording, id=RecordingId("bad id")))
    bad_digest = replace(manifest, media=replace(manifest.media, sha256=""))
    for damaged in (bad_id, bad_digest):
        with pytest.raises(Corrupt, match=rf"{path}\.json: ") as caught:
            stored_entry(library, path, damaged)
        assert caught.value.code == "sidecar-unreadable"
