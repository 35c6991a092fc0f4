"""The key that signs a node's checkpoints: made at the first start, and stored in a file that its owner alone can read.

`key` has the private key (PEM, PKCS 8, mode 600), `log.vkey` its public part with the log's name (c2sp.org/signed-note), which
anybody may have. A log keeps its name when the node is renamed.

A key that is changed leaves its public part in `keys` (`key_changes`), and signs for the new one; `key.new` is there only while
that is done.

Only with its key does a log begin: `beginning` stands in the folder from before the key is made until the first checkpoint is on
disk, also when the process ends in between. A folder that has a key, and no `beginning`, has had a log.
"""

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.errors import Corrupt, Misconfigured
from callrec.protocols.checkpoints import Sign, VerifierKey, notes_in, parsed_key
from callrec.protocols.key_changes import KeyChange, change_note, read_changes

KEY, PUBLIC, BEGINNING = "key", "log.vkey", "beginning"
COMING, CHANGES = "key.new", "keys"
_NEW_LINE = 2
"""Where a change says its new key."""
_MOST_BYTES = 4096


def signing_key(folder: Path, origin: str) -> tuple[VerifierKey, Sign]:
    """The log's key; made now, for a log of this name, when the folder has none and no log either. Blocking.

    Raises Misconfigured for a key that is missing, open to others, or not the log's; Corrupt, Unavailable.
    """
    with on_disk(f"the audit log's key {folder / KEY}"):
        _finish_change(folder)
        if not os.path.lexists(folder / KEY):
            if os.path.lexists(folder / PUBLIC):
                raise _wrong(folder, "is missing")
            _make(folder)
        private = _read(folder)
        public = private.public_key().public_bytes_raw()
        if not os.path.lexists(folder / PUBLIC):
            _write(folder, PUBLIC, f"{VerifierKey(origin, public).line}\n".encode(), 0o644)
    key = public_key(folder)
    if key.public != public:
        raise _wrong(folder, f"does not belong to {PUBLIC}")
    return key, private.sign


def change_key(folder: Path, key: VerifierKey, size: int, root: bytes) -> tuple[VerifierKey, Sign]:
    """Make a new key for the log, which has so many entries with this root; the former one signs for it, and is gone on return.
    After a crash at any step the next `signing_key` finishes it, or nothing has changed. Blocking. Raises Unavailable,
    Corrupt."""
    with on_disk(f"the audit log's key {folder / KEY}"):
        former, private = _read(folder), Ed25519PrivateKey.generate()
        new = VerifierKey(key.name, private.public_key().public_bytes_raw())
        _write(folder, COMING, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
        note = change_note(KeyChange(key, new, size, root), former.sign, private.sign)
        _write(folder, CHANGES, _content(folder / CHANGES) + note + b"\n", 0o644)
        _finish_change(folder)
    return new, private.sign


def key_changes(folder: Path) -> tuple[KeyChange, ...]:
    """All changes of the log's key, oldest first. Blocking. Raises Corrupt, Unavailable, Misconfigured."""
    newest = public_key(folder)
    with on_disk(f"the audit log's keys {folder / CHANGES}"):
        return read_changes(notes_in(_content(folder / CHANGES)), newest)


def _finish_change(folder: Path) -> None:
    """A new key that its note speaks of becomes the log's; one without a note never was."""
    if not os.path.lexists(folder / COMING):
        return
    public = _read(folder, COMING).public_key().public_bytes_raw()
    notes = notes_in(_content(folder / CHANGES))
    said = [line.removeprefix("new ") for line in notes[-1].decode("utf-8", "replace").split("\n")] if notes else []
    new = parsed_key(said[2]) if len(said) > _NEW_LINE else None
    if new is None or new.public != public:
        (folder / COMING).unlink()
    else:
        _write(folder, PUBLIC, f"{new.line}\n".encode(), 0o644)
        (folder / COMING).rename(folder / KEY)
    sync_folder(folder)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def is_beginning(folder: Path) -> bool:
    """Whether the key was made for a log that has no checkpoint yet. Blocking."""
    return os.path.lexists(folder / BEGINNING)


def has_begun(folder: Path) -> None:
    """The first checkpoint is on disk. Blocking. Raises OSError."""
    if is_beginning(folder):
        (folder / BEGINNING).unlink()
        sync_folder(folder)


def public_key(folder: Path) -> VerifierKey:
    """The public part. Blocking. Raises Corrupt, Unavailable; Misconfigured when this folder has no log."""
    path = folder / PUBLIC
    with on_disk(f"the audit log's public key {path}"):
        try:
            with path.open("rb") as file:
                return parsed_key(file.read(_MOST_BYTES).decode("utf-8", "replace"))
        except FileNotFoundError:
            says = f"there is no audit log in {folder}"
            raise Misconfigured("audit-key", says, hint="set CALLREC_STATE_DIR to the daemon's") from None


def _make(folder: Path) -> None:
    private = Ed25519PrivateKey.generate()
    _write(folder, BEGINNING, b"", 0o600)
    _write(folder, KEY, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)


def _write(folder: Path, name: str, content: bytes, mode: int) -> None:
    """Create a file of which never a part is there."""
    draft = folder / f"{name}.{secrets.token_hex(8)}.tmp"
    try:
        write_new(draft, content, mode)
        draft.rename(folder / name)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(folder)


def _read(folder: Path, name: str = KEY) -> Ed25519PrivateKey:
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        raise _wrong(folder, "may not be read") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            raise _wrong(folder, f"may be read or changed by others (mode {stat.S_IMODE(found.st_mode):03o})")
        content = file.read(_MOST_BYTES)
    try:
        private = load_pem_private_key(content, None)
    except ValueError:
        raise Corrupt("audit-key", f"{folder / KEY} is not a private key", hint="restore it from a backup") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise Corrupt("audit-key", f"{folder / KEY} is not an Ed25519 key", hint="restore it from a backup")
    return private


def _wrong(folder: Path, what: str) -> Misconfigured:
    hint = f"restore {folder / KEY} from a backup with mode 600, or move {folder} away: then a new log begins"
    return Misconfigured("audit-key", f"the audit log's key {folder / KEY} {what}", hint=hint)
