"""Makes `tests/golden/today` from a real product that records, imports, fails and is killed: `make golden-today`.

What stands there was written by the version that made it, and each later one has to understand it: docs/TESTING.md, *Formats that
are frozen*.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from pathlib import Path

from callrec.adapters.redis.connection import Address, ask
from callrec.domain.errors import CallrecError
from callrec_lab.asterisk import dialplan_folder
from callrec_lab.phones import PhoneCall, RingForever
from callrec_lab.stack import Stack, Wishes, start

HERE = Path(__file__).parent
TODAY = HERE / "today"
TONES_HZ = {f"100{n}": 500 + 170 * n for n in range(7)} | {"outside": 700}
LEFT_OUT = ("lock", ".lock", ".callrec.lock", "guests", "token", "valkey.log", "valkey.conf")
"""Of this machine, and made anew by each start."""
CONVERSATION_S = 2.0
STEP_S = 1.0
COMMANDS = {
    "users-list": ("users", "list"),
    "users-show": ("users", "show", "1000"),
    "extensions-list": ("extensions", "list"),
    "contexts-list": ("contexts", "list"),
    "roles-list": ("roles", "list"),
    "keys-list": ("keys", "list", "1000"),
    "recordings-list": ("recordings", "list"),
    "verify": ("verify",),
    "doctor": ("doctor",),
    "confgen": ("confgen", "--dry-run"),
    "import": ("users", "import", "--dry-run", str(HERE / "new_users.csv")),
    "import-refused": ("users", "import", "--dry-run", str(HERE / "users.csv")),
}
"""Commands with `--json`, whose answers are kept."""
TABLES = ("users", "lines", "incalls", "voicemails", "contexts", "entities", "profiles", "roles", "keys", "extensions")
PAGES = {name: f"/api/v1/{name}" for name in TABLES} | {
    "lookup": "/api/v1/lookup?did=2050&context=from-extern",
    "problem": "/api/v1/users/999",
}
"""Pages of the API, whose answers are kept."""


async def talk(stack: Stack, caller: str, called: str) -> tuple[PhoneCall, PhoneCall]:
    """Both sides of a call that was answered."""
    there = await stack.phone(caller).call(called, tone_hz=TONES_HZ[caller])
    here = await stack.phone(called).rings()
    await asyncio.gather(there.answered(), here.answered())
    return there, here


async def on_demand(stack: Stack) -> None:
    """Sound: `*3` and `*3`."""
    there, _ = await talk(stack, "1000", "1001")
    await there.press("*3")
    await asyncio.sleep(CONVERSATION_S)
    await there.press("*3")
    await asyncio.sleep(STEP_S)
    await there.hangup()


async def paused_and_waiting(stack: Stack) -> None:
    """A flagged user pauses by `*3`, goes on, and holds the other."""
    there, here = await talk(stack, "1002", "1003")
    await asyncio.sleep(CONVERSATION_S)
    await there.press("*3")
    await asyncio.sleep(STEP_S + 0.5)
    await there.press("*3")
    await asyncio.sleep(CONVERSATION_S)
    await here.hold()
    await asyncio.sleep(CONVERSATION_S)
    await here.hum(TONES_HZ["1003"])
    await asyncio.sleep(STEP_S)
    await there.hangup()


async def transferred(stack: Stack) -> None:
    """The flagged user's partner sends them on; then the flagged user leaves by a transfer: `recorded-user-left`."""
    there, here = await talk(stack, "1004", "1005")
    await asyncio.sleep(CONVERSATION_S)
    await here.send_to("1003")
    third = await stack.phone("1003").rings()
    await third.answered()
    await asyncio.sleep(2 * CONVERSATION_S)
    await there.send_to("1006")
    fourth = await stack.phone("1006").rings()
    await fourth.answered()
    await asyncio.sleep(STEP_S)
    await fourth.hangup()


