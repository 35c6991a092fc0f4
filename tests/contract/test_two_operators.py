"""Two operators edit at once, by commands and over HTTP: both succeed, and each finds what the other has done."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from api_door import Answer, ServiceUrl, opened

EDITS = 8
LIMIT_S = 400.0
"""Far more than a busy machine needs: a hang is a failure, too."""
COMMANDS = """
import sys
from callrec.cli.app import app
from callrec.domain.errors import Unavailable
def type_it(words):
    try:
        app(words, standalone_mode=False)
    except Unavailable as away:
        if away.code == "tables-busy":
            raise
        type_it(words)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[1])):
    for words in sys.argv[2:]:
        type_it(words.format(number).split())
"""
"""An operator's commands one after the other, in one process: so they meet those of the other without a pause. Where the store
does not answer in time, on a busy machine, the command is typed again: that is no conflict."""


@pytest.fixture
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceUrl]:
    async with opened(tmp_path_factory.mktemp("s")) as door:
        yield door


async def operator(folder: Path, *words: str, edits: int = EDITS) -> Process:
    """One who has everything at hand, and waits for a line on stdin."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
    command = (sys.executable, "-c", COMMANDS, str(edits), *words)
    process = await asyncio.create_subprocess_exec(
        *command, env={**ours, "CALLREC_STATE_DIR": str(folder)}, cwd=folder, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def done(process: Process) -> None:
    """It begins now, and ends well."""
    _, complaints = await process.communicate(b"\n")
    assert process.returncode == 0, complaints.decode()


async def asked(door: ServiceUrl, method: str, path: str, body: object, key: str, **headers: str) -> Answer:
    """A request, again under its key while the store does not answer in time."""
    while True:
        answer = await door.ask(method, path, body, Idempotency_Key=key, **headers)
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE or answer.json["code"] == "tables-busy":
            return answer


async def test_two_operators_with_commands_edit_one_store_at_once(door: ServiceUrl) -> None:
    """Roles and contexts that only one of them touches, and rules of one user, of which each sets another."""
    folder = door.state_dir
    first = await operator(
        folder, "roles set first{0} --permission calls.read", "users set 1000 --rule in_internal=always --dnd on"
    )
    second = await operator(
        folder, "contexts set second{0} --range 7{0:03d}", "users set 1000 --rule out_external=never --voicemail off"
    )
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(done(first), done(second))
    tables = await door.store.tables()
    john = next(user for user in tables.users if user.id == "1")
    assert {role.name for role in tables.roles} >= {f"first{number}" for number in range(EDITS)}
    assert {context.name for context in tables.contexts} >= {f"second{number}" for number in range(EDITS)}
    assert (john.rules.in_internal, john.rules.out_external) == ("always", "never")
    assert (john.dnd, john.voicemail_enabled) == (True, False)


async def test_an_operator_with_commands_and_one_over_http_edit_at_once(door: ServiceUrl) -> None:
    """The one over HTTP never pauses, and none of its requests is refused either."""
    words = ("roles set ours{0} --permission calls.read", "extensions set dnd --code *4{0:03d}")
    typing = asyncio.create_task(done(await operator(door.state_dir, *words)))
    edits = 0
    async with asyncio.timeout(LIMIT_S):
        while not typing.done():
            edits += 1
            role, code = {"name": f"theirs{edits}", "permissions": ["calls.read"]}, {"code": f"*8{edits:03d}"}
            answers = (
                await asked(door, "POST", "/roles", role, f"role-{edits}"),
                await asked(door, "PATCH", "/users/2", {"lastname": f"J{edits}"}, f"user-{edits}", If_Match="*"),
                await asked(door, "PATCH", "/extensions/pickup", code, f"code-{edits}", If_Match="*"),
            )
            assert [answer.status for answer in answers] == [201, 200, 200], [answer.text for answer in answers]
        await typing
    tables = await door.store.tables()
    names = {role.name for role in tables.roles}
    assert names >= {f"ours{number}" for number in range(EDITS)} | {f"theirs{number + 1}" for number in range(edits)}
    codes = {code.feature: code.code for code in tables.codes}
    assert (codes["dnd"], codes["pickup"]) == (f"*4{EDITS - 1:03d}", f"*8{edits:03d}")
    assert edits > EDITS / 2
