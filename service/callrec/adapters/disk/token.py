"""The API's token: created once, and stored only in one file that its owner alone can read."""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.errors import Misconfigured

NAME = "token"
MODE = 0o600
_FORM = re.compile(r"[\x21-\x7e]{32,256}")
_MOST_BYTES = 300


def kept_token(state_dir: Path) -> str:
    """The token in this folder; created now if missing. An existing file is never changed.

    Blocking. Raises Misconfigured for a wrong file (type, mode or content), Unavailable for an error of the disk.
    """
    path = state_dir / NAME
    with on_disk(f"the API's token {path}"):
        state_dir.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            _make(path)
        return _read(path)


def token_is_there(state_dir: Path) -> bool:
    """Whether the daemon has created its token. Blocking. Raises Misconfigured for a wrong file, Unavailable."""
    path = state_dir / NAME
    with on_disk(f"the API's token {path}"):
        return os.path.lexists(path) and bool(_read(path))


def token_owner(state_dir: Path) -> int:
    """The number of the user who has the token: the daemon's. Blocking. Raises Unavailable."""
    path = state_dir / NAME
    with on_disk(f"the API's token {path}"):
        return path.lstat().st_uid


def _make(path: Path) -> None:
    """Create the file atomically: written under another name, then linked, which fails when the file exists meanwhile."""
    draft = path.with_name(f"{NAME}.{secrets.token_hex(8)}")
    try:
        write_new(draft, f"{secrets.token_urlsafe(32)}\n".encode(), MODE)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path, follow_symlinks=False)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _wrong(path, "is not a regular file")
        if found.st_mode & 0o077:
            raise _wrong(path, f"may be read or changed by others (mode {stat.S_IMODE(found.st_mode):03o})")
        text = os.read(descriptor, _MOST_BYTES).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    if not _FORM.fullmatch(text):
        raise _wrong(path, "contains no valid token" if text else "is empty")
    return text


def _wrong(path: Path, what: str) -> Misconfigured:
    hint = f"chmod 600 {path}, or remove it: the next start creates a new token, and the old one becomes invalid"
    return Misconfigured("token-file", f"the API's token {path} {what}", hint=hint)
