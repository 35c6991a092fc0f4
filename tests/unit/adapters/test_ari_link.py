"""The ARI link against a scripted Asterisk: connecting, events, requests, announcements, and their faults."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from scripted_ari import PASSWORD, PATIENCE_S, scripted_ari
from structlog.testing import capture_logs

from callrec.adapters.asterisk import ari as ari_room
from callrec.adapters.asterisk.ari import AriLimits, AriLink, LinkState
from callrec.domain.backoff import Backoff
from callrec.domain.errors import CallrecError, Misconfigured, Refused, Unavailable
from callrec.protocols.ari import AriEvent, basic_auth

QUICK = Backoff(first_s=0.01, limit_s=0.02)
NEVER = Backoff(first_s=3600.0, limit_s=3600.0)
SNOOP = "/channels/PJSIP%2F1000-1/snoop/"


class Caller:
    """The side of the engine: it keeps what the link told it, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._changed = asyncio.Event()

    async def on_event(self, event: AriEvent) -> None:
        """Keep the event's type and channel."""
        self.tell(f"{event.type} {event.channel_id}")

    async def on_up(self) -> None:
        """Keep that the link is up."""
        self.tell("up")

    def on_down(self, reason: str) -> None:
        """Keep that the link is down, and why."""
        self.tell(f"down: {reason}")

    def tell(self, line: str) -> None:
        """Keep a line and wake who waits for it."""
        self.log.append(line)
        self._changed.set()

    async def until_told(self, line: str, times: int = 1) -> None:
        """Wait until a line begins like this, so many times."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(told.startswith(line) for told in self.log) < times:
                self._changed.clear()
                await self._changed.wait()


@contextlib.asynccontextmanager
async def running(
    caller: Caller,
    base_url: str,
    *,
    password: str = PASSWORD,
    limits: AriLimits = AriLimits(),  # noqa: B008 - frozen
    backoff: Backoff = QUICK,
    refused_backoff: Backoff = QUICK,
) -> AsyncIterator[AriLink]:
    """Run a link in a task; at the end close it and see that its task ended by itself."""
    link = AriLink(
        base_url=base_url,
        username="callrec",
        password=password,
        app="callrec",
        wanted_events={"ChannelCreated", "PlaybackFinished"},
        on_event=caller.on_event,
        on_up=caller.on_up,
        on_down=caller.on_down,
        limits=limits,
        backoff=backoff,
        refused_backoff=refused_backoff,
    )
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        await link.close()
        async with asyncio.timeout(PATIENCE_S):
            await task


def created(number: int) -> dict[str, object]:
    return {"type": "ChannelCreated", "channel": {"id": str(number)}}


async def test_subscribes_to_its_own_channels_with_the_password_in_the_header_only():
    """To no device state, which could hang ARI at the end; unwanted events are not even sent, and no address holds a secret."""
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        assert asterisk.heard[0] == ("GET", "/events", {"app": "callrec"})
        assert {basic_auth("callrec", PASSWORD)} == asterisk.authorizations
        assert {"ChannelCreated", "StasisStart", "PlaybackFinished"} < set(asterisk.allowed)
        assert (link.state, link.state_reason) == (LinkState.UP, "")
    assert caller.log == ["up", "down: closed"]


async def test_events_are_delivered_in_order_and_nonsense_is_counted():
    """A message that is no event costs neither the connection nor the events after it."""
    caller = Caller()
    with capture_logs() as logs:
        async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
            await caller.until_told("up")
            await asterisk.say(created(1))
            for nonsense in ("garbage", "[]", "{}", '{"type": "ChannelVarset", "channel": {"id": "1"}}'):
                await asterisk.say(nonsense)
            await asterisk.say(created(2))
            await caller.until_told("ChannelCreated 2")
            assert link.state is LinkState.UP
    assert [line["corrupt_events"] for line in logs if line["event"] == "event ignored"] == [1, 2]
    assert caller.log == ["up", "ChannelCreated 1", "ChannelCreated 2", "down: closed"]


async def test_events_flow_while_on_up_runs():
    caller = Caller()
    synced = asyncio.Event()

    async def resync() -> None:
        caller.tell("up")
        await synced.wait()
        caller.tell("synced")

    caller.on_up = resync
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url):
        await caller.until_told("up")
        await asterisk.say(created(1))
        await caller.until_told("ChannelCreated 1")
        synced.set()
        await caller.until_told("synced")


async def test_exception_in_the_callback_costs_one_event_only():
    caller = Caller()
    deliver = caller.on_event

    async def touchy(event: AriEvent) -> None:
        if event.channel_id == "1":
            raise RuntimeError("engine bug")
        await deliver(event)

    caller.on_event = touchy
    with capture_logs() as logs:
        async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
            await caller.until_told("up")
            await asterisk.say(created(1))
            await asterisk.say(created(2))
            await caller.until_told("ChannelCreated 2")
            assert link.state is LinkState.UP
            assert asterisk.connections == 1
    assert [line["callback"] for line in logs if line["event"] == "callback failed"] == ["on_event"]


async def test_slow_listener_loses_the_oldest_events_and_they_are_counted(monkeypatch: pytest.MonkeyPatch):
    """The queue is bounded: what does not fit is dropped from its old end, and a metric can say so."""
    monkeypatch.setattr(ari_room, "MAX_WAITING_EVENTS", 3)
    caller = Caller()
    deliver, go_on = caller.on_event, asyncio.Event()

    async def slow(event: AriEvent) -> None:
        caller.tell("busy")
        await go_on.wait()
        await deliver(event)

    caller.on_event = slow
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        await asterisk.say(created(0))
        await caller.until_told("busy")
        for number in range(1, 10):
            await asterisk.say(created(number))
        async with asyncio.timeout(PATIENCE_S):
            while link.dropped_events < 6:
                await link.request("GET", ["asterisk", "info"])
        go_on.set()
        await caller.until_told("ChannelCreated 9")
        assert link.dropped_events == 6
    assert [line for line in caller.log if line.startswith("Channel")] == [
        f"ChannelCreated {number}" for number in (0, 7, 8, 9)
    ]


async def test_comes_back_after_the_connection_is_lost():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url):
        await caller.until_told("up")
        await asterisk.hang_up()
        await caller.until_told("up", times=2)
        await asterisk.say(created(7))
        await caller.until_told("ChannelCreated 7")
    assert caller.log[:3] == ["up", "down: Asterisk closed the connection", "up"]


async def test_half_open_link_is_noticed():
    """Unanswered pings end the connection; nothing else would."""
    caller = Caller()
    async with (
        scripted_ari() as asterisk,
        running(caller, asterisk.base_url, limits=AriLimits(silence_s=0.3), backoff=NEVER),
    ):
        asterisk.hold.set()
        await caller.until_told("down")
        assert asterisk.connections == 1


async def test_quiet_but_living_link_stays_up():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url, limits=AriLimits(silence_s=0.5)) as link:
        await caller.until_told("up")
        await asyncio.sleep(2)  # four silence limits: only real time can show that pings are answered
        assert link.state is LinkState.UP
        assert asterisk.connections == 1


async def test_refused_login_is_visible_and_logged_once():
    caller = Caller()
    with capture_logs() as logs:
        async with scripted_ari() as asterisk, running(caller, asterisk.base_url, password="wrong-one") as link:
            await asterisk.until(lambda: len(asterisk.heard) == 4)
            assert link.state is LinkState.REFUSED
            assert "ARI refuses user 'callrec'" in link.state_reason
            with pytest.raises(Unavailable, match="ARI refuses"):
                await link.request("GET", ["asterisk", "info"])
    assert [line["code"] for line in logs if line.get("state") == "refused"] == ["ari-login"]
    assert "wrong-one" not in f"{logs}{link.state_reason}"


async def test_replaced_application_is_refused_and_backs_off():
    """Two daemons with one application name do not throw each other out in a hot loop: readiness says what is wrong."""
    caller = Caller()
    with capture_logs() as logs:
        async with scripted_ari() as asterisk, running(caller, asterisk.base_url, refused_backoff=NEVER) as link:
            await caller.until_told("up")
            await asterisk.say({"type": "ApplicationReplaced", "application": "callrec"})
            await caller.until_told("down: another client has taken over application 'callrec'")
            assert link.state is LinkState.REFUSED
            assert asterisk.connections == 1
    assert [line["code"] for line in logs if line.get("state") == "refused"] == ["ari-replaced"]


@pytest.mark.parametrize("status", [404, 503])
async def test_asterisk_without_ari_is_down(status: int):
    caller = Caller()
    async with scripted_ari() as asterisk:
        asterisk.script[("GET", "/events")] = lambda: web.Response(status=status)
        async with running(caller, asterisk.base_url) as link:
            await asterisk.until(lambda: len(asterisk.heard) == 3)
            assert (link.state, str(status) in link.state_reason) == (LinkState.DOWN, True)


async def test_close_during_back_off_stays_closed():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url, backoff=NEVER) as link:
        await caller.until_told("up")
        await asterisk.hang_up()
        await caller.until_told("down")
        await link.close()
        await link.run()
        assert asterisk.connections == 1
        with pytest.raises(Unavailable, match="closed") as error:
            await link.hangup("1")
        assert error.value.code == "ari-down"


async def test_request_returns_json_and_quotes_its_path():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        assert await link.request("GET", ["asterisk", "info"]) == {"system": {"version": "22.10.1"}}
        await link.snoop("PJSIP/1000-1", whisper="out", app="callrec", snoop_id="a b&c")
        expected = ("POST", f"{SNOOP}a%20b%26c", {"spy": "none", "whisper": "out", "app": "callrec"})
        assert expected == asterisk.heard[-1]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, Refused, "ari-refused"),
        (401, Refused, "ari-denied"),
        (403, Refused, "ari-denied"),
        (404, Refused, "ari-not-found"),
        (409, Refused, "ari-conflict"),
        (422, Refused, "ari-refused"),
        (500, Unavailable, "ari-failed"),
        (503, Unavailable, "ari-failed"),
        (302, Unavailable, "ari-failed"),
    ],
)
async def test_each_bad_answer_has_its_error(status: int, kind: type[CallrecError], code: str):
    """The code is for machines, Asterisk's own sentence is in the text."""
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        said = web.json_response({"message": "so said Asterisk"}, status=status)
        asterisk.script[("POST", "/channels/1/play/2")] = lambda: said
        with pytest.raises(kind, match="so said Asterisk") as error:
            await link.play("1", "sound:beep", "2", "en")
        assert error.value.code == code
        assert link.state is LinkState.UP


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"message": 5}'])
async def test_bad_answer_without_asterisks_words_is_still_an_error(body: bytes):
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        asterisk.script[("GET", "/x")] = lambda: web.Response(status=404, body=body)
        with pytest.raises(Refused, match="refused with 404: ''"):
            await link.request("GET", ["x"])


