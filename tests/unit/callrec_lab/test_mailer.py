"""The small PBX's mail: one private file for each message, run as Asterisk runs it."""

import stat
import subprocess
from pathlib import Path

from callrec_lab import mailer

MESSAGE = b"To: john@example.com\nSubject: hello\n\nJ\xc3\xb6hn\n"


def test_a_message_becomes_a_private_file(tmp_path: Path) -> None:
    (tmp_path / mailer.SCRIPT).write_bytes(mailer.script(f"{tmp_path}/it's mail"))
    for end in (b"", b".\n"):  # as it comes with an attachment, and without
        subprocess.run(["/bin/sh", mailer.SCRIPT], input=MESSAGE + end, cwd=tmp_path, check=True)  # noqa: S603 - our own
    files = list((tmp_path / "it's mail").iterdir())
    assert [MESSAGE] * 2 == [file.read_bytes() for file in files]
    assert {(".eml", 0o600)} == {(file.suffix, stat.S_IMODE(file.stat().st_mode)) for file in files}
