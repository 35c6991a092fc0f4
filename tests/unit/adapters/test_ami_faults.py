"""panoramisk's faults, and Asterisk's bad days: each by its name, against our hardened link."""

import asyncio
import gc
import socket

import pytest
from scripted_ami import NEVER, SECRET, Caller, answer, block, running, scripted_ami, settled
from structlog.testing import capture_logs

from callrec.adapters.asterisk.ami import AmiLimits, AmiLink, LinkState
from callrec.adapters.asterisk.ami_wire import MAX_LISTING, MAX_OPEN_ACTIONS, Question, dialler
from callrec.domain.errors import Refused, Unavailable
from callrec.protocols.ami import Message


def open_questions(link: AmiLink) -> int:
    return len(link._dialler.protocol.responses)


def silent(action: Message) -> bytes:  # noqa: ARG001 - the shape of a script
    """Hear the action and never answer."""
    return b""


@pytest.mark.parametrize("evil", ["x\r\nAction: Originate", "x\ny", "x\ry", "x\0y"])
async def test_cr_lf_nul_are_refused_and_nothing_is_sent(evil: str):
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        await caller.until_told("up")
        for headers in ([("Variable", evil)], [(evil, "x")]):
            with pytest.raises(Refused):
                await link.action("Setvar", headers)
        with pytest.raises(Refused):
            await link.action(evil)
        await link.action("After")
        assert asterisk.actions == ["After"]
        assert open_questions(link) == 0


async def test_timed_out_action_leaves_nothing_behind():
    """The caller learns that the outcome is unknown, and no table grows."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["MixMonitor"] = silent
        await caller.until_told("up")
        with pytest.raises(Unavailable, match=r"within 0\.02 s") as error:
            await link.action("MixMonitor", timeout_s=0.02)
        assert error.value.code == "ami-outcome-unknown"
        assert open_questions(link) == 0
        assert not link._dialler.awaiting_actions


async def test_cancelled_action_leaves_nothing_behind():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["MixMonitor"] = silent
        await caller.until_told("up")
        asked = asyncio.create_task(link.action("MixMonitor", timeout_s=60.0))
        await asterisk.until(lambda: asterisk.actions == ["MixMonitor"])
        assert open_questions(link) == 1
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert open_questions(link) == 0


async def test_late_answer_of_a_timed_out_action_is_ignored():
    """Neither the next action nor the listener gets what came too late."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["CoreShowChannels"] = silent
        asterisk.script["Getvar"] = silent
        await caller.until_told("up")
        with pytest.raises(Unavailable):
            await link.action("Getvar", timeout_s=0.02)
        with pytest.raises(Unavailable):
            await link.listing("CoreShowChannels", timeout_s=0.02)
        for late in asterisk.heard[-2:]:
            asterisk.say(answer(late, ("Value", "late")))
            asterisk.say(block(("Event", "CoreShowChannel"), ("ActionID", late.action_id)))
        reply = await link.action("Next")
        assert reply.get("Message") == "as scripted"
    assert caller.log == ["up", "down: closed"]


async def test_utf8_split_across_chunks_survives():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port):
        await caller.until_told("up")
        raw = block(("Event", "Hangup"), ("N", "Zoë €"))
        for byte in raw:
            asterisk.say(bytes([byte]))
            await asyncio.sleep(0)
        await caller.until_told("event Hangup Zoë €")


async def test_exception_in_a_callback_does_not_drop_the_connection():
    """The other events of the same chunk arrive, the link stays up, and a storm of failures is few log lines."""
    caller = Caller()
    deliver = caller.on_event

    def touchy(event: Message) -> None:
        if event.event == "BridgeEnter":
            raise RuntimeError("engine bug")
        deliver(event)

    caller.on_event = touchy
    with capture_logs() as logs:
        async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
            await caller.until_told("up")
            asterisk.say(block(("Event", "BridgeEnter")) * 100 + block(("Event", "Hangup"), ("N", "1")))
            await caller.until_told("event Hangup 1")
            assert link.state is LinkState.UP
            assert asterisk.connections == 1
    assert [line["failures"] for line in logs if line["event"] == "callback failed"] == [1, 2, 4, 8, 16, 32, 64]


