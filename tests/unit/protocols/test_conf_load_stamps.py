"""The stamp at the end of each file."""

from collections.abc import Callable

import pytest
from asterisk_reading import read

from callrec.protocols.asterisk_conf.load_stamps import (
    ConfFile,
    extensions_file,
    pjsip_file,
    sccp_file,
    voicemail_file,
)

ALL = [pjsip_file, extensions_file, voicemail_file, sccp_file]


@pytest.mark.parametrize("make", ALL)
def test_the_same_text_has_the_same_stamp_and_another_text_another(make: Callable[[str], ConfFile]) -> None:
    assert make("[a]\nb = c\n") == make("[a]\nb = c\n")
    assert make("[a]\nb = c\n").text.splitlines()[-2:] != make("[a]\nb = d\n").text.splitlines()[-2:]


@pytest.mark.parametrize("make", [pjsip_file, extensions_file, voicemail_file])
def test_the_stamp_is_the_last_section_and_the_question_names_it(make: Callable[[str], ConfFile]) -> None:
    """Asterisk stops at the first line that it does not understand: who knows the last one has read them all."""
    file = make("[a]\nb = c\n")
    last = read(file.text)[-1]
    assert last.name == "callrec-stamp"
    assert file.proof is not None
    said = f"{file.proof.variable} {file.proof.answer}"
    assert any(part in said for name, value in last.rows for part in (name, value.partition(",")[0]))


def test_the_password_of_the_stamps_mailbox_is_not_its_number() -> None:
    ((name, value),) = read(voicemail_file("").text)[-1].rows
    assert name.isdecimal()
    assert value.endswith(",,,,")
    assert value.removesuffix(",,,,").isdecimal()
    assert value.removesuffix(",,,,") != name


def test_chan_sccp_cannot_be_asked() -> None:
    assert sccp_file("").proof is None
