"""Retention classes, and what is known of the time, in two small files of the state folder."""

import json
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.library.known_time import Doubt, KnownTime
from callrec.domain.library.retention import Retention
from callrec.protocols.retention_file import decode_retention, encode_retention

NAME, CLOCK = "retention.json", "retention-clock.json"
_MODE = 0o600


class DiskRetention:
    """Implements `app.ports.lifetime.RetentionStore`."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir

    def read(self) -> Retention:
        """See ports.RetentionStore."""
        content = self._content(NAME)
        return Retention() if content is None else decode_retention(content)

    def write(self, table: Retention) -> None:
        """See ports.RetentionStore."""
        self._replace(NAME, encode_retention(table))

    def known_time(self) -> KnownTime | None:
        """See ports.RetentionStore. A file that cannot be read counts as one from the beginning of time: nothing is due by it."""
        content = self._content(CLOCK)
        if content is None:
            return None
        try:
            read = json.loads(content)
            doubts = tuple(
                Doubt(float(from_s), float(to_s), float(until_s), is_open=bool(is_open))
                for from_s, to_s, until_s, is_open in read["doubts"]
            )
            return KnownTime(float(read["utc_s"]), float(read["mono_s"]), str(read["boot"]), doubts)
        except (ValueError, KeyError, TypeError):
            return KnownTime(0.0, 0.0, "")

    def know(self, known: KnownTime) -> None:
        """See ports.RetentionStore."""
        doubts = [(one.from_s, one.to_s, one.until_s, one.is_open) for one in known.doubts]
        document = {"utc_s": known.utc_s, "mono_s": known.mono_s, "boot": known.boot, "doubts": doubts}
        self._replace(CLOCK, json.dumps(document).encode() + b"\n")

    def _content(self, name: str) -> bytes | None:
        with on_disk(f"file {self._folder / name}"):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def _replace(self, name: str, content: bytes) -> None:
        path, draft = self._folder / name, self._folder / f"{name}.new"
        with on_disk(f"file {path}"):
            draft.unlink(missing_ok=True)  # from a crash: one daemon alone writes here
            try:
                write_new(draft, content, _MODE)
                draft.replace(path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise
            sync_folder(self._folder)
