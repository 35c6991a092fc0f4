"""The file of annotations: read as it was written; older files and other ones."""

import json

import pytest

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.annotations import Annotations, Hold, Note
from callrec.protocols.annotations_file import decode_annotations, encode_annotations

FULL = Annotations(
    RecordingId("c1-1"),
    3,
    (Note("n1", "Grüße\n\u202e", "account:7", 1795341600.5, 12.25), Note("n2", "x", "token:daemon", 1.0)),
    ("a", "ä"),
    "long",
    (Hold("h1", "lawsuit", "AZ 1", "account:7", 1795341600.5),),
    "0123456789abcdef",
)


@pytest.mark.parametrize("one", [FULL, Annotations(RecordingId("c1-1"), 1)])
def test_it_is_read_as_it_was_written(one: Annotations) -> None:
    assert decode_annotations(encode_annotations(one)) == one


def test_half_a_character_is_written_as_a_question_mark() -> None:
    note = Note("n", "a\ud800b", "account:7", 1.0)
    assert decode_annotations(encode_annotations(Annotations(RecordingId("c"), 1, (note,)))).notes[0].text == "a?b"


def test_an_older_file_may_lack_everything_but_what_it_is_of() -> None:
    older = decode_annotations(b'{"schema": 1, "recording": "c1-1", "revision": 2, "later": 1}')
    assert older == Annotations(RecordingId("c1-1"), 2)
    note = b'{"schema": 1, "recording": "c", "revision": 1, "notes": [{"id":"n","text":"t","author":"a","made_s":1.0}]}'
    assert decode_annotations(note).notes == (Note("n", "t", "a", 1.0),)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "annotations-unreadable"),
        (b"{", "annotations-unreadable"),
        (b"[]", "annotations-unreadable"),
        (b"[" * 100_000, "annotations-unreadable"),
        (b"\xff", "annotations-unreadable"),
        (b'{"schema": 1, "recording": "c"}', "annotations-unreadable"),
        (b'{"schema": 1, "recording": 1, "revision": 1}', "annotations-unreadable"),
        (b'{"schema": 1, "recording": "c", "revision": "1"}', "annotations-unreadable"),
        (encode_annotations(FULL).replace(b"12.25", b"NaN"), "annotations-unreadable"),
        (encode_annotations(FULL)[:-20], "annotations-unreadable"),
        (b'{"schema": 2, "recording": "c", "revision": 1}', "annotations-schema"),
        (b'{"schema": 0, "recording": "c", "revision": 1}', "annotations-schema"),
    ],
)
def test_other_bytes_are_refused(content: bytes, code: str) -> None:
    with pytest.raises(Corrupt) as caught:
        decode_annotations(content)
    assert caught.value.code == code


def test_it_is_json_for_people() -> None:
    assert list(json.loads(encode_annotations(FULL))) == [
        *("schema", "recording", "revision", "notes", "tags", "retention_class", "holds", "salt"),
    ]  # fmt: skip
