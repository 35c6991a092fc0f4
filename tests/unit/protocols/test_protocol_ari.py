"""ARI's text: quoted paths, one header, and events that are objects or refused."""

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.errors import Corrupt, Misconfigured, Refused
from callrec.protocols.ari import MAX_EVENT_BYTES, AriEvent, basic_auth, parse_event, parse_object, path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_event_names_what_it_is_about():
    body = {
        "type": "PlaybackFinished",
        "application": "callrec",
        "playback": {"id": "p-1", "state": "done"},
        "channel": {"id": "1700000000.5", "name": "PJSIP/1000-1"},
        "bridge": {"id": "b-1"},
        "extra": [1, 2],
    }
    event = parse_event(json.dumps(body))
    expected = AriEvent("PlaybackFinished", "callrec", "1700000000.5", "p-1", "done", "b-1")
    assert expected == event
    assert body == event.body


def test_fields_of_the_wrong_shape_count_as_absent():
    event = parse_event('{"type": "X", "channel": "text", "playback": {"id": 7, "state": null}, "bridge": []}')
    assert AriEvent("X") == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "[]",
        '"text"',
        "null",
        "{}",
        '{"type": 1}',
        '{"type": ""}',
        "[" * 200_000,
        "1" * 5000,
        "{:}",
        "{" * 9,
    ],
)
def test_what_is_no_event_is_corrupt(text: str):
    with pytest.raises(Corrupt) as error:
        parse_event(text)
    assert error.value.code == "ari-event"


def test_overlong_event_is_corrupt():
    with pytest.raises(Corrupt, match="characters"):
        parse_event(json.dumps({"type": "x" * MAX_EVENT_BYTES}))


def test_lone_surrogates_become_replacement_characters():
    """Text that UTF-8 cannot carry never gets further than the parser."""
    text = r'{"type": "A\ud800", "\udfff": ["\uD83D\uDE00", {"a": "\udead"}, 5, "plain"]}'
    assert parse_object(text) == {"type": "A\ufffd", "\ufffd": ["😀", {"a": "\ufffd"}, 5, "plain"]}


@given(JSON)
def test_any_json_is_an_event_or_corrupt(value: object):
    """Whatever arrives, the outcome is an event whose text can be written anywhere, or Corrupt."""
    try:
        event = parse_event(json.dumps(value))
    except Corrupt:
        return
    assert json.dumps(event.body, ensure_ascii=False).encode()


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20), min_size=1))
def test_quoted_path_has_the_same_parts(parts: list[str]):
    """No part can add a segment, a query or a fragment, and none is changed by its quoting."""
    if {".", ".."} & set(parts):
        return
    quoted = path(parts)
    assert ["", "ari", *parts] == [unquote(part) for part in quoted.split("/")]
    assert not set(quoted) & set("?#\\ ;&")


def test_path_of_a_channel_name():
    assert path(["channels", "PJSIP/1000-0001", "snoop"]) == "/ari/channels/PJSIP%2F1000-0001/snoop"


@pytest.mark.parametrize("part", ["", ".", "..", "a\0b", "a\r\nb", "\n", "x" * 257, "\ud800"])
def test_path_refuses_parts_that_are_more_or_less_than_an_id(part: str):
    with pytest.raises(Refused) as error:
        path(["channels", part])
    assert error.value.code == "ari-path"


def test_basic_auth_is_the_header_of_rfc_7617():
    assert basic_auth("callrec", "s3cret:ü") == "Basic Y2FsbHJlYzpzM2NyZXQ6w7w="


@pytest.mark.parametrize(("username", "password"), [("a:b", "x"), ("a", "x\r\nX: y"), ("a\0", "x")])
def test_basic_auth_refuses_what_the_header_cannot_carry(username: str, password: str):
    with pytest.raises(Misconfigured) as refused:
        basic_auth(username, password)
    assert refused.value.code == "ari-credentials"
