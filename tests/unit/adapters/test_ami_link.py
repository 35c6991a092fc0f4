"""The AMI link in good weather: login, events in order, actions, listings, states, and coming back."""

import asyncio
import itertools

import pytest
from scripted_ami import LIMITS, NEVER, PATIENCE_S, SECRET, Caller, ScriptedAmi, answer, block, running, scripted_ami

from callrec.adapters.asterisk.ami import AmiLimits, AmiLink, LinkState
from callrec.adapters.asterisk.ami_wire import SLICE_BYTES
from callrec.domain.errors import Refused
from callrec.protocols.ami import Message


def rows(action: Message, *names: str) -> bytes:
    """A listing's answer with one line for each name."""
    lines = b"".join(
        block(("Event", "CoreShowChannel"), ("ActionID", action.action_id), ("Channel", name)) for name in names
    )
    end = block(("Event", "CoreShowChannelsComplete"), ("ActionID", action.action_id), ("EventList", "Complete"))
    return answer(action, ("EventList", "start")) + lines + end


async def test_logs_in_and_is_up():
    """The link asks for the classes that it needs, is up after FullyBooted, and says so once."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        await caller.until_told("up")
        login = asterisk.heard[0]
        expected = ("Login", "callrec", SECRET, "system,call,user")
        assert expected == tuple(login.get(key) for key in ("Action", "Username", "Secret", "Events"))
        assert (link.state, link.state_reason) == (LinkState.UP, "")
    assert caller.log == ["up", "down: closed"]
    assert (link.state, link.state_reason) == (LinkState.DOWN, "closed")


async def test_is_not_up_before_fully_booted():
    """An Asterisk that has let us in but is still loading is not up: its answers would be incomplete."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.booted = False
        await asterisk.until(lambda: len(asterisk.heard) == 1)
        assert link.state is LinkState.DOWN
        asterisk.say(block(("Event", "FullyBooted")))
        await caller.until_told("up")


async def test_is_up_without_fully_booted_after_a_bound():
    """A user without read class system is never told FullyBooted; the link comes up all the same."""
    caller = Caller()
    async with scripted_ami() as asterisk:
        asterisk.booted = False
        async with running(caller, asterisk.port, limits=AmiLimits(boot_s=0.05)):
            await caller.until_told("up")


async def test_events_are_delivered_in_order_also_while_on_up_runs():
    """Subscribe, then act: what happens during the resync reaches the listener, in Asterisk's order."""
    caller = Caller()
    async with scripted_ami() as asterisk:

        def channels(action: Message) -> bytes:
            before = block(("Event", "BridgeEnter"), ("N", "1"))
            after = block(("Event", "VarSet"), ("N", "2")) + block(("Event", "Hangup"), ("N", "3"))
            return before + rows(action, "PJSIP/1000-1") + after

        async def resync() -> None:
            caller.tell("up")
            found = await caller.link.listing("CoreShowChannels", timeout_s=1.0)
            caller.tell(f"synced {[row.get('Channel') for row in found]}")

        asterisk.script["CoreShowChannels"] = channels
        caller.on_up = resync
        async with running(caller, asterisk.port):
            await caller.until_told("synced")
    assert caller.log[:4] == ["up", "event BridgeEnter 1", "event Hangup 3", "synced ['PJSIP/1000-1']"]


async def test_action_returns_the_answer_with_its_repeated_headers():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["Command"] = lambda action: answer(action, ("Output", "one"), ("Output", "two"))
        await caller.until_told("up")
        reply = await link.action("Command", [("Command", "core show uptime")])
        assert reply.all("Output") == ["one", "two"]
        assert asterisk.heard[-1].get("command") == "core show uptime"


async def test_repeated_headers_are_sent_in_order():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        await caller.until_told("up")
        await link.action("Originate", [("Variable", "A=1"), ("variable", "B=2"), ("Variable", "C=3")])
        assert asterisk.heard[-1].all("Variable") == ["A=1", "B=2", "C=3"]


async def test_error_answer_is_refused_with_asterisks_words():
    """Asterisk's own reason reaches the caller, escaped; a missing right says what to mend."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        said = ("Message", "No such channel \x1b[2J")
        asterisk.script["MixMonitor"] = lambda action: answer(action, said, response="Error")
        asterisk.script["DBPut"] = lambda action: answer(action, ("Message", "Permission denied"), response="Error")
        await caller.until_told("up")
        with pytest.raises(Refused, match=r"'No such channel \\x1b\[2J'") as error:
            await link.action("MixMonitor")
        assert error.value.code == "ami-error"
        with pytest.raises(Refused, match=r"manager\.conf"):
            await link.action("DBPut")
        assert link.state is LinkState.UP


async def test_answers_out_of_order_reach_their_askers():
    """Two actions at once: each gets its own answer, whichever comes first."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        held: list[Message] = []
        asterisk.script["Getvar"] = lambda action: held.append(action) or b""
        await caller.until_told("up")
        asked = [asyncio.create_task(link.action("Getvar", [("Variable", name)])) for name in ("A", "B")]
        await asterisk.until(lambda: len(held) == 2)
        for action in reversed(held):
            asterisk.say(answer(action, ("Value", action.get("Variable").lower())))
        assert [reply.get("Value") for reply in await asyncio.gather(*asked)] == ["a", "b"]


