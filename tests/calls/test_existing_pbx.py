"""docs/existing-pbx.md, done step by step: an Asterisk with a configuration of its own and `autoload = no`.

The blocks of the page are what an administrator writes; the test only puts this machine's folders and ports into them. What is
missing in modules.conf comes from the doctor's own words, until it is satisfied. Then people call each other.
"""

import asyncio
import json
import re
import subprocess
import tomllib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from conversing import News
from listening import hears_started, hears_stopped, presence
from soundness import assert_sound

from callrec.app.doctor.sound_checks import PROMPTS as CHECKED
from callrec.domain.directory.model import Line, Tables
from callrec.domain.rules import UserId
from callrec_lab.asterisk import AsteriskServer, dialplan_folder
from callrec_lab.daemon import Daemon
from callrec_lab.installation import Installation
from callrec_lab.pbx import RTP_PORTS, Ports
from callrec_lab.phones import PhoneBank
from callrec_lab.prompt_checks import PROMPTS, words
from callrec_lab.stack import Stack

PAGE = Path(__file__).parents[2] / "docs/existing-pbx.md"
TONES_HZ = {"desk-100": 440, "desk-101": 1000}
TALK_S = 2.6
MOST_ROUNDS = 4
FORGOTTEN = "app_stasis"
MODULES = """res_crypto res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_pjsip res_pjsip_session
res_pjsip_pubsub res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest res_pjsip_endpoint_identifier_user
res_pjsip_endpoint_identifier_ip res_pjsip_registrar res_pjsip_nat res_pjsip_caller_id res_pjsip_rfc3326 res_pjsip_sdp_rtp
res_rtp_asterisk chan_pjsip pbx_config bridge_simple bridge_softmix bridge_holding app_dial app_queue app_confbridge
res_musiconhold"""
"""What this PBX had before: enough for its calls, and nothing that only callrec needs."""

BEFORE = {
    "extensions.conf": """[general]
static = yes
[globals]
HOUSE = corner
[incoming]
exten => _555010X,1,Goto(staff,10${EXTEN:-1},1)
[staff]
include => shared
exten => 199,1,Answer()
 same => n,Hangup()
[shared]
exten => 900,1,Answer()
 same => n,Wait(5)
""",
    "pjsip.conf": """[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{sip}
[desk](!)
type = endpoint
context = staff
disallow = all
allow = ulaw
direct_media = no
[desk-auth](!)
type = auth
auth_type = userpass
[desk-aor](!)
type = aor
max_contacts = 2
remove_existing = yes
[desk-100](desk)
auth = desk-100
aors = desk-100
[desk-100](desk-auth)
username = desk-100
password = one
[desk-100](desk-aor)
[desk-101](desk)
auth = desk-101
aors = desk-101
[desk-101](desk-auth)
username = desk-101
password = two
[desk-101](desk-aor)
[provider]
type = endpoint
context = incoming
disallow = all
allow = ulaw
outbound_auth = provider
aors = provider
[provider]
type = auth
auth_type = userpass
username = corner
password = shop
[provider]
type = aor
contact = sip:127.0.0.1:{trunk}
[provider]
type = identify
endpoint = provider
match = 192.0.2.1
""",
    "manager.conf": "[general]\nport = {ami}\n",
    "http.conf": "[general]\nbindport = {http}\n",
    "ari.conf": "[general]\n",
    "features.conf": "[general]\ntransferdigittimeout = 5\n[featuremap]\nblindxfer = *1\n",
    "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in MODULES.split()),
    "codecs.conf": "[plc]\n",
    "queues.conf": "[general]\n[sales]\nmember => PJSIP/desk-101\n",
    "confbridge.conf": "[general]\n",
    "musiconhold.conf": "[default]\nmode = files\ndirectory = moh\n",
    "logger.conf": "[general]\n[logfiles]\nmessages.log => notice,warning,error\n",
    "rtp.conf": "[general]\nrtpstart = {rtp}\nrtpend = {rtp_end}\n",
}


class OwnPbx(AsteriskServer):
    """The corner shop's. `tables` are for the phones: which lines there are, with the secrets of pjsip.conf."""

    def __init__(self, installation: Installation, spool: Path) -> None:
        self.ports = Ports()
        self.spool = spool
        secrets = {"100": "one", "101": "two"}
        self.tables = Tables(
            lines=tuple(Line(f"desk-{n}", UserId(n), n, "staff", "sip", secret) for n, secret in secrets.items())
        )
        ports = {name: getattr(self.ports, name) for name in ("sip", "trunk", "ami", "http", "rtp")}
        self.values = {**ports, "rtp_end": self.ports.rtp + RTP_PORTS}
        super().__init__(installation, {name: self.filled(text) for name, text in BEFORE.items()}, name="corner")

    def filled(self, text: str) -> str:
        """This machine's values in their places."""
        for name, value in self.values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text


