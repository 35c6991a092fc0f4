"""Pauses while the manager's answers are late, lost, or the link is cut: *paused* is said of what is proven, and what is said
then is in no file, neither in a stored one nor in the spool.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from pausing import CLICK_S, SECRET_HZ, assert_kept_secret, recorded, scene
from proxy import Proxy, proxied
from trouble import aftermath, product, unready, until

from callrec_lab.audio_checks import longest_s
from callrec_lab.stack import Stack

UNKNOWN = "ami-outcome-unknown"
"""The alarm of a start that was not answered."""
pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Line:
    """The product, whose daemon reaches the manager through a proxy."""

    stack: Stack
    proxy: Proxy

    async def lose_recorder(self) -> None:
        """The recorder of the call breaks off. Returns when a further one was asked for, and no answer came."""
        log = self.stack.daemon.log
        before = log.read_text("utf-8", "replace").count(UNKNOWN)
        channels = (await self.stack.pbx.cli("core show channels concise")).splitlines()
        for channel in {line.partition("!")[0] for line in channels}:
            await self.stack.pbx.cli(f"mixmonitor stop {channel}")
        await until(lambda: log.read_text("utf-8", "replace").count(UNKNOWN) > before)

    def has_begun_without_a_file(self) -> bool:
        """Whether Asterisk has begun a recorder that could open no file."""
        return "Cannot open" in (self.stack.pbx.root / "log/messages.log").read_text("utf-8", "replace")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    """The whole product behind a proxy."""
    async with proxied() as (proxy, wishes), product(tmp_path_factory.mktemp("line"), wishes) as stack:
        yield Line(stack, proxy)


@pytest_asyncio.fixture(loop_scope="module")
async def whole(line: Line) -> AsyncIterator[Line]:
    """The product, ready, with the checks that end every fault run."""
    await line.stack.daemon.ready()
    yield line
    line.proxy.restore()
    await aftermath(line.stack)


async def test_a_recorder_that_asterisk_begins_late_in_a_pause_has_no_file(whole: Line) -> None:
    """Its start was asked for before the pause, and reaches Asterisk in the middle of it."""
    async with scene(whole.stack, "1006", "1001") as played:
        await played.talk()
        whole.proxy.wedge()
        await whole.lose_recorder()
        await played.pause()
        saying = asyncio.create_task(played.say_secret())
        whole.proxy.restore()
        await until(whole.has_begun_without_a_file)
        await saying
        await played.say_secret()
        await played.resume()
        await played.talk()
    assert_kept_secret(played, recorded(played))


async def test_a_pause_is_not_told_while_a_recorder_may_be_at_work(whole: Line) -> None:
    """It began, and no answer came: the API says *pausing* until it has stopped."""
    async with scene(whole.stack, "1006", "1001") as played:
        await played.talk()
        whole.proxy.hold_answers()
        await whole.lose_recorder()
        status, said = await played.operator.ask("POST", f"/{played.call}/recording/pause", {"reason": "card number"})
        assert (status, said["state"]) == (202, "pausing")
        whole.proxy.restore()
        await until(lambda: played.is_("paused"))
        await played.say_secret()
        await played.resume()
        await played.talk()
    found = recorded(played)
    assert played.operator.keepers(played.call) == []
    assert all(pause.is_proven for pause in found.manifest.recording.pauses)
    for side in (found.left, found.right):  # what was said while it was pausing may be there
        assert longest_s(side, SECRET_HZ) <= CLICK_S


async def test_a_pause_holds_over_a_lost_link(whole: Line) -> None:
    """What is muted stays muted, and *paused* is still true when the link is back."""
    async with scene(whole.stack, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        whole.proxy.cut()
        await until(lambda: _is_down(whole.stack))
        await played.say_secret()
        await played.send("1006", "1005")
        await played.say_secret()
        whole.proxy.restore()
        await whole.stack.daemon.ready()
        await played.say_secret()
        assert await played.is_("paused")
        await played.resume()
        await played.talk()
    assert_kept_secret(played, recorded(played))


async def _is_down(stack: Stack) -> bool:
    return '"ami": {"ok": false' in await unready(stack)