async def test_exception_in_on_up_and_on_down_does_not_end_the_link():
    caller = Caller()

    async def broken_up() -> None:
        caller.tell("up")
        raise RuntimeError("resync bug")

    def broken_down(reason: str) -> None:
        caller.tell(f"down: {reason}")
        raise RuntimeError("engine bug")

    caller.on_up, caller.on_down = broken_up, broken_down
    with capture_logs():
        async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
            await caller.until_told("up")
            await link.action("Works")
            asterisk.hang_up()
            await caller.until(lambda: caller.log.count("up") == 2)


async def test_no_action_is_ever_sent_twice_over_a_reconnect():
    """An action whose connection was lost may have been done: its asker learns that, and nobody repeats it."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["MixMonitor"] = silent
        await caller.until_told("up")
        asked = asyncio.create_task(link.action("MixMonitor", timeout_s=60.0))
        await asterisk.until(lambda: asterisk.actions == ["MixMonitor"])
        asterisk.hang_up()
        with pytest.raises(Unavailable, match="Asterisk closed the connection") as error:
            await asked
        assert error.value.code == "ami-outcome-unknown"
        await caller.until(lambda: caller.log.count("up") == 2)
        await link.action("After")
        assert asterisk.actions == ["MixMonitor", "After"]


async def test_half_open_link_is_noticed():
    """Asterisk is gone without a FIN: unanswered pings end the connection."""
    caller = Caller()
    limits = AmiLimits(silence_s=0.2)
    async with scripted_ami() as asterisk, running(caller, asterisk.port, limits=limits, backoff=NEVER):
        asterisk.script["Ping"] = silent
        await caller.until_told("down: nothing heard from Asterisk for")
        assert [heard.get("Action") == "Ping" for heard in asterisk.heard[1:4]] == [True] * 3


def test_default_limits_notice_a_half_open_link_within_15_s():
    limits = AmiLimits()
    assert limits.silence_s + limits.silence_s / 4 <= 15.0


async def test_quiet_but_living_link_stays_up():
    """Answered pings are a sign of life."""
    caller = Caller()
    async with (
        scripted_ami() as asterisk,
        running(caller, asterisk.port, limits=AmiLimits(silence_s=0.2)) as link,
    ):
        await asterisk.until(lambda: [heard.get("Action") for heard in asterisk.heard].count("Ping") == 6)
        assert link.state is LinkState.UP
        assert open_questions(link) == 0
        assert asterisk.connections == 1


async def test_sending_while_down_fails_at_once():
    """Nothing waits in a queue for better times."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port, backoff=NEVER) as link:
        await caller.until_told("up")
        asterisk.hang_up()
        await caller.until_told("down")
        with pytest.raises(Unavailable) as error:
            await link.action("MixMonitor", timeout_s=60.0)
        assert error.value.code == "ami-down"
        assert asterisk.actions == []


async def test_sending_before_the_first_connection_fails_at_once():
    link = AmiLink(
        host="127.0.0.1",
        port=1,
        username="callrec",
        secret=SECRET,
        wanted_events=(),
        on_event=Caller().on_event,
        on_up=Caller().on_up,
        on_down=Caller().on_down,
    )
    with pytest.raises(Unavailable, match="not connected yet"):
        await link.action("Ping")
    await link.close()
    await link.run()
    assert link.state is LinkState.DOWN


