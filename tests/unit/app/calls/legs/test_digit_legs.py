"""Whose digits Asterisk is asked for, and until when."""

import asyncio
from collections.abc import Sequence

from callrec.app.background import Background
from callrec.app.calls.legs.digit_legs import DigitLegs
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.observe.metrics import Metrics
from callrec.observe.observer import Observation
from callrec.protocols.ami import Message

A, B = LegId("1.1"), LegId("1.2")


class Channels:
    """Notes who is followed."""

    def __init__(self) -> None:
        self.followed: list[LegId] = []

    async def legs(self) -> Sequence[tuple[LegId, str, BridgeId]]:
        """See ApplicationBridges."""
        return ()

    async def follow(self, leg: LegId) -> None:
        """See ApplicationBridges."""
        self.followed.append(leg)

    async def unfollow(self, leg: LegId) -> None:
        """See ApplicationBridges."""
        raise AssertionError(leg)


async def test_after_a_lost_link_those_who_are_still_there_are_followed_again() -> None:
    channels = Channels()
    background = Background(Observation(Metrics()))
    legs = DigitLegs(channels, background)
    async with asyncio.TaskGroup() as tasks:
        background.run_in(tasks)
        legs.listen((A, B))
    assert channels.followed == [A, B]
    legs.asterisk(Message((("Event", "Newstate"), ("Uniqueid", B))))
    legs.asterisk(Message((("Event", "Hangup"), ("Uniqueid", A))))
    await legs.link_up()
    assert channels.followed == [A, B, B]
