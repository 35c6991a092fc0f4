"""The system user of this process, and of the process at the other end of a unix socket."""

import os
import pwd
import socket
import struct

from callrec.domain.access.system_user import SystemUser

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group: `struct ucred` (unix(7): SO_PEERCRED)."""


def this_user() -> SystemUser:
    """Whose process this is. Blocking. `SUDO_USER` is set by sudo(8)."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = ""
    return SystemUser(number, name, os.environ.get("SUDO_USER", ""))


def peer_number(there: socket.socket) -> int:
    """The number of the user whose process has the other end of this unix socket. Raises OSError."""
    user: int = _CREDENTIALS.unpack(there.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1]
    return user