@pytest.mark.parametrize("names", [(), ("PJSIP/1-1", "PJSIP/2-2", "Local/3@x-1;2")])
async def test_listing_returns_the_lines_only(names: tuple[str, ...]):
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["CoreShowChannels"] = lambda action: rows(action, *names)
        await caller.until_told("up")
        found = await link.listing("CoreShowChannels", timeout_s=1.0)
        assert list(names) == [row.get("Channel") for row in found]


async def test_listing_answered_by_an_error_is_refused_at_once():
    """Panoramisk would wait for ever for the rest of such a list."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as link:
        asterisk.script["ConfbridgeList"] = lambda action: answer(
            action, ("Message", "No conference"), response="Error"
        )
        await caller.until_told("up")
        with pytest.raises(Refused, match="No conference"):
            await link.listing("ConfbridgeList", [("Conference", "1")], timeout_s=5.0)


async def test_comes_back_after_the_connection_is_lost():
    """Each loss is told once, each return is announced, and events flow again."""
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port):
        await caller.until_told("up")
        asterisk.hang_up()
        await caller.until(lambda: caller.log.count("up") == 2)
        asterisk.say(block(("Event", "Hangup"), ("N", "7")))
        await caller.until_told("event Hangup 7")
    assert caller.log == ["up", "down: Asterisk closed the connection", "up", "event Hangup 7", "down: closed"]


async def test_on_up_is_cancelled_before_on_down_is_called():
    """A resync that still runs when the link is lost does not overlap with the next one."""
    caller = Caller()

    async def endless() -> None:
        caller.tell("up")
        try:
            await asyncio.Event().wait()
        finally:
            caller.tell("resync ended")

    caller.on_up = endless
    async with scripted_ami() as asterisk, running(caller, asterisk.port, backoff=NEVER):
        await caller.until_told("up")
        asterisk.hang_up()
        await caller.until_told("down")
    assert caller.log == ["up", "resync ended", "down: Asterisk closed the connection"]


async def test_cancelled_run_closes_the_connection():
    caller = Caller()
    async with scripted_ami() as asterisk, running(caller, asterisk.port) as first:
        await caller.until_told("up")
        second = _another(first, caller, asterisk)
        task = asyncio.create_task(second.run())
        await caller.until(lambda: caller.log.count("up") == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert LinkState.DOWN is second.state
        assert LinkState.UP is first.state
        assert caller.log[-1] == "down: closed"


def _another(link: AmiLink, caller: Caller, asterisk: ScriptedAmi) -> AmiLink:
    return AmiLink(
        host="127.0.0.1",
        port=asterisk.port,
        username="callrec",
        secret=SECRET,
        wanted_events=link._wanted,
        on_event=caller.on_event,
        on_up=caller.on_up,
        on_down=caller.on_down,
        limits=LIMITS,
    )


async def test_a_storm_of_events_leaves_their_turn_to_all_others():
    """FastAGI answers and the heartbeat goes on in between: a loop that is kept for long takes itself for stopped."""
    caller, event = Caller(), block(("Event", "Hangup"), ("N", "x"), ("Padding", "x" * 100))
    handled = [0]
    caller.on_event = lambda _event: handled.append(handled[-1] + 1)
    async with scripted_ami() as asterisk, running(caller, asterisk.port):
        await caller.until_told("up")
        asterisk.say(event * 5000)
        turns = [0]
        async with asyncio.timeout(PATIENCE_S):
            while turns[-1] < 5000:
                await asyncio.sleep(0)
                turns.append(handled[-1])
    most = max(later - earlier for earlier, later in itertools.pairwise(turns))
    assert 0 < most <= SLICE_BYTES / len(event) + 1


async def test_news_from_a_time_in_which_this_process_stood_still_are_not_acted_on():
    """The dialplan went its own way meanwhile. The link is lost, and the next one asks what is true now."""
    caller, stops = Caller(), [False]
    async with (
        scripted_ami() as asterisk,
        running(caller, asterisk.port, stood_still=lambda: stops.pop() if stops[1:] else False),
    ):
        await caller.until_told("up")
        stops.append(True)
        asterisk.say(block(("Event", "Hangup"), ("N", "old")))
        await caller.until_told("down: this process was stopped for a while: the events that wait are too old")
        await caller.until_told("up")
    assert "event Hangup old" not in caller.log
