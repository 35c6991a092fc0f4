"""The product that these tests stand in: its users and phones, its settings, what an operator changes, and its lamps."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from laboratory import BOUND_S
from laboratory import TONES_HZ as FIRST_TONES_HZ

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.config_reload import LIMITS
from callrec.protocols.ami import Message
from callrec_lab.asterisk import free_port
from callrec_lab.pbx import Pbx
from callrec_lab.phones import Phone
from callrec_lab.stack import Stack

USERS = Path(__file__).parent / "users.csv"
WIDE = ("1001", "1010", "1011", "1015", "1016", "1017", "1032", "1033")
CODECS = dict.fromkeys(WIDE, "g722")
TONES_HZ = FIRST_TONES_HZ | {"outside": 1180} | {str(1003 + n): 1500 + 120 * (7 * n % 16) for n in range(58)}
"""What each phone says. In one call the tones are at least 100 Hz apart from each other and from every other sound."""
OUTSIDE = "outside"
NAMED_TRUNK, TRUNK_SHOWS = "trunk-named", "0999"
PROVIDER = "127.0.0.2"
"""From this address calls come in through that trunk."""
EXTERN, STRANGERS_CODE, STRANGERS_ROOM = "from-extern", "2026", "2029"
CAST = (
    *("boss", "clerk", "agent", "dana", "erik", "fred", "gina", "hank", "ivan", "jack", "kim", "lou", "mia", "nic"),
    *("otto", "pam", "quin", "ruby", "sam", "tina", "ula", "vic", "walt", "xena", "yves", "zack"),
    *("vic-b", "anna", "ben", "cleo", "dave"),
)
"""Who plays the services: users whom their test imports."""
LATER = {"newcomer": 'with"quotes;and-semicolons\\'} | {name: f"secret-of-{name}" for name in CAST}
"""Name and secret of lines that tests import."""
PROFILES = {
    "discreet": {
        "confirm": "presser",
        "on_demand_overrides_always": "pause",
        "format": "flac",
        "record_applications": "none",
    },
    "silent": {"confirm": "none", "names": "xivo", "format": "opus", "follow": "call", "record_applications": "all"},
    "fragile": {"format": "mp3"},
    "webhooks": {"webhook_networks": "127.0.0.0/8"},
    "neighbours": {"user_events": "xivo", "recording_variable": "REC_ID", "recording_cdr": "userfield"},
    "announcing": {"announce": "prompt"},
    "beeping": {"beep_s": "5"},
    "encrypted": {
        "encryption": "on",
        "encryption_keys": "command:echo 2026 qIbPyEwSGUJnzDcGdwx2OXBWJGHDMyc8UXhUOIC8X4Q=",
    },
    "told-first": {"announce": "prompt-first", "opt_out_digit": "9"},
}
"""Settings other than the usual ones, as few daemons as possible: tests say `@pytest.mark.profile(...)`."""


def tone_of(number: str) -> int:
    """What the phone of this number says."""
    return TONES_HZ[number]


def phone(stack: Stack, number: str) -> Phone:
    """The phone of a user, or the outside world."""
    assert stack.bank is not None
    return stack.bank.outside if number == OUTSIDE else stack.phone(number)


def user_id(stack: Stack, number: str) -> str:
    """The user behind a number."""
    return next(line.user for line in stack.pbx.tables.lines if line.number == number)


async def lay_test_extensions(stack: Stack) -> None:
    """What the tests dial besides the small PBX: `7002` is answered before its phone rings, strangers reach a star code, `7003`
    is a conference, to which `2029` leads from outside, and `77` and a number leave by a subroutine and a trunk that has a caller
    id of its own. A second time it does nothing."""
    before = (stack.pbx.root / "etc/extensions.conf").read_text()
    if "[test-out]" in before:
        return
    text = (
        before
        + f"""
[default](+)
exten => 7002,1,Answer()
 same => n,Gosub(pbx-user,s,1({stack.line("1028")},30,,tT))
exten => 7003,1,Answer()
 same => n,Gosub(callrec-call,s,1())
 same => n,ConfBridge(7003)
exten => _77X.,1,Gosub(test-out,s,1(${{EXTEN:2}}))

[test-out]
exten => s,1,Gosub(callrec-call,s,1())
 same => n,Dial(PJSIP/${{ARG1}}@{NAMED_TRUNK},60)
 same => n,Hangup()

