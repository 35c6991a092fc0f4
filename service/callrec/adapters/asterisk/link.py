"""A permanent connection to Asterisk: the common part of the AMI link and the ARI link.

connect -> up -> watch -> down -> wait (jittered) -> connect ... until `close()` or cancellation. The subclass handles the
connection (`_open`, `_watch`, `_shut`); this module has the order of steps, the states and the log lines:

- `on_up` runs as soon as the link is up, while events arrive already. It ends, or is cancelled, before `on_down` is called;
  `on_down` is called once for each `on_up`, with the reason.
- A callback that raises is logged (the 1st, 2nd, 4th, 8th... time) and changes nothing about the link.
- A state is logged when it changes, not at every attempt.
"""

import asyncio
import enum
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import structlog

from callrec.domain.backoff import Backoff
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.throttle import Throttle

CLOSE_LIMIT_S = 5.0


class LinkState(enum.Enum):
    """The state of a link, as `/readyz` shows it."""

    DOWN = "down"
    REFUSED = "refused"
    """Asterisk answers, but refuses the login: an administrator must correct user, secret or rights."""
    UP = "up"


class Link(ABC):
    """See the module. `state` and `state_reason` may be read at any time; neither contains a secret."""

    def __init__(
        self,
        link_name: str,
        *,
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
        backoff: Backoff,
        refused_backoff: Backoff,
    ) -> None:
        self.state = LinkState.DOWN
        self.state_reason = "not connected yet"
        self._tried = asyncio.Event()
        self._throttle = Throttle()
        self._link_name = link_name
        self._log = structlog.get_logger(__name__).bind(link=link_name)
        self._on_up = on_up
        self._on_down = on_down
        self._backoff = backoff
        self._refused_backoff = refused_backoff
        self._closed = False
        self._keeper: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Keep the connection until `close()`, then return; cancelling this ends it as well. Call it once."""
        if self._closed:
            return
        self._keeper = asyncio.create_task(self._keep(), name=f"callrec-{self._link_name}")
        try:
            await asyncio.wait({self._keeper})
        finally:
            # Also reached by cancellation: the keeper must close its socket before this task ends.
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=CLOSE_LIMIT_S)
        if not self._keeper.cancelled():
            self._keeper.result()

    async def tried(self) -> None:
        """Wait until the first attempt to connect has ended: the link is up, or `state_reason` has the reason."""
        await self._tried.wait()

    async def close(self) -> None:
        """End the link for good, also while it connects or waits for its next attempt. Safe to call twice."""
        self._closed = True
        if self._keeper is not None and not self._keeper.done():
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=CLOSE_LIMIT_S)

    @abstractmethod
    async def _open(self) -> None:
        """Connect and log in, each step within its limit. Raises Refused for a refused login, any other CallrecError for a server
        that cannot be reached."""

    @abstractmethod
    async def _watch(self) -> str:
        """Serve the open connection until it is lost; return why."""

    @abstractmethod
    async def _shut(self) -> None:
        """Release everything that `_open` acquired, also after it failed half-way. Quick, and never raises."""

    async def _keep(self) -> None:
        failures = 0
        try:
            while True:
                was_up = await self._once()
                failures = 1 if was_up else failures + 1
                backoff = self._refused_backoff if self.state is LinkState.REFUSED else self._backoff
                await asyncio.sleep(backoff.delay_s(failures))
        finally:
            self.state, self.state_reason = LinkState.DOWN, "closed"

    async def _once(self) -> bool:
        """One connection, from the attempt to its loss; returns whether it was up."""
        was_up = False
        try:
            await self._open()
            was_up = True
            self._note(LinkState.UP, "")
            self._note(LinkState.DOWN, await self._serve())
        except Refused as error:
            self._note(LinkState.REFUSED, str(error), error.code)
        except CallrecError as error:
            self._note(LinkState.DOWN, str(error), error.code)
        except Exception as error:  # noqa: BLE001 - task boundary: after a defect the link must connect again
            self._note(LinkState.DOWN, f"unexpected {type(error).__name__}")
            self._log.exception("link failed unexpectedly")
        finally:
            await self._shut()
            if was_up:
                reason = "closed" if self.state is LinkState.UP else self.state_reason
                self._note_down(reason)
        return was_up

    async def _serve(self) -> str:
        up = asyncio.create_task(self._announce_up(), name=f"callrec-{self._link_name}-up")
        try:
            return await self._watch()
        finally:
            up.cancel()
            await asyncio.wait({up}, timeout=CLOSE_LIMIT_S)

    async def _announce_up(self) -> None:
        try:
            await self._on_up()
        except Exception:  # noqa: BLE001 - task boundary: a failed resync must not cost the connection
            self._callback_failed("on_up")

    def _note_down(self, reason: str) -> None:
        try:
            self._on_down(reason)
        except Exception:  # noqa: BLE001 - task boundary: the caller's failure must not end the reconnecting
            self._callback_failed("on_down")

    def _callback_failed(self, callback: str) -> None:
        """Log the exception being handled."""
        if failures := self._throttle.count(callback):
            self._log.exception("callback failed", callback=callback, failures=failures)

    def _note(self, state: LinkState, reason: str, code: ErrorCode | None = None) -> None:
        if (state, reason) == (self.state, self.state_reason):
            return
        self.state, self.state_reason = state, reason
        self._tried.set()
        level = {LinkState.UP: "info", LinkState.DOWN: "warning", LinkState.REFUSED: "error"}[state]
        why = {"code": code} if code else {}
        getattr(self._log, level)("link", state=state.value, reason=reason, **why)
