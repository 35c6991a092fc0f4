"""What is asked of the manager for a reload, word by word."""

from collections.abc import Sequence

import pytest

from callrec.adapters.asterisk.config_reload import AmiReading
from callrec.domain.errors import CallrecError, Refused
from callrec.protocols.ami import Message
from callrec.protocols.asterisk_conf import Question


class Manager:
    """Notes each action and answers it with what it is told to."""

    def __init__(self, answer: CallrecError | None = None) -> None:
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        self.refusal = answer

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """See ports.Manager."""
        assert timeout_s >= 10
        self.asked.append((name, list(headers)))
        if self.refusal:
            raise self.refusal
        return Message((("Response", "Success"), ("Value", "1")))

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """See ports.Manager."""
        raise NotImplementedError


async def test_a_module_is_reloaded_and_a_stamp_asked_for() -> None:
    manager = Manager()
    assert await AmiReading(manager).reload("res_pjsip.so")
    assert await AmiReading(manager).answer(Question("VM_INFO(1@x,exists)", "1")) == "1"
    assert manager.asked == [
        ("Reload", [("Module", "res_pjsip.so")]),
        ("Getvar", [("Variable", "VM_INFO(1@x,exists)")]),
    ]


@pytest.mark.parametrize("said", ["Module not found.", "No such module."])
async def test_a_module_that_this_asterisk_does_not_run_is_no_error(said: str) -> None:
    assert not await AmiReading(Manager(Refused("ami-error", said))).reload("chan_sccp.so")


async def test_any_other_refusal_is_one() -> None:
    with pytest.raises(Refused, match="denied"):
        await AmiReading(Manager(Refused("ami-error", "Permission denied"))).reload("chan_sccp.so")
