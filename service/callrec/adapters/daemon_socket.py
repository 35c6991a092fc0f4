"""The daemon's own socket in the state folder, `api.sock`: commands of this machine ask the API there.

Any program can listen on a TCP port: one that took the daemon's while the daemon was away would get the token. A socket in the
state folder can be made only by who may write there, and the kernel says whose process made it (unix(7): SO_PEERCRED). So a
command sends the token to a process of the token's owner, and to no other (but root's, who can read it anyway).
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.system_user import peer_number
from callrec.domain.errors import Refused

NAME = "api.sock"
MODE = 0o600


def listening(state_dir: Path) -> socket.socket:
    """The daemon's socket, bound and not listening yet; that of an earlier daemon is removed. The caller has the state folder for
    itself. Raises Unavailable."""
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with on_disk(f"the daemon's socket {state_dir / NAME}"), _reachable(state_dir) as path:
            if stat.S_ISSOCK(_mode(path)):
                os.unlink(path)  # noqa: PTH108 - through the folder's descriptor
            own.bind(path)
            os.chmod(path, MODE)  # noqa: PTH101 - likewise
    except BaseException:
        own.close()
        raise
    own.setblocking(False)
    return own


def connected(state_dir: Path, owner: int, limit_s: float) -> socket.socket:
    """A connection to the daemon, whose process is this user's (a number). Raises OSError when no daemon listens, Refused when
    somebody else does."""
    there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        there.settimeout(limit_s)
        with _reachable(state_dir) as path:
            there.connect(path)
        _check_owner(there, owner, state_dir / NAME)
    except BaseException:
        there.close()
        raise
    return there


def _check_owner(there: socket.socket, owner: int, path: Path) -> None:
    user = peer_number(there)
    if user not in {owner, 0}:
        says = f"the process behind {path} is user {user}'s, and the token is user {owner}'s: nothing was sent"
        hint = "end that process, and see who may write to the state folder"
        raise Refused("daemon-not-proven", says, hint=hint)


@contextlib.contextmanager
def _reachable(state_dir: Path) -> Iterator[str]:
    """A path of the socket that is short, whatever the folder's is: 107 bytes are the most (unix(7): sun_path)."""
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0
