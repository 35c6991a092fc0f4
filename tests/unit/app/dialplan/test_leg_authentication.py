"""Who is believed: only a dialogue that gives back the word which was put on its leg; in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callrec.app.dialplan import leg_authentication
from callrec.app.dialplan.leg_authentication import PROOF_S, VARIABLE, WAIT_S, LegAuthentication
from callrec.domain.calls.ids import LegId
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.protocols.agi import Answer, Request
from callrec_lab.simulated_asterisk import Stage, event, virtual


@dataclass
class Channels:
    """Asterisk's channels and their variables."""

    words: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    fault: CallrecError | None = None
    delay_s: float = 0.0

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """See LegVariables."""
        self.asked.append(leg)
        await asyncio.sleep(self.delay_s)
        if self.fault:
            raise self.fault
        assert name == VARIABLE
        if leg not in self.known:
            raise Refused("ami-error", "Asterisk refused AMI Setvar: 'No such channel'")
        self.words[leg] = value


@dataclass
class Dialogue:
    """One end of a connection: says what `answer` gives."""

    answer: Callable[[], str | None]
    asked: int = 0

    async def get_variable(self, name: str) -> str | None:
        """See Asked."""
        assert name == VARIABLE
        self.asked += 1
        return self.answer()


class House:
    """A proof over an engine and Asterisk's channels."""

    def __init__(self, folder: Path) -> None:
        self.stage, self.channels = Stage(folder), Channels()
        self.proof = LegAuthentication(self.stage.call_router, self.channels, b"secret")

    def appears(self, leg: str) -> None:
        """Asterisk makes a channel, and the manager tells it."""
        self.channels.known.add(leg)
        self.stage.call_router.asterisk(event("Newchannel", leg, "alice"))

    def true(self, leg: str) -> Dialogue:
        """What Asterisk's own dialogue for this leg says."""
        return Dialogue(lambda: self.channels.words.get(leg))

    async def prove(self, leg: str, dialogue: Dialogue, script: str = "service") -> Answer | None:
        """As the server does it."""
        return await self.proof.prove(request(leg, script), dialogue)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def request(leg: str, script: str) -> Request:
    """As FastAGI gives it."""
    return Request(script, {}, (), "PJSIP/alice-00000001", leg, "en", "1001", "A", "default", "s", "", "", {})


async def refused(what: Awaitable[None]) -> str:
    """The code with which it is refused."""
    with pytest.raises(Unavailable) as error:
        await what
    return error.value.code


@virtual
async def test_a_legs_own_dialogue_is_believed_and_asks_asterisk_once(house: House) -> None:
    async with house.stage.running():
        house.appears("1.1")
        for _ in range(3):
            await house.prove("1.1", house.true("1.1"))
    assert house.channels.asked == ["1.1"]


@pytest.mark.parametrize("guess", [None, "", "0" * 32, "\ud800"])
@virtual
async def test_who_does_not_know_the_word_of_a_living_leg_is_not_believed(house: House, guess: str | None) -> None:
    """Before and after the leg itself has asked, which goes on being believed."""
    async with house.stage.running():
        house.appears("1.1")
        for _ in range(2):
            assert await refused(house.prove("1.1", Dialogue(lambda: guess))) == "leg-unproven"
            await house.prove("1.1", house.true("1.1"))


@virtual
async def test_the_word_of_one_leg_proves_no_other(house: House) -> None:
    async with house.stage.running():
        house.appears("1.1")
        house.appears("1.2")
        await house.prove("1.1", house.true("1.1"))
        assert await refused(house.prove("1.2", house.true("1.1"))) == "leg-unproven"


@virtual
async def test_a_made_up_leg_is_waited_for_and_then_unknown(house: House) -> None:
    loop = asyncio.get_running_loop()
    async with house.stage.running():
        stranger = Dialogue(lambda: "word")
        assert await refused(house.prove("9.9", stranger)) == "leg-unknown"
    assert loop.time() == pytest.approx(WAIT_S)
    assert stranger.asked == 0


@pytest.mark.parametrize("leg", ["", "PJSIP/alice-00000001"])
@virtual
async def test_what_would_not_be_one_legs_id_for_asterisk_is_not_asked(house: House, leg: str) -> None:
    """Without a channel Setvar sets a variable for all; and it takes a name for an id."""
    house.channels.known.add(leg)
    async with house.stage.running():
        assert await refused(house.prove(leg, house.true(leg))) == "leg-unknown"
    assert house.channels.asked == []


