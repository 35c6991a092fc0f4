"""`python -I -S user_file_client.py NAME`: stands for a process of callrec.adapters.user_files: the command server NAME forks it.

It passes on its files under their numbers, and ends as the fork does. It imports little, since a test starts hundreds.
"""

# ruff: noqa: PTH109, PTH110, PTH208 - pathlib takes longer to import than all else here
import _socket
import json
import os
import struct
import sys


def main() -> int:
    """The exit code."""
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    places = sorted(place for place in listed if os.path.exists(f"/proc/self/fd/{place}"))  # but the listing's own
    wanted = {
        "arguments": (),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "niceness": os.nice(0),
        "is_daemon": False,
        "module": "callrec.adapters.user_files.__main__",
        "places": places,
    }
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect("\0" + sys.argv[1])
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"{len(places)}i", *places))
    server.sendmsg([json.dumps(wanted).encode() + b"\n"], [rights])
    for place in places:
        os.close(place)
    said = b""
    while data := server.recv(64):
        said += data
    return int(said.partition(b"\n")[2] or 1)


if __name__ == "__main__":
    sys.exit(main())
