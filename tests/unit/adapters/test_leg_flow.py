"""The counters of one leg, and silence on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from callrec.adapters.asterisk.leg_flow import AmiLegFlow
from callrec.domain.calls.ids import LegId
from callrec.domain.errors import Refused
from callrec.protocols.ami import Message
from callrec.protocols.rtp_counters import Packets

LEG = LegId("1700000000.1")


@dataclass
class Manager:
    """Answers each Getvar with this value."""

    value: str = ""
    fault: Refused | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """See ports.Manager."""
        assert timeout_s > 0
        self.asked.append((name, dict(headers)))
        if self.fault:
            raise self.fault
        return Message((("Response", "Success"), ("Value", self.value)))

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """See ports.Manager."""
        raise NotImplementedError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ssrc=1;lp=0;rxjitter=0.1;rxcount=151;txcount=40;rtt=0.0", Packets(151, 40)),
        ("", None),
        ("rxcount=151", None),
        ("rxcount=151;txcount=-1", None),
    ],
)
async def test_the_counters_come_in_one_answer(value: str, expected: Packets | None) -> None:
    ami = Manager(value)
    assert await AmiLegFlow(ami).packets(LEG) == expected
    assert ami.asked == [("Getvar", {"Channel": LEG, "Variable": "CHANNEL(rtcp,all,audio)"})]


async def test_a_leg_that_is_gone_has_no_counters() -> None:
    assert await AmiLegFlow(Manager(fault=Refused("ami-error", "No such channel"))).packets(LEG) is None


def test_what_flowed_is_the_difference() -> None:
    """After a re-INVITE a counter may begin again."""
    assert Packets(20, 30).since(Packets(5, 10)) == Packets(15, 20)
    assert Packets(3, 30).since(Packets(5, 10)) == Packets(3, 30)


async def test_silence_is_a_variable_of_the_leg() -> None:
    ami = Manager()
    await AmiLegFlow(ami).carry(LEG, "callrec/recording-silence-1s")
    assert ami.asked[0][1] == {
        "Channel": LEG,
        "Variable": "BRIDGE_PLAY_SOUND",
        "Value": "callrec/recording-silence-1s",
    }
