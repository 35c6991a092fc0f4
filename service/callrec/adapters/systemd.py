"""Notifications to the service manager with sd_notify(3): datagrams to the socket in NOTIFY_SOCKET."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping

TELL_S = 1.0
"""The shortest time between two watchdog notifications."""


class ServiceManager:
    """The service manager: systemd, `make run`, or none (without NOTIFY_SOCKET). Every method is quick and never raises."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._is_watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()) and bool(
            environment.get("WATCHDOG_USEC")
        )
        self._monotonic = monotonic
        self._told_s = float("-inf")

    def ready(self) -> None:
        """The daemon has started: all its servers listen."""
        self._say("READY=1")

    def stopping(self) -> None:
        """The daemon has begun to end."""
        self._say("STOPPING=1")

    def alive(self) -> None:
        """The event loop runs; called from it at short intervals."""
        now_s = self._monotonic()
        if self._is_watched and now_s - self._told_s >= TELL_S:
            self._told_s = now_s
            self._say("WATCHDOG=1")

    def _say(self, word: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock,
        ):
            sock.sendto(word.encode(), self._address)
