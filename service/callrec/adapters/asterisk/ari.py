"""The ARI link: one permanent WebSocket for events, and HTTP requests.

- While the link is down, a request fails at once. No request is sent twice: the HTTP client's own repetition of a DELETE or PUT
  after a lost connection is switched off.
- Credentials are sent in the Authorization header, never in a URL, which may be logged.
- The application is subscribed to its own channels only. `subscribeAll` would include device states: when such a connection ends
  while a device state changes, Asterisk's ARI can stand still until it is restarted (asterisk issue 2170: ari_websockets.c
  `session_reset` waits for deliveries while it holds the lock that a delivery waits for).
- `on_event` gets events one at a time, in order. At most `MAX_WAITING_EVENTS` wait for it; beyond that the oldest is dropped and
  counted in `dropped_events`. Events that `announce` waits for do not pass this queue.
"""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp
from yarl import URL

from callrec.adapters.asterisk.ari_answers import read_answer, refused_handshake
from callrec.adapters.asterisk.link import Link, LinkState
from callrec.adapters.backoff import jittered
from callrec.domain.backoff import Backoff
from callrec.domain.errors import CallrecError, Corrupt, OutcomeUnknown, Refused, Unavailable
from callrec.protocols.ari import MAX_EVENT_BYTES, AriEvent, basic_auth, parse_event, path

__all__ = ["AriLimits", "AriLink", "LinkState", "Whisper"]

MAX_WAITING_EVENTS: Final = 1000
MAX_REQUESTS: Final = 20
FAREWELL_S: Final = 1.0

Whisper = Literal["both", "in", "out"]
"""Which parties hear a sound that a snoop channel plays: `out` only that of the snooped leg, `in` the others, `both` all."""

_Expected = asyncio.Future[AriEvent | None]
_OWN_EVENTS: Final = frozenset({"StasisStart", "StasisEnd", "PlaybackFinished", "ApplicationReplaced"})


@dataclass(frozen=True, slots=True)
class AriLimits:
    """How long each step may take, in seconds."""

    connect_s: float = 5.0
    silence_s: float = 12.0
    """Without a byte for so long, not even an answer to a ping, the connection is dead."""
    hangup_s: float = 2.0
    entered_s: float = 0.5
    """After so long without a snoop channel in the application: ask whether it has ended."""


