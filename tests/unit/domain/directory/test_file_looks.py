"""What a user file looks like before it is read: separator and encoding are found, and never guessed."""

import codecs

import pytest

from callrec.domain.directory.user_file.csv_text import separator_of
from callrec.domain.directory.user_file.file_looks import CANDIDATES, FileLooks, looks_of

HEADER = "entityid{0}firstname{0}lastname\n1{0}Éve{0}Müller\n"


@pytest.mark.parametrize("separator", ["|", ",", ";", "\t"])
def test_the_separator_is_that_of_the_header(separator):
    text = HEADER.format(separator)
    assert separator_of(text) == separator
    assert looks_of(text.encode()) == FileLooks("utf-8", separator)


def test_a_line_of_excel_names_the_separator():
    assert separator_of("sep=;\nfirstname,x\n") == ";"


@pytest.mark.parametrize(
    ("mark", "encoding", "found"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
    ],
)
def test_a_byte_order_mark_says_the_encoding(mark, encoding, found):
    assert looks_of(mark + HEADER.format(",").encode(encoding)) == FileLooks(found, ",")


def test_the_chosen_encoding_counts_when_the_file_can_be_read_in_it():
    content = HEADER.format(";").encode("windows-1252")
    assert looks_of(content, "windows-1252") == FileLooks("windows-1252", ";")
    assert looks_of(content, "utf-8").encoding == looks_of(content, "no-such-encoding").encoding == ""


def test_of_a_file_in_another_encoding_each_reading_is_shown_once():
    found = looks_of(HEADER.format("|").encode("windows-1252"))
    assert (found.encoding, found.separator) == ("", "")
    assert found.samples[0].encoding == "windows-1252"
    assert found.samples[0].text == "1|Éve|Müller"
    assert "iso-8859-15" not in [sample.encoding for sample in found.samples]
    assert {sample.encoding for sample in found.samples} <= set(CANDIDATES)


def test_a_file_of_wide_characters_is_not_read_as_chinese():
    content = ("firstname|lastname\n" + "Éve|Müller\n" * 5).encode("cp1252")
    assert not any(
        sample.encoding.startswith("utf-16") for sample in looks_of(content + b" " * (len(content) % 2)).samples
    )


def test_a_file_without_a_readable_line_has_no_samples():
    assert looks_of(b"\xff\xfe\x00\xff\x9d" * 3, "utf-8").samples == ()


def test_a_reading_with_signs_that_cannot_be_printed_is_not_offered():
    found = looks_of(b"firstname\nM\x81ller\x8d\n")
    assert all(sample.text.isprintable() for sample in found.samples)
    assert "windows-1252" not in [sample.encoding for sample in found.samples]
