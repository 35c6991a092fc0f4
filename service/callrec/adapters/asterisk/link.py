"""A connection to Asterisk that is kept: what the AMI link and the ARI link have in common.

connect -> up -> watch -> down -> wait (jittered) -> connect ... until `close()` or cancellation. The subclass knows the
wire (`_open`, `_watch`, `_shut`); this module knows the order of things, the states, and what is said in the log:

- `on_up` runs as soon as the link is up, while events already flow: subscribe, then act. It ends, or is cancelled,
  before `on_down` is called; `on_down` is called once for each `on_up`, with the reason.
- A callback that raises is logged (the 1st, 2nd, 4th, 8th... time) and changes nothing about the link.
- A state is logged when it changes, not at every attempt.
"""

import asyncio
import enum
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import structlog

from callrec.adapters.asterisk.backoff import Backoff
from callrec.domain.errors import CallrecError, Refused

CLOSE_LIMIT_S = 5.0


class LinkState(enum.Enum):
    """What readiness says about a link."""

    DOWN = "down"
    REFUSED = "refused"
    """Asterisk answers, but does not let us in: somebody has to mend user, secret or rights."""
    UP = "up"


class Link(ABC):
    """See the module. `state` and `state_reason` may be read at any time; neither ever holds a secret."""

    def __init__(
        self,
        door: str,
        *,
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
        backoff: Backoff,
        refused_backoff: Backoff,
    ) -> None:
        self.state = LinkState.DOWN
        self.state_reason = "not connected yet"
        self.callback_failures = 0
        self._door = door
        self._log = structlog.get_logger(__name__).bind(door=door)
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
        self._keeper = asyncio.create_task(self._keep(), name=f"callrec-{self._door}")
        try:
            await asyncio.wait({self._keeper})
        finally:
            # Reached by cancellation while the keeper lives: it must have shut its socket before we are gone.
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=CLOSE_LIMIT_S)
        if not self._keeper.cancelled():
            self._keeper.result()

    async def close(self) -> None:
        """End the link for good, also while it connects or waits for its next attempt. Safe to call twice."""
        self._closed = True
        if self._keeper is not None and not self._keeper.done():
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=CLOSE_LIMIT_S)

    @abstractmethod
    async def _open(self) -> None:
        """Connect and log in, each step under its limit. Refused: not let in; any other of our errors: not reached."""

    @abstractmethod
    async def _watch(self) -> str:
        """Serve the open connection until it is lost; return why."""

    @abstractmethod
    async def _shut(self) -> None:
        """Let go of everything that `_open` took, however far it came. Quick, and never raises."""

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
        """Live through one connection, from the attempt to its loss; tell whether it was up."""
        was_up = False
        try:
            await self._open()
            was_up = True
            self._note(LinkState.UP, "")
            self._note(LinkState.DOWN, await self._serve())
        except Refused as error:
            self._note(LinkState.REFUSED, str(error))
        except CallrecError as error:
            self._note(LinkState.DOWN, str(error))
        except Exception as error:  # noqa: BLE001 - task boundary: a fault of ours must not leave the daemon deaf
            self._note(LinkState.DOWN, f"unexpected {type(error).__name__}")
            self._log.exception("link failed unexpectedly")
        finally:
            await self._shut()
            if was_up:
                reason = "closed" if self.state is LinkState.UP else self.state_reason
                self._note_down(reason)
        return was_up

    async def _serve(self) -> str:
        up = asyncio.create_task(self._announce_up(), name=f"callrec-{self._door}-up")
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
        except Exception:  # noqa: BLE001 - task boundary: the caller's failure must not end our reconnecting
            self._callback_failed("on_down")

    def _callback_failed(self, callback: str) -> None:
        """Log the exception being handled; powers of two only, so that a storm of events is not a storm of log lines."""
        self.callback_failures += 1
        if self.callback_failures & (self.callback_failures - 1) == 0:
            self._log.exception("callback failed", callback=callback, failures=self.callback_failures)

    def _note(self, state: LinkState, reason: str) -> None:
        if (state, reason) == (self.state, self.state_reason):
            return
        self.state, self.state_reason = state, reason
        level = {LinkState.UP: "info", LinkState.DOWN: "warning", LinkState.REFUSED: "error"}[state]
        getattr(self._log, level)("link", state=state.value, reason=reason)
