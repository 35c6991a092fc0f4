"""What stands on disks and in stores is written as it was, byte for byte, and what older versions wrote is still understood."""

import json
from dataclasses import replace

import pytest
import samples
from written import RECORDS, written

from callrec.adapters.encryption.ciphers import ChunkCipher, unwrapped
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Actor, ActorKind, Capture, Party, Pause, Recording
from callrec.domain.directory.model import (
    Context,
    ContextKind,
    Entity,
    Feature,
    FeatureCode,
    FunctionKey,
    Group,
    Incall,
    Line,
    Place,
    Profile,
    Role,
    User,
    Voicemail,
)
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState
from callrec.domain.rules import PlaceKind, Rule, UserId
from callrec.protocols.annotations_file import decode_annotations
from callrec.protocols.encrypted_file import HEADER_BYTES, salt_of
from callrec.protocols.journal_lines import LineReader
from callrec.protocols.json_documents import decode_entry, decode_manifest
from callrec.protocols.key_file import decode_key_file
from callrec.protocols.links_file import decode_links
from callrec.protocols.peaks_file import decode_peaks
from callrec.protocols.retention_file import decode_retention

OLD = samples.HERE / "old"
ON_PURPOSE = (
    "a format has changed. On purpose? Then `make golden`, the changelog, and docs/TESTING.md, Formats that are frozen"
)
WRITTEN = written()
_LEG, _OTHER = LegId("1780000000.1"), LegId("1780000000.2")
BEFORE = Recording(
    RecordingId("01k0000000000000000000000a-1"),
    CallId("01k0000000000000000000000a"),
    "1780000000.1",
    NodeId("pbx"),
    Rule.ALWAYS,
    Actor(ActorKind.POLICY),
    1780000000.5,
    1780000010.5,
    captures=(
        Capture(
            CaptureId("01k0000000000000000000000a-1-1"), _LEG, "PJSIP/jdoe-00000001", 8000, 1780000000.5, 1780000010.5
        ),
    ),
    parties=(
        Party(_LEG, UserId("1"), "1000", "John Doe", 1780000000.5, 1780000010.5),
        Party(_OTHER, None, "+33123", "", 1780000000.5),
    ),
    pauses=(Pause(1780000002.0),),
    announcements=(1780000001.0,),
)
MEDIA = Media("01k0000000000000000000000a-1.wav", Format.WAV, 8000, 80000, 320044, "0" * 64)
OLD_RECORDS = {
    "users": User(UserId("1"), "John"),
    "lines": Line("jdoe", UserId("1"), "1000", "default"),
    "incalls": Incall("2050", "from-extern", UserId("1")),
    "voicemails": Voicemail("1000", "default", UserId("1"), "John Doe"),
    "codes": FeatureCode(Feature.DND, "*25"),
    "contexts": Context("default", ContextKind.INTERNAL),
    "entities": Entity(1, "default"),
    "profiles": Profile("client"),
    "keys": FunctionKey(UserId("1"), 1, "user"),
    "roles": Role("auditor"),
    "places": Place(PlaceKind.QUEUE, "Support", Rule.ALWAYS),
    "groups": Group("sales"),
}


def test_there_is_a_golden_file_for_each_format_and_no_other_one() -> None:
    assert sorted(WRITTEN) == sorted(path.name for path in samples.FORMATS.iterdir()), ON_PURPOSE


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_what_was_written(name: str) -> None:
    assert WRITTEN[name].decode() == (samples.FORMATS / name).read_bytes().decode(), ON_PURPOSE


@pytest.mark.parametrize("name", samples.MANIFESTS)
def test_a_sidecar_with_every_field_is_read_as_it_was(name: str) -> None:
    content = (samples.FORMATS / f"sidecar-{name}.json").read_bytes()
    assert decode_manifest(content) == samples.MANIFESTS[name]


def test_no_field_of_the_full_sidecar_is_what_it_is_by_default() -> None:
    """A field that is added has to be filled there, or its outside name is not frozen."""
    empty = ("", None, [], False)
    full = json.loads(WRITTEN["sidecar-full.json"])
    recording, first = (
        full["recording"],
        [full["recording"][name][0] for name in ("takes", "parties", "pauses", "missing")],
    )
    for one in (full, full["media"], recording, recording["actor"], *first, recording["waiting"][0]):
        assert not [name for name, value in one.items() if value in empty]
    assert recording["speech"][0]["proven"] is False


