"""Decodes a user file, or refuses it with the kind of the file and the place of the error."""

import codecs

from callrec.domain.errors import Refused

LARGEST_BYTES = 64 * 1024 * 1024
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NO_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python that are not encodings of files; one of them is extremely slow."""
_NO_TEXT = (
    (b"PK\x03\x04", "a zip archive, as spreadsheets are"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"\x1f\x8b", "compressed"),
    (b"%PDF", "a PDF"),
)


def decoded(content: bytes, encoding: str | None = None) -> str:
    """The text of a file, in the given encoding, else that of its byte order mark, else UTF-8. Raises Refused."""
    if len(content) > LARGEST_BYTES:
        raise too_large()
    if kind := next((kind for mark, kind in _NO_TEXT if content.startswith(mark)), ""):
        raise Refused("file-binary", f"the file is {kind}: it must be text", hint="save it as CSV")
    by_mark = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    if not encoding and by_mark != "utf-16" and (nul := content.find(0)) >= 0:  # before a second copy is made of it
        raise _has_nul(content.count(b"\n", 0, nul) + 1)
    try:
        text = content.decode(_known(encoding) if encoding else by_mark)
    except LookupError:
        there = "e.g. latin-1, windows-1252 or utf-16"
        raise Refused("file-encoding", f"unknown encoding {(encoding or '')[:40]!r}", hint=there) from None
    except UnicodeError as error:
        at = _where(content, error.start) if isinstance(error, UnicodeDecodeError) else ""
        raise Refused(
            "file-encoding", f"the file is not {encoding or by_mark}{at}", hint="give the file's encoding, e.g. latin-1"
        ) from None
    if (nul := text.find("\0")) >= 0:
        raise _has_nul(text.count("\n", 0, nul) + 1)
    _check_writable(text)
    return text


def _has_nul(line: int) -> Refused:
    return Refused(
        "file-binary",
        f"line {line} has a NUL character: the file is not text, or has another encoding",
        hint="give the file's encoding, e.g. utf-16",
    )


def _check_writable(text: str) -> None:
    """Refuse unpaired surrogates, which some encodings allow: neither the store nor an answer can contain them."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        half = f"U+{ord(text[error.start]):04X}"
        raise Refused(
            "file-encoding",
            f"line {line} has half of a character ({half})",
            hint="save the file as UTF-8, or give its encoding",
        ) from None


def _known(encoding: str) -> str:
    """The codec's name. Raises LookupError."""
    try:
        name = codecs.lookup(encoding).name
    except ValueError:  # a name with a NUL
        raise LookupError from None
    if name.replace("_", "-") in _NO_FILES:
        raise LookupError
    return "utf-8-sig" if name == "utf-8" else name  # a byte order mark may stand before it


def too_large() -> Refused:
    """The refusal of more bytes than a user file may have."""
    return Refused("file-too-large", f"the file has more than {LARGEST_BYTES // 1024 // 1024} MiB", hint="split it")


def _where(content: bytes, byte: int) -> str:
    begins = content.rfind(b"\n", 0, byte) + 1
    line, at = content.count(b"\n", 0, byte) + 1, byte - begins + 1
    return f": line {line}, byte {at} (byte {byte} of the file)"
