"""The mail of the small PBX: messages of mailboxes are stored in a folder, or sent to an SMTP server.

`python -m callrec_lab.mailer WHERE`, with the message on stdin, as `mailcmd` in voicemail.conf runs it. WHERE is a folder, where
each message becomes an `.eml` file, or `smtp://HOST:PORT`. As with sendmail, a line with a single dot, which Asterisk writes,
ends the message.
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
"""A name in the folder that Asterisk runs in: `mailcmd` has at most 159 characters, and a path may be longer."""
SMTP_S = 10.0


def script(where: str) -> bytes:
    """The shell script that runs this module."""
    command = shlex.join([sys.executable, "-P", "-m", "callrec_lab.mailer", where])
    return f"#!/bin/sh\nexec {command}\n".encode()


def deliver(message: bytes, where: str) -> None:
    """Store the message in the folder, or send it. Raises OSError."""
    words, dot, _ = message.partition(b"\n.\n")
    message = words + b"\n" if dot else message
    target = urlsplit(where)
    if target.scheme != "smtp":
        _keep(message, Path(where))
        return
    with smtplib.SMTP(target.hostname or "127.0.0.1", target.port or 25, timeout=SMTP_S) as server:
        server.send_message(message_from_bytes(message, policy=policy.SMTP))


def _keep(message: bytes, folder: Path) -> None:
    """Write the file completely or not at all, readable by its owner only: it contains a caller's voice."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}.eml"
    beside = folder / f".{name}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(message)
    beside.replace(folder / name)


def main() -> None:
    """Deliver one message from stdin."""
    deliver(sys.stdin.buffer.read(), sys.argv[1])


if __name__ == "__main__":
    main()
