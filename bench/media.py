"""From take to recording: how many times faster than real time one core is, against the ffmpeg command line in the same run.

Two legs of ten minutes at 8 kHz: voiced tones, noise and pauses, so that no codec meets silence only. Ours is the whole way
of `PyAvEncoder.encode`: read both legs, interleave, encode, flush to disk, read back, compare the length, SHA-256. ffmpeg
reads the same two files, joins and encodes with the same codec, bit rate and level, and checks nothing. Both by CPU time, so
that a second core or a busy machine does not count; ffmpeg's with `-threads 1`.

What the profile said (one core of a 2-core EPYC machine, PyAV 18, x real time):
- wav: 0.02 s of interleaving, 0.015 s of SHA-256 (with the CPU's instructions), the rest is the kernel's copy. Reading by
  windows of 64 Ki samples is as fast as in one piece and keeps memory flat.
- flac: level 5 is not only smaller but *faster* than levels 0 to 2 at 8 kHz (3,200 against 2,200), because lower levels
  choose blocks of 192 samples and higher ones of 576. The length check walks the packets, 0.03 s.
- opus: complexity is what costs: `voip` at 10 gave 115, `audio` at 10 gave 240, `audio` at 5 with 60 ms frames gives 300.
  60 ms instead of 20 also costs less per packet on the way in and in the check. Resampling to 48 kHz is not needed: libopus
  takes 8 and 16 kHz as they are.
- mp3: LAME at level 7, 205; there for old players, nobody should choose it for speed.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from callrec.adapters.media.encode import PyAvEncoder
from callrec.domain.library.captures import EncodeJob, Piece
from callrec.domain.library.manifest import Format

RATE_HZ = 8000
LENGTH_S = 600
ROUNDS = 3
GOALS = {Format.WAV: 2500, Format.FLAC: 1250, Format.OPUS: 250}
_JOIN = ["-filter_complex", "[0:a][1:a]join=inputs=2:channel_layout=stereo[a]", "-map", "[a]"]
_FFMPEG = {
    Format.WAV: ["-c:a", "pcm_s16le"],
    Format.FLAC: ["-c:a", "flac", "-compression_level", "5"],
    Format.OPUS: [
        "-c:a",
        "libopus",
        "-b:a",
        "24k",
        "-application",
        "audio",
        "-compression_level",
        "5",
        "-frame_duration",
        "60",
    ],
    Format.MP3: ["-c:a", "libmp3lame", "-b:a", "32k", "-compression_level", "7"],
}


def speech(seed: int) -> bytes:
    """Ten minutes of one side: syllables of a gliding voice with noise, and pauses as long as a listener makes them."""
    random = np.random.default_rng(seed)
    at_s = np.arange(RATE_HZ * LENGTH_S) / RATE_HZ
    talks = np.sin(2 * np.pi * 0.3 * at_s + random.uniform(0, 6)) > -0.2
    syllables = np.abs(np.sin(2 * np.pi * 3.1 * at_s))
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * at_s)) / RATE_HZ
    voice = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 9))
    noise = np.convolve(random.normal(size=len(at_s)), np.hanning(9) / 4, "same")
    return (talks * syllables * (0.25 * noise + 0.4 * voice) * 6000).astype("<i2").tobytes()


def run() -> dict[str, object]:
    """The results: per format x real time per core of ours and of ffmpeg, their ratio, the goal, and bytes per second."""
    found: dict[str, object] = {"ffmpeg": shutil.which("ffmpeg") or "not installed: no ratios"}
    with tempfile.TemporaryDirectory() as folder:
        read, write = Path(folder, "read.sln"), Path(folder, "write.sln")
        read.write_bytes(speech(1))
        write.write_bytes(speech(2))
        for media_format in Format:
            found[media_format.value] = _measured(media_format, read, write, Path(folder))
    return found


def _measured(media_format: Format, read: Path, write: Path, folder: Path) -> dict[str, float | None]:
    job = EncodeJob((Piece(str(read), str(write), RATE_HZ, 0),), media_format, RATE_HZ)
    into = folder / f"ours.{media_format.value}"
    encoder = PyAvEncoder()
    ours = _times_real_time(lambda: encoder.encode(job, str(into)))
    theirs = _ffmpeg(media_format, read, write, folder / f"theirs.{media_format.value}")
    return {
        "x_real_time": round(ours),
        "goal": GOALS.get(media_format),
        "ffmpeg_x_real_time": round(theirs) if theirs else None,
        "ratio_to_ffmpeg": round(ours / theirs, 2) if theirs else None,
        "bytes_per_s": round(into.stat().st_size / LENGTH_S),
    }


def _ffmpeg(media_format: Format, read: Path, write: Path, into: Path) -> float | None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return None
    leg = ["-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1", "-i"]
    command = [ffmpeg, "-v", "error", "-y", "-threads", "1", *leg, str(read), *leg, str(write), *_JOIN]
    command += [*_FFMPEG[media_format], "-threads", "1", str(into)]
    try:
        return _times_real_time(lambda: subprocess.run(command, check=True, capture_output=True, timeout=300))  # noqa: S603 - fixed
    except subprocess.SubprocessError:  # an ffmpeg without this codec: no peer for this format
        return None


def _times_real_time(work: Callable[[], object]) -> float:
    """By the best of some rounds, in CPU seconds of this process and its children."""
    used_s = []
    for _ in range(ROUNDS):
        began_s = _cpu_s()
        work()
        used_s.append(_cpu_s() - began_s)
    return LENGTH_S / max(min(used_s), 1 / os.sysconf("SC_CLK_TCK"))


def _cpu_s() -> float:
    """Children count in ticks, ourselves exactly."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


if __name__ == "__main__":
    for name, result in run().items():
        print(name, result)
