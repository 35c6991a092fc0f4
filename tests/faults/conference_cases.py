"""Cases of following a call into conferences (ConfBridge) of three, also by a switchboard that redirects both legs (AMI
Redirect)."""

from followed import Excused, followed
from following import Scene, case
from numbers_to_dial import Number, channels_of, dial, manager, together
from trouble import until

TALK_S = 3.0
STAYS_S = 2.0
"""So long a busy Asterisk may keep a leg that has left a conference: seen up to 1.2 s beside four busy loops."""


async def _joins(scene: Scene, who: str, *others: str) -> None:
    """This one dials the conference in which the others are, and speaks."""
    call = await scene.dial(who, dial(scene.seat, Number.CONFERENCE))
    await call.answered()
    await _meet(scene, who, *others)


async def _meet(scene: Scene, *numbers: str, former: str = "") -> None:
    async def is_joined() -> bool:
        return await together(scene.stack, *numbers, former=former)

    await until(is_joined, hint="they are in one conference")


@case("conference", length_s=12)
async def conference(scene: Scene) -> str:
    """The recorded one waits in a conference; the partner comes, then the third, and the partner leaves. Recorded since the
    answer."""
    await _joins(scene, scene.recorded)
    await _joins(scene, scene.partner, scene.recorded)
    await scene.talk(scene.partner, seconds=TALK_S)
    await _joins(scene, scene.third, scene.recorded, scene.partner)
    await scene.talk(scene.partner, scene.third, seconds=TALK_S)
    await scene.on_phone[scene.partner].hangup()
    await scene.talk(scene.third, seconds=TALK_S)
    # Asterisk writes nothing while it begins the conference (docs/call-situations.md)
    excused = Excused(application=dial(scene.seat, Number.CONFERENCE), causes=frozenset({"timeline"}), stays_s=STAYS_S)
    return await followed(scene, scene.partner, scene.third, excused=excused)


@case("redirected-to-conference", length_s=12)
async def redirected(scene: Scene) -> str:
    """A switchboard sends both legs of a call into a conference, and the third joins: AMI Redirect."""
    await scene.connect()
    ((here, former),) = (await channels_of(scene.stack, scene.recorded)).items()
    (there,) = await channels_of(scene.stack, scene.partner)
    number = dial(scene.seat, Number.CONFERENCE)
    where = {"Context": "default", "Exten": number, "Priority": "1"}
    where |= {f"Extra{name}": value for name, value in where.items()}
    await manager(scene.stack, "Redirect", Channel=here, ExtraChannel=there, **where)
    await _meet(scene, scene.recorded, scene.partner, former=former)
    await scene.talk(scene.partner, seconds=TALK_S)
    await _joins(scene, scene.third, scene.recorded, scene.partner)
    await scene.talk(scene.partner, scene.third, seconds=TALK_S)
    return await followed(scene, scene.partner, scene.third, excused=Excused(stays_s=STAYS_S))
