"""Sidecars and journal lines: what was written comes back, and damage has a name."""

import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Capture, Party, Quality, Recording
from callrec.domain.errors import Corrupt
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.rules import Rule
from callrec.protocols.json_documents import decode_entry, decode_manifest, encode_entry, encode_manifest

RECORDING = Recording(
    RecordingId("01abc-1"),
    CallId("01abc"),
    "1795341600.1",
    NodeId("pbx"),
    Rule.ALWAYS,
    POLICY,
    1795341600.25,
    captures=(Capture(CaptureId("01abc-1-1"), LegId("1795341600.1"), "PJSIP/john-00000001", 8000, 1795341600.25),),
    parties=(Party(LegId("1795341600.1"), None, "1000", "John", 1795341600.25),),
)
MANIFEST = Manifest(SCHEMA, StoredState.FAILED, RECORDING)

# What JSON and UTF-8 can hold: no half surrogates, no numbers that are none. The rest is tested by name below.
st.register_type_strategy(str, st.text(st.characters(exclude_categories=("Cs",))))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(Media, st.builds(Media, sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True)))
_CAPTURES, _PARTNER_CAPTURES = (
    st.lists(st.builds(Capture, is_partner=st.just(is_partner))).map(tuple) for is_partner in (False, True)
)
RECORDINGS = st.builds(Recording, captures=_CAPTURES, partner_captures=_PARTNER_CAPTURES)
MANIFESTS = st.builds(Manifest, schema=st.just(SCHEMA), recording=RECORDINGS)
ENTRIES = st.builds(Entry, recording=RECORDINGS)


@given(MANIFESTS)
def test_a_sidecar_comes_back_as_it_was(manifest: Manifest) -> None:
    content = encode_manifest(manifest)
    assert manifest == decode_manifest(content)
    assert content == encode_manifest(decode_manifest(content))


def test_the_packets_of_an_earlier_version_are_of_20_ms() -> None:
    """It counted them, and did not say how much one holds."""
    counted = replace(RECORDING.parties[0], quality=Quality(500, 6, 1.5, 60.0))
    content = json.loads(encode_manifest(replace(MANIFEST, recording=replace(RECORDING, parties=(counted,)))))
    del content["recording"]["parties"][0]["rtp"]["packet_ms"]
    (party,) = decode_manifest(json.dumps(content).encode()).recording.parties
    assert party.quality == Quality(500, 6, 1.5, 20.0)


@given(ENTRIES)
def test_a_journal_line_comes_back_as_it_was(entry: Entry) -> None:
    line = encode_entry(entry)
    assert entry == decode_entry(line) == decode_entry(line[:-1])
    assert b"\n" not in line[:-1]


@given(st.binary())
def test_random_bytes_are_corrupt_and_nothing_else(content: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_manifest(content)
    with pytest.raises(Corrupt):
        decode_entry(content)
    with pytest.raises(Corrupt):
        decode_entry(b"%08x %s" % (zlib.crc32(content), content))


@given(st.data())
def test_a_torn_or_changed_line_is_corrupt(data: st.DataObject) -> None:
    line = encode_entry(Entry(Step.ENDED, RECORDING))
    cut = data.draw(st.integers(0, len(line) - 2))
    with pytest.raises(Corrupt, match="checksum") as caught:
        decode_entry(line[:cut])
    assert caught.value.code == "journal-line"
    with pytest.raises(Corrupt, match="checksum"):
        decode_entry(line[:cut] + bytes([line[cut] ^ 1]) + line[cut + 1 :])


def test_half_a_surrogate_pair_in_a_callers_name_is_written_as_a_question_mark() -> None:
    party = replace(RECORDING.parties[0], name="J\ud800hn\udcff\u202e\x00\r\n")
    hostile = replace(RECORDING, parties=(party,))
    assert decode_entry(encode_entry(Entry(Step.INTENT, hostile))).recording.parties[0].name == "J?hn?\u202e\x00\r\n"
    assert (
        decode_manifest(encode_manifest(replace(MANIFEST, recording=hostile))).recording.parties[0].name
        == "J?hn?\u202e\x00\r\n"
    )


@pytest.mark.parametrize("schema", [SCHEMA + 1, 0, "1", True, None, 1.0])
def test_another_schema_is_refused_by_name(schema: object) -> None:
    with pytest.raises(Corrupt) as caught:
        decode_manifest(json.dumps({"schema": schema}).encode())
    assert caught.value.code == "sidecar-schema"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_corrupt(number: str) -> None:
    content = encode_manifest(MANIFEST).replace(b"1795341600.25", number.encode())
    with pytest.raises(Corrupt, match="not a sidecar"):
        decode_manifest(content)


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_a_digest_that_no_file_can_have_makes_a_sidecar_unreadable(sha256: str) -> None:
    """Of the media file, and of a track's: what compares files with it must not have to ask what it is."""
    media = Media("01abc-1.wav", Format.WAV, 8000, 4000, 16044, "0" * 64)
    track = Track(1, (), None, "1000", "John", (), (), media)
    content = json.loads(encode_manifest(replace(MANIFEST, media=media, tracks=(track,))))
    assert decode_manifest(json.dumps(content).encode()).tracks == (track,)
    for place, damaged in (("media", content["media"]), ("tracks.0.media", content["tracks"][0]["media"])):
        damaged["sha256"] = sha256
        with pytest.raises(Corrupt) as caught:
            decode_manifest(json.dumps(content).encode())
        damaged["sha256"] = "0" * 64
        assert caught.value.code == "sidecar-unreadable"
        assert caught.value.message.startswith(f"{place}.sha256: ")


def test_the_error_names_the_place_and_not_its_content() -> None:
    content = encode_manifest(MANIFEST).replace(b'"1000"', b'["555-secret"]')
    with pytest.raises(Corrupt) as caught:
        decode_manifest(content)
    assert caught.value.message == "recording.parties.0.number: Input should be a valid string"


@pytest.mark.parametrize("content", [b"[" * 100_000, b"[]", b"{}", b"1", b'{"schema": ' + b"9" * 5000 + b"}"])
def test_json_that_is_no_sidecar_is_corrupt(content: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        decode_manifest(content)
    assert caught.value.code == "sidecar-unreadable"


def test_a_line_of_another_version_is_corrupt_though_its_checksum_is_right() -> None:
    body = b'{"step": "danced"}'
    with pytest.raises(Corrupt) as caught:
        decode_entry(b"%08x %s\n" % (zlib.crc32(body), body))
    assert caught.value.code == "journal-line"
    assert "another version" in caught.value.hint