@dataclass(frozen=True)
class Administrator:
    """Who follows the page."""

    pbx: OwnPbx
    folder: Path

    def here(self, text: str) -> str:
        """The page's words with this machine's folders and ports."""
        ports, root = self.pbx.ports, self.pbx.root
        places = {
            "/opt/callrec/dialplan": str(dialplan_folder()),
            "/var/spool/callrec": str(self.pbx.spool),
            "/var/lib/callrec": str(self.folder),
            "/etc/callrec": str(self.folder / "etc"),
            "/etc/asterisk": str(root / "etc"),
            "/usr/share/asterisk": str(root / "share"),
            "127.0.0.1:4573": f"127.0.0.1:{ports.agi}",
            "127.0.0.1:5038": f"127.0.0.1:{ports.ami}",
            "127.0.0.1:8088": f"127.0.0.1:{ports.http}",
        }
        for place, ours in places.items():
            text = text.replace(place, ours)
        return text

    def write(self) -> None:
        """Sections 2 and 3: each block into its file, in its section or at the end."""
        page = PAGE.read_text()
        for name, where, block in re.findall(r"```\n; (\S+\.conf), ([^\n]+)\n(.*?)```", page, re.DOTALL):
            path = self.pbx.root / "etc" / name
            path.write_text(placed(path.read_text(), where, self.here(block)))

    def run(self, section: str) -> None:
        """The shell blocks of a section, as root has it: who owns a file does not matter here."""
        text = PAGE.read_text().partition(f"## {section}")[2].partition("\n## ")[0]
        script = "set -eu\nchgrp() { :; }\n" + "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        (self.folder / "etc").mkdir(exist_ok=True)
        subprocess.run(["bash", "-c", self.here(script)], check=True, capture_output=True)  # noqa: S603, S607


def placed(text: str, where: str, block: str) -> str:
    """A block of the page in a file: in the section that it names, behind its other lines, or at the end."""
    section = re.match(r"\[[^]]+\]", where)
    if where == "each user's endpoint":
        section = re.match(r".*", "[desk](!)")
    if section is None:
        return text + block
    before, head, after = text.partition(f"{section[0]}\n")
    assert head, section[0]
    return before + head + block + after


