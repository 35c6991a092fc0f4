"""Own prompts on disk: `<CALLREC_PROMPTS_DIR>/<language>/callrec/<name>.wav`, 8 kHz, 16 bits, one channel.

Asterisk plays them by their absolute path, so no link is needed; it has to read the folder. Beside each prompt lies
`<name>.silence.wav`, a little longer than the prompt: it is played on a leg to which nothing is sent
(`adapters.asterisk.announcer`). A new file is written beside its place, flushed, and renamed over it: a playback that has begun
goes on with the former one.
"""

import re
import secrets
import wave
from io import BytesIO
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.prompts import RATE_HZ, SPOKEN, TONES, OwnPrompt

_ENDING, _SILENCE = ".wav", ".silence"
_HEADER_BYTES, _SAMPLE_BYTES = 44, 2
_LONGER_S = 0.5
"""By so much a silent sound is longer than its prompt."""
_MODE, _FOLDER_MODE = 0o644, 0o755
_LANGUAGE = re.compile("[a-z]{2}|default")


class DiskPrompts:
    """Implements `app.ports.asterisk.PromptFolder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def find(self, name: str, language: str) -> OwnPrompt | None:
        """See PromptFolder."""
        path = self._path(name, language)
        try:
            size = path.stat().st_size
        except OSError:
            return None
        played = str(path).removesuffix(_ENDING)
        length_s = max(0, size - _HEADER_BYTES) / _SAMPLE_BYTES / RATE_HZ
        return OwnPrompt(name, language, length_s, played, f"{played}{_SILENCE}")

    def every(self) -> list[OwnPrompt]:
        """See PromptFolder. Other files are not listed."""
        with on_disk(f"reading {self._folder}"):
            try:
                languages = sorted(one.name for one in self._folder.iterdir() if _LANGUAGE.fullmatch(one.name))
            except FileNotFoundError:
                return []
        names = sorted((*SPOKEN, *TONES))
        found = (self.find(name, language) for language in languages for name in names)
        return [one for one in found if one is not None]

    def read(self, name: str, language: str) -> bytes | None:
        """See PromptFolder."""
        with on_disk(f"reading {self._path(name, language)}"):
            try:
                return self._path(name, language).read_bytes()
            except FileNotFoundError:
                return None

    def put(self, name: str, language: str, samples: bytes) -> None:
        """See PromptFolder."""
        path = self._path(name, language)
        with on_disk(f"writing {path}"):
            for folder in (self._folder, path.parent.parent, path.parent):
                _make(folder)
            silence = bytes(len(samples) + round(_LONGER_S * RATE_HZ) * _SAMPLE_BYTES)
            _replace(_silence(path), silence)  # first: a prompt is never without it
            _replace(path, samples)
            sync_folder(path.parent)

    def remove(self, name: str, language: str) -> bool:
        """See PromptFolder."""
        path = self._path(name, language)
        with on_disk(f"removing {path}"):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            _silence(path).unlink(missing_ok=True)
            sync_folder(path.parent)
        return True

    def _path(self, name: str, language: str) -> Path:
        return self._folder / language / "callrec" / f"{name}{_ENDING}"


def _silence(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix(_ENDING)}{_SILENCE}{_ENDING}")


def _make(folder: Path) -> None:
    """With rights for Asterisk's user, whatever the umask of the daemon is. An operator's own rights stay."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(_FOLDER_MODE)


def _replace(path: Path, samples: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(beside, _wav(samples), _MODE)
        beside.chmod(_MODE)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _wav(samples: bytes) -> bytes:
    whole = BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(RATE_HZ)
        file.writeframes(samples)
    return whole.getvalue()
