"""What a program outside sees of an entry of the stream."""

import json

import pytest

from callrec.domain.errors import Corrupt
from callrec.protocols.event_messages import event_order, message, message_of
from callrec.protocols.event_types import MISSED

ID = "1795899680250-0"
STORED = {"type": "recording-stored", "id": "r-1", "call": "r", "state": "sound", "path": "2026/r-1"}


def data(entry: dict[str, str]) -> object:
    made = message_of(ID, entry)
    assert made
    return json.loads(made.text)["data"]


def test_a_fact_is_told_with_its_own_time() -> None:
    made = message_of(
        ID, {"type": "recording", "recording": "r-1", "call": "r", "rule": "always", "at_s": "1795899680.2"}
    )
    assert made
    assert (made.id, made.type) == (ID, "recording")
    assert json.loads(made.text) == {
        "id": ID,
        "type": "recording",
        "timestamp": "2026-11-28T21:01:20.200Z",
        "version": 1,
        "data": {"recording": "r-1", "call": "r", "rule": "always"},
    }


@pytest.mark.parametrize("at_s", [{}, {"at_s": "soon"}, {"at_s": "-1"}, {"at_s": "nan"}])
def test_an_entry_without_a_time_of_its_own_has_that_of_its_id(at_s: dict[str, str]) -> None:
    made = message_of(ID, {"type": "alarm", "cause": "store", **at_s})
    assert made
    assert json.loads(made.text)["timestamp"] == "2026-11-28T21:01:20.250Z"


def test_what_is_no_text_is_of_its_kind() -> None:
    more = {
        "start_s": "1795899680.250",
        "end_s": "12",
        "bytes": "328044",
        "numbers": '["1000", "+33123"]',
        "length_s": "",
    }
    assert data({**STORED, **more, "quality": '[{"lost": 3}]'}) == {
        **{name: value for name, value in STORED.items() if name != "type"},
        "start_s": 1795899680.25,
        "end_s": 12,
        "bytes": 328044,
        "numbers": ["1000", "+33123"],
        "quality": [{"lost": 3}],
    }


def test_secrets_of_the_tables_are_not_passed_on() -> None:
    change = {"revision": "6", "user": "7", "function": "call_record", "status": "on", "actor": "user:7"}
    assert data({"type": "user-changed", **change, "record": '{"password_hash": "argon2"}', "other": "x"}) == {
        **change,
        "revision": 6,
    }
    edit = {"revision": "7", "edition": "2", "actor": "api", "records": '[[2, "PJSIP/x", {"secret": "s"}]]'}
    assert "secret" not in json.dumps(data({"type": "tables-changed", **edit}))


@pytest.mark.parametrize("kind", ["", "of-tomorrow", "events-missed"])
def test_a_type_that_is_unknown_or_never_in_the_stream_is_passed_over(kind: str) -> None:
    assert message_of(ID, {"type": kind, "secret": "s"}) is None


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "recording-stored", "id": "r-1"},
        {"type": "recordings-rebuilt", "recordings": ""},
        {"type": "recordings-rebuilt", "recordings": "many"},
        {"type": "recordings-rebuilt", "recordings": "true"},
        {"type": "recordings-rebuilt", "recordings": "1.5"},
        {**STORED, "numbers": "[1]"},
        {**STORED, "quality": "{}"},
        {**STORED, "quality": "[[]]"},
        {**STORED, "length_s": "true"},
        {**STORED, "numbers": "[" * 100_000},
        {**STORED, "at_s": "253402300800"},
    ],
)
def test_an_entry_that_cannot_be_read_is_corrupt(entry: dict[str, str]) -> None:
    with pytest.raises(Corrupt) as found:
        message_of(ID, entry)
    assert found.value.code == "store-event"


def test_later_events_have_a_larger_order() -> None:
    assert event_order("9-10") > event_order("9-9") > event_order("8-11")
    with pytest.raises(ValueError, match="soon"):
        event_order("soon")
    with pytest.raises(ValueError, match="18446744073709551616"):
        event_order("1-18446744073709551616")


def test_a_message_for_one_subscriber_is_of_the_same_form() -> None:
    made = message("", MISSED, 1.5, {"after": "1-0"})
    assert json.loads(made.text)["timestamp"] == "1970-01-01T00:00:01.500Z"