def code_block(language: str, start: str = "") -> str:
    """The page's block of this language, or with this first line."""
    (found,) = re.findall(rf"```{language}\n({re.escape(start)}.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


@dataclass(frozen=True)
class Walked:
    """What came of it."""

    stack: Stack
    rounds: list[dict[str, dict[str, str]]]
    """What the doctor found each time, by check."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walked(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walked]:
    folder = tmp_path_factory.mktemp("corner")
    (folder / "spool").mkdir()
    async with OwnPbx(installation, folder / "spool") as pbx:
        for language in ("en", "fr", "de", "es"):
            (pbx.root / "share/sounds" / language / "callrec").unlink()
        administrator = Administrator(pbx, folder)
        administrator.run("3. AMI and ARI users")
        administrator.write()
        administrator.run("4. Sounds")
        await pbx.stop()
        await pbx.start()
        daemon = Daemon(folder, pbx.ports)
        own = {"http_bind": daemon.settings["http_bind"], "node": "corner"}
        daemon.settings = {**tomllib.loads(administrator.here(code_block("toml"))), **own}
        async with daemon:
            await provide(daemon, folder)
            rounds = await follow_the_doctor(daemon, pbx)
            async with PhoneBank(installation, pbx, tones_hz=TONES_HZ) as bank:
                yield Walked(Stack(daemon, pbx, bank), rounds)


async def provide(daemon: Daemon, folder: Path) -> None:
    """Section 6, word for word."""
    (folder / "users.csv").write_text(code_block("", "firstname|"))
    for line in code_block("sh", "callrec contexts").splitlines():
        command, *arguments = line.replace("users.csv", str(folder / "users.csv")).split()
        assert command == "callrec"
        code, said = await daemon.callrec(*arguments)
        assert code == 0, (line, said)


async def follow_the_doctor(daemon: Daemon, pbx: OwnPbx) -> list[dict[str, dict[str, str]]]:
    """Put what the doctor says into modules.conf and restart Asterisk, until there is nothing to put there.

    One line is forgotten the first time: without app_stasis all that can be asked is well, and no tone is played.
    """
    rounds: list[dict[str, dict[str, str]]] = []
    modules = BEFORE["modules.conf"]
    while len(rounds) < MOST_ROUNDS:
        code, said = await daemon.callrec("doctor", "--json")
        assert code in {0, 1, 3}, said
        rounds.append({one["check"]: one for one in json.loads(said)})
        lines = re.findall(r"^load = .*$", rounds[-1]["modules"]["write"], re.MULTILINE)
        if not lines:
            break
        modules += "".join(f"{line}\n" for line in lines if rounds[1:] or FORGOTTEN not in line)
        await pbx.stop()
        pbx.write_conf("modules.conf", modules)
        await pbx.start()
        await daemon.ready()
    return rounds


def wrong(found: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {check: one["says"] for check, one in found.items() if one["verdict"] not in {"ok", "unseen"}}


async def test_an_administrator_who_does_what_page_and_doctor_say_satisfies_the_doctor(walked: Walked) -> None:
    """What the first round misses is modules, and what needs them; nothing is missing when its list is followed."""
    first, without_one, last = walked.rounds
    assert "res_stasis" in first["modules"]["says"]
    assert wrong(first).keys() == {"modules", "ari"}
    assert wrong(without_one).keys() >= {"modules", "tones", "sounds"}
    assert all(FORGOTTEN in str(without_one[check]) for check in ("modules", "tones", "sounds"))
    assert "the channel has ended" not in str(walked.rounds)
    assert wrong(last) == {}
    assert last["sounds"]["says"] == f"Asterisk plays all {len(CHECKED)} prompts in en"


async def test_star_3_is_heard_and_recorded(walked: Walked) -> None:
    """Modules, sounds, features and rights, proven by ear."""
    stack = walked.stack
    async with News(stack) as news:
        there = await stack.bank.phone("desk-100").call("101", tone_hz=440)
        here = await stack.bank.phone("desk-101").rings()
        await asyncio.gather(there.answered(), here.answered())
        await there.press("*3")
        await asyncio.sleep(TALK_S)
        await there.press("*3")
        await asyncio.sleep(0.8)
        await there.hangup()
        await here.ended()
        stored = await news.one("100", "101")
    for call in (there, here):
        assert hears_started(call)
        assert hears_stopped(call)
    assert_sound(stored.manifest)
    stored.assert_sides(440, 1000, keys_at="left-end")


async def test_star_26_says_what_it_did(walked: Walked) -> None:
    call = await walked.stack.bank.phone("desk-101").call("*26", tone_hz=0)
    await call.answered()
    await call.ended()
    assert words(call.heard(), PROMPTS) == [("en", "call-recording-on")]
    assert (await walked.stack.daemon.callrec("users", "set", "101", "--call-record", "off"))[0] == 0


async def test_what_the_dialplan_calls_is_in_the_modules_that_the_doctor_names(walked: Walked) -> None:
    """Each function and application of extensions_callrec.conf, but those of codes that only confgen lays."""
    text = re.sub(r"^;.*", "", (dialplan_folder() / "extensions_callrec.conf").read_text(), flags=re.MULTILINE)
    functions = set(re.findall(r"\$\{([A-Z_]+)\(", text)) | set(re.findall(r"Set\(([A-Z_]+)\(", text))
    applications = set(re.findall(r"(?:,1|n(?:\([a-z-]+\))?),([A-Z][A-Za-z]+)\(", text)) - {"Read", "Pickup"}
    assert {"CUT", "DB", "FILTER", "LOCAL", "DEVICE_STATE"} <= functions
    assert {"AGI", "ExecIf", "Gosub", "MixMonitor", "Playback", "StopMixMonitor"} <= applications
    cli = walked.stack.pbx.cli
    assert "not registered" in await cli("core show application Read")
    assert "No function by that name" in await cli("core show function READFILE")
    unknown = [name for name in functions if "No function by that name" in await cli(f"core show function {name}")]
    unknown += [name for name in applications if "not registered" in await cli(f"core show application {name}")]
    assert unknown == []


async def test_a_conference_is_recorded_as_the_page_says(walked: Walked) -> None:
    """From the answer on, alone with the conference first, by the rule of one of them."""
    stack = walked.stack
    assert (await stack.daemon.callrec("users", "set", "100", "--call-record", "on"))[0] == 0
    async with News(stack) as news:
        one = await stack.bank.phone("desk-100").call("500", tone_hz=440)
        await one.answered()
        other = await stack.bank.phone("desk-101").call("500", tone_hz=1000)
        await other.answered()
        await asyncio.sleep(TALK_S)
        await other.hangup()
        await one.hangup()
        stored = await news.one("100", "500", "101")
    recording = stored.manifest.recording
    other_s = next(party.from_s for party in recording.parties if party.number == "101") - recording.captures[0].from_s
    assert presence(stored.left, 440) > 0.9
    assert presence(stored.right.between(other_s, stored.length_s), 1000) > 0.9
