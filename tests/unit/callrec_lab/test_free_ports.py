"""Ports of laboratories: two that run beside each other never get the same one."""

import socket
import subprocess
import sys

from callrec_lab.asterisk import PORTS, free_port

OTHER = "from callrec_lab.asterisk import free_port; print(*(free_port() for _ in range(200))); input()"


def test_another_process_gets_other_ports_as_long_as_this_one_lives() -> None:
    """Though nothing listens on them yet."""
    ours = {free_port() for _ in range(200)}
    command = [sys.executable, "-c", OTHER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603 - ours
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        assert len(ours) == len(theirs) == 200
        assert not ours & theirs
        other.communicate("\n")


def test_a_port_on_which_something_listens_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        assert all(free_port() in PORTS and free_port() != taken.getsockname()[1] for _ in range(100))
