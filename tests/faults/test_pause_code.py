"""`*4` on real phones: what is said between two presses is in no file, each phone hears what is true, and three who ask for a
pause at once get one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import aiohttp
import pytest
import pytest_asyncio
from pausing import CLICK_S, SECRET_HZ, assert_kept_secret, notes, recorded, scene
from soundness import assert_sound
from trouble import CODECS, TONES_HZ, USERS, aftermath, connect, phone, product, until, until_lamp

from callrec_lab.audio_checks import load, longest_s, spans
from callrec_lab.phones import PhoneCall
from callrec_lab.prompt_checks import SAME, likeness, prompt
from callrec_lab.stack import Stack, Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

APP, NUMBER = "another", "7100"
ERROR_HZ, ERROR_NOTES = 330, 3
"""The tone that says that nothing was done."""


async def enable(stack: Stack) -> None:
    """As an administrator does; the daemon writes features.conf again."""
    ended, said = await stack.daemon.callrec("extensions", "set", "pause_record", "--enable")
    assert ended == 0, said
    await until(lambda: _has_code(stack), hint="Asterisk has the code")


async def _has_code(stack: Stack) -> bool:
    return "callrec-pause" in await stack.pbx.cli("features show")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["stereo", "participants"])
async def enabled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product with the code, with and without tracks."""
    settings = {"tracks": request.param}
    wishes = Wishes(users=USERS, codecs=CODECS, tones_hz=TONES_HZ, settings=settings)
    async with product(tmp_path_factory.mktemp("stack"), wishes) as stack:
        await enable(stack)
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def ready(enabled: Stack) -> AsyncIterator[Stack]:
    """The product, with the checks that end every fault run."""
    await enabled.daemon.ready()
    yield enabled
    await aftermath(enabled)


def tracks(stack: Stack) -> list[Path]:
    """The files of participants."""
    return sorted(stack.daemon.monitor.rglob("*.track-*.wav"))


def assert_in_no_track(stack: Stack) -> None:
    """The secret is in no participant's file, either."""
    for path in tracks(stack):
        for sound in load(path):
            assert longest_s(sound, SECRET_HZ) <= CLICK_S, path.name


async def test_what_is_said_between_two_presses_is_in_no_file(ready: Stack) -> None:
    """One user begins the pause, the other one ends it; both hear both, and neither hears the digits."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.phones["1001"].press("*4")
        await until(lambda: played.is_("paused"))
        await until_lamp(ready, "1006", "RINGING")
        await played.say_secret()
        await played.phones["1006"].press("*4")
        await until(lambda: played.is_("recording"))
        await played.talk()
    found = recorded(played)
    assert_kept_secret(played, found)
    assert_in_no_track(ready)
    assert_sound(found.manifest)
    assert [(one.control, one.actor.kind, one.reason) for one in found.manifest.recording.controls] == [
        ("pause", "user", "pause-code"),
        ("resume", "user", "pause-code"),
    ]
    assert [notes(one.heard()) for one in played.all_phones] == ["-+", "-+"]
    assert [one.digits for one in played.all_phones] == ["", ""]


async def test_three_who_ask_at_once_get_one_pause(ready: Stack) -> None:
    """Both users by their phones, and a program whose pause has an end. Nobody ends what the others want, and no second pause is
    left behind when it has ended."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await asyncio.gather(
            played.phones["1001"].press("*4"),
            played.phones["1006"].press("*4"),
            played.operator.ask("POST", f"/{played.call}/recording/pause", {"resume_after_s": 4.0}),
        )
        await until(lambda: played.is_("paused"))
        await played.say_secret()
        if not await played.is_("recording"):
            await played.operator.ask("POST", f"/{played.call}/recording/resume")
        await until(lambda: played.is_("recording"))
        await played.talk()
        await asyncio.sleep(3.0)
        assert await played.is_("recording")
    found = recorded(played)
    assert_kept_secret(played, found)
    assert_in_no_track(ready)
    assert len(found.manifest.recording.pauses) == 1


