"""The file that says that a backup is being restored into a state folder."""

from pathlib import Path

from callrec.domain.errors import Misconfigured

MARK = ".restoring"


def refuse_unfinished(state: Path) -> None:
    """Raises Misconfigured (`restore-unfinished`) when a restore was broken off in this state folder: half an installation must
    not be used, or its log would contradict what the rest of the restore puts there."""
    mark = state / MARK
    if mark.exists():
        hint = "run the same callrec restore again: it goes on, and ends; or move the folders away and restore again"
        raise Misconfigured("restore-unfinished", f"a restore into {state} was broken off ({mark.name})", hint=hint)
