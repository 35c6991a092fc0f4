"""What `callrec verify` reads of media files, against `sha256sum` over the same files in the same run.

All read the files from the page cache, one after the other, on one core; they take turns, and the best of each counts. Goal: 0.9
times as fast as sha256sum. Debian's sha256sum is portable C; `openssl dgst` uses the processor's instructions for SHA-256, as
Python does, and is the harder peer. The audit log is not read here.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import quiet

if TYPE_CHECKING:
    from callrec.adapters.disk.monitor_directory import MonitorLibrary

RECORDINGS, LENGTH_S, TURNS = 60, 300, 3


def run() -> dict[str, float]:
    """MB/s of each, and the ratios."""
    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.adapters.disk.spool import DiskSpool
    from callrec.adapters.media.encode import PyAvEncoder
    from callrec.app.library import catalog

    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as name:
        folder = Path(name)
        library, spool = MonitorLibrary(folder / "monitor"), DiskSpool(folder / "spool")
        spool.prepare()
        _fill(library, folder)
        files = sorted(str(one) for one in (folder / "monitor").rglob("*.wav"))
        size = sum(Path(one).stat().st_size for one in files)

        def ours() -> None:
            report = catalog.verify(library, spool, PyAvEncoder(library.contents), ())
            assert (report.recordings, report.findings) == (RECORDINGS, ()), report.findings[:1]

        def peer(*words: str) -> None:
            subprocess.run([*words, *files], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own files

        works = ours, partial(peer, "sha256sum"), partial(peer, "openssl", "dgst", "-sha256")
        took = [[_took_s(work) for work in works] for _ in range(TURNS)]
    ours_s, peer_s, openssl_s = (min(one) for one in zip(*took, strict=True))
    return {
        "mb": round(size / 1e6),
        "verify_mb_per_s": round(size / 1e6 / ours_s),
        "sha256sum_mb_per_s": round(size / 1e6 / peer_s),
        "ratio_to_sha256sum": round(peer_s / ours_s, 2),
        "openssl_mb_per_s": round(size / 1e6 / openssl_s),
        "ratio_to_openssl": round(openssl_s / ours_s, 2),
    }


def _fill(library: "MonitorLibrary", folder: Path) -> None:
    """Recordings of noise, in two channels."""
    import numpy as np

    from callrec.adapters.media.encode import PyAvEncoder
    from callrec.domain.calls.ids import CallId, NodeId, RecordingId
    from callrec.domain.calls.model import POLICY, Recording
    from callrec.domain.library.captures import EncodeJob, Piece
    from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState
    from callrec.domain.rules import Rule

    for nth in range(RECORDINGS):
        leg = folder / "leg"
        leg.write_bytes(np.random.default_rng(nth).integers(-4000, 4000, LENGTH_S * 8000, np.int16).tobytes())
        said = RecordingId(f"c{nth}-1")
        temporary = library.temporary(said, Format.WAV)
        job = EncodeJob((Piece(str(leg), str(leg), 8000, 0),), Format.WAV, 8000)
        encoded = PyAvEncoder(library.contents).encode(job, temporary)
        media = Media(f"{said}.wav", Format.WAV, 8000, encoded.samples, encoded.bytes, encoded.sha256)
        recording = Recording(said, CallId(f"c{nth}"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 1795341600.0)
        library.place(Manifest(SCHEMA, StoredState.SOUND, recording, media), f"2026/11/22/{said}", [temporary])


def _took_s(work: Callable[[], None]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    quiet()
    print(json.dumps(run(), indent=2))
