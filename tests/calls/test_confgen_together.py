"""Several runs of confgen at once, in processes of their own, over one folder and one Asterisk."""

import asyncio
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from arrangement import manager
from laboratory import example_tables, source

from callrec.adapters.asterisk.config_reload import AmiReading
from callrec.adapters.disk.config_folder import DiskConfFolder
from callrec.adapters.redis.store import open_store
from callrec.app.asterisk.config_files import MARK, Confgen, FileResult
from callrec.domain.directory.model import Tables
from callrec.protocols.asterisk_conf import users_files
from callrec_lab.installation import Installation
from callrec_lab.pbx import Pbx
from callrec_lab.stack import Stack

OWNER = "1060"
NAMES = ("One", "Two", "Three", "Four")
LOOK_S = 0.002
ROUNDS = 6


async def _tables(stack: Stack) -> Tables:
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        return await store.tables()


def _named(tables: Tables, name: str) -> Tables:
    """The same with another name for OWNER."""
    owner = next(line.user for line in tables.lines if line.number == OWNER)
    return replace(
        tables, users=tuple(replace(user, lastname=name) if user.id == owner else user for user in tables.users)
    )


def _look(folder: Path, seen: set[tuple[str, str]]) -> None:
    """Note every text that is to be read in the folder now."""
    for file in folder.glob("users_*.conf"):
        with suppress(FileNotFoundError):
            seen.add((file.name, file.read_text()))


async def _watch(folder: Path, seen: set[tuple[str, str]]) -> None:
    """The same, for ever."""
    while True:
        await asyncio.to_thread(_look, folder, seen)
        await asyncio.sleep(LOOK_S)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _naming(file: Path, name: str) -> str:
    """A user file that gives OWNER another name."""
    file.write_text(f"phonenumber|context|lastname\n{OWNER}|default|{name}\n")
    return str(file)


def _alarms(stack: Stack) -> list[str]:
    lines = stack.daemon.log.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if '"alarm"' in line and "confgen" in line]


async def _loaded(pbx: Pbx) -> str:
    """The stamp of the dialplan that Asterisk runs, as it stands in the file."""
    (digest,) = re.findall(r"'(\w{20})' =>", await pbx.cli("dialplan show callrec-stamp"))
    return f"exten => {digest},1,NoOp()"


async def test_runs_with_different_tables_neither_refuse_nor_overwrite_each_other(
    installation: Installation, tmp_path: Path
) -> None:
    """Each has Asterisk prove its own files before the other begins; at the end those of the last one run."""
    users, one = tmp_path / "users", example_tables()
    two = replace(one, lines=one.lines[:2], voicemails=())
    await Confgen(DiskConfFolder(users), None).generate(source(one))
    async with Pbx(installation, one, spool=tmp_path, users=users) as pbx, manager(pbx) as ami, manager(pbx) as other:
        runs = [
            Confgen(DiskConfFolder(users), AmiReading(link)).generate(source(tables))
            for _ in range(ROUNDS)
            for link, tables in ((ami, one), (other, two))
        ]
        generated = await asyncio.gather(*runs)
        assert {state for run in generated for state in run.files.values()} >= {FileResult.RELOADED}
        texts = {name: (users / name).read_text() for name in users_files(one)}
        assert texts in (users_files(one), users_files(two))
        assert await _loaded(pbx) in texts["users_extensions.conf"]


async def test_commands_at_once_beside_the_daemon_take_turns(stack: Stack, tmp_path: Path) -> None:
    """While the tables change: each command ends well, no file is ever one that no tables make, none is refused, and in the end
    Asterisk runs what the tables say."""
    folder, before, alarms = Path(stack.daemon.settings["confgen_dir"]), await _tables(stack), _alarms(stack)
    seen: set[tuple[str, str]] = set()
    watching = asyncio.create_task(_watch(folder, seen))
    for name in NAMES:
        ran = await asyncio.gather(
            stack.daemon.callrec("users", "import", "--mode", "update", _naming(tmp_path / f"{name}.csv", name)),
            stack.daemon.callrec("confgen"),
            stack.daemon.callrec("confgen"),
        )
        assert [said for code, said in ran if code] == []
    code, said = await stack.daemon.callrec("confgen")
    watching.cancel()
    assert code == 0, said
    after = await _tables(stack)
    assert after == _named(before, NAMES[-1])
    files = users_files(after)
    assert {name: (folder / name).read_text() for name in files} == files
    versions = [users_files(tables).items() for tables in (before, *(_named(before, name) for name in NAMES))]
    assert seen <= {one for version in versions for one in version}
    assert await asyncio.to_thread(_names, folder) == {".lock", MARK, *files}
    assert _alarms(stack) == alarms
    assert await _loaded(stack.pbx) in files["users_extensions.conf"]
