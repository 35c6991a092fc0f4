"""The token that opens the API: made once, kept in one file of its owner's, and nowhere else."""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

from callrec.adapters.disk.durable import on_disk, sync_folder, write_new
from callrec.domain.errors import Misconfigured

NAME = "token"
MODE = 0o600
_FORM = re.compile(r"[\x21-\x7e]{32,256}")
_MOST_BYTES = 300


def kept_token(state_dir: Path) -> str:
    """The token in this folder; made now when there is none. An existing file is never written to.

    Blocking. Raises Misconfigured for a file that is not what we make, Unavailable when the disk does not answer.
    """
    path = state_dir / NAME
    with on_disk(f"the API's token {path}"):
        state_dir.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            _make(path)
        return _read(path)


def token_is_there(state_dir: Path) -> bool:
    """Whether the daemon has made its token. Blocking. Raises Misconfigured when the file is not what we make, Unavailable."""
    path = state_dir / NAME
    with on_disk(f"the API's token {path}"):
        return os.path.lexists(path) and bool(_read(path))


def _make(path: Path) -> None:
    """Whole or not at all: written under another name, then linked, which the kernel refuses when another was first."""
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
            raise _wrong(path, "is no file")
        if found.st_mode & 0o077:
            raise _wrong(path, f"may be read or changed by others (mode {stat.S_IMODE(found.st_mode):03o})")
        text = os.read(descriptor, _MOST_BYTES).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    if not _FORM.fullmatch(text):
        raise _wrong(path, "holds no token" if text else "is empty")
    return text


def _wrong(path: Path, what: str) -> Misconfigured:
    hint = f"chmod 600 {path}, or remove it: the next start makes a new one, and the old token is worth nothing then"
    return Misconfigured("token-file", f"the API's token {path} {what}", hint=hint)