[{EXTERN}](+)
exten => {STRANGERS_CODE},1,Goto(callrec-codes,*26,1)
exten => {STRANGERS_ROOM},1,Gosub(callrec-call,s,1())
 same => n,Answer()
 same => n,ConfBridge(7003)
"""
    )
    stack.pbx.write_conf("extensions.conf", text)
    trunk = f"""
[{NAMED_TRUNK}]
type = endpoint
transport = udp
context = from-extern
disallow = all
allow = alaw,ulaw,g722
direct_media = no
aors = trunk
callerid = "Office" <{TRUNK_SHOWS}>
trust_id_inbound = no

[{NAMED_TRUNK}]
type = identify
endpoint = {NAMED_TRUNK}
match = {PROVIDER}
"""
    stack.pbx.write_conf("pjsip.conf", (stack.pbx.root / "etc/pjsip.conf").read_text() + trunk)
    await stack.pbx.cli("dialplan reload")
    for module in ("res_pjsip", "res_pjsip_endpoint_identifier_ip"):
        await stack.pbx.cli(f"module reload {module}.so")


async def provider_of_named_trunk(stack: Stack) -> Phone:
    """Who calls through the trunk that has a caller id of its own: the number stands in From, and in P-Asserted-Identity."""
    assert stack.bank is not None
    conf = (stack.bank.root / "etc/pjsip.conf").read_text()
    if f"[{NAMED_TRUNK}]" not in conf:
        more = f"""
[{NAMED_TRUNK}]
type = transport
protocol = udp
bind = {PROVIDER}:{free_port(socket.SOCK_DGRAM)}

[{NAMED_TRUNK}](phone)
transport = {NAMED_TRUNK}
aors = outside
allow = ulaw
trust_id_outbound = yes
"""
        stack.bank.write_conf("pjsip.conf", conf + more)
        await stack.bank.cli("module reload res_pjsip.so")
    return Phone(stack.bank, NAMED_TRUNK, "ulaw")


async def settle(stack: Stack, profile: str) -> None:
    """Let the daemon of this stack run with these settings; restarts it when it does not yet."""
    daemon = stack.daemon
    ours = {name for settings in PROFILES.values() for name in settings}
    wanted = {name: value for name, value in daemon.settings.items() if name not in ours} | PROFILES[profile]
    if daemon.settings == wanted:
        return
    await daemon.stop()
    daemon.settings = wanted
    await daemon.start()
    await daemon.ready()


async def set_user(stack: Stack, number: str, *options: str) -> None:
    """As an operator does it: `callrec users set`."""
    code, said = await stack.daemon.callrec("users", "set", number, *options)
    assert code == 0, said


async def lamp(stack: Stack, number: str, code: str) -> str:
    """The state of a user's lamp: INUSE is lit, NOT_INUSE dark. `code`: the digits after the separator, `3` or `26`."""
    ports = stack.pbx.ports
    device = f"Custom:*735{user_id(stack, number)}***2{code}"
    url = f"http://127.0.0.1:{ports.http}/ari/deviceStates/{device}"
    headers = {"Authorization": aiohttp.encode_basic_auth(ports.ari_user, ports.ari_secret)}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url) as answer:
        return str((await answer.json())["state"])


async def until_lamp(stack: Stack, number: str, code: str, state: str) -> None:
    """Wait for a lamp."""
    async with asyncio.timeout(BOUND_S):
        while await lamp(stack, number, code) != state:  # noqa: ASYNC110 - the PBX sends no event to us
            await asyncio.sleep(0.02)


@asynccontextmanager
async def manager(
    pbx: Pbx, *wanted: str, on_event: Callable[[Message], None] = lambda _message: None
) -> AsyncIterator[AmiLink]:
    """A manager connection of the test's own."""
    up = asyncio.Event()

    async def on_up() -> None:
        up.set()

    ami = AmiLink(
        host="127.0.0.1",
        port=pbx.ports.ami,
        username=pbx.ports.ami_user,
        secret=pbx.ports.ami_secret,
        wanted_events=wanted,
        on_event=on_event,
        on_up=on_up,
        on_down=lambda _reason: None,
        limits=LIMITS,
    )
    task = asyncio.create_task(ami.run())
    try:
        async with asyncio.timeout(BOUND_S):
            await up.wait()
        yield ami
    finally:
        await ami.close()
        await task
