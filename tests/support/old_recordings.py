"""Files as XiVO, FreePBX and Wazo leave them."""

import os
import struct
import wave
from pathlib import Path

import av
import numpy as np

RATE_HZ = 8000
OLD_S = 1_700_000_000
"""When they were written: long ago."""
GSM_FRAME = b"\xd8\x20\xa2\xe1\x5a" + b"\x50\x00\x49\x24\x92\x49\x24" * 4
"""20 ms of silence (GSM 06.10)."""


def tone(hz: float, seconds: float) -> np.ndarray:
    """One frequency."""
    return (8000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype("<i2")


def wav(path: Path, seconds: float = 1.0, channels: int = 1, hz: float = 440) -> Path:
    """A WAV file of another program: its header is not callrec's, since a chunk of its own comes first."""
    sound = np.repeat(tone(hz, seconds)[:, None], channels, axis=1).tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, RATE_HZ, RATE_HZ * 2 * channels, 2 * channels, 16)
    extra = struct.pack("<4sI4s", b"LIST", 4, b"INFO")
    body = b"WAVE" + extra + form + struct.pack("<4sI", b"data", len(sound)) + sound
    return written(path, struct.pack("<4sI", b"RIFF", len(body)) + body)


def plain_wav(path: Path, seconds: float = 1.0) -> Path:
    """A WAV file with the usual header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(tone(440, seconds).tobytes())
    return aged(path)


def wav49(path: Path, blocks: int = 50) -> Path:
    """GSM in a WAV file: each block of 65 bytes is 40 ms."""
    sound = bytes(65) * blocks
    form = struct.pack("<4sIHHIIHHHH", b"fmt ", 20, 0x31, 1, RATE_HZ, 1625, 65, 0, 2, 320)
    fact = struct.pack("<4sII", b"fact", 4, blocks * 320)
    body = b"WAVE" + form + fact + struct.pack("<4sI", b"data", len(sound)) + sound
    return written(path, struct.pack("<4sI", b"RIFF", len(body)) + body)


def gsm(path: Path, frames: int = 50) -> Path:
    """GSM without a header: 20 ms for each frame."""
    return written(path, GSM_FRAME * frames)


def ulaw(path: Path, seconds: float = 1.0) -> Path:
    """Mu-law without a header."""
    return written(path, bytes([0xFF, 0x7E]) * round(seconds * RATE_HZ / 2))


def mp3(path: Path, seconds: float = 1.0) -> Path:
    """MP3 in one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(tone(440, seconds).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return aged(path)


def written(path: Path, content: bytes) -> Path:
    """A file with this content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return aged(path)


def aged(path: Path) -> Path:
    """Written long ago."""
    os.utime(path, (OLD_S, OLD_S))
    return path


def house(folder: Path) -> dict[str, Path]:
    """What a folder may have: each file by what it is."""
    day = folder / "2024/07/02"
    return {
        "xivo": wav(folder / "user-1000-1001-1700000000.wav", 2.0, channels=2),
        "pressed": plain_wav(folder / "auto-1700000100-1001-1002.wav"),
        "freepbx": wav(day / "out-02079460000-1000-20240702-163045-1719930640.1234.wav"),
        "gsm": gsm(day / "q-400-02079460001-20240702-163145-1719930700.1235.gsm"),
        "wav49": wav49(day / "rg-600-1003-20240702-163245-1719930760.1236.WAV"),
        "ulaw": ulaw(day / "exten-1000-1003-20240702-163345-1719930820.1237.ulaw"),
        "mp3": mp3(day / "internal-1000-1003-20240702-163445-1719930880.1238.mp3"),
        "wazo": wav(folder / "2024-01-02T15_04_05UTC-42-12345678-1234-1234-1234-123456789abc.wav"),
    }