async def test_in_a_call_that_is_not_recorded_and_in_a_programs_pause_it_is_said(ready: Stack) -> None:
    """In words, to its presser alone; `*3` in a paused call says the same."""
    there, here = await connect(ready, "1002", "1003")
    await there.press("*4")
    await asyncio.sleep(3.5)
    await there.hangup()
    await here.ended()
    assert _hears(there, "call-not-recorded", "1002", "1003")
    assert not _hears(here, "call-not-recorded", "1002", "1003")
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.pause()
        for code in ("*4", "*3"):
            await played.phones["1001"].press(code)
            await asyncio.sleep(3.5)
        assert await played.is_("paused")
        await played.resume()
    caller, called = played.all_phones
    assert _hears(called, "call-is-paused", "1006", "1001")
    assert not _hears(caller, "call-is-paused", "1006", "1001")


async def test_without_the_daemon_the_presser_hears_that_nothing_was_paused(ready: Stack) -> None:
    """Asterisk alone can mute nothing."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await ready.daemon.kill()
        await played.phones["1001"].press("*4")
        await asyncio.sleep(2)
        await ready.daemon.start()
        await ready.daemon.ready()
        assert not await played.is_("paused")
    assert len(spans(played.all_phones[1].heard(), ERROR_HZ)) >= ERROR_NOTES
    assert recorded(played).manifest.recording.pauses == ()


async def test_a_transfer_and_the_death_of_the_daemon_do_not_end_a_pause_by_its_code(ready: Stack) -> None:
    """Who came in the pause may end it."""
    async with scene(ready, "1006", "1001") as played:
        await played.talk()
        await played.phones["1001"].press("*4")
        await until(lambda: played.is_("paused"))
        await played.say_secret()
        await played.send("1006", "1005")
        await played.say_secret()
        await played.restart()
        await played.say_secret()
        assert await played.is_("paused")
        await played.phones["1005"].press("*4")
        await until(lambda: played.is_("recording"))
        await played.talk()
    assert_kept_secret(played, recorded(played))
    assert_in_no_track(ready)


async def test_in_a_bridge_of_another_application_it_works_too(ready: Stack) -> None:
    """features.conf does not: the digits come by ARI."""
    async with _Application(ready) as application, scene(ready, "1006", "1001", application.connected) as played:
        await played.talk()
        await played.phones["1001"].press("*4")
        await until(lambda: played.is_("paused"))
        await played.say_secret()
        await played.phones["1001"].press("*4")
        await until(lambda: played.is_("recording"))
        await played.talk()
    assert_kept_secret(played, recorded(played))


def _hears(call: PhoneCall, name: str, *talking: str) -> bool:
    """Whether this phone heard the prompt, beside those who talked."""
    return likeness(call.heard(), prompt("en", name), beside_hz=[TONES_HZ[one] for one in talking]) >= SAME


class _Application:
    """An application of ARI, as call centres have them: who dials its number comes into one bridge."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._base = f"http://127.0.0.1:{stack.pbx.ports.http}/ari"
        self._login = aiohttp.encode_basic_auth(stack.pbx.ports.ari_user, stack.pbx.ports.ari_secret)
        self._around = AsyncExitStack()

    async def __aenter__(self) -> Self:
        conf = (self._stack.pbx.root / "etc/extensions.conf").read_text()
        text = f"[default](+)\nexten => {NUMBER},1,Answer()\n same => n,Stasis({APP})\n same => n,Hangup()\n"
        self._stack.pbx.write_conf("extensions.conf", f"{conf}\n{text}")
        await self._stack.pbx.cli("dialplan reload")
        headers = {"Authorization": self._login}
        self._http = await self._around.enter_async_context(
            aiohttp.ClientSession(headers=headers, raise_for_status=True)
        )
        self._events = await self._around.enter_async_context(self._http.ws_connect(f"{self._base}/events?app={APP}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._around.aclose()

    async def connected(self) -> tuple[PhoneCall, PhoneCall]:
        """Both have dialled the number, and talk."""
        await self._http.post(f"{self._base}/bridges/both", params={"type": "mixing"})
        calls = []
        for number in ("1006", "1001"):
            call = await phone(self._stack, number).call(NUMBER, tone_hz=TONES_HZ[number])
            event = await self._events.receive_json()
            while event["type"] != "StasisStart":
                event = await self._events.receive_json()
            await self._http.post(f"{self._base}/bridges/both/addChannel", params={"channel": event["channel"]["id"]})
            calls.append(await call.answered())
        return calls[0], calls[1]
