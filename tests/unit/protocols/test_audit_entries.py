"""The bytes of an audit entry: what is written is read, and nothing else is."""

import json

import pytest

from callrec.domain.access.audit import Action, Actor, ActorKind, FileDigest, LoggedEntry, TextField
from callrec.domain.errors import Corrupt
from callrec.protocols.audit_entries import decode_entry, encode_entry, time_text

SHA256 = "ab" * 32
FULL = LoggedEntry(
    1_795_341_600_123,
    Action.STORED,
    Actor(ActorKind.ACCOUNT, "12"),
    "01jd-1",
    "link:7f",
    {TextField.REASON: "cd" * 32},
    (FileDigest("manifest", SHA256, 7),),
)
SMALL = LoggedEntry(0, Action.LOGIN_FAILED, Actor(ActorKind.STRANGER))


@pytest.mark.parametrize("entry", [FULL, SMALL])
def test_what_is_written_is_read(entry: LoggedEntry) -> None:
    assert decode_entry(encode_entry(entry)) == entry


def test_the_format_is_this() -> None:
    """A frozen format: these bytes are hashed into logs that stand for decades."""
    assert (
        encode_entry(SMALL)
        == b'{"v":1,"time":"1970-01-01T00:00:00.000Z","actor":{"kind":"stranger"},"action":"login-failed"}'
    )
    assert encode_entry(FULL) == (
        b'{"v":1,"time":"2026-11-22T10:00:00.123Z","actor":{"kind":"account","id":"12"},"action":"stored",'
        b'"recording":"01jd-1","subject":"link:7f","reason":"' + b"cd" * 32 + b'","files":[{"part":"manifest",'
        b'"sha256":"' + SHA256.encode() + b'","bytes":7}]}'
    )


def test_a_field_of_a_newer_version_is_ignored() -> None:
    newer = json.loads(encode_entry(FULL)) | {"v": 2, "colour": "green"}
    assert decode_entry(json.dumps(newer).encode()) == FULL


@pytest.mark.parametrize(
    "change",
    [{"action": "danced"}, {"time": "yesterday"}, {"time": "2026-13-01T00:00:00.000Z"},
     {"actor": {"kind": "account", "id": "a b"}},
     {"reason": "because"}, {"files": [{"part": "x", "sha256": "short", "bytes": 1}]}],
)  # fmt: skip
def test_what_cannot_have_been_written_is_corrupt(change: dict[str, object]) -> None:
    with pytest.raises(Corrupt, match="not an audit entry"):
        decode_entry(json.dumps(json.loads(encode_entry(FULL)) | change).encode())


def test_what_is_no_json_is_corrupt() -> None:
    with pytest.raises(Corrupt, match="not an audit entry") as caught:
        decode_entry(b"\x00\x01")
    assert caught.value.code == "audit-entry"


def test_times_are_utc_with_milliseconds() -> None:
    assert time_text(1_795_341_600_007) == "2026-11-22T10:00:00.007Z"