async def test_endless_answer_is_corrupt(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("callrec.adapters.asterisk.ari_answers.MAX_ANSWER_BYTES", 1000)
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        asterisk.script[("GET", "/channels")] = lambda: web.Response(body=b"1" * 2000)
        with pytest.raises(CallrecError, match="more than 1000 bytes") as refused:
            await link.request("GET", ["channels"])
        assert refused.value.code == "ari-answer"


async def test_unanswered_request_has_an_unknown_outcome_and_is_not_repeated():
    """Neither a timeout nor a cut connection makes us, or the HTTP client, ask twice."""
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")

        asterisk.script[("DELETE", "/channels/1")] = asterisk.cut
        with pytest.raises(Unavailable, match="outcome of ARI DELETE") as error:
            await link.hangup("1")
        assert error.value.code == "ari-outcome-unknown"
        assert asterisk.paths("DELETE") == ["/channels/1"]


async def test_announcement_is_over_when_asterisk_says_done():
    """The snoop channel only whispers, plays once it is in the application, and is hung up afterwards."""
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        await link.announce("PJSIP/1000-1", "sound:callrec/on", whisper="both", timeout_s=2.0, lang="fr")
        (snoop, play), (hangup,) = asterisk.heard[-3:-1], asterisk.heard[-1:]
        snoop_id = snoop[1].removeprefix(SNOOP)
        assert (snoop[0], snoop[2]) == ("POST", {"spy": "none", "whisper": "both", "app": "callrec"})
        assert play[1].startswith(f"/channels/{snoop_id}/play/")
        assert play[2] == {"media": "sound:callrec/on", "lang": "fr"}
        assert ("DELETE", f"/channels/{snoop_id}", {}) == hangup
        assert link._expected == {}


async def test_announcements_at_once_do_not_mix():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        await asyncio.gather(*(link.announce(str(leg), "sound:beep", timeout_s=2.0) for leg in range(5)))
        assert len(set(asterisk.paths("DELETE"))) == 5


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ({"played_state": "failed"}, "Asterisk reports 'failed'"),
        ({"played_state": None}, "not finished within"),
        ({"snoop_ends_early": True}, "the call or the link ended before"),
        ({"has_app_stasis": False}, "the call or the link ended before, or app_stasis is not loaded"),
    ],
)
async def test_announcement_without_proof_is_not_played(script: dict[str, object], why: str):
    """Whatever went wrong, nobody is told that the parties heard it, and the snoop channel is hung up."""
    caller = Caller()
    limits = AriLimits(entered_s=0.05)
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url, limits=limits) as link:
        vars(asterisk).update(script)
        await caller.until_told("up")
        with pytest.raises(Unavailable, match=why) as error:
            await link.announce("1", "sound:beep", timeout_s=0.2)
        assert error.value.code == "ari-not-played"
        assert len(asterisk.paths("DELETE")) == 1
        assert link._expected == {}


