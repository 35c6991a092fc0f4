"""The audit entry of a command: written before the command changes anything, or shows anything of a recording."""

import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callrec.domain.access.audit import Action


def log_command(action: "Action", *, recording: str = "", subject: str = "") -> None:
    """Return when the audit log has this command, as it was typed: no command takes a password or a secret among its words.
    Raises Unavailable, Misconfigured, Corrupt: then nothing may be done."""
    from callrec.adapters.audit.from_commands import log_from_here
    from callrec.adapters.audit.log import FOLDER
    from callrec.cli.store import settings
    from callrec.domain.access.audit import Actor, ActorKind, AuditEntry

    read = settings()
    known = recording if len(recording) <= 100 and recording.replace("-", "").isalnum() else ""  # noqa: PLR2004 - as an id
    entry = AuditEntry(action, Actor(ActorKind.MACHINE), known, subject, details=shlex.join(sys.argv[1:]))
    log_from_here(read.state_dir / FOLDER, f"callrec/{read.node}", read.audit_witness, entry)
