"""What a PBX has beside its users, for the cases of following a call: queues, a ring group, conferences, a second parking lot,
a supervisor's number, and a manager's user who transfers and redirects.

Each seat has numbers of its own; `lay` writes them into the files of the small PBX. `dial` gives one: 73, the seat, a digit.
"""

import asyncio
from enum import StrEnum

from callrec_lab.stack import Stack

QUEUE = "72{seat}"
"""The partner is its first member, and when they have hung up the third is rung behind a Local channel. With a 9 behind it: a
menu, and then the partner."""
MENU_S = 2.5
RING_S = 3
"""So long a queue rings its members in one round."""
PARK = "*71"
"""Parks in a lot whose calls come back to the parker after a few seconds."""
PARKED_S = 4
ASKED_S = 5
"""So long the target of an attended transfer by `*2` may ring."""
MANAGER, SECRET = "switchboard", "for-these-tests"
ACTION_S = 15.0


class Number(StrEnum):
    """The last digit of what each seat may dial."""

    RING_ALL = "1"
    """A queue that rings the partner, the third and the fourth at once."""
    SECOND_ROUND = "2"
    """The same with a round of `RING_S`."""
    PENALTIES = "3"
    """A queue with the partner, and the third, who has a penalty."""
    LOCAL_MEMBER = "4"
    """A queue whose member is the third behind a Local channel, which Asterisk optimises away."""
    LOCAL_AGENT = "5"
    """The same with the recorded one as agent."""
    LOCAL_AGENT_KEPT = "6"
    """The same, and the Local channel stays (/n)."""
    GROUP = "7"
    """Rings the partner, the third and the fourth at once."""
    LOCAL = "8"
    """Dials the third behind a Local channel, which Asterisk optimises away."""
    GROUP_OF_RECORDED = "9"
    """Rings the recorded one and the third at once."""
    CONFERENCE = "01"
    CONFERENCE_WITH_KEYS = "02"
    """`*3` records, by the conference's menu."""
    SPY = "03"
    """A supervisor hears the recorded one's call."""
    WHISPER = "04"
    """A supervisor speaks to the recorded one."""
    BARGE = "05"
    """A supervisor speaks to both."""


def dial(seat: int, number: Number) -> str:
    """What is dialled."""
    return f"73{seat}{number}"


async def manager(stack: Stack, action: str, **headers: str) -> None:
    """One action of a switchboard by AMI. Raises AssertionError with what Asterisk says against it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.pbx.ports.ami)
    try:
        await reader.readline()
        await _ask(reader, writer, "Login", {"Username": MANAGER, "Secret": SECRET, "Events": "off"})
        await _ask(reader, writer, action, headers)
    finally:
        writer.close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, action: str, headers: dict[str, str]
) -> None:
    lines = [f"Action: {action}", f"ActionID: {action}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(ACTION_S):
        while f"ActionID: {action}\r\n" not in (said := (await reader.readuntil(b"\r\n\r\n")).decode()):
            pass
    assert said.startswith("Response: Success"), said


async def channels(stack: Stack, beginning: str) -> dict[str, str]:
    """The PBX' channels whose names begin so, with the bridge of each (empty: in none)."""
    shown = await stack.pbx.cli("core show channels concise")
    lines = [line.split("!") for line in shown.splitlines() if line.startswith(beginning)]
    return {line[0]: line[-2] for line in lines}


async def channels_of(stack: Stack, number: str) -> dict[str, str]:
    """Those to this phone."""
    return await channels(stack, f"PJSIP/{stack.line(number)}-")


async def together(stack: Stack, *numbers: str, former: str = "") -> bool:
    """Whether these phones are in one bridge, with a call each, and no more in the former one."""
    bridges = [bridge for number in numbers for bridge in (await channels_of(stack, number)).values()]
    return len(bridges) == len(numbers) and len(set(bridges)) == 1 and bridges[0] not in {"", former}