async def unanswered(stack: Stack) -> None:
    """Nobody answers the flagged user."""
    await stack.phone("1001").behave(RingForever())
    there = await stack.phone("1002").call("1001", tone_hz=TONES_HZ["1002"])
    await stack.phone("1001").rings()
    await asyncio.sleep(CONVERSATION_S)
    await there.hangup()


async def partial(stack: Stack) -> None:
    """Somebody stops the recorder in the middle; another capture goes on."""
    there, _ = await talk(stack, "1004", "1005")
    await asyncio.sleep(CONVERSATION_S)
    channels = await stack.pbx.cli("core show channels concise")
    leg = next(line.split("!")[0] for line in channels.splitlines() if line.startswith("PJSIP/carl-"))
    await stack.pbx.cli(f"mixmonitor stop {leg}")
    await asyncio.sleep(CONVERSATION_S)
    await there.hangup()


async def failed(stack: Stack) -> None:
    """Asterisk has no recorder at all."""
    await stack.pbx.cli("module unload app_mixmonitor.so")
    there, _ = await talk(stack, "1002", "1003")
    await asyncio.sleep(CONVERSATION_S)
    await there.hangup()
    await asyncio.sleep(STEP_S)
    await stack.pbx.cli("module load app_mixmonitor.so")


async def told(stack: Stack) -> None:
    """`*26` with the daemon."""
    code = await stack.phone("1006").call("*26")
    await code.answered()
    await code.ended()


async def settled(stack: Stack) -> None:
    """Nothing waits in the spool any more."""
    async with asyncio.timeout(20):
        while any(path.is_file() for path in stack.daemon.spool.glob("*-*")):  # noqa: ASYNC110 - other processes tell nobody
            await asyncio.sleep(0.1)
    await asyncio.sleep(STEP_S)


async def without_the_daemon(stack: Stack) -> None:
    """The daemon is killed in a recorded call; the dialplan records another one, and a `*26` waits in AstDB."""
    there, _ = await talk(stack, "1004", "1005")
    await asyncio.sleep(CONVERSATION_S)
    await stack.daemon.kill()
    await asyncio.sleep(2 * STEP_S)  # what tells the dialplan that the daemon lives is too old by then
    await there.hangup()
    code = await stack.phone("1003").call("*26")
    await code.answered()
    await code.ended()
    alone, _ = await talk(stack, "1002", "1000")
    await asyncio.sleep(CONVERSATION_S)
    await alone.hangup()
    await asyncio.sleep(STEP_S)


async def answers(stack: Stack, folder: Path) -> None:
    """What commands and the API say of all this."""
    first = min(stack.daemon.monitor.rglob("*.json")).stem
    for name, words in (COMMANDS | {"recordings-show": ("recordings", "show", first), "rebuild": ("rebuild",)}).items():
        _, said = await stack.daemon.callrec(*words, "--json")
        if name == "doctor":  # it speaks of this machine
            said = json.dumps([one | {"says": "", "write": ""} for one in json.loads(said)], indent=2) + "\n"
        (folder / "cli" / f"{name}.json").write_text(said)
    for name, path in PAGES.items():
        await page(stack, path, folder / "api" / f"{name}.json")
    await page(stack, "/readyz", folder / "api" / "readyz.json")


async def page(stack: Stack, path: str, file: Path) -> None:
    """One of them, indented for people."""
    _, said = await stack.daemon.get(path)
    await asyncio.to_thread(file.write_text, json.dumps(json.loads(said), indent=2, ensure_ascii=False) + "\n")


async def events(stack: Stack) -> list[dict[str, str]]:
    """All that was told, in its order."""
    client = Address.of_socket(stack.daemon.state.absolute() / "valkey/valkey.sock").client()
    try:
        return [fields for _, fields in await ask(client, "XRANGE", "callrec:events", "-", "+")]
    finally:
        await client.aclose()


