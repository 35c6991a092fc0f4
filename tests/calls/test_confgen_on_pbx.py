"""From an import to telephones that work: real registrations, real calls, and a reload under a call that is recorded."""

import asyncio
import csv
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from arrangement import LATER, manager, phone
from laboratory import TONES_HZ, connect, example_tables, finish, source

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.config_reload import AmiReading
from callrec.adapters.disk.config_folder import DiskConfFolder
from callrec.app.asterisk.config_files import Confgen
from callrec.domain.directory.feature_codes import code_checked
from callrec.domain.directory.model import DEFAULT_CODES, Feature, FeatureCode, Line, Tables, User, Voicemail
from callrec.domain.directory.user_file.columns import BY_NAME
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec_lab.audio_checks import Sound, load, presence
from callrec_lab.installation import Installation
from callrec_lab.pbx import Pbx
from callrec_lab.phones import PhoneBank
from callrec_lab.stack import Stack

NEW, NUMBER = "newcomer", "1900"
PROMPT_S = 3.0
TALK_S = 1.2
PACKETS_S = 0.1
"""Five packets: the edges of a tone."""


def _file(folder: Path, **columns: str) -> Path:
    text = StringIO()
    rows = csv.DictWriter(text, list(columns), delimiter="|", quotechar='"')
    rows.writeheader()
    rows.writerow(columns)
    file = folder / "new.csv"
    file.write_text(text.getvalue())
    return file


async def _registers(stack: Stack, name: str) -> None:
    """As soon as the PBX knows it."""
    assert stack.bank is not None
    async with asyncio.timeout(PROMPT_S):
        while True:
            try:
                return await stack.bank.register_one(name, LATER[name])
            except Refused:
                await asyncio.sleep(0.1)


async def test_a_user_who_is_imported_has_a_telephone_at_once(stack: Stack, tmp_path: Path) -> None:
    """Without a further command: the daemon writes the files, Asterisk reads them, the phone registers, calls and is called."""
    file = _file(
        tmp_path, firstname="Nova", lastname="Dupont, Jean", phonenumber=NUMBER, context="default", protocol="sip",
        linename=NEW, linesecret=LATER[NEW],
    )  # fmt: skip
    code, said = await stack.daemon.callrec("users", "import", str(file))
    assert code == 0, said
    await _registers(stack, NEW)
    async with asyncio.timeout(PROMPT_S):  # telephones are read before numbers
        while "no existence of" in await stack.pbx.cli(f"dialplan show {NUMBER}@default"):  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.1)
    assert stack.bank is not None
    new = stack.bank.phone(NEW)
    for caller, number, called in ((phone(stack, "1008"), NUMBER, new), (new, "1008", phone(stack, "1008"))):
        there = await caller.call(number, tone_hz=500)
        here = await called.rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)  # the length of the conversation
        await there.hangup()
        await here.ended()
        assert presence(here.heard().between(0.1, TALK_S), 500) >= 0.95
    code, said = await stack.daemon.callrec("confgen")
    assert code == 0
    assert said.count("unchanged") == 5


async def test_a_file_that_asterisk_does_not_read_to_its_end_is_named_and_taken_back(
    installation: Installation, tmp_path: Path
) -> None:
    """The files are right, Asterisk's own are not: it includes another file of telephones than the one that is written."""
    users = tmp_path / "users"
    users.mkdir()
    one, two = example_tables(), replace(example_tables(), voicemails=())
    await Confgen(DiskConfFolder(users), None).generate(source(one))
    async with Pbx(installation, one, spool=tmp_path, users=users) as pbx, manager(pbx) as ami:
        confgen = Confgen(DiskConfFolder(users), AmiReading(ami))
        assert (await confgen.generate(source(one))).did_nothing
        states = dict((await confgen.generate(source(two))).files)
        assert states.pop("users_sccp.conf") == states.pop("users_features.conf") == "unchanged"
        assert set(states.values()) == {"reloaded"}
        before = {file.name: file.read_bytes() for file in users.iterdir()}
        right = (pbx.root / "etc/extensions.conf").read_text()
        pbx.write_conf("extensions.conf", right.replace("users_extensions.conf", "nothing.conf"))
        (users / "nothing.conf").touch()
        with pytest.raises(Refused, match=r"does not run users_extensions.conf.*put back and reloaded"):
            await confgen.generate(source(one))
        (users / "nothing.conf").unlink()
        assert {file.name: file.read_bytes() for file in users.iterdir()} == before
        pbx.write_conf("extensions.conf", right)
        assert dict((await confgen.generate(source(two))).files)["users_extensions.conf"] == "reloaded"
        assert "1000" in await pbx.cli("dialplan show 1000@default")


