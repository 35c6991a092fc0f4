"""The AMI codec: whole messages out of any chunking, and no action that Asterisk could misread."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.errors import Corrupt, Refused
from callrec.protocols.ami import (
    MAX_HEADERS,
    MAX_LINE_BYTES,
    MAX_MESSAGE_BYTES,
    Decoder,
    Message,
    describe_action,
    encode_action,
    parse_message,
)

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
KEYS = st.text(alphabet="ABCDEFGHIJabcdefghij-_09", min_size=1, max_size=12)
VALUES = st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\x00"), max_size=60)
HEADERS = st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=8)


def fed(decoder: Decoder, *chunks: bytes) -> list[Message]:
    return [message for chunk in chunks for message in decoder.feed(chunk)]


def block(*headers: tuple[str, str]) -> bytes:
    return "".join(f"{key}: {value}\r\n" for key, value in headers).encode() + b"\r\n"


def test_greeting_is_kept_and_is_no_message():
    decoder = Decoder()
    assert decoder.feed(GREETING[:9]) == []
    assert decoder.greeting is None
    assert decoder.feed(GREETING[9:]) == []
    assert decoder.greeting == "Asterisk Call Manager/11.0.0"


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400", b"\x00", b"A" * 5, b"\r\nAsterisk Call", b"Asterisk\r\n"]
)
def test_wrong_greeting_is_corrupt(garbage: bytes):
    """Whatever is not Asterisk is recognised by its first bytes, without waiting for a line end."""
    with pytest.raises(Corrupt) as error:
        Decoder().feed(garbage)
    assert error.value.code == "ami-greeting"


def test_endless_greeting_is_corrupt():
    with pytest.raises(Corrupt, match="not an Asterisk manager"):
        fed(Decoder(), b"Asterisk Call Manager/", b"1" * 300)


@given(messages=st.lists(HEADERS, max_size=5), cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_any_chunking_gives_the_same_messages(messages: list[list[tuple[str, str]]], cuts: list[int]):
    """Where the stream is cut makes no difference, not even inside a character."""
    stream = GREETING + b"".join(block(*headers) for headers in messages)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert [Message(tuple(headers)) for headers in messages] == fed(Decoder(), *chunks)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_hostile_bytes_never_raise_anything_but_corrupt(noise: bytes, size: int):
    decoder = Decoder({"Hangup"}, id_prefix="x-")
    decoder.feed(GREETING)
    for start in range(0, len(noise), size):
        for message in decoder.feed(noise[start : start + size]):
            assert message.headers == tuple((str(key), str(value)) for key, value in message.headers)


def test_character_split_across_chunks_survives():
    raw = block(("CallerIDName", "Zoë €"))
    for cut in range(len(raw)):
        assert [Message((("CallerIDName", "Zoë €"),))] == fed(Decoder(), GREETING, raw[:cut], raw[cut:])


def test_undecodable_bytes_become_replacement_characters():
    (message,) = fed(Decoder(), GREETING, b"CallerIDName: Andr\xe9\r\n\r\n")
    assert message.get("calleridname") == "Andr�"


def test_headers_are_repeated_and_compared_without_case():
    message = parse_message(
        b"Response: Success\r\nActionID: 7\r\nOutput: one\r\noutput: two\r\nnoise\r\nX:y\r\nEmpty: "
    )
    assert (message.response, message.action_id, message.event) == ("Success", "7", "")
    assert message.all("OUTPUT") == ["one", "two"]
    assert message.get("oUtPuT") == "one"
    assert (message.get("x"), message.get("empty", "none"), message.get("absent", "none")) == ("y", "", "none")
    assert "Output" in message
    assert "Absent" not in message


def test_smuggled_second_header_does_not_replace_the_first():
    assert parse_message(b"Event: Hangup\r\nUniqueid: 1.1\r\nUniqueid: 9.9").get("uniqueid") == "1.1"


def test_unwanted_events_are_dropped_by_name_and_counted():
    decoder = Decoder({"Hangup"}, id_prefix="ours-")
    stream = (
        block(("Event", "VarSet"), ("Value", "Event: Hangup"))
        + block(("Event", "Hangup"), ("Uniqueid", "1.1"))
        + block(("Event", "CoreShowChannel"), ("ActionID", "ours-1"))
        + block(("Event", "CoreShowChannel"), ("ActionID", "theirs-1"))
        + block(("Response", "Success"))
        + block(("Event", "HangupRequest"))
        + b"Event: Newexten\r\n\r\n"
    )
    passed = fed(decoder, GREETING, stream)
    assert [message.event for message in passed] == ["Hangup", "CoreShowChannel", ""]
    assert decoder.filtered == 4


def test_event_without_other_headers_is_wanted_by_name_too():
    assert [message.event for message in fed(Decoder({"Reload"}), GREETING, b"Event: Reload\r\n\r\n")] == ["Reload"]


def test_stray_empty_line_before_an_event_hides_nothing():
    decoder = Decoder({"Hangup"})
    stream = b"\r\nEvent: Hangup\r\nUniqueid: 1.1\r\n\r\n" + b"\r\nEvent: VarSet\r\n\r\n" + b"\r\n\r\n"
    assert [message.get("Uniqueid") for message in fed(decoder, GREETING, stream)] == ["1.1"]


def test_longest_message_passes_and_one_byte_more_is_corrupt():
    longest = b"X: " + b"y" * (MAX_MESSAGE_BYTES - 3)
    for chunks in ([longest + b"\r\n\r\n"], [longest, b"\r\n\r\n"], [longest + b"\r\n\r", b"\n"]):
        (message,) = fed(Decoder(), GREETING, *chunks)
        assert len(message.get("x")) == MAX_MESSAGE_BYTES - 3
        with pytest.raises(Corrupt) as error:
            fed(Decoder(), GREETING, b"Z", *chunks)
        assert error.value.code == "ami-message-too-long"


@pytest.mark.parametrize("first", [b"", block(("Event", "X"))])
def test_a_megabyte_without_an_end_is_corrupt(first: bytes):
    with pytest.raises(Corrupt):
        fed(Decoder(), GREETING, first + b"x" * 1_000_000)


@given(headers=HEADERS)
def test_action_comes_back_as_it_was_meant(headers: list[tuple[str, str]]):
    """What we encode is read as exactly the headers that were given, in their order."""
    (message,) = fed(Decoder(), GREETING, encode_action("Setvar", headers, "a-1"))
    assert (("Action", "Setvar"), ("ActionID", "a-1"), *headers) == message.headers


@pytest.mark.parametrize("evil", ["a\r\nAction: Command", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_action_refuses_text_that_is_more_than_one_value(evil: str):
    """CR, LF, NUL and lone surrogates are refused in names, keys, values and ids, and never repeated in the error."""
    attempts = [
        lambda: encode_action(evil, [], "1"),
        lambda: encode_action("Ping", [(evil, "x")], "1"),
        lambda: encode_action("Ping", [("Variable", evil)], "1"),
        lambda: encode_action("Ping", [], evil),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as error:
            attempt()
        assert error.value.code == "ami-header"
        assert evil not in str(error.value)


@pytest.mark.parametrize("key", ["", "a b", "a:b", "é", "Action", "ACTIONID", " x"])
def test_action_refuses_keys_that_are_not_one_word(key: str):
    with pytest.raises(Refused):
        encode_action("Ping", [(key, "x")], "1")


def test_action_refuses_lines_and_headers_beyond_what_asterisk_reads():
    longest = "x" * (MAX_LINE_BYTES - len("Variable: \r\n"))
    assert longest.encode() in encode_action("Setvar", [("Variable", longest)], "1")
    with pytest.raises(Refused, match="1025 bytes"):
        encode_action("Setvar", [("Variable", longest + "x")], "1")
    with pytest.raises(Refused, match="headers"):
        encode_action("Setvar", [("Variable", "x")] * (MAX_HEADERS + 1), "1")


def test_described_action_hides_secrets_and_escapes_strangers_text():
    described = describe_action("Login", [("Username", "callrec"), ("Secret", "s3cret"), ("CallerID", "\x1b[2J\u202e")])
    assert described == "Login Username='callrec' Secret=*** CallerID='\\x1b[2J\\u202e'"
