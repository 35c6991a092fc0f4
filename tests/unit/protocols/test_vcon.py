"""A recording as a vCon: what readers of the IETF's format look for."""

import json
import re
from dataclasses import replace
from typing import Any

from stored_library import recorded

from callrec.domain.calls.ids import RecordingId
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState
from callrec.protocols.vcon import parts

MEDIA = Media("c1-1.wav", Format.WAV, 8000, 24_000, 44, "ab")
MANIFEST = Manifest(SCHEMA, StoredState.SOUND, recorded(1), MEDIA)


def read(manifest: Manifest, annotations: Annotations | None = None, body: str = "QUJD") -> dict[str, Any]:
    before, behind = parts(manifest, annotations, "audio/wav", 1795341700.0)
    return json.loads(before + (body if manifest.media else "") + behind)


def test_it_has_parties_and_the_audio_between_its_parts() -> None:
    found = read(MANIFEST)
    assert (found["vcon"], found["created_at"]) == ("0.4.0", "2026-11-22T10:01:40.000+00:00")
    assert found["parties"] == [{"tel": "1000", "name": "John Doe"}, {"tel": "1001", "name": "George Clinton"}]
    assert found["dialog"] == [
        {
            "type": "recording",
            "start": "2026-11-22T10:00:00.250+00:00",
            "parties": [0, 1],
            "duration": 3.0,
            "mediatype": "audio/wav",
            "filename": "c1-1.wav",
            "encoding": "base64url",
            "body": "QUJD",
        }
    ]
    (proof,) = found["attachments"]
    assert (proof["party"], proof["body"]["sha256"], proof["body"]["id"]) == (0, "ab", "c1-1")


def test_its_uuid_is_of_version_8_and_always_the_same() -> None:
    first, again = read(MANIFEST)["uuid"], read(MANIFEST)["uuid"]
    other = read(replace(MANIFEST, recording=replace(recorded(1), id=RecordingId("c2-1"))))["uuid"]
    assert first == again != other
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)


def test_tags_are_an_attachment() -> None:
    tagged = read(MANIFEST, Annotations(RecordingId("c1-1"), 1, tags=("sale", "vip")))
    assert [(one["purpose"], one["body"]) for one in tagged["attachments"]][1:] == [("tags", ["sale", "vip"])]
    assert len(read(MANIFEST, Annotations(RecordingId("c1-1"), 1))["attachments"]) == 1


def test_without_audio_it_says_why() -> None:
    for cause, disposition in (("file-not-opened", "failed"), ("", "no-answer")):
        found = read(Manifest(SCHEMA, StoredState.FAILED, replace(recorded(1), cause=cause)))
        assert (found["dialog"][0]["type"], found["dialog"][0]["disposition"]) == ("incomplete", disposition)
        assert "body" not in found["dialog"][0]


def test_a_strangers_name_takes_nothing_apart() -> None:
    strange = replace(recorded(1).parties[0], name='"},\u0000\u202e</script>', number="\x00")
    found = read(replace(MANIFEST, recording=replace(recorded(1), parties=(strange,), captures=())))
    assert found["parties"] == [{"tel": "\x00", "name": '"},\u0000\u202e</script>'}]
    assert found["dialog"][0]["body"] == "QUJD"
    nobody = replace(recorded(1).parties[0], name="", number="")
    assert read(replace(MANIFEST, recording=replace(recorded(1), parties=(nobody,))))["parties"] == [{}]
