"""The files of time stamps beside a log.

stamps/<size>.checkpoint    the checkpoint as it was stamped: it speaks of so many entries
stamps/<size>.tsr           the authority's answer (TimeStampResp, DER), written after it
"""

import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.x509 import Certificate

from callrec.adapters.disk.fsync import on_disk
from callrec.app.ports.access import Stamp
from callrec.domain.errors import Corrupt
from callrec.protocols.time_stamps import LARGEST_BYTES, authorities_in

STAMPS = "stamps"
_NAME = re.compile(r"([1-9][0-9]{0,18})\.tsr")


def stamped_sizes(folder: Path) -> list[int]:
    """Of which numbers of entries the log in this folder has stamps, in their order. Raises OSError."""
    place = folder / STAMPS
    names = [one.name for one in place.iterdir()] if place.is_dir() else []
    return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))


def read_stamp(folder: Path, size: int) -> Stamp:
    """The stamped checkpoint of so many entries. Raises Corrupt (`audit-stamp`), Unavailable."""
    paths = [folder / STAMPS / f"{size}.{ending}" for ending in ("checkpoint", "tsr")]
    with on_disk(f"audit log {folder}"):
        try:
            return Stamp(*(_content(path) for path in paths))
        except FileNotFoundError as error:
            name = Path(str(error.filename)).name
            raise Corrupt("audit-stamp", f"{STAMPS}/{name} is missing", hint="restore it from a backup") from None


def read_authorities(path: Path | None) -> Sequence[Certificate]:
    """The certificates of this file. Raises Misconfigured for another file, Unavailable."""
    if path is None:
        return ()
    with on_disk(f"CALLREC_AUDIT_TIMESTAMP_CA {path}"):
        return authorities_in(path.read_bytes(), f"CALLREC_AUDIT_TIMESTAMP_CA {path}")


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)
