"""What of a user file's bytes is text, and what the refusal says of the rest."""

import codecs

import pytest

from callrec.app.directory.user_file.file_text import LARGEST_BYTES, decoded
from callrec.domain.errors import Refused


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        ("é".encode(), None, "é"),
        (codecs.BOM_UTF8 + "é".encode(), None, "é"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), None, "é"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), None, "é"),
        ("é".encode("latin-1"), "latin-1", "é"),
        (codecs.BOM_UTF8 + "é".encode(), "UTF-8", "é"),
    ],
)
def test_decoded(content, encoding, text):
    """The caller's word, else the byte order mark, else UTF-8."""
    assert text == decoded(content, encoding)


@pytest.mark.parametrize(
    ("content", "encoding", "code"),
    [
        ("é".encode("latin-1"), None, "file-encoding"),
        (b"x", "no-such", "file-encoding"),
        (b"a\0b", None, "file-binary"),
        ("é".encode("utf-16-le"), None, "file-binary"),
        (b"\xff\xfex", None, "file-encoding"),
        (bytes(LARGEST_BYTES + 1), None, "file-too-large"),
        (b"e", "ascii-and-a-half", "file-encoding"),
        (b"e", "punycode", "file-encoding"),
        (b"e", "unicode_escape", "file-encoding"),
        (b"e", "zip", "file-encoding"),
        (b"e", "latin\0", "file-encoding"),
        (b"a\nb+2AA-", "utf-7", "file-encoding"),
        (b"PK\x03\x04zip", None, "file-binary"),
        (b"\xd0\xcf\x11\xe0", None, "file-binary"),
        (b"\x1f\x8b", "latin-1", "file-binary"),
    ],
    ids=[
        "latin-1",
        "unknown",
        "nul",
        "utf-16 without mark",
        "cut utf-16",
        "large",
        "unknown again",
        "punycode",
        "escapes",
        "bytes to bytes",
        "a name with a NUL",
        "half of a character",
        "zip",
        "xls",
        "gzip",
    ],
)
def test_what_is_no_text_is_refused(content, encoding, code):
    """Nothing is guessed: the refusal asks for the encoding."""
    with pytest.raises(Refused) as refused:
        decoded(content, encoding)
    assert code == refused.value.code


def test_a_refusal_names_the_place():
    """Line and byte, as an editor counts them."""
    for content, encoding, place in (
        (b"a\nb\xe9c\n", None, "line 2, byte 2 (byte 3 of the file)"),
        (b"a\n\nb\0c", None, "line 3 has a NUL"),
        (b"a\nb+2AA-", "utf-7", "line 2 has half of a character (U+D800)"),
    ):
        with pytest.raises(Refused) as refused:
            decoded(content, encoding)
        assert place in refused.value.message


def test_an_encoding_whose_errors_have_no_place():
    """Some codecs only say that it is wrong."""
    with pytest.raises(Refused) as refused:
        decoded(b"xn--a-\xff", "idna")
    assert "file-encoding" == refused.value.code
