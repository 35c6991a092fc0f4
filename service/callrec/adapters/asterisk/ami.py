"""The AMI link: one permanent connection that delivers events in order and sends each action at most once.

- While the link is down, an action fails at once: actions are never queued, and never sent twice.
- An action that timed out, or whose connection was lost, raises `ami-outcome-unknown`: Asterisk may have executed it, so the
  caller checks before it repeats it.
- A dead connection is noticed within `silence_s` and one ping interval, also when TCP reports no error.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from callrec.adapters.asterisk.ami_wire import MAX_LISTING, MAX_LISTING_BYTES, Dialler, Question, Wire, dialler
from callrec.adapters.asterisk.link import Link, LinkState
from callrec.adapters.backoff import jittered
from callrec.domain.backoff import Backoff
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable
from callrec.protocols.ami import Message, describe_action

__all__ = ["EVENT_CLASSES", "AmiLimits", "AmiLink", "LinkState"]

EVENT_CLASSES = "system,call,user"
"""The classes of events (manager.conf) that the link requests."""


@dataclass(frozen=True, slots=True)
class AmiLimits:
    """How long each step may take, in seconds."""

    connect_s: float = 5.0
    login_s: float = 5.0
    boot_s: float = 10.0
    """For FullyBooted, which Asterisk does not send to a user without the read class `system`."""
    silence_s: float = 12.0
    """Without a byte for so long the connection is dead; a ping is sent after each quarter of it."""


class AmiLink(Link):
    """The connection to Asterisk's manager. Construct it, `run()` it in a task, use `action` and `listing`, `close()` it.

    `on_event` gets each event named in `wanted_events`, in Asterisk's order, in the event loop: it must be quick.
    `stood_still` is called before each read and tells whether this process was stopped (SIGSTOP, a suspended machine). Then the
    waiting events are too old to act on: the link drops the connection, and the next one starts with a resync.
    `on_up`, `on_down`, states and back-off: see Link.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        wanted_events: Iterable[str],
        on_event: Callable[[Message], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
        event_classes: str = EVENT_CLASSES,
        limits: AmiLimits = AmiLimits(),
        backoff: Backoff = jittered(),  # noqa: B008 - frozen
        refused_backoff: Backoff = jittered(first_s=5.0, limit_s=60.0),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
        stood_still: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__("ami", on_up=on_up, on_down=on_down, backoff=backoff, refused_backoff=refused_backoff)
        self._address = (host, port)
        self._login = (("Username", username), ("Secret", secret), ("Events", event_classes))
        self._wanted = frozenset(wanted_events)
        self._on_event = on_event
        self._limits = limits
        self._clock = clock
        self._stood_still = stood_still
        self._dialler: Dialler | None = None
        # The random part distinguishes our ids from those of other AMI users and of earlier runs of this daemon.
        self._id_prefix = f"callrec-{secrets.token_hex(4)}-"
        self._requested = 0

    def subscribe(
        self,
        *,
        on_event: Callable[[Message], None] | None = None,
        on_up: Callable[[], Awaitable[None]] | None = None,
        on_down: Callable[[str], None] | None = None,
    ) -> None:
        """Call these instead of the ones that the link was made with. Before `run()` only."""
        self._on_event = on_event or self._on_event
        self._on_up = on_up or self._on_up
        self._on_down = on_down or self._on_down

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """Send one action and return Asterisk's response.

        Refused: a header that must not be sent (`ami-header`), or Asterisk's Error (`ami-error`, with its Message).
        Unavailable: not sent (`ami-down`, `ami-congested`), or sent without an answer (`ami-outcome-unknown`).
        """
        return (await self._ask_up(name, headers, timeout_s, listing=False))[0]

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """Send an action that answers with a list (CoreShowChannels, ...) and return its events; errors as for `action`.

        A list of more than 20,000 events or 64 MiB raises Unavailable (`ami-listing-too-long`): a part of it would mislead.
        """
        answers = await self._ask_up(name, headers, timeout_s, listing=True)
        return [answer for answer in answers if answer.event and not answer.get("EventList")]

    async def _ask_up(
        self, name: str, headers: Sequence[tuple[str, str]], timeout_s: float, *, listing: bool
    ) -> list[Message]:
        if self.state is not LinkState.UP or self._dialler is None or self._dialler.protocol is None:
            raise Unavailable("ami-down", f"AMI is down: {self.state_reason}", hint="nothing was sent")
        return await self._ask(self._dialler.protocol, name, headers, timeout_s, listing=listing)

    async def _ask(
        self, wire: Wire, name: str, headers: Sequence[tuple[str, str]], timeout_s: float, *, listing: bool = False
    ) -> list[Message]:
        """Send the action over this wire and wait for its answer; afterwards it is removed from the table in any case."""
        self._requested += 1
        question = Question(name, headers, f"{self._id_prefix}{self._requested}", listing=listing)
        self._log.debug("action", action=describe_action(name, headers))
        try:
            async with asyncio.timeout(timeout_s):
                answers = await wire.send(question)
        except TimeoutError:
            raise _unknown(name, f"no answer within {timeout_s:g} s") from None
        finally:
            wire.forget(question)
        if answers is None:
            raise _unknown(name, wire.lost.result())
        if question.is_too_long:
            most = f"{MAX_LISTING} lines or {MAX_LISTING_BYTES >> 20} MiB"
            raise Unavailable("ami-listing-too-long", f"AMI {name} answers with more than {most}")
        if answers[0].response == "Error":
            raise _error(name, answers[0].get("Message"))
        return answers

    async def _open(self) -> None:
        host, port = self._address
        self._dialler = dialler(host, port, self._make_wire)
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await self._dialler.connect()  # type: ignore[no-untyped-call] # panoramisk's own
        except (OSError, TimeoutError) as error:
            why = f"no connection within {self._limits.connect_s:g} s" if isinstance(error, TimeoutError) else error
            raise Unavailable("ami-down", f"cannot connect to Asterisk's manager at {host}:{port}: {why}") from None
        wire = self._dialler.protocol
        if wire is None:
            raise Unavailable("ami-down", f"cannot connect to Asterisk's manager at {host}:{port}")
        await self._log_in(wire)

    async def _log_in(self, wire: Wire) -> None:
        # Asterisk sends a greeting first. A server without the greeting does not get the secret.
        if not await _reached(wire.greeted, wire, self._limits.login_s):
            raise Unavailable("ami-down", _lost(wire) or f"no AMI greeting within {self._limits.login_s:g} s")
        try:
            await self._ask(wire, "Login", self._login, self._limits.login_s)
        except Refused as error:
            hint = "compare user and secret with manager.conf, and its permit/deny lines"
            raise Refused("ami-login", f"login of {self._login[0][1]!r} refused: {error.message}", hint=hint) from None
        if not await _reached(wire.booted, wire, self._limits.boot_s):
            if reason := _lost(wire):
                raise Unavailable("ami-down", reason)
            self._log.warning("FullyBooted did not come", hint="give the AMI user read class 'system' in manager.conf")

    async def _watch(self) -> str:
        """Wait until the wire is lost and return the reason. A silent wire is pinged, and closed after `silence_s`."""
        wire = self._dialler.protocol if self._dialler is not None else None
        if wire is None:
            return "not connected"
        ping_interval_s = self._limits.silence_s / 4
        while not wire.lost.done():
            await asyncio.wait({wire.lost}, timeout=ping_interval_s)
            silent_s = self._clock() - wire.last_heard_s
            if silent_s >= self._limits.silence_s:
                wire.lose(f"nothing heard from Asterisk for {silent_s:.1f} s")
            elif silent_s >= ping_interval_s and not wire.lost.done():
                self._ping(wire)
        return wire.lost.result()

    def _ping(self, wire: Wire) -> None:
        self._requested += 1
        question = Question("Ping", (), f"{self._id_prefix}{self._requested}", listing=False)
        try:
            wire.send(question)
        except Unavailable:
            return  # congested: the silence limit decides
        # Any byte shows that Asterisk is alive, so the answer itself is not needed.
        wire.forget(question)

    async def _shut(self) -> None:
        if self._dialler is not None:
            self._dialler.close()
            self._dialler = None

    def _make_wire(self) -> Wire:
        return Wire(
            wanted_events=self._wanted,
            id_prefix=self._id_prefix,
            deliver=self._deliver_event,
            clock=self._clock,
            stood_still=self._stood_still,
        )

    def _deliver_event(self, event: Message) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - task boundary: one event's failure must not cost the others
            self._callback_failed("on_event")


async def _reached(stage: asyncio.Event, wire: Wire, limit_s: float) -> bool:
    """Wait until the wire reaches this stage; False when it is lost, or the limit over, before."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await stage.wait()
    return stage.is_set() and not wire.lost.done()


def _lost(wire: Wire) -> str:
    return wire.lost.result() if wire.lost.done() else ""


def _unknown(name: str, why: str) -> OutcomeUnknown:
    hint = "Asterisk may have executed it: check before repeating it"
    return OutcomeUnknown("ami-outcome-unknown", f"the outcome of AMI {name} is unknown: {why}", hint=hint)


def _error(name: str, message: str) -> Refused:
    # Asterisk repeats text of the request: escape and shorten it, since the message goes to logs and pages.
    said = ascii(message[:200])
    hint = "give the AMI user this right in manager.conf (write=)" if message == "Permission denied" else ""
    return Refused("ami-error", f"Asterisk refused AMI {name}: {said}", hint=hint)
