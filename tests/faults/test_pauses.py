"""Pauses hold whatever happens in them: a transfer, the death of the daemon, both. In a pause all phones say a secret, a tone of
its own. It is in no stored file and in no capture file; and who talks afterwards hears that the recording goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pausing import assert_kept_secret, notes, recorded, scene
from soundness import assert_sound
from trouble import TONES_HZ, aftermath, client, until_lamp

from callrec.adapters.redis.connection import ask
from callrec_lab.audio_checks import presence
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def ready(stack: Stack) -> AsyncIterator[Stack]:
    """The product, with the checks that end every fault run."""
    await stack.daemon.ready()
    yield stack
    await aftermath(stack)


async def test_what_is_said_in_a_pause_is_in_no_file(ready: Stack) -> None:
    """Asked for by the API: proven at once, told to both, and its reason stands in the manifest."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        await until_lamp(ready, "1006", "RINGING")
        await played.say_secret()
        await played.resume()
        await until_lamp(ready, "1006", "INUSE")
        await played.talk()
    found = recorded(played)
    assert_kept_secret(played, found)
    assert_sound(found.manifest)
    assert [(one.control, one.actor.kind, one.reason) for one in found.manifest.recording.controls] == [
        ("pause", "operator", "card number"),
        ("resume", "operator", ""),
    ]
    (pause,) = found.manifest.recording.pauses
    for side, hz in ((found.left, TONES_HZ["1006"]), (found.right, TONES_HZ["1001"])):
        heard_s = presence(side, hz) * side.length_s
        assert heard_s >= side.length_s - ((pause.to_s or 0) - pause.from_s) - 0.4
    assert [notes(one.heard()) for one in played.all_phones] == ["-+", "-+"]


@pytest.mark.parametrize("leaver", ["1006", "1001"])
async def test_after_a_transfer_in_a_pause_it_is_still_paused(ready: Stack, leaver: str) -> None:
    """No recorder begins on the new leg before the resume, and the new participant hears that."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        await played.say_secret()
        await played.send(leaver, "1005")
        await played.say_secret()
        await played.resume()
        await played.talk()
    found = recorded(played)
    assert_kept_secret(played, found)
    assert presence(found.right.between(found.length_s - 1.0, found.length_s - 0.2), TONES_HZ["1005"]) > 0.9
    assert notes(played.phones["1005"].heard()) == "+"


async def test_after_the_death_of_the_daemon_it_is_still_paused(ready: Stack) -> None:
    """Its successor knows of the pause, and ends it when it is asked to."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        await played.say_secret()
        await played.restart()
        await played.say_secret()
        assert (await played.operator.call("1006", "1001"))["state"] == "paused"
        await played.resume()
        await played.talk()
    found = recorded(played)
    assert_kept_secret(played, found)
    assert len(found.manifest.recording.pauses) == 1


async def test_after_a_transfer_and_a_death_it_is_still_paused(ready: Stack) -> None:
    """Of three who take part, the recorded one leaves in the pause, and then the daemon dies: no recorder is at work by then."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        await played.send("1006", "1005")
        await played.say_secret()
        await played.restart()
        await played.say_secret()
        assert (await played.operator.call("1005", "1001"))["state"] == "paused"
        await played.resume()
        await played.talk()
    assert_kept_secret(played, recorded(played))


async def test_who_is_transferred_while_the_daemon_is_dead_is_not_recorded_in_the_pause(ready: Stack) -> None:
    """The dialplan, which records by itself then, reads the note on the leg."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        await ready.daemon.kill()
        await played.send("1006", "1005")
        await played.say_secret()
        await ready.daemon.start()
        await ready.daemon.ready()
        await played.say_secret()
        await played.resume()
        await played.talk()
    assert_kept_secret(played, recorded(played))


async def test_a_pause_that_was_asked_for_with_an_end_ends_by_itself(ready: Stack) -> None:
    """All hear it."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause(resume_after_s=3.0)
        await played.say_secret()
        await asyncio.sleep(2.0)
        await played.talk()
    found = recorded(played)
    assert_kept_secret(played, found)
    (pause,) = found.manifest.recording.pauses
    assert (pause.to_s or 0) - pause.from_s == pytest.approx(3.0, abs=0.3)
    assert found.manifest.recording.controls[-1].reason == "timed"
    assert [notes(one.heard()) for one in played.all_phones] == ["-+", "-+"]


async def test_digits_of_a_pause_are_in_no_log_no_journal_and_no_event(ready: Stack) -> None:
    """Neither of both phones' keys; the daemon logs all that it ever logs. Each pause is confirmed soon."""
    digits = "4929137750"
    took_s = []
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        for _ in range(20):
            began_s = time.perf_counter()
            await played.pause()
            took_s.append(time.perf_counter() - began_s)
            await played.resume()
            await asyncio.sleep(0.05)
        await played.pause()
        for one in played.phones.values():
            await one.press(digits)
        await played.say_secret()
        async with client(ready) as store:
            events = repr(await ask(store, "XRANGE", "callrec:events", "-", "+"))
        await played.resume()
        await played.talk()
    assert_kept_secret(played, recorded(played))
    daemon = ready.daemon
    files = [
        daemon.log,
        *(path for path in (*daemon.state.rglob("*"), *daemon.monitor.rglob("*.json")) if path.is_file()),
    ]
    assert [path.name for path in files if digits[:7].encode() in path.read_bytes()] == []
    assert digits[:7] not in events
    print("pause to its confirmation, worst of 20:", max(took_s))  # noqa: T201 - a figure for who runs it with -s
