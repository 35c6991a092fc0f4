"""What the names of other programs' files say, and the manifests that follow."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from callrec.domain.calls.ids import NodeId, is_recording_id
from callrec.domain.calls.model import ActorKind
from callrec.domain.errors import Refused
from callrec.domain.library.adoption import CUT_OFF, NamedFile, adopted_manifest, identified, named_file
from callrec.domain.library.captures import Played
from callrec.domain.library.file_names import is_stored_path
from callrec.domain.library.manifest import Format, OldFormat, OldSystem, Origin, StoredState
from callrec.domain.rules import Rule

BERLIN = ZoneInfo("Europe/Berlin")
SHA = "ab" * 32


def test_xivos_names_say_numbers_time_and_rule() -> None:
    named = named_file("user-1000-1001-1700000000.wav", UTC)
    origin = Origin(OldSystem.XIVO, "user-1000-1001-1700000000.wav", "user")
    assert named == NamedFile(origin, Format.WAV, 1700000000, "1000", "1001", Rule.ALWAYS)
    named = named_file("auto-1700000000-1000-1001.WAV", UTC)
    assert (named.caller, named.called, named.rule, named.from_s) == ("1000", "1001", Rule.ON_DEMAND, 1700000000)
    assert named_file("user-unknown-1001-1700000000-2.gsm", UTC).caller == ""


@pytest.mark.parametrize("kind", ["out", "in", "internal", "exten", "rg", "q", "force", "conf", "ondemand"])
def test_freepbx_names_say_kind_numbers_time_and_uniqueid(kind: str) -> None:
    named = named_file(f"{kind}-02079460000-1000-20240702-163045-1719930640.1234.wav", BERLIN)
    assert named.origin == Origin(
        OldSystem.FREEPBX, f"{kind}-02079460000-1000-20240702-163045-1719930640.1234.wav", kind, "1719930640.1234"
    )
    assert (named.caller, named.called, named.rule) == ("1000", "02079460000", None)
    assert named.from_s == datetime(2024, 7, 2, 14, 30, 45, tzinfo=UTC).timestamp()


def test_a_uniqueid_may_begin_with_the_systems_name() -> None:
    named = named_file("q-400-+4930123456-20240702-163045-pbx1-1719930640.7.mp3", BERLIN)
    assert (named.origin.uniqueid, named.caller, named.format) == ("pbx1-1719930640.7", "+4930123456", Format.MP3)


def test_the_hour_that_a_clock_shows_twice_is_told_by_the_uniqueid() -> None:
    """On 27 October 2024 the clocks of Berlin show 2:30 at 0:30 and at 1:30 UTC."""
    first, second = (datetime(2024, 10, 27, hour, 29, 50, tzinfo=UTC).timestamp() for hour in (0, 1))
    for begins in (first, second):
        named = named_file(f"in-100-anonymous-20241027-023000-{int(begins)}.1.wav", BERLIN)
        assert (named.from_s, named.caller) == (begins + 10, "")


def test_a_time_that_does_not_fit_its_uniqueid_is_of_another_time_zone() -> None:
    with pytest.raises(Refused, match="this time zone") as refused:
        named_file("out-1-1000-20240702-163045-1719930640.1234.wav", ZoneInfo("Asia/Tokyo"))
    assert refused.value.code == "adopt-time"


def test_wazos_exported_names_say_when_and_nothing_of_who() -> None:
    name = "2024-01-02T15_04_05UTC-42-12345678-1234-1234-1234-123456789abc.wav"
    named = named_file(name, BERLIN)
    assert named.origin == Origin(OldSystem.WAZO, name, "", "12345678-1234-1234-1234-123456789abc")
    assert (named.from_s, named.caller, named.called) == (
        datetime(2024, 1, 2, 15, 4, 5, tzinfo=UTC).timestamp(), "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("12345678-1234-1234-1234-123456789abc.wav", "adopt-name"),
        ("holiday.wav", "adopt-name"),
        ("user-1000-1001.wav", "adopt-name"),
        ("user-10-00-1001-1700000000.wav", "adopt-name"),
        ("user-$(reboot)-1001-1700000000.wav", "adopt-name"),
        ("user-..-../../etc/passwd-1700000000.wav", "adopt-name"),
        ("user-1000\n-1001-1700000000.wav", "adopt-name"),
        ("user-1000-1001-1700000000.wav\n", "adopt-format"),
        ("user-\udcff-1001-1700000000.wav", "adopt-name"),
        ("user-٣-1001-1700000000.wav", "adopt-name"),
        (f"user-{'1' * 81}-1001-1700000000.wav", "adopt-name"),
        ("user-1000-1001-1700000000.json", "adopt-format"),
        ("user-1000-1001-1700000000", "adopt-format"),
        ("out-1-2-20241399-163045-1719930640.1.wav", "adopt-time"),
        ("out-1-2-19700101-000000-1719930640.1.wav", "adopt-time"),
        ("2024-02-30T15_04_05UTC-42-12345678-1234-1234-1234-123456789abc.wav", "adopt-time"),
    ],
)
def test_a_name_that_does_not_say_enough_is_refused_with_the_reason(name: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        named_file(name, UTC)
    assert refused.value.code == code
    assert refused.value.hint
    assert str(refused.value).isprintable()


def test_a_files_identity_is_its_name_and_content() -> None:
    named = named_file("user-1000-1001-1700000000.wav", UTC)
    call, path = identified(named, SHA)
    assert identified(named, SHA) == (call, path)
    assert identified(named, "cd" * 32)[0] != call
    assert identified(named_file("user-1000-1001-1700000000-2.wav", UTC), SHA)[0] != call
    assert path == f"2023/11/14/{call}-1"
    assert is_stored_path(path)
    assert is_recording_id(f"{call}-1")


def test_the_manifest_has_facts_only() -> None:
    named = named_file("out-02079460000-1000-20240702-163045-1719930640.1234.gsm", BERLIN)
    manifest = adopted_manifest(named, Played(OldFormat.GSM, 8000, 1, 16000), NodeId("n1"), SHA, 3300)
    recording, media = manifest.recording, manifest.media
    assert media is not None
    assert (manifest.state, manifest.origin) == (StoredState.ADOPTED, named.origin)
    assert (media.name, media.is_mono, media.length_s) == (f"{recording.id}.gsm", True, 2.0)
    assert (recording.rule, recording.actor.kind, recording.cause) == (None, ActorKind.SYSTEM, "")
    assert [(one.number, one.user) for one in recording.parties] == [("1000", None), ("02079460000", None)]
    assert (recording.from_s, recording.to_s) == (named.from_s, named.from_s + 2)


def test_a_cut_off_file_says_so_and_a_press_is_known_of_auto() -> None:
    played = Played(Format.WAV, 8000, 2, 8000, is_cut_off=True)
    manifest = adopted_manifest(named_file("auto-1700000000-1000-1001.wav", UTC), played, NodeId("n"), SHA, 9)
    assert (manifest.recording.cause, manifest.recording.actor.kind) == (CUT_OFF, ActorKind.USER)
    assert manifest.media is not None
    assert not manifest.media.is_mono
    manifest = adopted_manifest(named_file("user-1000-unknown-1700000000.wav", UTC), played, NodeId("n"), SHA, 9)
    assert manifest.recording.actor.kind is ActorKind.POLICY
    assert [one.number for one in manifest.recording.parties] == ["1000"]
