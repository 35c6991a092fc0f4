"""What a service manager hears, and that nothing is said where there is none."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from callrec.adapters.systemd import TELL_S, ServiceManager


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(address)
        self.address = address

    def heard(self) -> list[str]:
        """All that came."""
        said = []
        while True:
            try:
                said.append(self.socket.recv(100).decode())
            except BlockingIOError:
                return said


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(f"\0callrec-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify"))
    with closing(manager.socket):
        yield manager


def environment(manager: Manager, **more: str) -> dict[str, str]:
    """As systemd sets it."""
    return {"NOTIFY_SOCKET": manager.address.replace("\0", "@"), **more}


def test_ready_and_stopping_are_said(manager: Manager) -> None:
    told = ServiceManager(environment(manager))
    told.ready()
    told.stopping()
    assert manager.heard() == ["READY=1", "STOPPING=1"]


def test_a_watchdog_is_fed_once_a_second_at_most(manager: Manager) -> None:
    now_s = 0.0
    told = ServiceManager(environment(manager, WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid())), lambda: now_s)
    for _ in range(9):
        told.alive()
        now_s += TELL_S / 4
    assert manager.heard() == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}])
def test_no_watchdog_of_ours_is_fed(manager: Manager, more: dict[str, str]) -> None:
    ServiceManager(environment(manager, **more)).alive()
    assert manager.heard() == []


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    told = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"})
    assert (told.ready(), told.alive(), told.stopping()) == (None, None, None)