async def test_a_snoop_channel_that_enters_late_is_waited_for():
    """On a busy PBX: it is there, so it was not in vain; an answer that fails says nothing about it."""
    caller, answers = Caller(), iter([web.json_response({"message": "busy"}, status=503)])
    limits = AriLimits(entered_s=0.05)
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url, limits=limits) as link:
        asterisk.enters_s = 0.2
        await caller.until_told("up")

        async def answer(request: web.Request, path: str) -> web.StreamResponse:
            failed = next(answers, None) if request.method == "GET" else None
            return failed or await usual(request, path)

        usual, asterisk._answer = asterisk._answer, answer
        await link.announce("1", "sound:beep", timeout_s=5.0)
        assert any("-snoop-" in path for path in asterisk.paths("GET"))


async def test_a_link_that_may_not_look_for_its_snoop_channel_says_so():
    caller = Caller()
    limits = AriLimits(entered_s=0.05)
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url, limits=limits) as link:
        asterisk.has_app_stasis = False
        await caller.until_told("up")

        async def answer(request: web.Request, path: str) -> web.StreamResponse:
            if request.method == "GET" and "-snoop-" in path:
                return web.json_response({"message": "Forbidden"}, status=403)
            return await usual(request, path)

        usual, asterisk._answer = asterisk._answer, answer
        with pytest.raises(Refused, match="Forbidden"):
            await link.announce("1", "sound:beep", timeout_s=5.0)


