"""The files by which a backup knows itself."""

import hashlib
import json
from dataclasses import replace

import pytest

from callrec.domain.errors import Corrupt, Refused
from callrec.protocols.backup_files import BackupFile, BackupHead, decode_files, decode_head, encode_files, encode_head

FILES = [
    BackupFile("state/token", 43, "ab" * 32),
    BackupFile("library/2026/11/22/c1-1.json", 900, "cd" * 32, "12:900:1", "c1-1"),
]
CONTENT = encode_files(FILES)
HEAD = BackupHead(1_795_900_000_000, "0.1.0", "pbx1", 1, hashlib.sha256(CONTENT).hexdigest())


def test_what_is_written_is_read_again() -> None:
    assert decode_head(encode_head(HEAD)) == HEAD
    assert decode_files(CONTENT, HEAD) == FILES[::-1]
    assert CONTENT.splitlines()[1] == b'{"path":"state/token","bytes":43,"sha256":"' + b"ab" * 32 + b'"}'


def test_fields_of_a_later_version_are_ignored() -> None:
    assert decode_head(json.dumps({**json.loads(encode_head(HEAD)), "colour": 1}).encode()) == HEAD


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"[]", encode_head(HEAD).replace(b"callrec-backup", b"other"), b"\xff" * 9]
)
def test_another_programs_file_is_refused(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_head(content)
    assert refused.value.code == "backup-foreign"


def test_a_newer_version_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        decode_head(encode_head(replace(HEAD, version=2, callrec="9.9\x1b")))
    assert refused.value.code == "backup-newer"
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "state/../../x", "state", "", "a//b", "state/./b", "state/a\0b", "state/" + "a" * 256],
)
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    content = encode_files([BackupFile(path, 1, "ab" * 32)])
    with pytest.raises(Corrupt, match="outside"):
        decode_files(content, replace(HEAD, files_sha256=hashlib.sha256(content).hexdigest()))


def test_a_list_that_is_not_the_heads_is_damaged() -> None:
    with pytest.raises(Corrupt, match="not the one"):
        decode_files(CONTENT + b"\n", HEAD)
    with pytest.raises(Corrupt, match="cannot be read"):
        decode_files(b"{}\n", replace(HEAD, files_sha256=hashlib.sha256(b"{}\n").hexdigest()))
