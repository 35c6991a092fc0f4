"""Writes evidence into a folder of its own, complete or not at all."""

import hashlib
import os
import shutil
from importlib.resources import files
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.adapters.encryption.contents import PLAIN, Contents
from callrec.app.access.audit_log.evidence import Evidence
from callrec.domain.errors import Corrupt, Refused

_CHUNK_BYTES = 1 << 20
_HERE = "callrec.adapters.audit"
_ADDED = {"check.py": "check_evidence.py", "HOW-TO-CHECK.txt": "HOW-TO-CHECK.txt"}
"""What every evidence folder has, by the file of this package that it is copied from."""


def write_evidence(evidence: Evidence, folder: Path, contents: Contents = PLAIN) -> None:
    """Write the evidence into this new folder; it is on disk on return. `contents`: how files of the library are opened.
    Blocking.

    Raises Refused when the folder exists, Corrupt when a file of the recording changes meanwhile, Unavailable.
    """
    if os.path.lexists(folder):
        raise Refused("folder-exists", f"{folder} exists already", hint="say another folder with --into")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    with on_disk(f"evidence {folder}"):
        try:
            draft.mkdir(parents=True)
            sums = {name: _copied(contents, Path(source), draft / name) for name, source in evidence.copies.items()}
            for name, digest in evidence.digests.items():
                if sums[name] != digest:
                    raise Corrupt("media-changed", f"{evidence.copies[name]} changed while it was copied")
            for name, content in {**evidence.files, **added_files()}.items():
                write_new(draft / name, content, 0o644)
                sums[name] = hashlib.sha256(content).hexdigest()
            lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
            write_new(draft / "SHA256SUMS", lines.encode(), 0o644)
            sync_folder(draft)
            draft.rename(folder)
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def added_files() -> dict[str, bytes]:
    """What says how to check evidence, and does it, by the names in it."""
    return {name: files(_HERE).joinpath(source).read_bytes() for name, source in _ADDED.items()}


def _copied(contents: Contents, source: Path, target: Path) -> str:
    """Copy the content of a file, and return the SHA-256 of the copy. Raises OSError, Corrupt, Unavailable."""
    with contents.reading(source) as content, target.open("wb") as copy:
        for at in range(0, content.size_bytes, _CHUNK_BYTES):
            copy.write(content.read(at, _CHUNK_BYTES))
    with target.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()
