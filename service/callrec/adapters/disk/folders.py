"""Facts about folders for the doctor: owner, mode, file system, free space."""

import grp
import os
import pwd
import re
from pathlib import Path

from callrec.app.doctor.findings import Place

_ESCAPE = re.compile(r"\\([0-7]{3})")
MOUNTS = Path("/proc/self/mountinfo")
MEMORY_FILE_SYSTEM = "tmpfs"


def look_at(folder: Path) -> Place:
    """The facts about a folder, or about its nearest parent folder that exists."""
    path = folder.absolute()
    there = next(above for above in (path, *path.parents) if above.is_dir())
    found, space = there.stat(), os.statvfs(there)
    return Place(
        path=str(path),
        exists=there == path,
        writable=os.access(there, os.W_OK | os.X_OK),
        owner=owner_of(found.st_uid),
        group=group_of(found.st_gid),
        mode=found.st_mode & 0o7777,
        filesystem=filesystem_of(there.resolve()),
        free_bytes=space.f_bavail * space.f_frsize,
    )


def groups_of(user: str) -> frozenset[str]:
    """The groups of a user of this machine; empty for an unknown user."""
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return frozenset()
    return frozenset(group_of(group) for group in os.getgrouplist(user, found.pw_gid))


def owner_of(uid: int) -> str:
    """A user's name; the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_of(gid: int) -> str:
    """A group's name; the number when it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def filesystem_of(folder: Path) -> str:
    """The kind of file system that the folder is on: the longest mount point above it, the last one mounted there."""
    best, kind = -1, "unknown"
    for line in MOUNTS.read_text("utf-8", "surrogateescape").splitlines() if MOUNTS.exists() else ():
        before, _, after = line.partition(" - ")
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), before.split()[4]))
        if len(point.parts) >= best and folder.is_relative_to(point):
            best, kind = len(point.parts), after.split()[0]
    return kind
