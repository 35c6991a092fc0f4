"""The master keys in use, and by what they are recognised.

`<state>/encryption/<id>.check` has the check value of each master key that has wrapped a recording key: 32 digits that say
nothing of the key. With it a key that was exchanged under its id is noticed before anything is encrypted with it.
"""

import contextlib
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.adapters.encryption.ciphers import check_value
from callrec.adapters.encryption.key_sources import KeySource
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable

FOLDER = "encryption"
AGAIN_S = 5.0
"""A source that has failed is asked again after this time at the earliest: each reader of a recording asks for keys."""
_SUFFIX = ".check"
_MOST_BYTES = 100


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A master key. Its text never shows the key."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"


class MasterKeys:
    """Reads them when they are needed first, and again when one is missing or the file has changed. Threads share it."""

    def __init__(self, source: KeySource, state_dir: Path) -> None:
        self._source, self._folder = source, state_dir / FOLDER
        self._lock = threading.Lock()
        self._keys: dict[str, MasterKey] = {}
        self._version: object = None
        self._error: CallrecError | None = None
        self._tried_s = -AGAIN_S

    def current(self) -> MasterKey:
        """The one for new recordings; its check value is on disk. Blocking. Raises Misconfigured, Unavailable."""
        with self._lock:
            self._refresh()
            key = next(iter(self._known().values()))
            self._check(key)
            self._keep_check(key)
            return key

    def named(self, name: str) -> MasterKey:
        """The one with this id. Blocking. Raises Unavailable (`encryption-key-unknown`), and as `current`."""
        with self._lock:
            self._refresh()
            if name not in self._keys:
                self._refresh(missing=True)
            key = self._known().get(name)
            if key is None:
                says = f"the master key {name} is needed, and is not among the keys of CALLREC_ENCRYPTION_KEYS"
                raise Unavailable("encryption-key-unknown", says, hint="add it there, below the others")
            self._check(key)
            return key

    def ids(self) -> tuple[str, ...]:
        """The ids of all, the current one first. Blocking. Raises as `current`."""
        with self._lock:
            self._refresh()
            return tuple(self._known())

    def look(self) -> None:
        """Read them again when that is due, and compare all with their check values. Blocking. Raises as `current`."""
        with self._lock:
            self._refresh()
            for key in self._known().values():
                self._check(key)
            if self._error is not None:
                raise self._error

    def _known(self) -> dict[str, MasterKey]:
        if not self._keys:
            raise self._error or Unavailable("encryption-keys-away", "the master keys were not read yet")
        return self._keys

    def _refresh(self, *, missing: bool = False) -> None:
        """Read the source when that is due. What fails leaves the keys that are known."""
        version = self._source.version()
        is_due = missing or not self._keys or self._error is not None
        is_changed = version is not None and version != self._version
        if not is_changed and (not is_due or time.monotonic() - self._tried_s < AGAIN_S):
            return
        self._version = version
        try:
            self._keys = {name: MasterKey(name, key) for name, key in self._source.read().items()}
        except CallrecError as error:
            self._error = error
        else:
            self._error = None
        self._tried_s = time.monotonic()  # a command may have taken long, and others wait for it

    def _check(self, key: MasterKey) -> None:
        """Raises Misconfigured for another key than the one that was used under this id before."""
        kept = self._kept_check(key.id)
        if kept and kept != check_value(key.key):
            says = f"the master key {key.id} is not the one with which recordings were encrypted under this id"
            hint = "put the former key back under its id, and give a new key an id of its own"
            raise Misconfigured("encryption-keys", says, hint=hint)

    def _kept_check(self, name: str) -> str:
        path = self._folder / f"{name}{_SUFFIX}"
        with on_disk(f"file {path}"):
            try:
                with path.open("rb") as file:
                    return file.read(_MOST_BYTES).decode("ascii", "replace").strip()
            except FileNotFoundError:
                return ""

    def _keep_check(self, key: MasterKey) -> None:
        """On disk before the key encrypts anything."""
        path = self._folder / f"{key.id}{_SUFFIX}"
        with on_disk(f"file {path}"):
            if path.exists():
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            try:
                write_new(draft, f"{check_value(key.key)}\n".encode(), 0o600)
                with contextlib.suppress(FileExistsError):  # another process has just used it for the first time
                    os.link(draft, path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(self._folder)
