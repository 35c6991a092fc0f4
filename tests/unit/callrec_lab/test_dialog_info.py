"""What a lamp makes of dialog-info documents."""

import pytest

from callrec.domain.errors import Corrupt
from callrec_lab.dialog_info import DialogInfo, device_state, read


def _document(inside: str, state: str = "full") -> str:
    space = 'xmlns="urn:ietf:params:xml:ns:dialog-info"'
    return f'<?xml version="1.0"?>\n<dialog-info {space} version="0" state="{state}" entity="sip:1000@pbx">{inside}</dialog-info>'


def test_a_document_names_the_state_of_each_dialog() -> None:
    one = '<dialog id="a" direction="recipient"><state>early</state></dialog>'
    other = '<dialog id="b"><state> confirmed </state></dialog>'
    assert read(_document(one + other)) == DialogInfo(full=True, dialogs={"a": "early", "b": "confirmed"})
    assert read(_document("", "partial")) == DialogInfo(full=False, dialogs={})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no document",
        "<presence/>",
        '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info"/>',
        _document("", "other"),
        _document('<dialog id="a"><state>asleep</state></dialog>'),
        _document('<dialog id="a"/>'),
        '<!DOCTYPE a [<!ENTITY b "c">]>' + _document(""),
    ],
)
def test_what_is_no_such_document_is_corrupt(text: str) -> None:
    with pytest.raises(Corrupt):
        read(text)


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ([], "terminated"),
        (["terminated", "trying"], "trying"),
        (["early", "proceeding"], "early"),
        (["early", "confirmed", "terminated"], "confirmed"),
    ],
)
def test_who_talks_comes_before_who_rings(states: list[str], shown: str) -> None:
    assert device_state(states) == shown
