"""`*3` and `*4` in bridges of other ARI applications: whose keys are heard, and which of them are a press."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from callrec.app.calls.application_presses import GAP_S, ApplicationPresses
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.directory.directory import Party
from callrec.domain.directory.model import Feature, FeatureCode
from callrec.domain.errors import Unavailable
from callrec_lab.simulated_asterisk import ALICE, BOB, Stage, event, virtual

LEG, OTHER = LegId("1.1"), LegId("1.2")


class Bridges:
    """Whose digits Asterisk sends."""

    def __init__(self) -> None:
        self.followed: list[str] = []
        self.there: list[tuple[LegId, str, BridgeId]] = []
        self.is_away = False

    async def legs(self) -> Sequence[tuple[LegId, str, BridgeId]]:
        """As told."""
        return self.there

    async def follow(self, leg: LegId) -> None:
        """Noted with a plus."""
        if self.is_away:
            raise Unavailable("ari-down", "away")
        self.followed.append(f"+{leg}")

    async def unfollow(self, leg: LegId) -> None:
        """Noted with a minus."""
        self.followed.append(f"-{leg}")


class House:
    """The presses over a stage."""

    def __init__(self, folder: Path) -> None:
        self.stage, self.bridges, self.pressed = Stage(folder), Bridges(), list[tuple[LegId, str]]()
        self.code = FeatureCode(Feature.ONLINE_RECORD, "*3", enabled=True)
        self.pause = FeatureCode(Feature.PAUSE_RECORD, "*4")
        self.paused: list[LegId] = []
        self.presses = ApplicationPresses(
            self.bridges,
            self.stage,
            self.stage.clock,
            self.stage.background,
            code=lambda feature: self.code if feature is Feature.ONLINE_RECORD else self.pause,
            presses={Feature.ONLINE_RECORD: self._press, Feature.PAUSE_RECORD: self._press_pause},
        )

    async def _press_pause(self, leg: LegId, party: Party) -> None:
        assert party.user.id == ALICE.id
        self.paused.append(leg)

    async def _press(self, leg: LegId, party: Party) -> None:
        self.pressed.append((leg, party.user.id))

    async def enters(
        self, leg: LegId = LEG, who: str = "alice", *, bridge: str = "b1", creator: str = "Stasis"
    ) -> None:
        """A leg is in a bridge."""
        self.presses.asterisk(event("BridgeEnter", leg, who, BridgeUniqueid=bridge, BridgeCreator=creator))
        await self.stage.passes(0.01)

    async def digits(self, digits: str, leg: LegId = LEG, *, gap_s: float = 0.3) -> list[tuple[LegId, str]]:
        """These keys, and the presses that came of them."""
        self.pressed = []
        for digit in digits:
            self.presses.digit(leg, digit)
            await self.stage.passes(gap_s)
        return self.pressed


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@virtual
async def test_the_code_on_the_leg_of_a_user_who_may_press_is_a_press(house: House) -> None:
    """Also behind other digits, and twice."""
    async with house.stage.running():
        await house.enters()
        assert house.bridges.followed == ["+1.1"]
        assert await house.digits("*3") == [(LEG, ALICE.id)]
        assert await house.digits("12*3*3") == [(LEG, ALICE.id)] * 2
        house.code = FeatureCode(Feature.ONLINE_RECORD, "*99", enabled=True)
        assert await house.digits("*3*99") == [(LEG, ALICE.id)]


@virtual
async def test_the_code_of_pauses_is_a_press_of_its_own_while_it_is_enabled(house: House) -> None:
    """Whichever of both codes is longer."""
    async with house.stage.running():
        await house.enters()
        assert (await house.digits("*4"), house.paused) == ([], [])
        house.pause = FeatureCode(Feature.PAUSE_RECORD, "*44", enabled=True)
        assert (await house.digits("*44*3"), house.paused) == ([(LEG, ALICE.id)], [LEG])
        house.code = FeatureCode(Feature.ONLINE_RECORD, "*3", enabled=False)
        assert (await house.digits("*3*44"), house.paused) == ([], [LEG, LEG])


@virtual
async def test_what_is_no_press(house: House) -> None:
    """Other digits, slow ones, a code that is switched off."""
    async with house.stage.running():
        await house.enters()
        for digits in ("3*", "*13", "**", "33"):
            assert await house.digits(digits) == [], digits
            await house.stage.passes(GAP_S)
        assert await house.digits("*3", gap_s=GAP_S + 0.1) == []
        house.code = FeatureCode(Feature.ONLINE_RECORD, "*3", enabled=False)
        assert await house.digits("*3") == []


@virtual
@pytest.mark.parametrize(
    ("who", "creator"), [("stranger", "Stasis"), ("trunk", "Stasis"), ("alice", ""), ("alice", "<unknown>")]
)
async def test_nobody_elses_keys_are_heard(house: House, who: str, creator: str) -> None:
    """Outside lines, and bridges where features.conf works: there a press would count twice."""
    async with house.stage.running():
        await house.enters(who=who, creator=creator)
        assert await house.digits("*3") == []
    assert house.bridges.followed == []


@virtual
@pytest.mark.parametrize("news", ["BridgeLeave", "Hangup", "BridgeEnter"])
async def test_who_has_left_the_bridge_is_heard_no_more(house: House, news: str) -> None:
    """For another bridge, or for good. Late news of an earlier bridge are nothing."""
    async with house.stage.running():
        await house.enters()
        house.presses.asterisk(event("BridgeLeave", LEG, "alice", BridgeUniqueid="b0"))
        assert await house.digits("*3") == [(LEG, ALICE.id)]
        house.presses.asterisk(event(news, LEG, "alice", BridgeUniqueid="b1"))
        assert await house.digits("*3") == []
    assert house.bridges.followed == ["+1.1", "-1.1"]


@virtual
async def test_after_a_lost_link_those_who_are_there_are_heard_again(house: House) -> None:
    """Asterisk has forgotten the subscriptions; who came meanwhile is found in its list of bridges."""
    async with house.stage.running():
        house.bridges.is_away = True
        await house.enters()
        assert await house.digits("*3") == []
        assert house.stage.heard.alarms == ["application-press: ari-down"]
        house.bridges.is_away = False
        house.bridges.there = [
            (LEG, "PJSIP/alice-00000001", BridgeId("b1")),
            (OTHER, "PJSIP/bob-00000002", BridgeId("b1")),
        ]
        await house.presses.link_up()
        assert await house.digits("*3", OTHER) == [(OTHER, BOB.id)]
        assert await house.digits("*3") == [(LEG, ALICE.id)]