async def lay(stack: Stack, seats: int) -> None:
    """Write all of it, and have Asterisk read it."""
    queues, extensions = ["[general]\n"], ["\n[default](+)\n"]
    direct = []
    for seat in range(seats):
        people = [f"1{seat}0{who}" for who in range(7)]
        lines = [stack.line(number) for number in people]
        queues.append(_queues(seat, people, lines))
        extensions += [_first_then_second(seat, lines[1]), _extensions(seat, people, lines)]
        direct += [f"\n[{line}](+)\ndirect_media = yes\n" for line in (lines[0], lines[6])]
    pbx, etc = stack.pbx, stack.pbx.root / "etc"
    pbx.write_conf("queues.conf", "".join(queues))
    pbx.write_conf("extensions.conf", (etc / "extensions.conf").read_text() + "".join(extensions))
    pbx.write_conf("pjsip.conf", (etc / "pjsip.conf").read_text() + "".join(direct))
    pbx.write_conf("res_parking.conf", (etc / "res_parking.conf").read_text() + _LOT)
    features = (etc / "features.conf").read_text()
    pbx.write_conf(
        "features.conf", features.replace("[general]\n", f"[general]\natxfernoanswertimeout = {ASKED_S}\n", 1)
    )
    pbx.write_conf("manager.conf", (etc / "manager.conf").read_text() + _MANAGER)
    pbx.write_conf("confbridge.conf", (etc / "confbridge.conf").read_text() + _CONFERENCE)
    for what in ("queue reload all", "dialplan reload", "manager reload"):
        await pbx.cli(what)
    for module in ("res_pjsip.so", "res_parking.so", "features", "app_confbridge.so"):
        await pbx.cli(f"module reload {module}")


_LOT = f"""
[quick]
parkext = {PARK}
parkpos = 711-719
context = pbx-own
parkingtime = {PARKED_S}
comebacktoorigin = yes
parkext_exclusive = yes
"""

_MANAGER = f"""
[{MANAGER}]
secret = {SECRET}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
write = call,originate
"""

_CONFERENCE = """
[recordable]
type = menu
*3 = dialplan_exec(callrec-online,s,1)
"""


def _queues(seat: int, people: list[str], lines: list[str]) -> str:
    """`lines` are the endpoints of `people`."""
    recorded, third = people[0], people[2]
    phones = [f"PJSIP/{line}" for line in lines]
    members = {
        "first": [phones[1]],
        "second": [f"Local/{third}@default/n"],
        "all": phones[1:4],
        "round": phones[1:3],
        "penalties": [phones[1], f"{phones[2]},1"],
        "local": [f"Local/{third}@default"],
        "agent": [f"Local/{recorded}@default"],
        "agent-kept": [f"Local/{recorded}@default/n"],
    }
    return "".join(
        f"[{name}-{seat}]\nstrategy = ringall\ntimeout = {RING_S if name in _ROUNDS else 30}\nretry = 1\n"
        + "".join(f"member => {member}\n" for member in queue)
        for name, queue in members.items()
    )


_ROUNDS = ("round", "penalties")


def _first_then_second(seat: int, member: str) -> str:
    number = QUEUE.format(seat=seat)
    return f"""exten => {number},1,Gosub(callrec-call,s,1())
 same => n,Queue(first-{seat},c)
 same => n,Queue(second-{seat})
exten => {number}9,1,Answer()
 same => n,Playtones(350/3000)
 same => n,Wait({MENU_S:g})
 same => n,StopPlaytones()
 same => n,Gosub(callrec-call,s,1({member}))
 same => n,Dial(PJSIP/{member},30)
"""


def _extensions(seat: int, people: list[str], lines: list[str]) -> str:
    third = people[2]
    phones = [f"PJSIP/{line}" for line in lines]
    hook, spied = "Gosub(callrec-call,s,1({}))", f"PJSIP/{lines[0]}"
    conference = f"ConfBridge(room-{seat}"
    numbers = {
        Number.RING_ALL: [hook.format(""), f"Queue(all-{seat})"],
        Number.SECOND_ROUND: [hook.format(""), f"Queue(round-{seat})"],
        Number.PENALTIES: [hook.format(""), f"Queue(penalties-{seat})"],
        Number.LOCAL_MEMBER: [hook.format(""), f"Queue(local-{seat})"],
        Number.LOCAL_AGENT: [hook.format(""), f"Queue(agent-{seat})"],
        Number.LOCAL_AGENT_KEPT: [hook.format(""), f"Queue(agent-kept-{seat})"],
        Number.GROUP: [hook.format(lines[1]), f"Dial({'&'.join(phones[1:4])},30)"],
        Number.LOCAL: [hook.format(""), f"Dial(Local/{third}@default,30)"],
        Number.GROUP_OF_RECORDED: [hook.format(lines[0]), f"Dial({phones[0]}&{phones[2]},30)"],
        Number.CONFERENCE: ["Answer()", f"{conference})"],
        Number.CONFERENCE_WITH_KEYS: ["Answer()", f"{conference},,,recordable)"],
        Number.SPY: ["Answer()", f"ChanSpy({spied},q)"],
        Number.WHISPER: ["Answer()", f"ChanSpy({spied},qw)"],
        Number.BARGE: ["Answer()", f"ChanSpy({spied},qB)"],
    }
    written = (
        f"exten => {dial(seat, number)},1,{first}\n" + "".join(f" same => n,{step}\n" for step in rest)
        for number, (first, *rest) in numbers.items()
    )
    return "".join(written)