async def stop_the_store(stack: Stack) -> None:
    """As after a power cut, but with all on its disk."""
    client = Address.of_socket(stack.daemon.state.absolute() / "valkey/valkey.sock").client()
    try:
        await client.execute_command("SHUTDOWN", "NOSAVE", "NOW")
    except Exception as ended:  # noqa: BLE001 - it answers by closing the connection
        print(f"   the store: {type(ended).__name__}")
    finally:
        await client.aclose()


async def record(folder: Path) -> None:
    """All scenes, and what they left."""
    draft = folder / "today"
    for name in ("cli", "api"):
        (draft / name).mkdir(parents=True)
    wishes = Wishes(
        users=HERE / "users.csv",
        tones_hz=TONES_HZ,
        settings={"on_demand_overrides_always": "pause", "state_dir": str(folder / "state")},
    )
    async with start(folder, wishes, print) as stack:
        for words in (
            ("keys", "set", "1000", "1", "user", "--to", "1001", "--label", "George", "--supervised"),
            ("users", "set", "1006", "--rule", "in_internal=never", "--forward-busy", "1000"),
            ("roles", "set", "auditor", "--permission", "audit.read"),
        ):
            print(words, await stack.daemon.callrec(*words))
        await on_demand(stack)
        await paused_and_waiting(stack)
        await transferred(stack)
        await unanswered(stack)
        await partial(stack)
        await failed(stack)
        await told(stack)
        await settled(stack)
        await answers(stack, draft)
        (draft / "events.json").write_text(json.dumps(await events(stack), indent=1, ensure_ascii=False) + "\n")
        (draft / "metrics.txt").write_text((await stack.daemon.get("/metrics"))[1])
        await without_the_daemon(stack)
        await stop_the_store(stack)
        await stack.pbx.stop()
        keep(stack, draft)
    shutil.rmtree(TODAY, ignore_errors=True)
    shutil.copytree(draft, TODAY)
    for path in TODAY.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def keep(stack: Stack, draft: Path) -> None:
    """What can be read stands there as it is; sound, the store's file and what else is bytes in one archive."""
    shutil.copytree(stack.daemon.monitor, draft / "monitor", ignore=shutil.ignore_patterns("*.wav", *LEFT_OUT))
    shutil.copytree(stack.daemon.state / "journal", draft / "journal", ignore=shutil.ignore_patterns(*LEFT_OUT))
    shutil.copytree(stack.daemon.settings["confgen_dir"], draft / "asterisk", ignore=shutil.ignore_patterns(*LEFT_OUT))
    dialplan = dialplan_folder()
    shutil.copytree(dialplan, draft / "dialplan", ignore=shutil.ignore_patterns("sounds", "*.md"))
    (draft / "astdb.txt").write_text(
        "".join(f"{key} {value}\n" for key, value in astdb(stack.pbx.root / "lib/astdb.sqlite3"))
    )
    with tarfile.open(draft / "bulk.tar.xz", "w:xz", preset=9) as archive:
        for name, where in (
            ("state", stack.daemon.state),
            ("spool", stack.daemon.spool),
            ("monitor", stack.daemon.monitor),
        ):
            for path in sorted(where.rglob("*")):
                if (
                    path.is_file()
                    and path.parent.name != "journal"
                    and path.name not in LEFT_OUT
                    and not is_plain(path)
                ):
                    archive.add(path, f"{name}/{path.relative_to(where)}", filter=anonymous)


def is_plain(path: Path) -> bool:
    """A sidecar stands beside the archive."""
    return path.suffix == ".json" and path.name != "tables.json"


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Of no user of this machine."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def astdb(file: Path) -> list[tuple[str, str]]:
    """What Asterisk's database holds of ours."""
    with sqlite3.connect(file) as database:
        return [
            (str(key), str(value))
            for key, value in database.execute("SELECT key, value FROM astdb WHERE key LIKE '/callrec/%' ORDER BY key")
        ]


def main() -> int:
    """0 when the files are there."""
    folder = Path(tempfile.mkdtemp(prefix="callrec-golden-"))
    try:
        asyncio.run(record(folder))
    except CallrecError as error:
        print(f"golden: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
