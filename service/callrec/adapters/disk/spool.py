"""The spool: the folder on a local disk where Asterisk writes each leg, and our eye on it.

Asterisk opens the files itself, as its own user: the folder belongs to a group that both are in, and its mode (0770) is a
setting. A file is proof of a recording, an answer of Asterisk is not (app_mixmonitor.c: mixmonitor_thread opens it later).
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

from asyncinotify import Inotify, Mask

from callrec.adapters.disk.durable import on_disk, sync_folder
from callrec.adapters.disk.places import filesystem_of, group_of, owner_of
from callrec.app.ports import Capture, FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.domain.model import Take, TakeId
from callrec.domain.naming import RATES, DegradedFile, LegFile, Side, degraded_file, leg_file

log = logging.getLogger(__name__)

_WATCHED = Mask.CREATE | Mask.MOVED_TO | Mask.CLOSE_WRITE | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
_KEPT = "kept"
_OTHERS = frozenset({_KEPT, "lost+found"})
_DAMAGED = frozenset({errno.EIO, errno.EUCLEAN, errno.ESTALE})
"""What is wrong with one file and not with the folder."""
_BLOCK_BYTES = 512
"""What `st_blocks` counts, whatever the file system's own blocks are (stat(2))."""
_COUNT_BLOCKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay"})
"""Where a file's blocks are known as soon as it is written. ZFS counts them later, and none for silence."""
_SAMPLE_BYTES, _READ_BYTES = 2, 1 << 16
_HOLE_BYTES = 1 << 20
"""Asterisk appends every byte, silence too (app_mixmonitor.c: mixmonitor_thread, ast_writestream): it leaves no larger hole."""


