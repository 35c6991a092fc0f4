"""The mail of the small PBX: what a mailbox sends is put into a folder, or handed to an SMTP server.

`python -m callrec.lab.mailer WHERE`, with the message on stdin, as `mailcmd` of voicemail.conf gives it. WHERE is a folder, in
which each message becomes one `.eml` file, or `smtp://HOST:PORT`. As with sendmail, a line of one dot is the end:
Asterisk writes one.
"""

import os
import secrets
import shlex
import smtplib
import sys
import time
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = "mail.sh"
"""In the folder that Asterisk runs in: a `mailcmd` has at most 159 characters, which a path of ours may exceed."""
SMTP_S = 10.0


def script(where: str) -> bytes:
    """The shell script that runs this module."""
    command = shlex.join([sys.executable, "-P", "-m", "callrec.lab.mailer", where])
    return f"#!/bin/sh\nexec {command}\n".encode()


def deliver(message: bytes, where: str) -> None:
    """Raises OSError."""
    words, dot, _ = message.partition(b"\n.\n")
    message = words + b"\n" if dot else message
    target = urlsplit(where)
    if target.scheme != "smtp":
        _keep(message, Path(where))
        return
    with smtplib.SMTP(target.hostname or "127.0.0.1", target.port or 25, timeout=SMTP_S) as server:
        server.send_message(message_from_bytes(message, policy=policy.SMTP))


def _keep(message: bytes, folder: Path) -> None:
    """Whole or not at all, for its owner only: somebody's voice is in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}.eml"
    beside = folder / f".{name}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(message)
    beside.replace(folder / name)


def main() -> None:
    """One message."""
    deliver(sys.stdin.buffer.read(), sys.argv[1])


if __name__ == "__main__":
    main()