@virtual
async def test_a_dialogue_that_overtakes_the_news_of_its_leg_waits_for_it(house: House) -> None:
    loop = asyncio.get_running_loop()
    async with house.stage.running():
        house.channels.known.add("1.1")
        loop.call_later(0.15, house.appears, "1.1")
        await house.prove("1.1", house.true("1.1"))
        assert loop.time() == pytest.approx(0.15)
        assert await house.stage.call_router.wait_for_leg(LegId("1.1"), 0)


@virtual
async def test_a_leg_that_only_asterisk_knows_is_believed_on_its_word(house: House) -> None:
    """The news of it may be late: the script decides what it can do for a leg without a call."""
    async with house.stage.running():
        house.channels.known.add("1.1")
        await house.prove("1.1", house.true("1.1"))
        assert not await house.stage.call_router.wait_for_leg(LegId("1.1"), 0)


@virtual
async def test_a_leg_that_lost_its_word_gets_it_again(house: House) -> None:
    """As one that another channel took the place of."""
    async with house.stage.running():
        house.appears("1.1")
        await house.prove("1.1", house.true("1.1"))
        house.channels.words.clear()
        await house.prove("1.1", house.true("1.1"))
    assert house.channels.asked == ["1.1", "1.1"]


@virtual
async def test_while_the_link_is_down_nobody_is_believed(house: House) -> None:
    async with house.stage.running():
        house.appears("1.1")
        house.stage.link_is_up = False
        assert await refused(house.prove("1.1", house.true("1.1"))) == "ami-down"


@pytest.mark.parametrize(("script", "answer"), [("toggle", "leg-unproven"), ("call", "pending")])
@virtual
async def test_a_manager_that_is_too_slow_proves_nothing_this_time_and_the_next_dialogue_of_the_leg(
    house: House, script: str, answer: str
) -> None:
    """Soon enough that the dialplan is told to go its own way; but not before Dial, where we record by ourselves."""
    loop = asyncio.get_running_loop()
    async with house.stage.running():
        house.appears("1.1")
        house.channels.delay_s = 0.4
        proving = house.prove("1.1", house.true("1.1"), script)
        assert (await proving if script == "call" else Answer(await refused(proving))) == Answer(answer)
        assert loop.time() == pytest.approx(PROOF_S)
        await asyncio.sleep(0.1)
        assert await house.prove("1.1", house.true("1.1"), script) is None
    assert house.channels.asked == ["1.1"]


@virtual
async def test_before_dial_too_a_leg_that_is_in_no_call_of_ours_is_the_dialplans(house: House) -> None:
    async with house.stage.running():
        house.channels.known.add("1.1")
        house.channels.delay_s = 0.4
        assert await refused(house.prove("1.1", house.true("1.1"), "call")) == "leg-unproven"


@virtual
async def test_two_dialogues_of_one_leg_at_once_ask_asterisk_once(house: House) -> None:
    async with house.stage.running():
        house.appears("1.1")
        house.channels.delay_s = 0.1
        proving = [house.prove("1.1", house.true("1.1")), house.prove("1.1", Dialogue(lambda: "guess"))]
        true, forged = await asyncio.gather(*proving, return_exceptions=True)
        assert true is None
        assert isinstance(forged, Unavailable)
    assert house.channels.asked == ["1.1"]


@virtual
async def test_a_refusal_that_nobody_waits_for_is_no_defect(house: House) -> None:
    async with house.stage.running():
        house.appears("1.1")
        house.channels.delay_s, house.channels.fault = 1.0, Unavailable("ami-down", "away")
        assert await refused(house.prove("1.1", house.true("1.1"))) == "leg-unproven"
        await asyncio.sleep(1)
        assert house.proof._under_way == {}


@virtual
async def test_the_legs_that_are_remembered_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leg_authentication, "MOST_NOTED", 2)
    async with house.stage.running():
        for leg in ("1.1", "1.2", "1.3", "1.1"):
            house.appears(leg)
            await house.prove(leg, house.true(leg))
    assert house.channels.asked == ["1.1", "1.2", "1.3", "1.1"]


@virtual
async def test_whoever_waits_for_a_leg_is_told_and_those_who_gave_up_are_forgotten(house: House) -> None:
    call_router, loop = house.stage.call_router, asyncio.get_running_loop()
    async with house.stage.running():
        waiting = [
            asyncio.ensure_future(call_router.wait_for_leg(LegId("1.1"), seconds)) for seconds in (0.05, 0.1, 1.0, 1.0)
        ]
        loop.call_later(0.07, waiting[1].cancel)
        loop.call_later(0.2, house.appears, "1.1")
        assert await asyncio.gather(*waiting[2:]) == [True, True]
        assert loop.time() == pytest.approx(0.2)
        assert waiting[0].result() is False
        assert waiting[1].cancelled()
        assert call_router._arrivals._waiting == {}
