"""What an entry is found by."""

import json

import pytest

from callrec.domain.errors import Refused
from callrec.domain.library.search_keys import SLOTS, keys_of

ENTRY = {
    "id": "c1-1",
    "state": "sound",
    "start_s": "1795900735.905",
    "rule": "always",
    "direction": "incoming",
    "node": "n",
    "numbers": '["1000", "+33 1"]',
    "users": '["7"]',
    "recorded_user": "8",
    "names": '["John D\\u00f6e", "JOHN"]',
    "length_s": "2.440",
    "told": '[{"heard": true}, {"heard": true}]',
}


def test_all_keys() -> None:
    keys = keys_of(ENTRY)
    assert keys.place // SLOTS == 1_795_900_735_905
    assert (keys.id, keys.length_ms, keys.numbers, keys.names) == ("c1-1", 2440, "1000\n+33 1", "john doe\njohn")
    assert keys.terms == {
        *(
            "state:sound",
            "rule:always",
            "direction:incoming",
            "node:n",
            "recorded:8",
            "user:7",
            "number:1000",
            "number:+33 1",
        ),
        *("word:john", "word:doe", "heard:yes"),
    }


def test_the_place_is_the_same_at_each_time_and_another_for_another_id() -> None:
    assert keys_of(ENTRY).place == keys_of(ENTRY | {"state": "partial"}).place
    assert keys_of(ENTRY).place != keys_of(ENTRY | {"id": "c2-1"}).place


def test_tags_holds_and_what_was_not_heard() -> None:
    keys = keys_of(ENTRY | {"tags": '["Sale", 7]', "holds": '["court"]', "told": '[{"heard": true}, {"heard": false}]'})
    assert {"tag:Sale", "held", "heard:no"} <= keys.terms
    assert "heard:yes" not in keys.terms
    assert "heard:no" in keys_of(ENTRY | {"told": '["odd"]'}).terms


@pytest.mark.parametrize("text", ["{", "7", '{"a": 1}', "[" * 100_000, ""])
def test_a_list_that_cannot_be_read_hides_no_entry(text: str) -> None:
    """It is found by less."""
    if len(text) > 60_000:
        text = text[:50_000]
    keys = keys_of({"id": "a", "start_s": "1", "numbers": text, "length_s": "long"})
    assert (keys.numbers, keys.terms, keys.length_ms) == ("", frozenset(), 0)


def test_what_no_database_stores_is_escaped() -> None:
    keys = keys_of({"id": "a", "start_s": "1", "numbers": json.dumps(["1\ud800\0"]), "node": "\udfff"})
    assert keys.numbers == "1\\ud800\ufffd"
    assert keys.terms == {"number:1\\ud800\ufffd", "node:\\udfff"}


def test_a_term_is_bounded() -> None:
    (term,) = keys_of({"id": "a", "start_s": "1", "node": "n" * 1000}).terms
    assert len(term) == 205


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({}, "recording-id"),
        ({"id": "../x", "start_s": "1"}, "recording-id"),
        ({"id": "a"}, "recording-start"),
        ({"id": "a", "start_s": "-1"}, "recording-start"),
        ({"id": "a", "start_s": "99999999999"}, "recording-start"),
        ({"id": "a", "start_s": "1", "x": "y" * 65_536}, "entry-too-large"),
        ({"id": "a", "start_s": "1"} | {f"f{n}": "" for n in range(200)}, "entry-too-large"),
    ],
)
def test_an_entry_without_a_usable_id_or_start_is_refused(entry: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        keys_of(entry)
    assert refused.value.code == code
