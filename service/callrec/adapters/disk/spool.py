"""The spool: the folder on a local disk where Asterisk writes capture files, and the watch over it.

Asterisk opens the files as its own user: the folder belongs to a group of both users, with mode 0770 by default. Only a file
proves that a leg is being recorded: Asterisk answers the action before it opens the file (app_mixmonitor.c: mixmonitor_thread).
"""

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

import numpy as np
from asyncinotify import Inotify, Mask
from numpy.typing import NDArray

from callrec.adapters.disk.folders import filesystem_of, group_of, owner_of
from callrec.adapters.disk.fsync import on_disk, sync_folder
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.domain.library.captures import CaptureFiles, FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.domain.library.file_names import RATES, CaptureFile, FallbackFile, Side, fallback_file, leg_file

log = logging.getLogger(__name__)

_WATCHED = Mask.CREATE | Mask.MOVED_TO | Mask.CLOSE_WRITE | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
_KEPT = "kept"
_OTHERS = frozenset({_KEPT, "lost+found"})
_DAMAGED = frozenset({errno.EIO, errno.EUCLEAN, errno.ESTALE})
"""Errors of a single file; the folder itself is readable."""
_BLOCK_MODE = 0
"""Of an empty folder that keeps a recorder from a file name: it stays empty."""
BLOCKED_S = 3600.0
"""How long such a folder stays. A request to start that Asterisk has not read yet lies in a connection that the daemon ends after
some seconds of silence; Asterisk would have to stand still for an hour, and the call to outlive that."""
_BLOCK_BYTES = 512
"""The unit of `st_blocks` on every file system (stat(2))."""
_COUNT_BLOCKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay"})
"""File systems that count a file's blocks as soon as it is written. ZFS counts them later, and none for silence."""
_SAMPLE_BYTES, _READ_BYTES = 2, 1 << 16
_HOLE_BYTES = 1 << 20
"""The largest hole of a file that Asterisk wrote: it appends every byte, silence too (app_mixmonitor.c: mixmonitor_thread,
ast_writestream)."""


