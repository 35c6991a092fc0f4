"""Cases of following a call in which a supervisor listens in by ChanSpy, and may speak: named, and told, since no recorder on the
spied leg has what they say."""

from followed import Excused, followed
from following import NEAR_S, Scene, case, seconds
from numbers_to_dial import Number, dial

from callrec.domain.calls.legs.supervisors import CAUSE

SPIED_S = 4.0
SLOW_S = 2.0


async def _spied(scene: Scene, number: Number) -> None:
    """The fourth listens in on the talk of the recorded one and the partner for a while."""
    await scene.connect()
    spy = await scene.dial(scene.fourth, dial(scene.seat, number))
    await spy.answered()
    await scene.talk(scene.partner, seconds=SPIED_S)
    await spy.hangup()
    await scene.talk(scene.partner, seconds=SPIED_S)


async def _speaks(scene: Scene, number: Number, *hearers: str) -> str:
    """The entry says that a supervisor spoke there, and names them; those who hear it on their phones are the hearers."""
    await _spied(scene, number)
    excused = Excused(causes=frozenset({CAUSE}), silent=frozenset({scene.fourth}))
    word = await followed(scene, scene.partner, scene.fourth, excused=excused)
    for who in (scene.recorded, scene.partner):
        heard = seconds(scene.on_phone[who].heard(), scene.fourth)
        assert (heard > SPIED_S - SLOW_S) == (who in hearers), (who, heard)
    ((manifest, left, right),) = await scene.entries(1)
    (missing,) = [one for one in manifest.recording.missing if one.cause == CAUSE]
    assert SPIED_S - NEAR_S < missing.to_s - missing.from_s < SPIED_S + SLOW_S
    assert seconds(left, scene.fourth) + seconds(right, scene.fourth) < NEAR_S, (
        "a recorder has it after all: say so no more"
    )
    return word


@case("spy", length_s=11)
async def spy(scene: Scene) -> str:
    """A supervisor only listens: named, and nothing is missing."""
    await _spied(scene, Number.SPY)
    return await followed(scene, scene.partner, scene.fourth, excused=Excused(silent=frozenset({scene.fourth})))


@case("whisper", length_s=11)
async def whisper(scene: Scene) -> str:
    """A supervisor speaks to the recorded one alone."""
    return await _speaks(scene, Number.WHISPER, scene.recorded)


@case("barge", length_s=11)
async def barge(scene: Scene) -> str:
    """A supervisor speaks to both."""
    return await _speaks(scene, Number.BARGE, scene.recorded, scene.partner)