async def test_close_during_back_off_stays_closed():
    """No timer that is still running somewhere brings a closed link back."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port, backoff=NEVER) as link:
        await caller.until_told("up")
        asterisk.hang_up()
        await caller.until_told("down")
        await link.close()
        await link.run()
        assert asterisk.connections == 1
        assert (link.state, link.state_reason) == (LinkState.DOWN, "closed")


async def test_close_while_logging_in_ends_at_once():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["Login"] = silent
        await asterisk.until(lambda: len(asterisk.heard) == 1)
        await link.close()
    assert caller.log == []


async def test_refused_login_backs_off_is_visible_and_logged_once():
    """Readiness says who was refused and never the secret; the log says it once, however often we knock."""
    caller = Caller()
    with capture_logs() as logs:
        async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
            refusal = ("Message", "Authentication failed")
            asterisk.script["Login"] = lambda action: answer(action, refusal, response="Error")
            await asterisk.until(lambda: asterisk.connections == 4)
            assert link.state is LinkState.REFUSED
            assert "'callrec' refused" in link.state_reason
            assert "Authentication failed" in link.state_reason
            with pytest.raises(Unavailable, match="Authentication failed"):
                await link.action("Ping")
            refused = [line for line in logs if line.get("state") == "refused"]
            assert [line["code"] for line in refused] == ["ami-login"]
    assert SECRET not in f"{logs}{link.state_reason}{link!r}"
    assert caller.log == []


async def test_refused_login_waits_longer_than_a_lost_connection():
    """Asterisk blocks or alarms on repeated bad logins: a refused one uses the slower back-off."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port, refused_backoff=NEVER) as link:
        asterisk.script["Login"] = lambda action: answer(action, response="Error")
        await asterisk.until(lambda: len(asterisk.heard) == 1)
        await settled(lambda: link.state is LinkState.REFUSED)
        assert asterisk.connections == 1


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH\r\n", b"x" * 1_000_000])
async def test_garbage_greeting_gets_no_secret(greeting: bytes):
    """Whoever does not greet as Asterisk is not told our password."""
    caller = Caller()
    async with scripted_ami() as asterisk:
        asterisk.greeting = greeting
        async with running(caller, asterisk.port) as link:
            await asterisk.until(lambda: asterisk.connections == 3)
            assert "not an Asterisk manager" in link.state_reason
            assert asterisk.heard == []


async def test_silent_greeting_is_given_up():
    caller = Caller()
    async with scripted_ami() as asterisk:
        asterisk.greeting = b""
        async with running(caller, asterisk.port, limits=AmiLimits(login_s=0.02)) as link:
            await asterisk.until(lambda: asterisk.connections == 2)
            assert "no AMI greeting" in link.state_reason


async def test_a_megabyte_without_newline_drops_the_connection():
    """The buffer stays bounded: the link is lost with a reason, then made again."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port):
        await caller.until_told("up")
        asterisk.say(b"x" * 1_000_000)
        await caller.until(lambda: caller.log.count("up") == 2)
    assert "longer than 65536 bytes" in caller.log[1]


async def test_connection_closed_in_mid_message_delivers_no_half_message():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port):
        await caller.until_told("up")
        asterisk.say(block(("Event", "Hangup"), ("N", "1")) + b"Event: Hangup\r\nN: 2")
        asterisk.hang_up()
        await caller.until(lambda: caller.log.count("up") == 2)
    assert [line for line in caller.log if line.startswith("event")] == ["event Hangup 1"]


async def test_asterisk_closing_during_login_is_down_not_refused():
    caller = Caller()
    async with scripted_ami() as asterisk:
        asterisk.script["Login"] = lambda _: asterisk.hang_up() or b""
        async with running(caller, asterisk.port) as link:
            await asterisk.until(lambda: asterisk.connections == 2)
            assert link.state is LinkState.DOWN
            assert "Login is unknown: Asterisk closed the connection" in link.state_reason


async def test_nobody_listening_is_down_with_the_address():
    caller = Caller()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        async with running(caller, port) as link:
            await settled(lambda: "cannot connect" in link.state_reason)
            assert f"127.0.0.1:{port}" in link.state_reason
            assert link.state is LinkState.DOWN


async def test_endless_listing_is_bounded():
    """A list longer than any PBX has is no answer, and its lines do not fill the memory."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["CoreShowChannels"] = lambda action: (
            answer(action, ("EventList", "start"))
            + block(("Event", "CoreShowChannel"), ("ActionID", action.action_id)) * (MAX_LISTING + 5)
        )
        await caller.until_told("up")
        with pytest.raises(Unavailable, match="more than 20000 lines"):
            await link.listing("CoreShowChannels", timeout_s=120.0)
        assert open_questions(link) == 0