class DiskSpool:
    """Implements `app.ports.calls.Spool` in one folder. Files with other names are never changed."""

    def __init__(self, folder: Path, *, mode: int = 0o770) -> None:
        if not folder.is_absolute() or any(character in str(folder) for character in ',()\\\r\n\0"'):
            # MixMonitor's arguments are one string, split at commas (app_mixmonitor.c: mixmonitor_exec).
            hint = "give CALLREC_SPOOL_DIR an absolute path without comma, parenthesis, quote or backslash"
            raise Misconfigured(
                "spool-path", f"MixMonitor cannot write into a folder with this name: {str(folder)!r}", hint=hint
            )
        self.folder = self._folder = folder
        self._mode = mode
        self._counts_blocks = False

    def prepare(self) -> None:
        """Create the folder with its mode; an existing one keeps its mode. Raises Unavailable."""
        with on_disk(f"spool {self._folder}"):
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._folder.chmod(self._mode)
            self._unblock_old()
            self._counts_blocks = filesystem_of(self._folder.resolve()) in _COUNT_BLOCKS

    def path(self, capture: Capture, side: str) -> str:
        """The absolute path of the capture's file for `read` or `write`."""
        return str(self._folder / CaptureFile(capture.id, Side(side), capture.rate_hz).name)

    def capture_files(self, capture: CaptureId) -> CaptureFiles | None:
        """The capture's files as they are now; None without any."""
        for rate_hz in RATES.values():
            files = [CaptureFile(capture, side, rate_hz) for side in Side]
            found = [(file, there) for file in files if (there := _regular(f"{self._folder}/{file.name}")) is not None]
            if found:
                return self._capture_files(found)
        return None

    def block(self, capture: Capture) -> bool:
        """Take the names of the capture's files with empty folders, which no recorder of any user can open for writing
        (open(2): EISDIR). False when a file is there already. Old ones of other captures are removed. Raises Unavailable."""
        with on_disk(f"spool files of {capture.id}"):
            self._unblock_old()
            return all(_took(Path(self.path(capture, side))) for side in Side)

    def _unblock_old(self) -> None:
        """A name is blocked for as long as a request that Asterisk has not read yet may reach it."""
        until_s = time.time() - BLOCKED_S
        for name in self._names():
            path = self._folder / name
            if leg_file(name) and _blocks(path) and path.lstat().st_mtime < until_s:
                path.rmdir()

    def written_ago_s(self, capture: CaptureId) -> float:
        """How long ago Asterisk last wrote to the capture's files; 0 when unknown. Closing a file flushes its buffer, so for
        closed files it is the time since they were closed."""
        try:
            written = [path.stat().st_mtime for path in self._files(capture)]
        except OSError:
            return 0.0
        return max(0.0, time.time() - max(written)) if written else 0.0

    def captured_files(self) -> Sequence[CaptureFiles]:
        """Every capture with a readable file."""
        captures: dict[CaptureId, list[tuple[CaptureFile, os.stat_result]]] = {}
        for name in self._names():
            file = leg_file(name)
            found = _looked_at(self._folder / name) if file else None
            if file is not None and found is not None:
                captures.setdefault(file.capture, []).append((file, found))
        return [self._capture_files(files) for _, files in sorted(captures.items())]

    def oddities(self) -> Sequence[tuple[str, str]]:
        """Entries of the folder that are not capture files, each with the reason."""
        odd = []
        for name in self._names():
            if name in _OTHERS or name.startswith("."):
                continue
            try:
                found = os.lstat(f"{self._folder}/{name}")
            except FileNotFoundError:
                continue
            except OSError as error:
                odd.append((name, f"cannot be read: {error.strerror}"))
                continue
            if not _ours(name):
                odd.append((name, "is not the name of a capture file of callrec or its dialplan"))
            elif not stat.S_ISREG(found.st_mode) and not _is_block(found):
                odd.append((name, "is a link, a pipe, a socket or a folder, not a capture file"))
        return odd

    def unreadable(self, capture: CaptureId | None = None) -> str:
        """The reason why a capture file (of this capture, or any) is unreadable, with its owner; empty when all are readable."""
        files = self._files(capture) if capture else [self._folder / name for name in self._names() if _ours(name)]
        return next((says for file in files if (says := refusal_of(file))), "")

    def fallback(self) -> Sequence[FallbackFile]:
        """The dialplan's captures, oldest first."""
        files = [file for name in self._names() if (file := fallback_file(name)) and self._is_file(name)]
        return sorted(files, key=lambda file: (file.epoch_s, file.name))

    def has(self, file: FallbackFile) -> bool:
        """Whether a file of this fallback capture still has the dialplan's name."""
        return any(self._is_file(side.name) for side in _sides(file))

    def adopt(self, file: FallbackFile, capture: CaptureId) -> None:
        """Rename both files to the capture's names, durably. A file may still be open: its closing is then reported under the new
        name. Raises Unavailable."""
        with on_disk(f"spool file {file.name}"):
            for side in _sides(file):
                _move(self._folder / side.name, self._folder / CaptureFile(capture, side.side, side.rate_hz).name)
            sync_folder(self._folder)

    def silent_samples(self, file: CaptureFile, from_sample: int) -> int:
        """The number of samples of digital silence from there on, without interruption. Raises Unavailable."""
        silent_bytes = 0
        with on_disk(f"spool file {file.name}"), (self._folder / file.name).open("rb") as samples:
            samples.seek(from_sample * _SAMPLE_BYTES)
            while block := samples.read(_READ_BYTES):
                rest = block.lstrip(b"\0")
                silent_bytes += len(block) - len(rest)
                if rest:
                    break
        return silent_bytes // _SAMPLE_BYTES

    def silences(
        self, file: CaptureFile, from_sample: int, to_sample: int, least_samples: int
    ) -> Sequence[tuple[int, int]]:
        """See ports.Spool. Raises Unavailable."""
        found: list[tuple[int, int]] = []
        at = silent = from_sample  # it has been silent since there
        with on_disk(f"spool file {file.name}"), (self._folder / file.name).open("rb") as samples:
            samples.seek(from_sample * _SAMPLE_BYTES)
            size = min(_READ_BYTES, max(1, to_sample - from_sample) * _SAMPLE_BYTES)
            while silent < to_sample and (content := samples.read(size)):
                block = np.frombuffer(content, "<i2", len(content) // _SAMPLE_BYTES)
                heard = _heard(block, least_samples) + at
                if len(heard):
                    ends = np.concatenate(([silent], heard + 1))
                    long = np.flatnonzero(heard - ends[:-1] >= least_samples)
                    found += [(int(ends[nth]), int(heard[nth])) for nth in long]
                    silent = int(heard[-1]) + 1
                at += len(block)
        if at - silent >= least_samples:
            found.append((silent, at))
        return [one for one in found if one[0] < to_sample]

    def drop(self, capture: CaptureId) -> None:
        """Remove the capture's files. Raises Unavailable."""
        with on_disk(f"spool files of {capture}"):
            for path in self._files(capture):
                path.unlink(missing_ok=True)
            sync_folder(self._folder)

    def keep(self, capture: CaptureId) -> None:
        """Move the capture's files to the folder `kept`, without overwriting. Raises Unavailable."""
        aside = self._folder / _KEPT
        with on_disk(f"spool files of {capture}"):
            aside.mkdir(mode=0o700, exist_ok=True)
            for path in self._files(capture):
                _move(path, _free_name(aside / path.name))
            sync_folder(aside)
            sync_folder(self._folder)

    def kept(self) -> Sequence[tuple[str, int]]:
        """Names and sizes of the files in the folder `kept`. Raises Unavailable."""
        with on_disk(f"spool folder {_KEPT}"):
            try:
                found = sorted((self._folder / _KEPT).iterdir())
            except FileNotFoundError:
                return ()
            return [(path.name, path.lstat().st_size) for path in found]

    def drop_kept(self, capture: CaptureId) -> None:
        """Remove what was put aside of this capture. Raises Unavailable."""
        aside = self._folder / _KEPT
        with on_disk(f"spool folder {_KEPT}"):
            found = [path for path in aside.glob("*") if path.name.startswith(f"{capture}.")]
            for path in found:
                path.unlink(missing_ok=True)
            if found:
                sync_folder(aside)

    async def watch(self, tell: Callable[[SpoolEvent], None]) -> None:
        """Report each event at once, until cancelled. It begins with the existing files and a `Rescanned`.

        Raises Unavailable when the folder is removed or renamed, or the kernel has no watch left.
        """
        with on_disk(f"watching {self._folder}"), Inotify() as inotify:
            inotify.add_watch(self._folder, _WATCHED)
            self._rescan(tell)
            while True:
                event = await inotify.get()
                if event.mask & Mask.Q_OVERFLOW:
                    log.warning("spool: the kernel dropped events; reading the folder again")
                    self._rescan(tell)
                elif event.mask & (Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.IGNORED):
                    raise Unavailable(
                        "spool-gone", f"the spool {self._folder} was removed or renamed", hint="restore the folder"
                    )
                elif not event.mask & Mask.ISDIR and (file := _ours(str(event.name))):
                    tell(FileClosed(file) if event.mask & Mask.CLOSE_WRITE else FileCreated(file))

    def _rescan(self, tell: Callable[[SpoolEvent], None]) -> None:
        for name in self._names():
            if (file := _ours(name)) and self._is_file(name):
                tell(FileCreated(file))
        tell(Rescanned(tuple(self.captured_files())))

    def _names(self) -> list[str]:
        with on_disk(f"spool {self._folder}"):
            return sorted(os.listdir(self._folder))  # noqa: PTH208 - names, not paths: the folder may have very many files

    def _is_file(self, name: str) -> bool:
        return _looked_at(self._folder / name) is not None

    def _files(self, capture: CaptureId) -> list[Path]:
        names = (CaptureFile(capture, side, rate_hz).name for rate_hz in RATES.values() for side in Side)
        return [path for name in names if _regular(path := self._folder / name) is not None]

    def _capture_files(self, files: Sequence[tuple[CaptureFile, os.stat_result]]) -> CaptureFiles:
        """The capture's two sides. The rate of the first file counts: both files of a capture have the same."""
        rate_hz = files[0][0].rate_hz
        sides = {file.side: found for file, found in files if file.rate_hz == rate_hz}
        sizes = {side: found.st_size for side, found in sides.items()}
        faults = [fault for side, found in sides.items() if (fault := self._fault(side, found))]
        return CaptureFiles(
            files[0][0].capture, rate_hz, sizes.get(Side.READ), sizes.get(Side.WRITE), "; ".join(faults)
        )

    def _fault(self, side: Side, found: os.stat_result) -> str:
        """The reason why Asterisk cannot have written this file; empty when there is none."""
        if found.st_nlink > 1:
            return f"linked-file: {side.value} has {found.st_nlink} names"
        on_disk_bytes = found.st_blocks * _BLOCK_BYTES
        if self._counts_blocks and found.st_size - on_disk_bytes > _HOLE_BYTES:
            return f"sparse-file: {side.value} has {found.st_size} bytes, of which {on_disk_bytes} are on the disk"
        return ""


def _ours(name: str) -> CaptureFile | FallbackFile | None:
    return leg_file(name) or fallback_file(name)


def _sides(file: FallbackFile) -> tuple[FallbackFile, ...]:
    """Both files of this capture: their names differ only in the side."""
    return tuple(replace(file, side=side) for side in Side)


def _regular(path: Path | str) -> os.stat_result | None:
    """The status of a regular file; None when the path is missing, a link, a pipe or a folder."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        with on_disk(f"spool file {os.path.basename(path)}"):  # noqa: PTH119 - looked at by the hundred: no Path is made of it
            raise
    return found if stat.S_ISREG(found.st_mode) else None


def _took(path: Path) -> bool:
    """Whether an empty folder has this name now, or had it before."""
    try:
        path.mkdir(mode=_BLOCK_MODE)
    except FileExistsError:
        return _blocks(path)
    return True


def _blocks(path: Path) -> bool:
    try:
        return _is_block(path.lstat())
    except FileNotFoundError:
        return False


def _is_block(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o777 == _BLOCK_MODE


def _looked_at(path: Path) -> os.stat_result | None:
    """As `_regular`, but None also for a file with a disk error, so that the others can still be read."""
    try:
        return _regular(path)
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _DAMAGED:
            return None
        raise


def refusal_of(file: Path) -> str:
    """The reason why this user may not read an existing file, with its owner and mode; empty when it may, or it is gone. A folder
    is no file: `block` takes a name by one that no user may read."""
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        found = file.lstat()
    except OSError:
        return ""
    else:
        return ""
    if stat.S_ISDIR(found.st_mode):
        return ""
    whose = f"{owner_of(found.st_uid)}:{group_of(found.st_gid)} {stat.S_IMODE(found.st_mode):04o}"
    return f"{file.name} ({whose}) may not be read by {owner_of(os.geteuid())}"


def _free_name(wanted: Path) -> Path:
    """This path, or with a number appended when it exists."""
    names = chain([wanted], (wanted.with_name(f"{wanted.name}.{nth}") for nth in count(2)))
    return next(path for path in names if not os.path.lexists(path))


def _move(former: Path, new: Path) -> None:
    """Rename without overwriting; does nothing when `former` is missing. Raises OSError.

    It is a rename and not a link, since only then inotify reports the closing of an open file under its new name. The check
    before it is enough: only this daemon creates files with a capture's name, and each name only once.
    """
    if _regular(former) is None:
        return
    if os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
    former.rename(new)


def _heard(block: NDArray[np.int16], least_samples: int) -> NDArray[np.int64]:
    """Where the block has sound: so many places that each silence of the least length shows, and the first and the last. In a
    voice without any these are few, and quickly found."""
    part = least_samples // 3
    parts = block[: len(block) // part * part].reshape(-1, part) if part else block[:0].reshape(-1, 1)
    if not len(parts) or not parts.any(axis=1).all():
        return np.flatnonzero(block)
    tail = (len(parts) - 1) * part
    first, last = np.flatnonzero(block[:part])[:1], np.flatnonzero(block[tail:])[-1:] + tail
    return np.concatenate((first, np.arange(1, len(parts)) * part, last))