async def test_awkward_names_are_read_back_and_cost_nobody_the_phone(
    installation: Installation, tmp_path: Path
) -> None:
    """As the tables have them where Asterisk reads escapes back, else with blanks; nothing in them is obeyed or complained of."""
    names = [
        ('Jo "JJ"', "Doe, Jr.; \\", 'Jo "JJ" Doe, Jr.; \\', "Jo JJ Doe Jr.;"),
        ("${EPOCH}", "<1000>;--x--;", "EPOCH 1000 ;--x--;", "EPOCH 1000 ;--x--;"),
        ("#include x", "[a=b|c](!)", "#include x [a=b|c](!)", "#include x [a=b|c](!)"),
        ("é" * 60, "", "é" * 39, "é" * 39),
    ]
    users = tuple(User(UserId(str(n)), first, last) for n, (first, last, _, _) in enumerate(names, start=1))
    lines = tuple(Line(f"100{user.id}", user.id, f"100{user.id}", "default", secret="secret") for user in users)
    boxes = tuple(Voicemail(f"100{user.id}", "default", user.id, user.name, "1") for user in users)
    async with Pbx(installation, Tables(users, lines, (), boxes), spool=tmp_path) as pbx:
        assert pbx.complaints() == []
        mailboxes = await pbx.cli("voicemail show users")
        async with PhoneBank(installation, pbx, tones_hz={line.name: 500 for line in lines}) as bank:
            for line, (_, _, shown, listed) in zip(lines, names, strict=True):
                call = await bank.phone(line.name).call("*43", tone_hz=500)
                await call.answered()
                (channel,) = re.findall(rf"PJSIP/{line.name}-[0-9a-f]+", await pbx.cli("core show channels concise"))
                assert f"Caller ID Name: {shown}\n" in await pbx.cli(f"core show channel {channel}")
                assert re.search(rf" {line.number} +{re.escape(listed[:20])}", mailboxes)
                await call.hangup()


async def test_every_mailbox_that_is_let_in_is_there(installation: Installation, tmp_path: Path) -> None:
    """Asterisk has an opinion of what one begins with."""
    owner = User(UserId("1"), "John")
    line = Line("john", owner.id, "1000", "default", secret="secret")
    numbers = {f"{first}{more}" for first in "0123456789*#" for more in ("", "1", "*", "#")}
    good = {number for number in numbers if BY_NAME["voicemailmailbox"].check.accepts(number)}
    boxes = [Voicemail(number, "default", owner.id, "John", "1") for number in sorted(good)]
    async with Pbx(installation, Tables((owner,), (line,), (), tuple(boxes)), spool=tmp_path) as pbx:
        assert pbx.complaints() == []
        there = re.findall(r"^default +(\S+) +John", await pbx.cli("voicemail show users"), re.MULTILINE)
    assert set(there) == good == {number for number in numbers if number[0] not in "*#"}


async def test_a_boss_with_hundreds_of_secretaries_has_a_number(installation: Installation, tmp_path: Path) -> None:
    """Asterisk would skip a line that names them all."""
    users = tmp_path / "users"
    users.mkdir()
    staff = [User(UserId(str(n)), "S", bosssecretary="secretary" if n > 1 else "boss") for n in range(1, 501)]
    lines = [Line(f"secretary{one.id:>03}", one.id, f"1{one.id:>03}", "default", secret="secret") for one in staff]
    tables = Tables(tuple(staff), tuple(lines))
    generated = await Confgen(DiskConfFolder(users), None).generate(source(tables))
    async with Pbx(installation, tables, spool=tmp_path, users=users) as pbx:
        assert not [one for one in pbx.complaints() if "config" in one]
        shown = await pbx.cli("dialplan show 1001@default")  # the console cuts what it shows
    assert "1. Gosub(pbx-user,s,1(secretary001,30,,t,,1001@default,PJSIP/secretary002&PJSIP/secretary003&" in shown
    assert [one.user for one in generated.left_out] == [one.id for one in staff[-len(generated.left_out) :]]