async def test_sounds_one_after_another_each_have_their_end():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        assert await link.whispered("1", ["sound:a", "sound:b"], timeout_s=2.0, offset_ms=9) == ["done", "done"]
        asterisk.played_state = "failed"
        assert await link.whispered("1", ["sound:a"], timeout_s=2.0) == ["failed"]
        assert len(asterisk.paths("DELETE")) == 2
        assert link._expected == {}


@pytest.mark.parametrize(
    ("path", "module"),
    [(["channels", "1", "play", "2"], "res_ari_channels"), (["deviceStates"], "res_ari_device_states")],
)
async def test_a_request_that_no_module_serves_is_no_channel_that_has_ended(path: list[str], module: str):
    """What ended is what `hangup` wants; a module that is not loaded is for the administrator."""
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")
        said = web.json_response({"message": "Resource not found"}, status=404)
        asterisk.script[("POST", f"/{'/'.join(path)}")] = lambda: said
        with pytest.raises(Misconfigured, match=f"{module} is not loaded") as error:
            await link.request("POST", path)
        assert (error.value.code, "ended" in str(error.value)) == ("ari-module", False)


async def test_announcement_on_a_call_that_is_gone_is_refused():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        await caller.until_told("up")

        async def refuse(request: web.Request, path: str) -> web.StreamResponse:
            if "/snoop/" in path:
                return web.json_response({"message": "Provided channel was not found"}, status=404)
            return await answer(request, path)

        answer, asterisk._answer = asterisk._answer, refuse
        with pytest.raises(Refused, match="Provided channel was not found"):
            await link.announce("gone", "sound:beep", timeout_s=2.0)
        assert link._expected == {}


async def test_cancelled_announcement_hangs_its_snoop_channel_up():
    caller = Caller()
    async with scripted_ari() as asterisk, running(caller, asterisk.base_url) as link:
        asterisk.played_state = None
        await caller.until_told("up")
        announcing = asyncio.create_task(link.announce("1", "sound:beep", timeout_s=60.0))
        await asterisk.until(lambda: any("/play/" in path for path in asterisk.paths("POST")))
        announcing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await announcing
        assert len(asterisk.paths("DELETE")) == 1


async def test_announcement_whose_link_is_lost_ends_at_once():
    """It does not wait for its timeout, and says that the snoop channel may still be there."""
    caller = Caller()
    with capture_logs() as logs:
        async with scripted_ari() as asterisk, running(caller, asterisk.base_url, backoff=NEVER) as link:
            asterisk.played_state = None
            await caller.until_told("up")
            announcing = asyncio.create_task(link.announce("1", "sound:beep", timeout_s=60.0))
            await asterisk.until(lambda: any("/play/" in path for path in asterisk.paths("POST")))
            await asterisk.hang_up()
            with pytest.raises(Unavailable, match="the link ended before"):
                await announcing
            with pytest.raises(Unavailable, match="ARI is down"):
                await link.announce("1", "sound:beep", timeout_s=60.0)
    assert [line["event"] for line in logs if line["log_level"] == "warning"][-1:] == ["snoop channel not hung up"]


async def test_nobody_listening_is_down_with_the_address():
    caller = Caller()
    async with scripted_ari() as asterisk:
        base_url = asterisk.base_url
    async with running(caller, base_url) as link, asyncio.timeout(PATIENCE_S):
        while "cannot connect" not in link.state_reason:  # noqa: ASYNC110 - polled, as readiness does
            await asyncio.sleep(0.001)
        assert base_url in link.state_reason