async def test_listing_of_many_long_lines_is_bounded():
    """Its bytes are, too: 19,000 lines of 60 kB took 650 MB. The link goes on."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        line = ("Event", "CoreShowChannel"), ("Channel", "x" * 60_000)
        asterisk.script["CoreShowChannels"] = lambda action: (
            answer(action, ("EventList", "start")) + block(("ActionID", action.action_id), *line) * 1_200
        )
        await caller.until_told("up")
        with pytest.raises(Unavailable, match="more than 20000 lines or 64 MiB") as refused:
            await link.listing("CoreShowChannels", timeout_s=120.0)
        assert refused.value.code == "ami-listing-too-long"
        assert open_questions(link) == 0
        await link.action("After")
        assert asterisk.connections == 1


async def test_listing_cut_by_a_lost_connection_is_no_answer():
    """Half a list must not look like a whole one."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port, backoff=NEVER) as link:
        asterisk.script["CoreShowChannels"] = lambda action: answer(action, ("EventList", "start"))
        await caller.until_told("up")
        asked = asyncio.create_task(link.listing("CoreShowChannels", timeout_s=60.0))
        await asterisk.until(lambda: asterisk.actions == ["CoreShowChannels"])
        asterisk.hang_up()
        with pytest.raises(Unavailable, match="unknown"):
            await asked


async def test_too_many_open_actions_are_refused_before_sending():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["Slow"] = silent
        await caller.until_told("up")
        asked = [asyncio.create_task(link.action("Slow", timeout_s=60.0)) for _ in range(MAX_OPEN_ACTIONS)]
        await asterisk.until(lambda: len(asterisk.actions) == MAX_OPEN_ACTIONS)
        with pytest.raises(Unavailable) as error:
            await link.action("Slow")
        assert error.value.code == "ami-congested"
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert open_questions(link) == 0


async def test_panoramisks_own_ways_to_resend_are_shut():
    """What panoramisk keeps for later (awaiting_actions) stays empty, and its resending sends nothing."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        await caller.until_told("up")
        manager = link._dialler
        question = Question("Lost", (), "callrec-test-1", listing=False)
        manager.send_action(question)
        await asterisk.until(lambda: asterisk.actions == ["Lost"])
        manager.awaiting_actions.append(question)
        await manager.send_awaiting_actions()
        await link.action("After")
        assert asterisk.actions == ["Lost", "After"]


async def test_dial_that_fails_leaves_no_timer_and_no_task():
    """Panoramisk would dial again by itself, for ever, whatever close() says."""
    before = asyncio.all_tasks()
    failing = dialler("127.0.0.1", 1, lambda: None)
    with pytest.raises(OSError, match="Connect call failed"):
        await failing.connect()
    failing.close()
    gc.collect()
    assert before == asyncio.all_tasks()


async def test_asterisk_dying_while_it_boots_is_down():
    """Let in, but gone before FullyBooted: nobody was told that the link is up."""
    caller = Caller()
    async with scripted_ami() as asterisk:
        asterisk.booted = False
        async with running(caller, asterisk.port, backoff=NEVER) as link:
            await asterisk.until(lambda: len(asterisk.heard) == 1)
            asterisk.hang_up()
            await settled(lambda: link.state_reason == "Asterisk closed the connection")
    assert caller.log == []


async def test_unexpected_fault_of_ours_does_not_leave_the_link_deaf(monkeypatch: pytest.MonkeyPatch):
    """A bug while connecting is logged with its traceback, and the next attempt is made all the same."""
    caller = Caller()
    working, bugs = AmiLink._open, [ValueError("a bug")]

    async def buggy(link: AmiLink) -> None:
        if bugs:
            raise bugs.pop()
        await working(link)

    monkeypatch.setattr(AmiLink, "_open", buggy)
    with capture_logs() as logs:
        async with scripted_ami() as asterisk, running(caller, asterisk.port):
            await caller.until_told("up")
    assert [line["event"] for line in logs if line.get("exc_info")] == ["link failed unexpectedly"]