class DiskSpool:
    """Keeps the promises of `app.ports.Spool` in one folder. Names that are not ours are never touched."""

    def __init__(self, folder: Path, *, mode: int = 0o770) -> None:
        if not folder.is_absolute() or any(character in str(folder) for character in ',()\\\r\n\0"'):
            # MixMonitor's arguments are one string, split at commas (app_mixmonitor.c: mixmonitor_exec).
            hint = "give CALLREC_SPOOL_DIR an absolute path without comma, parenthesis, quote or backslash"
            raise Misconfigured("spool-path", f"Asterisk cannot be told to write to {str(folder)!r}", hint=hint)
        self.folder = self._folder = folder
        self._mode = mode
        self._counts_blocks = False

    def prepare(self) -> None:
        """Make the folder with its mode; one that exists keeps the mode that somebody gave it. Raises Unavailable."""
        with on_disk(f"spool {self._folder}"):
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._folder.chmod(self._mode)
            self._counts_blocks = filesystem_of(self._folder.resolve()) in _COUNT_BLOCKS

    def path(self, take: Take, side: str) -> str:
        """See ports.Spool."""
        return str(self._folder / LegFile(take.id, Side(side), take.rate_hz).name)

    def capture(self, take: TakeId) -> Capture | None:
        """See ports.Spool."""
        for rate_hz in RATES.values():
            files = [LegFile(take, side, rate_hz) for side in Side]
            found = [(file, there) for file in files if (there := _regular(f"{self._folder}/{file.name}")) is not None]
            if found:
                return self._capture(found)
        return None

    def written_ago_s(self, take: TakeId) -> float:
        """See ports.Spool. Closing writes what was buffered, so of closed files it is the moment of their closing."""
        try:
            written = [path.stat().st_mtime for path in self._files(take)]
        except OSError:
            return 0.0
        return max(0.0, time.time() - max(written)) if written else 0.0

    def captures(self) -> Sequence[Capture]:
        """See ports.Spool."""
        takes: dict[TakeId, list[tuple[LegFile, os.stat_result]]] = {}
        for name in self._names():
            file = leg_file(name)
            found = _looked_at(self._folder / name) if file else None
            if file is not None and found is not None:
                takes.setdefault(file.take, []).append((file, found))
        return [self._capture(files) for _, files in sorted(takes.items())]

    def oddities(self) -> Sequence[tuple[str, str]]:
        """See ports.Spool."""
        odd = []
        for name in self._names():
            if name in _OTHERS or name.startswith("."):
                continue
            try:
                found = os.lstat(f"{self._folder}/{name}")
            except FileNotFoundError:
                continue
            except OSError as error:
                odd.append((name, f"cannot be looked at: {error.strerror}"))
                continue
            if not _ours(name):
                odd.append((name, "is no name that callrec or its dialplan gives"))
            elif not stat.S_ISREG(found.st_mode):
                odd.append((name, "is a link, a pipe, a socket or a folder, and no leg"))
        return odd

    def unreadable(self, take: TakeId | None = None) -> str:
        """See ports.Spool."""
        files = self._files(take) if take else [self._folder / name for name in self._names() if _ours(name)]
        return next((says for file in files if (says := refusal_of(file))), "")

    def degraded(self) -> Sequence[DegradedFile]:
        """See ports.Spool."""
        files = [file for name in self._names() if (file := degraded_file(name)) and self._is_file(name)]
        return sorted(files, key=lambda file: (file.epoch_s, file.name))

    def has(self, file: DegradedFile) -> bool:
        """See ports.Spool."""
        return any(self._is_file(side.name) for side in _sides(file))

    def adopt(self, file: DegradedFile, take: TakeId) -> None:
        """See ports.Spool. A file may be open: its closing is told under the new name."""
        with on_disk(f"spool file {file.name}"):
            for side in _sides(file):
                _move(self._folder / side.name, self._folder / LegFile(take, side.side, side.rate_hz).name)
            sync_folder(self._folder)

    def silent_samples(self, file: LegFile, from_sample: int) -> int:
        """See ports.Spool."""
        silent_bytes = 0
        with on_disk(f"spool file {file.name}"), (self._folder / file.name).open("rb") as samples:
            samples.seek(from_sample * _SAMPLE_BYTES)
            while block := samples.read(_READ_BYTES):
                rest = block.lstrip(b"\0")
                silent_bytes += len(block) - len(rest)
                if rest:
                    break
        return silent_bytes // _SAMPLE_BYTES

    def drop(self, take: TakeId) -> None:
        """See ports.Spool."""
        with on_disk(f"spool files of {take}"):
            for path in self._files(take):
                path.unlink(missing_ok=True)
            sync_folder(self._folder)

    def keep(self, take: TakeId) -> None:
        """See ports.Spool: they go to the folder `kept`."""
        aside = self._folder / _KEPT
        with on_disk(f"spool files of {take}"):
            aside.mkdir(mode=0o700, exist_ok=True)
            for path in self._files(take):
                _move(path, _free_name(aside / path.name))
            sync_folder(aside)
            sync_folder(self._folder)

    def kept(self) -> Sequence[tuple[str, int]]:
        """See ports.Spool."""
        with on_disk(f"spool folder {_KEPT}"):
            try:
                found = sorted((self._folder / _KEPT).iterdir())
            except FileNotFoundError:
                return ()
            return [(path.name, path.lstat().st_size) for path in found]

    async def watch(self, tell: Callable[[SpoolEvent], None]) -> None:
        """Tell each event at once, until cancelled. It begins with what is there already and a `Rescanned`.

        Raises Unavailable when the folder is gone or the kernel gives no watch.
        """
        with on_disk(f"watching {self._folder}"), Inotify() as inotify:
            inotify.add_watch(self._folder, _WATCHED)
            self._rescan(tell)
            while True:
                event = await inotify.get()
                if event.mask & Mask.Q_OVERFLOW:
                    log.warning("spool: the kernel dropped events; reading the folder anew")
                    self._rescan(tell)
                elif event.mask & (Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.IGNORED):
                    raise Unavailable("spool-gone", f"{self._folder} was removed or renamed", hint="put it back")
                elif not event.mask & Mask.ISDIR and (file := _ours(str(event.name))):
                    tell(FileClosed(file) if event.mask & Mask.CLOSE_WRITE else FileCreated(file))

    def _rescan(self, tell: Callable[[SpoolEvent], None]) -> None:
        for name in self._names():
            if (file := _ours(name)) and self._is_file(name):
                tell(FileCreated(file))
        tell(Rescanned(tuple(self.captures())))

    def _names(self) -> list[str]:
        with on_disk(f"spool {self._folder}"):
            return sorted(os.listdir(self._folder))  # noqa: PTH208 - names, not paths: half of them may be anybody's

    def _is_file(self, name: str) -> bool:
        return _looked_at(self._folder / name) is not None

    def _files(self, take: TakeId) -> list[Path]:
        names = (LegFile(take, side, rate_hz).name for rate_hz in RATES.values() for side in Side)
        return [path for name in names if _regular(path := self._folder / name) is not None]

    def _capture(self, files: Sequence[tuple[LegFile, os.stat_result]]) -> Capture:
        """The take's two sides; the rate of the first file counts (we never ask for two)."""
        rate_hz = files[0][0].rate_hz
        sides = {file.side: found for file, found in files if file.rate_hz == rate_hz}
        sizes = {side: found.st_size for side, found in sides.items()}
        faults = [fault for side, found in sides.items() if (fault := self._fault(side, found))]
        return Capture(files[0][0].take, rate_hz, sizes.get(Side.READ), sizes.get(Side.WRITE), "; ".join(faults))

    def _fault(self, side: Side, found: os.stat_result) -> str:
        """Why Asterisk has not written this file; empty when it may have."""
        if found.st_nlink > 1:
            return f"linked-file: {side.value} has {found.st_nlink} names"
        on_disk_bytes = found.st_blocks * _BLOCK_BYTES
        if self._counts_blocks and found.st_size - on_disk_bytes > _HOLE_BYTES:
            return f"sparse-file: {side.value} has {found.st_size} bytes, of which {on_disk_bytes} are on the disk"
        return ""


