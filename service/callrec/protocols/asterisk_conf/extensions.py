"""users_extensions.conf: the contexts of users (numbers, lamps) and of the outside world (incalls); each is one or the other.

It calls one routine of the PBX: `pbx-user`, ARG1 endpoint, ARG2 seconds, ARG3 mailbox or empty, ARG4 Dial's options for the
called user's leg, ARG5 the channel technology (empty: PJSIP). dialplan/pbx/extensions.conf has it.
"""

from collections.abc import Iterator

from callrec.domain.provisioning.claims import endpoint
from callrec.domain.provisioning.model import ContextKind, Incall, Line
from callrec.protocols.asterisk_conf.house import House
from callrec.protocols.asterisk_conf.words import section

RING_S = 30
_INSIDE = ("include => pbx-inside", "exten => _*735X.,hint,Custom:${EXTEN}")
"""What each context of users begins with. All lamps are one pattern: with a hint for each of the 20,000 lamps of 10,000 users a
reload took longer than 12 s, without any lamp 4 s."""


def extensions(house: House) -> str:
    """The text, without its stamp."""
    rows: dict[str, list[str]] = {
        context.name: [*_INSIDE] if context.kind is ContextKind.INTERNAL else [] for context in house.contexts
    }
    for line in house.lines:
        rows[line.context] += _number(line, house)
    for incall in house.incalls:
        rows[incall.context] += _incall(incall, house)
    return "".join(section(name, *each) for name, each in rows.items())


def _number(line: Line, house: House) -> Iterator[str]:
    if house.user(line).enablehint:
        yield f"exten => {line.number},hint,{endpoint(line)}"
    yield f"exten => {line.number},1,{_ring(line, RING_S, house)}"
    yield " same => n,Hangup()"


def _incall(incall: Incall, house: House) -> Iterator[str]:
    line = house.rings(incall.user)
    if line is None:
        yield f"exten => {incall.exten},1,Congestion(5)"
        return
    yield f"exten => {incall.exten},1,{_ring(line, incall.ring_s, house)}"
    yield " same => n,Hangup()"


def _ring(line: Line, ring_s: int, house: House) -> str:
    options = "t" if house.user(line).enablexfer else ""
    technology = "" if line.protocol == "sip" else f",{endpoint(line).partition('/')[0]}"
    return f"Gosub(pbx-user,s,1({line.name},{ring_s:d},{house.mailbox(line.user)},{options}{technology}))"
