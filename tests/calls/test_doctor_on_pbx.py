"""What the doctor says of a real Asterisk, of which something was taken away."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from arrangement import manager
from laboratory import Laboratory, example_tables

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.config_reload import AmiReading
from callrec.adapters.asterisk.link import LinkState
from callrec.app.doctor.asterisk_checks import Expected, look_at_manager
from callrec.app.doctor.findings import Finding, Verdict
from callrec.cli.connections import opened
from callrec.config import Settings
from callrec.protocols.asterisk_conf import render
from callrec.wiring.links import ari_link
from callrec_lab.stack import Stack


async def test_the_doctor_finds_nothing_wrong_with_the_product_as_it_is_shipped(stack: Stack) -> None:
    """Whatever the generated files hold."""
    code, said = await stack.daemon.callrec("doctor")
    assert code == 0, said


async def findings(stack: Stack) -> dict[str, dict[str, str]]:
    """By check."""
    code, said = await stack.daemon.callrec("doctor", "--json")
    found = {one["check"]: one for one in json.loads(said)}
    assert code in {0, 1}, [one for one in found.values() if one["verdict"] != "ok"]
    return found


async def test_sounds_that_are_not_linked_are_found(stack: Stack) -> None:
    """By playing. A missing language is not hidden by the default one, which Asterisk plays in its place."""
    french = stack.pbx.root / "share/sounds/fr/callrec"
    target = french.readlink()
    french.unlink()
    try:
        said = (await findings(stack))["sounds"]
        assert (said["verdict"], "fr: all of them" in said["says"]) == ("wrong", True)
    finally:
        french.symlink_to(target)
    found = await findings(stack)
    assert found["tones"]["verdict"] == found["sounds"]["verdict"] == "ok"
    assert await stack.pbx.cli("core show channels concise") == ""


async def test_connections_that_close_while_lamps_change_leave_ari_alive(lab: Laboratory) -> None:
    """Asterisk issue 2170: a subscription to device states hung it for ever, at one of the first few ends."""
    ports = lab.pbx.ports
    settings = Settings(
        ari_url=f"http://{ports.ari_user}:{quote(ports.ari_secret, safe='')}@127.0.0.1:{ports.http}/ari"
    )

    async def change_lamps(ami: AmiLink) -> None:
        for state in itertools.cycle(("INUSE", "NOT_INUSE")):
            await ami.action("Setvar", [("Variable", "DEVICE_STATE(Custom:any)"), ("Value", state)])

    async with manager(lab.pbx) as ami, asyncio.TaskGroup() as tasks:
        changing = [tasks.create_task(change_lamps(ami)) for _ in range(3)]
        for _ in range(200):
            link = ari_link(settings, "callrec-doctor")
            async with opened(link):
                assert link.state is LinkState.UP, link.state_reason
        for task in changing:
            task.cancel()


@asynccontextmanager
async def without(lab: Laboratory, module: str) -> AsyncIterator[None]:
    """Inside, Asterisk does not have this module."""
    assert "Unloaded" in await lab.pbx.cli(f"module unload {module}.so")
    try:
        yield
    finally:
        await lab.pbx.cli(f"module load {module}.so")


async def modules(lab: Laboratory, ami: AmiLink) -> Finding:
    """The doctor's finding about modules."""
    ports = lab.pbx.ports
    expected = Expected(
        ports.ami_user, f"127.0.0.1:{ports.agi}", str(lab.spool), "*26", "*3", keeps_files=True, mailboxes=True
    )
    return next(one for one in await look_at_manager(ami, expected) if one.check == "modules")


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("func_pjsip_aor", "users_pjsip.conf"),
        ("func_dialplan", "users_extensions.conf"),
        ("app_voicemail", "users_voicemail.conf"),
    ],
)
async def test_a_module_that_proves_a_file_is_named_when_it_is_not_loaded(
    lab: Laboratory, module: str, file: str
) -> None:
    """Without it Asterisk knows no stamp of a file that it runs: so this has to be found."""
    proof = next(one.proof for one in render(example_tables()).files if one.name == file)
    assert proof is not None
    async with manager(lab.pbx) as ami:
        assert await AmiReading(ami).answer(proof) == proof.answer
        assert (await modules(lab, ami)).verdict is Verdict.OK
        async with without(lab, module):
            assert await AmiReading(ami).answer(proof) == ""
            finding = await modules(lab, ami)
            assert (finding.verdict, finding.says) == (Verdict.WRONG, f"not loaded: {module}")
            assert f"load = {module}.so" in finding.write
        assert await AmiReading(ami).answer(proof) == proof.answer


async def test_keys_of_numbers_that_the_dialplan_does_not_have_are_refused_and_found(
    stack: Stack, tmp_path: Path
) -> None:
    """A command asks as the page does, and takes a key while Asterisk cannot be asked: the doctor finds it later."""
    callrec, environment = stack.daemon.callrec, stack.daemon.environment
    file = tmp_path / "keys.csv"
    file.write_text("user,number,type,destination\n1000,1,dnd,\n1000,2,paging,*43\n1000,3,queue,*49\n")
    code, said = await callrec("keys", "set", "1000", "3", "queue", "--to", "*49")
    assert (code, "this PBX has no number *49" in said) == (1, True), said
    code, said = await callrec("keys", "import", str(file))
    assert (code, "line 4, destination" in said, "no number *49" in said) == (1, True, True), said
    assert "CALLREC_AMI_URL" not in environment
    try:
        environment["CALLREC_AMI_URL"] = "ami://callrec:secret@127.0.0.1:1"
        code, said = await callrec("keys", "import", str(file))
        assert (code, "Asterisk was not asked" in said, "3 added" in said) == (0, True, True), said
        del environment["CALLREC_AMI_URL"]
        found = (await findings(stack))["function keys"]
        assert (found["verdict"], found["says"]) == (
            "wrong",
            "this PBX does not have the number of key 3 of 1000 (queue *49)",
        )
    finally:
        environment.pop("CALLREC_AMI_URL", None)
        for number in ("1", "2", "3"):
            await callrec("keys", "remove", "1000", number)
    code, said = await callrec("keys", "set", "1000", "2", "paging", "--to", "*43")
    assert (code, "not asked" in said) == (0, False), said
    assert (await findings(stack))["function keys"]["verdict"] == "ok"
    await callrec("keys", "remove", "1000", "2")