def _ours(name: str) -> LegFile | DegradedFile | None:
    return leg_file(name) or degraded_file(name)


def _sides(file: DegradedFile) -> tuple[DegradedFile, ...]:
    """Both files of this capture: their names differ in the side alone."""
    return tuple(replace(file, side=side) for side in Side)


def _regular(path: Path | str) -> os.stat_result | None:
    """What is known of a regular file; None for what is absent, or a link, a pipe or a folder that calls itself ours."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        with on_disk(f"spool file {os.path.basename(path)}"):  # noqa: PTH119 - looked at by the hundred: no Path is made of it
            raise
    return found if stat.S_ISREG(found.st_mode) else None


def _looked_at(path: Path) -> os.stat_result | None:
    """As `_regular`, but a file that the disk refuses to look at is none: it must not hide the others."""
    try:
        return _regular(path)
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _DAMAGED:
            return None
        raise


def refusal_of(file: Path) -> str:
    """Why we may not read a file that is there, with whose it is; empty when we may, or it is gone."""
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        found = file.lstat()
    except OSError:
        return ""
    else:
        return ""
    whose = f"{owner_of(found.st_uid)}:{group_of(found.st_gid)} {stat.S_IMODE(found.st_mode):04o}"
    return f"{file.name} ({whose}) may not be read by {owner_of(os.geteuid())}"


def _free_name(wanted: Path) -> Path:
    """This name, or with a number behind it when something has it."""
    names = chain([wanted], (wanted.with_name(f"{wanted.name}.{nth}") for nth in count(2)))
    return next(path for path in names if not os.path.lexists(path))


def _move(former: Path, new: Path) -> None:
    """Rename without overwriting; done before, or nothing to do, is fine. Raises OSError.

    A rename and not a link: only then the kernel tells the closing of a file that is still open under its new name.
    Looking first is enough: the target is a take's name, given once, and this daemon alone gives it.
    """
    if _regular(former) is None:
        return
    if os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
    former.rename(new)
