"""Constructs the library with the keys of its encrypted recordings."""

import secrets
from collections.abc import Callable

from callrec.adapters.disk.monitor_directory import INCOMING, MonitorLibrary
from callrec.adapters.encryption.contents import Contents, KeysOfFolder
from callrec.adapters.encryption.key_sources import KeySource
from callrec.adapters.encryption.library_keys import LibraryKeys
from callrec.adapters.encryption.master_keys import MasterKeys
from callrec.app.library.encryption.key_watch import EncryptionWatch
from callrec.config import Settings
from callrec.observe.health import Readiness
from callrec.observe.observer import Observation
from callrec.protocols.encrypted_file import KEY_BYTES


def master_keys(settings: Settings) -> MasterKeys | None:
    """The master keys; None when the settings name none. Nothing is read yet."""
    if not settings.encryption_keys:
        return None
    apart_from = settings.state_dir, settings.monitor_dir, settings.spool_dir
    return MasterKeys(KeySource(settings.encryption_keys, apart_from), settings.state_dir)


def library_of(
    settings: Settings, masters: MasterKeys | None = None, checkpoint: Callable[[str], None] = lambda _step: None
) -> MonitorLibrary:
    """The monitor directory. `masters`: by default those of the settings."""
    masters = masters or master_keys(settings)
    keys = LibraryKeys(settings.monitor_dir / INCOMING, masters, encrypts=settings.encryption)
    return MonitorLibrary(settings.monitor_dir, keys=keys, checkpoint=checkpoint)


def contents_of(library: MonitorLibrary, settings: Settings, transcoded: str) -> Contents:
    """How the daemon opens files: those of the library, and those in the folder `transcoded`. Where there are master keys, the
    latter are encrypted with a key that no disk ever has: the folder is emptied when the daemon starts."""
    if not settings.encryption_keys:
        return library.contents
    own = KeysOfFolder(settings.state_dir / transcoded, secrets.token_bytes(KEY_BYTES))
    return Contents(own, library.keys)


def watch_keys(masters: MasterKeys | None, observation: Observation, readiness: Readiness) -> EncryptionWatch | None:
    """The watch over the master keys, with the readiness check; None when there are none."""
    if masters is None:
        return None
    watch = EncryptionWatch(masters, observation)
    readiness.add("encryption", lambda: (not watch.why_not, watch.why_not))
    return watch
