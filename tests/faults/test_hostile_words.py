"""Strangers' words in everything that is parsed and written: what they say stays one value of one field."""

import re

import pytest
from corpus import HOSTILE

from callrec.app.calls.ami_events import leg_of, translate
from callrec.domain.calls.events import LegAppeared
from callrec.domain.calls.ids import CallId, LegId, NodeId, capture_id, recording_id
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Capture, Party, Recording
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Tables
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.library.file_names import Names, fallback_file, leg_file, stored_paths
from callrec.domain.rules import Rule
from callrec.protocols.ami import Decoder, encode_action
from callrec.protocols.json_documents import decode_entry, encode_entry

TRICKS = [pytest.param(text, id=name) for name, text in HOSTILE.items()]


@pytest.mark.parametrize("text", TRICKS)
def test_p8_an_action_holds_one_line_for_each_header_or_is_refused(text: str) -> None:
    try:
        encoded = encode_action("Setvar", [("Channel", text), ("Variable", "X"), ("Value", text)], "id-1")
    except Refused:
        return
    assert encoded.count(b"\r\n") == 6
    assert encoded.endswith(b"\r\n\r\n")
    assert b"\n" not in encoded.replace(b"\r\n", b"")


@pytest.mark.parametrize("text", TRICKS)
def test_p8_an_event_is_attributed_by_its_own_headers_and_a_stranger_is_cleaned(text: str) -> None:
    """As bytes of the manager, whatever those are: line breaks in them make other headers, which come second and lose."""
    block = "".join(
        f"{name}: {value}\r\n"
        for name, value in (
            ("Event", "Newchannel"),
            ("Uniqueid", "7.1"),
            ("Linkedid", "7.1"),
            ("Channel", "PJSIP/trunk-00000001"),
            ("CallerIDNum", text),
            ("CallerIDName", text),
        )
    )
    decoder = Decoder()
    decoder.feed(b"Asterisk Call Manager/9.0.0\r\n")
    first, *_ = decoder.feed(block.encode("utf-8", "surrogatepass") + b"\r\n")
    event = translate(first, Directory(Tables()))
    assert isinstance(event, LegAppeared)
    leg = leg_of(first, Directory(Tables()))
    assert event.leg == leg
    assert (leg.id, leg.user) == ("7.1", None)
    assert re.fullmatch(r"[0-9A-Za-z+*#_.@-]{0,64}", leg.number)
    assert leg.name.isprintable()
    assert len(leg.name) <= 128


@pytest.mark.parametrize("text", TRICKS)
def test_p8_no_file_name_of_a_stranger_is_ours_and_no_path_of_ours_a_strangers(text: str) -> None:
    """Not even in XiVO's names, which show numbers."""
    assert leg_file(text) is None
    assert fallback_file(f"degraded-always-{text}-1.1-1.read.sln") is None or re.fullmatch(r"[0-9A-Za-z_.-]+", text)
    for names in Names:
        for path in stored_paths(recording(text), names):
            assert re.fullmatch(r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2}/)?[0-9A-Za-z+*#-]{1,200}", path)


@pytest.mark.parametrize("text", TRICKS)
def test_p8_a_journal_line_is_one_line_and_gives_back_what_was_written(text: str) -> None:
    line = encode_entry(Entry(Step.ENDED, recording(text)))
    assert line.count(b"\n") == 1
    assert decode_entry(line).recording.parties[0].name == text.encode("utf-8", "replace").decode()
    with pytest.raises(CallrecError):
        decode_entry(text.encode("utf-8", "replace"))


def recording(text: str) -> Recording:
    """A recording of somebody who says this of himself everywhere."""
    name = recording_id(CallId("01aaaaaaaaaaaaaaaaaaaaaaaa"), 1)
    capture = Capture(capture_id(name, 1), LegId(text), text, 8000, 1795341600.0, 1795341601.0)
    party = Party(LegId(text), None, text, text, 1795341600.0, 1795341601.0)
    return Recording(
        name,
        CallId("01aaaaaaaaaaaaaaaaaaaaaaaa"),
        text,
        NodeId("lab"),
        Rule.ALWAYS,
        POLICY,
        1795341600.0,
        1795341601.0,
        captures=(capture,),
        parties=(party, party),
        cause=text,
    )
