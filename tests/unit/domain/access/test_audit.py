"""An audit entry takes ids and digests as such, and nothing else in their place."""

import hashlib

import pytest

from callrec.domain.access.audit import (
    MOST_FILES,
    MOST_TEXT,
    Action,
    Actor,
    ActorKind,
    AuditEntry,
    FileDigest,
    TextField,
    as_logged,
    text_digest,
)

SHA256 = "ab" * 32
ACCOUNT = Actor(ActorKind.ACCOUNT, "12")


def test_an_entry_says_who_did_what_to_which_recording_from_where_and_why() -> None:
    entry = AuditEntry(Action.LISTENED, ACCOUNT, "01jd-1", "link:7f", "192.0.2.7", "complaint", "media")
    assert (entry.action, entry.actor, entry.recording) == ("listened", ACCOUNT, "01jd-1")
    assert (entry.subject, entry.address, entry.reason, entry.details) == ("link:7f", "192.0.2.7", "complaint", "media")


@pytest.mark.parametrize("text", ["Ann Archer", "a\nb", "+49 30", "x" * 101, "é"])
def test_a_name_is_not_an_id(text: str) -> None:
    """What is not an id could name a person, and could never be erased from the log."""
    with pytest.raises(ValueError, match="must be an id"):
        Actor(ActorKind.ACCOUNT, text)
    with pytest.raises(ValueError, match="recording must be an id"):
        AuditEntry(Action.LISTENED, ACCOUNT, text)
    with pytest.raises(ValueError, match="subject must be an id"):
        AuditEntry(Action.LISTENED, ACCOUNT, subject=text)
    with pytest.raises(ValueError, match="part must be an id"):
        FileDigest(text, SHA256, 1)


@pytest.mark.parametrize("digest", ["", "ab", "AB" * 32, "xy" * 32, f"{SHA256}\n"])
def test_a_digest_is_64_hexadecimal_digits(digest: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        FileDigest("media", digest, 1)


def test_the_files_of_an_entry_are_bounded() -> None:
    files = tuple(FileDigest(f"track-{nth}", SHA256, 1) for nth in range(MOST_FILES + 1))
    assert AuditEntry(Action.STORED, Actor(ActorKind.DAEMON), "01jd-1", files=files[1:]).files == files[1:]
    with pytest.raises(ValueError, match=f"at most {MOST_FILES} files"):
        AuditEntry(Action.STORED, Actor(ActorKind.DAEMON), "01jd-1", files=files)


def test_texts_are_logged_as_salted_digests_and_stand_beside_the_log() -> None:
    salts = iter(["00" * 16, "11" * 16])
    entry = AuditEntry(Action.HELD, ACCOUNT, "01jd-1", address="192.0.2.7", reason="complaint \ud800" + "x" * MOST_TEXT)
    logged, rows = as_logged(entry, 7, lambda: next(salts))
    address, reason = rows
    assert (logged.time_ms, logged.action, logged.actor, logged.recording) == (7, Action.HELD, ACCOUNT, "01jd-1")
    assert logged.texts == {TextField.ADDRESS: address.digest, TextField.REASON: reason.digest}
    assert (
        address.digest == hashlib.sha256(b"00" * 16 + b"\n192.0.2.7").hexdigest() == text_digest("00" * 16, "192.0.2.7")
    )
    assert reason.text == "complaint ?" + "x" * (MOST_TEXT - 11)


def test_the_same_text_has_another_digest_each_time() -> None:
    """Otherwise one known address would show all entries of a person."""
    salts = iter(["00" * 16, "11" * 16])
    one, two = (
        as_logged(AuditEntry(Action.LISTENED, ACCOUNT, address="192.0.2.7"), 0, lambda: next(salts)) for _ in "ab"
    )
    assert one[0].texts != two[0].texts
