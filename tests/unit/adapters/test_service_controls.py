"""Users' services as Asterisk is told of them."""

from dataclasses import replace

import pytest
from test_ami_requests import Manager

from callrec.adapters.asterisk.service_controls import AmiServices
from callrec.domain.directory.model import User
from callrec.domain.rules import UserId

ANN = User(UserId("7"), "Ann")


@pytest.mark.parametrize(
    ("user", "value"),
    [
        (None, "0||||1|0"),
        (ANN, "0||||1|0"),
        (replace(ANN, dnd=True, forward_unconditional="1", forward_no_answer="2", forward_busy="3"), "1|1|2|3|1|0"),
        (replace(ANN, voicemail_enabled=False, filter_enabled=True), "0||||0|1"),
    ],
    ids=["nobody", "usual", "forwards", "others"],
)
async def test_the_dialplans_copy_has_them_in_its_order(user: User | None, value: str) -> None:
    manager = Manager()
    await AmiServices(manager).services(ANN.id, user)
    assert manager.asked == [f"DBPut Family=callrec/services Key=7 Val={value}"]


async def test_lamps_and_agents_are_devices() -> None:
    manager = Manager()
    services = AmiServices(manager)
    await services.device_state("*7357***225", lit=True)
    await services.device_state("*7357***225", lit=False)
    await services.agent("2101", logged_in=True)
    await services.agent("2101", logged_in=False)
    assert manager.asked == [
        "Setvar Variable=DEVICE_STATE(Custom:*7357***225) Value=INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:*7357***225) Value=NOT_INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:callrec-agent-2101) Value=NOT_INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:callrec-agent-2101) Value=UNAVAILABLE",
    ]