async def test_phones_reach_every_code_that_is_let_in(installation: Installation, tmp_path: Path) -> None:
    """Also one with digits that the PBX itself has for something, or that were another feature's; others' stay what they are."""
    owner = User(UserId("1"), "John")
    tables = Tables((owner,), (Line("john", owner.id, "1000", "default", secret="secret"),))
    wanted = {
        FeatureCode(Feature.CALL_RECORD, "*27", enabled=True): "Gosub(callrec-always,s,1(*27))",
        FeatureCode(Feature.DND, "*26", enabled=True): "Gosub(callrec-service,s,1(dnd,))",
        FeatureCode(Feature.VOICEMAIL_CONSULT, "*43", enabled=True): "Gosub(pbx-voicemail,s,1(${CONTEXT}))",
        FeatureCode(Feature.FORWARDS_OFF, "*44", enabled=True): "Gosub(callrec-service,s,1(forwards_off,))",
        FeatureCode(Feature.VOICEMAIL_ENABLE, "701", enabled=True): "Gosub(callrec-service,s,1(voicemail_enable,))",
        FeatureCode(Feature.PHONE_STATUS, "012", enabled=True): "Gosub(callrec-service,s,1(phone_status,))",
    }
    async with Pbx(installation, tables, spool=tmp_path) as pbx:
        at_first = {digits: await _leads_to(pbx, digits) for digits in ("*26", "*43", "*44", "*70", "701", "012")}
        await pbx.reload_users(_with(tables, *list(wanted)[:1]))
        assert await _leads_to(pbx, "*26") == "Gosub(callrec-always,s,1(${EXTEN}))"  # which says that it is off
        await pbx.reload_users(_with(tables, *wanted))
        assert {code: await _leads_to(pbx, code.code) for code in wanted} == wanted
        assert await _leads_to(pbx, "013") == at_first["012"] == "Gosub(callrec-call,s,1(,trunk:trunk))"
        assert (await _leads_to(pbx, "*70"), await _leads_to(pbx, "702")) == (
            at_first["*70"],
            at_first["701"].replace("701", "702"),
        )
        assert await _leads_to(pbx, "*7351***226") == "Gosub(callrec-who,s,1)"
    assert at_first["*26"] == "Gosub(callrec-always,s,1(*26))"
    assert at_first["*43"] == at_first["*44"] == "Answer(300)"
    assert (at_first["*70"].partition("(")[0], at_first["701"].partition("(")[0]) == ("Park", "ParkedCall")


def _with(tables: Tables, *codes: FeatureCode) -> Tables:
    """As the command and the API change codes, one after the other."""
    now = {code.feature: code for code in DEFAULT_CODES}
    for code in codes:
        code_checked(code, now.values(), tables.lines)
        now[code.feature] = code
    return replace(tables, codes=tuple(now.values()))


async def _leads_to(pbx: Pbx, digits: str) -> str:
    """What a phone that dials this runs first: Asterisk shows what fits in the order in which it looks."""
    shown = await pbx.cli(f"dialplan show {digits}@default")
    found = re.search(r" 1\. (\S+\))", shown)
    assert found, shown
    return found[1]


async def test_a_reload_with_three_thousand_lines_leaves_a_recorded_call_alone(
    installation: Installation, tmp_path: Path
) -> None:
    """Each side is on the disk as the other phone heard it, before, while and after it; its phones need not register again."""
    users, small = tmp_path / "users", example_tables()
    users.mkdir()
    await Confgen(DiskConfFolder(users), None).generate(source(small))
    async with (
        Pbx(installation, small, spool=tmp_path, users=users) as pbx,
        PhoneBank(installation, pbx, tones_hz=TONES_HZ) as bank,
        manager(pbx) as ami,
        manager(pbx) as other,
    ):
        there, here = await connect(bank.phone("1000"), "1001", bank.phone("1001"))
        leg = await _leg(other, "PJSIP/1000-")
        await other.action(
            "MixMonitor", [("Channel", leg), ("Options", f"r({tmp_path}/said.sln)t({tmp_path}/heard.sln)")]
        )
        await asyncio.sleep(TALK_S)  # some conversation
        states = (await Confgen(DiskConfFolder(users), AmiReading(ami)).generate(source(_more(small)))).files
        assert states["users_pjsip.conf"] == states["users_extensions.conf"] == "reloaded"
        assert not there.is_over
        await asyncio.sleep(TALK_S)  # some conversation
        await finish(there, here)
        truths = here.heard(), there.heard()  # what they heard is gone with the bank
        await finish(*await connect(bank.phone("1001"), "1000", bank.phone("1000")))
    for name, tone_hz, truth in zip(("said", "heard"), (TONES_HZ["1000"], TONES_HZ["1001"]), truths, strict=True):
        sound = load(tmp_path / f"{name}.sln")[0]
        assert truth.length_s > TALK_S
        assert sound.length_s >= 2 * TALK_S - PACKETS_S
        assert _without_s(sound, tone_hz) <= _without_s(truth, tone_hz) + PACKETS_S


def _without_s(sound: Sound, tone_hz: int) -> float:
    """For how long the tone is not heard."""
    return (1 - presence(sound, tone_hz)) * sound.length_s


def _more(tables: Tables) -> Tables:
    ids = [UserId(str(number)) for number in range(10, 3_010)]
    return replace(
        tables,
        users=(*tables.users, *(User(one, "User", one) for one in ids)),
        lines=(*tables.lines, *(Line(f"u{one}", one, f"5{one:0>5}", "default", "sip", "secret") for one in ids)),
    )


async def _leg(ami: AmiLink, begins: str) -> str:
    """The channel of a phone's one call."""
    channels = await ami.listing("CoreShowChannels", timeout_s=5)
    (name,) = (one.get("Channel") for one in channels if one.get("Channel").startswith(begins))
    return name
