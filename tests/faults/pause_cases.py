"""Cases of pauses: whatever becomes of a call in one, what is said in it is in no file, and who talks after it is recorded.

All phones say a tone of their own in the pause. `test_pauses` and `test_pause_code` also read the spool and kill the daemon.
"""

import asyncio
from collections.abc import Awaitable, Callable

from deaf_cases import TRANSFERS, Transfer
from following import TONES_HZ, Scene, case, seconds
from pausing import CLICK_S, SECRET_HZ, Operator
from soundness import missing_s
from trouble import until

from callrec_lab.audio_checks import longest_s

SECRET_S, TALK_S = 1.5, 2.5
ROUGH_S = 0.5
"""A new capture begins with the resume, and its phone's first packets are on their way."""


async def _paused(scene: Scene, change: Callable[[], Awaitable[object]], *talking: str) -> str:
    """They talk, it is paused, the call changes, and those who talk then say the secret; then it goes on."""
    operator = Operator(scene.stack)
    call = (await operator.call(scene.recorded, scene.partner))["id"]
    await operator.control(call, "pause", reason="card number")
    await _hum(scene, lambda _: SECRET_HZ, scene.recorded, scene.partner)
    await asyncio.sleep(SECRET_S)
    await change()
    await _hum(scene, lambda _: SECRET_HZ, *talking)
    await asyncio.sleep(SECRET_S)

    async def is_paused() -> bool:
        _, said = await operator.ask("GET", "")
        return any(one["id"] == call and one["state"] == "paused" for one in said["items"])

    await until(is_paused, hint="it is still paused")
    await _hum(scene, TONES_HZ.__getitem__, *talking)
    await asyncio.sleep(0.3)  # until the last packet of the secret has come
    status, said = await operator.ask("POST", f"/{call}/recording/resume")
    assert status in {200, 202}, said
    await asyncio.sleep(TALK_S)
    manifest, left, right = await scene.entry()
    assert all(pause.is_proven for pause in manifest.recording.pauses)
    for side in (left, right):
        assert longest_s(side, SECRET_HZ) <= CLICK_S, "the secret is in the file"
    end = right.between(right.length_s - TALK_S, right.length_s)
    heard_s = max(seconds(end, one) for one in talking if one != scene.recorded)
    assert heard_s >= TALK_S - ROUGH_S - missing_s(manifest), (heard_s, manifest)
    return "kept"


async def _hum(scene: Scene, tone_hz: Callable[[str], int], *numbers: str) -> None:
    """These phones send another tone."""
    await asyncio.gather(*(scene.on_phone[one].hum(tone_hz(one)) for one in numbers if not scene.on_phone[one].is_over))


def _transferred(transfer: Transfer) -> Callable[[Scene], Awaitable[str]]:
    async def play(scene: Scene) -> str:
        there, _ = await scene.connect()

        async def change() -> None:
            await transfer(scene, there)

        return await _paused(scene, change, scene.recorded, scene.third)

    play.__doc__ = f"In a pause. {transfer.__doc__}"
    return play


for _name, _transfer in TRANSFERS.items():
    case(f"pause-{_name}", length_s=14)(_transferred(_transfer))
