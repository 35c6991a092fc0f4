"""Other programs at the same Asterisk: UserEvents with XiVO's names, and the recording's id where their reports look."""

import asyncio
import json
from pathlib import Path

import arrangement
from arrangement import manager, phone, set_user, user_id
from conversing import play
from laboratory import BOUND_S, until

from callrec.protocols.ami import Message
from callrec_lab.pbx import Pbx
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

TALK_S = 2.5


async def _doctor(stack: Stack) -> str:
    """What the doctor says of the manager user's rights."""
    _, said = await stack.daemon.callrec("doctor", "--json")
    found = json.loads(said[said.index("[") :])
    return next(str(one["says"]) for one in found if one["check"] == "ami rights")


async def test_user_events_need_a_right_that_the_doctor_names(second_stack: Stack) -> None:
    """And with it they are sent, whoever has changed the service; without the setting none is."""
    pbx, told = second_stack.pbx, []

    def heard(message: Message) -> None:
        if message.get("UserEvent") == "Feature":
            told.append([message.get(name) for name in ("XIVO_USERID", "Function", "Status", "Value")])

    await arrangement.settle(second_stack, "neighbours")
    assert await _doctor(second_stack) == "missing: user"
    await _grant(second_stack)
    assert "user" in await _doctor(second_stack)
    user = user_id(second_stack, "1000")
    async with manager(pbx, "UserEvent", on_event=heard):
        call = await phone(second_stack, "1000").call("*26", tone_hz=0)
        await call.answered()
        await call.ended()
        await until(lambda: bool(told))
        await set_user(second_stack, "1000", "--call-record", "off")
        await until(lambda: len(told) == 2)
        assert told == [[user, "callrecord", "1", ""], [user, "callrecord", "0", ""]]


async def _grant(stack: Stack) -> None:
    """As docs/settings.md says, in manager.conf; the daemon logs in again."""
    text = (stack.pbx.root / "etc" / "manager_callrec.conf").read_text()
    text = text.replace("write = call,reporting,system", "write = call,reporting,system,user")
    stack.pbx.write_conf("manager_callrec.conf", text)
    await stack.pbx.cli("manager reload")
    await stack.daemon.stop()
    await stack.daemon.start()
    await stack.daemon.ready()


async def _write_cdrs(pbx: Pbx) -> Path:
    """As a PBX whose reports read a file of CDRs; the file."""
    pbx.write_conf("cdr.conf", "[general]\nenable = yes\n[csv]\nloguserfield = yes\n")
    (pbx.root / "log" / "cdr-csv").mkdir(exist_ok=True)
    for command in ("module load func_cdr.so", "module load cdr_csv.so", "module reload cdr"):
        await pbx.cli(command)
    return pbx.root / "log" / "cdr-csv" / "Master.csv"


async def test_the_recordings_id_is_on_both_channels_and_in_the_cdr(second_stack: Stack) -> None:
    cdrs = await _write_cdrs(second_stack.pbx)
    await arrangement.settle(second_stack, "neighbours")
    seen: list[str] = []

    async def press_and_look(there: PhoneCall, _here: PhoneCall) -> None:
        await there.press("*3")
        await asyncio.sleep(TALK_S)
        async with manager(second_stack.pbx) as ami:
            channels = [one.get("Channel") for one in await ami.listing("CoreShowChannels", timeout_s=BOUND_S)]
            for channel in channels:
                answer = await ami.action("Getvar", [("Channel", channel), ("Variable", "REC_ID")])
                seen.append(answer.get("Value"))

    played = await play(second_stack, "1000", "1002", press_and_look)
    (stored,) = played.stored
    assert seen == [stored.id] * 2
    await until(lambda: cdrs.is_file() and stored.id in cdrs.read_text())