def test_annotations_links_retention_and_peaks_are_read_as_they_were() -> None:
    assert decode_links((samples.FORMATS / "links.json").read_bytes()) == samples.LINKS
    assert decode_retention((samples.FORMATS / "retention.json").read_bytes()) == samples.RETENTION
    assert decode_annotations((samples.FORMATS / "annotations.json").read_bytes()) == samples.ANNOTATIONS
    older = decode_annotations((OLD / "annotations.json").read_bytes())
    assert older == replace(samples.ANNOTATIONS, salt="")
    peaks = bytes.fromhex((samples.FORMATS / "peaks.hex").read_text().replace("\n", ""))
    assert decode_peaks(peaks) == samples.WAVEFORM


def test_a_journal_with_every_step_is_read_as_it_was() -> None:
    lines = (samples.FORMATS / "journal.log").read_bytes().splitlines(keepends=True)
    assert tuple(map(decode_entry, lines[-len(samples.ENTRIES) :])) == samples.ENTRIES


def test_a_journal_that_tells_changes_is_read_as_it_was() -> None:
    lines = (samples.FORMATS / "journal-changes.log").read_bytes().splitlines(keepends=True)
    assert tuple(map(LineReader().entry, lines)) == samples.CHANGES
    assert [b'"since"' in line for line in lines] == [False, True, True, False]


def test_the_recordings_of_a_real_product_hold_every_state_and_what_can_happen_to_one() -> None:
    """Else the golden files would show less than they say."""
    found = [decode_manifest(content) for content in samples.sidecars().values()]
    recordings = [one.recording for one in found]
    assert {one.state for one in found} == set(StoredState) - {StoredState.ADOPTED}  # which a call never leaves behind
    assert {one.rule for one in recordings} == {Rule.ALWAYS, Rule.ON_DEMAND}
    for field in ("pauses", "waiting", "missing", "speech", "announcements", "end_reason"):
        assert any(getattr(one, field) for one in recordings), field
    assert {decode_entry(line).step for line in samples.journal()} == set(Step)


def test_a_sidecar_from_before_the_newest_fields_is_read() -> None:
    assert decode_manifest((OLD / "sidecar.json").read_bytes()) == Manifest(SCHEMA, StoredState.SOUND, BEFORE, MEDIA)
    failed = decode_manifest((OLD / "sidecar-failed.json").read_bytes())
    assert (failed.state, failed.media, failed.recording.captures) == (StoredState.FAILED, None, ())
    assert failed.recording.cause == "file-not-opened"


def test_a_journal_from_before_the_newest_fields_is_read() -> None:
    first, last = (decode_entry(line) for line in (OLD / "journal.log").read_bytes().splitlines())
    assert (first.step, first.recording.to_s, first.recording.pauses) == (Step.INTENT, None, ())
    assert last == Entry(Step.ENDED, BEFORE)


@pytest.mark.parametrize("table", RECORDS)
def test_a_record_is_read_as_it_was_with_all_its_fields_and_without_those_by_default(table: str) -> None:
    record, table_records = RECORDS[table]
    for file in ("redis-records.json", "redis-records-whole.json"):
        stored = json.loads((samples.FORMATS / file).read_bytes())[table]
        assert tuple(map(record.load, stored)) == table_records


@pytest.mark.parametrize("table", RECORDS)
def test_a_record_of_another_version_is_read(table: str) -> None:
    stored = json.loads((OLD / "redis-records.json").read_bytes())[table]
    record, _ = RECORDS[table]
    assert record.load(json.dumps(stored)) == OLD_RECORDS[table]


def test_an_encrypted_recording_of_this_version_is_read() -> None:
    found = decode_key_file((samples.FORMATS / "recording.key").read_bytes())
    assert found.encryption == samples.ENCRYPTION
    assert found.key.master == "2026"
    assert unwrapped(found.key, samples.MASTER_KEY, found.record) == samples.RECORDING_KEY
    stored = bytes.fromhex((samples.FORMATS / "encrypted.hex").read_text())
    salt = salt_of(stored[:HEADER_BYTES])
    assert salt == samples.SALT
    cipher = ChunkCipher(samples.RECORDING_KEY, salt)
    assert cipher.decrypted(0, stored[HEADER_BYTES:], is_last=True) == samples.SOUND