class AriLink(Link):
    """The connection to Asterisk's REST interface for one Stasis application.

    `on_event` gets the events named in `wanted_events`; Asterisk's event filter holds back all others.
    `on_up`, `on_down`, states and back-off: see Link.
    """

    def __init__(
        self,
        *,
        base_url: str,
        username: str,
        password: str,
        app: str,
        wanted_events: Iterable[str],
        on_event: Callable[[AriEvent], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
        limits: AriLimits = AriLimits(),
        backoff: Backoff = jittered(),  # noqa: B008 - frozen
        refused_backoff: Backoff = jittered(first_s=5.0, limit_s=60.0),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("ari", on_up=on_up, on_down=on_down, backoff=backoff, refused_backoff=refused_backoff)
        self.dropped_events = 0
        self._base_url = base_url.rstrip("/")
        self._username = username
        self._authorization = basic_auth(username, password)
        self._app = app
        self._wanted = frozenset(wanted_events)
        self._on_event = on_event
        self._limits = limits
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._waiting: deque[AriEvent] = deque(maxlen=MAX_WAITING_EVENTS)
        self._arrived = asyncio.Event()
        self._expected: dict[tuple[str, str], _Expected] = {}
        self._id_prefix = f"callrec-{secrets.token_hex(4)}"
        self._announced = 0

    def subscribe(
        self,
        *,
        wanted_events: Iterable[str],
        on_event: Callable[[AriEvent], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
    ) -> None:
        """Use these instead of the ones that the link was made with. Before `run()` only."""
        self._wanted, self._on_event, self._on_up = frozenset(wanted_events), on_event, on_up

    async def request(
        self,
        method: str,
        path_parts: Sequence[str],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        timeout_s: float = 2.0,
    ) -> object:
        """Send one request and return the JSON of its answer, None for an empty one.

        Refused: `ari-path`, `ari-not-found` (404), `ari-conflict` (409), `ari-denied` (401, 403), `ari-refused` (4xx).
        Misconfigured: `ari-module` (404 for a path that no loaded module serves).
        Unavailable: `ari-down` (nothing was sent), `ari-failed` (5xx), `ari-outcome-unknown` (sent, no whole answer).
        """
        self._require_up()
        return await self._exchange(method, path_parts, params=params, body=body, timeout_s=timeout_s)

    async def snoop(self, channel_id: str, *, whisper: Whisper, app: str, snoop_id: str) -> None:
        """Create a snoop channel on this channel that only whispers. It enters the application a moment later."""
        params = {"spy": "none", "whisper": whisper, "app": app}
        await self.request("POST", ["channels", channel_id, "snoop", snoop_id], params=params)

    async def play(self, channel_id: str, media: str, playback_id: str, lang: str = "", offset_ms: int = 0) -> None:
        """Start playing `media` (`sound:NAME`, ...) on a channel in this link's application."""
        params = {"media": media} | ({"lang": lang} if lang else {})
        params |= {"offsetms": str(offset_ms)} if offset_ms else {}
        await self.request("POST", ["channels", channel_id, "play", playback_id], params=params)

    async def hangup(self, channel_id: str) -> None:
        """Hang this channel up; does nothing when it has ended already."""
        try:
            await self.request("DELETE", ["channels", channel_id], timeout_s=self._limits.hangup_s)
        except Refused as error:
            if error.code != "ari-not-found":
                raise

    async def announce(
        self, channel_id: str, media: str, *, whisper: Whisper = "both", timeout_s: float, lang: str = ""
    ) -> None:
        """Play `media` to the parties of a call, mixed with their voices; return when it was played to its end.

        The proof is Asterisk's event PlaybackFinished with state `done`. Otherwise it raises: Refused for a channel that does
        not exist, Unavailable (`ari-not-played`) when it was not played to its end within the time. The snoop channel is hung
        up in any case.
        """
        (state,) = await self.whispered(channel_id, [media], whisper=whisper, timeout_s=timeout_s, lang=lang)
        if state != "done":
            raise _not_played(
                media, f"Asterisk reports {state[:40]!a}" if state else "the call or the link ended before"
            )

    async def whispered(
        self,
        channel_id: str,
        media: Sequence[str],
        *,
        whisper: Whisper = "both",
        timeout_s: float,
        lang: str = "",
        offset_ms: int = 0,
    ) -> list[str]:
        """Play these one after another as `announce` does, each from `offset_ms` on; return the final state of each playback.

        States: `done`; `failed` (no such file, or no module that reads it); empty when the call or the link ended. Raises as
        `announce` does.
        """
        self._require_up()
        self._announced += 1
        snoop_id = f"{self._id_prefix}-snoop-{self._announced}"
        states: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                with self._expecting(("StasisStart", snoop_id), ("StasisEnd", snoop_id)) as (started, ended):
                    await self.snoop(channel_id, whisper=whisper, app=self._app, snoop_id=snoop_id)
                    if not await self._entered(snoop_id, started):
                        raise _not_played(media[0], "the call or the link ended before, or app_stasis is not loaded")
                    while len(states) < len(media) and all(states):
                        playback_id = f"{snoop_id}-play-{len(states) + 1}"
                        with self._expecting(("PlaybackFinished", playback_id)) as (finished,):
                            await self.play(snoop_id, media[len(states)], playback_id, lang, offset_ms)
                            states.append(await _first(finished, ended))
        except TimeoutError:
            raise _not_played(media[len(states)], f"not finished within {timeout_s:g} s") from None
        finally:
            await self._hang_up_snoop(snoop_id)
        return states

    async def _entered(self, snoop_id: str, started: _Expected) -> bool:
        """Wait until this snoop channel is in the application; False when it or the link has ended before.

        Asterisk answers for the channel before that, and a play in between gets a 409. Without app_stasis the channel ends at
        once, and no event tells it.
        """
        while not (await asyncio.wait({started}, timeout=self._limits.entered_s))[0]:
            with contextlib.suppress(Unavailable):  # a slow answer tells nothing
                if not await self._is_there(snoop_id):
                    return False
        return started.result() is not None

    async def _is_there(self, channel_id: str) -> bool:
        try:
            await self.request("GET", ["channels", channel_id])
        except Refused as error:
            if error.code != "ari-not-found":
                raise
            return False
        return True

    def _require_up(self) -> None:
        if self.state is not LinkState.UP:
            raise Unavailable("ari-down", f"ARI is down: {self.state_reason}", hint="nothing was sent")

    async def _hang_up_snoop(self, snoop_id: str) -> None:
        try:
            await self.hangup(snoop_id)
        except CallrecError as error:
            # The snoop channel ends with its call anyway; the result of the announcement is more important.
            self._log.warning("snoop channel not hung up", channel=snoop_id, error=str(error))

    @contextlib.contextmanager
    def _expecting(self, *keys: tuple[str, str]) -> Iterator[list[_Expected]]:
        """For each kind of event and the channel or playback that it is about: the event, once it comes; None: the link ended."""
        loop = asyncio.get_running_loop()
        expected: list[_Expected] = [loop.create_future() for _ in keys]
        self._expected.update(zip(keys, expected, strict=True))
        try:
            yield expected
        finally:
            for key in keys:
                self._expected.pop(key, None)

    async def _exchange(
        self,
        method: str,
        path_parts: Sequence[str],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        timeout_s: float,
    ) -> object:
        if self._http is None:
            raise Unavailable("ari-down", "ARI is down: closed", hint="nothing was sent")
        url = URL(self._base_url + path(path_parts), encoded=True)
        name = f"{method} {url.path}"
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._http.request(
                    method, url, params=params, json=body, allow_redirects=False, middlewares=[_sent_once()]
                ) as response,
            ):
                return await read_answer(name, response)
        except TimeoutError:
            why = f"no answer within {timeout_s:g} s"
        except aiohttp.ClientConnectorError as error:
            raise Unavailable("ari-down", f"cannot connect for ARI {name}: {error}", hint="nothing was sent") from None
        except aiohttp.ClientError as error:
            why = type(error).__name__
        hint = "Asterisk may have executed it: check before repeating it"
        raise OutcomeUnknown("ari-outcome-unknown", f"the outcome of ARI {name} is unknown: {why}", hint=hint)

    async def _open(self) -> None:
        self._http = aiohttp.ClientSession(
            headers={"Authorization": self._authorization},
            connector=aiohttp.TCPConnector(force_close=True, limit=MAX_REQUESTS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        url = URL(self._base_url + path(["events"]), encoded=True).with_query(app=self._app)
        try:
            async with asyncio.timeout(self._limits.connect_s):
                # aiohttp pings after so long without a byte, and waits half as long again for the answer.
                self._socket = await self._http.ws_connect(
                    url,
                    heartbeat=self._limits.silence_s / 1.5,
                    max_msg_size=MAX_EVENT_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=FAREWELL_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise refused_handshake(error.status, self._username) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = f"no answer within {self._limits.connect_s:g} s" if isinstance(error, TimeoutError) else error
            raise Unavailable("ari-down", f"cannot connect to ARI at {self._base_url}: {why}") from None
        allowed = {"allowed": [{"type": kind} for kind in sorted(self._wanted | _OWN_EVENTS)]}
        parts = ["applications", self._app, "eventFilter"]
        await self._exchange("PUT", parts, body=allowed, timeout_s=self._limits.connect_s)

    async def _watch(self) -> str:
        delivering = asyncio.create_task(self._deliver(), name="callrec-ari-events")
        try:
            return await self._read()
        finally:
            delivering.cancel()
            await asyncio.wait({delivering}, timeout=self._limits.hangup_s)

    async def _read(self) -> str:
        """Read events until the WebSocket ends; return why."""
        socket = self._socket
        if socket is None:
            return "not connected"
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            try:
                event = parse_event(message.data)
            except Corrupt as error:
                self._ignored(error)
                continue
            if event.type == "ApplicationReplaced":
                hint = "is a second daemon running against this Asterisk?"
                raise Refused("ari-replaced", f"another client has taken over application {self._app!r}", hint=hint)
            self._sort(event)
        fault = socket.exception()
        return f"connection lost: {fault}" if fault else "Asterisk closed the connection"

    def _sort(self, event: AriEvent) -> None:
        about = event.playback_id if event.type.startswith("Playback") else event.channel_id
        expecting = self._expected.get((event.type, about))
        if expecting is not None and not expecting.done():
            expecting.set_result(event)
        if event.type in self._wanted:
            self.dropped_events += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(event)
            self._arrived.set()

    async def _deliver(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                try:
                    await self._on_event(self._waiting.popleft())
                except Exception:  # noqa: BLE001 - task boundary: one event's failure must not cost the others
                    self._callback_failed("on_event")

    def _ignored(self, error: Corrupt) -> None:
        if times := self._throttle.count("event ignored"):
            self._log.warning("event ignored", error=str(error), corrupt_events=times)

    async def _shut(self) -> None:
        self._waiting.clear()
        for future in self._expected.values():
            if not future.done():
                future.set_result(None)
        self._expected.clear()
        http, socket, self._http, self._socket = self._http, self._socket, None, None
        if socket is not None:
            # A dead peer does not answer the closing handshake: wait a moment, then cut the connection.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await socket.close()
        if http is not None:
            await http.close()


def _sent_once() -> aiohttp.ClientMiddlewareType:
    """A middleware for one request: it passes the first attempt and fails a second one by aiohttp."""
    attempts = itertools.count()

    async def once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if next(attempts):
            raise aiohttp.ServerDisconnectedError
        return await send(request)

    return once


async def _first(*futures: _Expected) -> str:
    """Wait for the first of these events; return its playback state, empty when the channel or the link ended."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    event = futures[0].result() if futures[0].done() else None
    return event.playback_state if event is not None else ""


def _not_played(media: str, why: str) -> Unavailable:
    return Unavailable("ari-not-played", f"announcement {media[:100]!a} was not played to its end: {why}")
