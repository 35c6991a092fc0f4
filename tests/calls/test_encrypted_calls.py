"""A call on a real Asterisk with CALLREC_ENCRYPTION: encrypted on disk, heard with ranges, proven, and erased with its key."""

import asyncio
import hashlib
import json
from pathlib import Path

import aiohttp
import pytest
from arrangement import tone_of
from conversing import News, conversation
from test_media_of_calls import CALLED, CALLER, TALK_S, _loudest_hz

from callrec.protocols.encrypted_file import MARK
from callrec_lab.stack import Stack


def _files(stack: Stack, recording: str) -> list[Path]:
    return sorted(path for path in stack.daemon.monitor.rglob(f"{recording}*") if path.is_file())


def _below(stack: Stack, needle: bytes) -> list[Path]:
    """The files of library, spool and state folder with these bytes."""
    folders = (stack.daemon.monitor, stack.daemon.spool, stack.daemon.state)
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in files if needle in path.read_bytes()]


@pytest.mark.profile("encrypted")
async def test_an_encrypted_call_is_heard_proven_and_erased(changed: Stack, tmp_path: Path) -> None:
    async with News(changed) as news:
        async with conversation(changed, CALLER, CALLED):
            await asyncio.sleep(TALK_S)
        recording = (await news.event("recording-stored"))["id"]
    url = f"http://127.0.0.1:{changed.daemon.http}/api/v1/recordings/{recording}"
    async with aiohttp.ClientSession(headers=changed.daemon.authorization) as http:
        async with http.get(f"{url}/media") as answer:
            whole, tag = await answer.read(), answer.headers["ETag"]
        async with http.get(f"{url}/media", headers={"Range": "bytes=44-20043", "If-Range": tag}) as answer:
            assert (answer.status, await answer.read()) == (206, whole[44:20044])
        async with http.get(f"{url}/media?format=opus") as answer:
            opus = await answer.read()
        async with http.get(f"{url}/waveform") as answer:
            drawn = await answer.json()
    assert tag == f'"{hashlib.sha256(whole).hexdigest()}"'
    for content in (whole, opus):
        left, right = _loudest_hz(content)
        assert abs(left - tone_of(CALLER)) < 2
        assert abs(right - tone_of(CALLED)) < 2
    assert max(drawn["peaks"][0]) > 10 < max(drawn["peaks"][1])

    files = _files(changed, recording)
    assert [path.name.removeprefix(recording) for path in files] == [".json", ".key", ".peaks", ".wav"]
    assert [path.read_bytes().startswith(MARK) for path in files] == [False, False, True, True]
    assert _below(changed, whole[20000:20064]) == []
    assert _below(changed, opus[400:464]) == []

    ended, said = await changed.daemon.callrec("verify", "--json")
    assert (ended, json.loads(said)["findings"]) == (0, []), said
    ended, said = await changed.daemon.callrec("verify", "--prove", recording, "--into", str(tmp_path / "evidence"))
    assert ended == 0, said
    assert (tmp_path / "evidence" / f"{recording}.wav").read_bytes() == whole

    ended, said = await changed.daemon.callrec("recordings", "erase", recording, "--reason", "request 1", "--json")
    assert ended == 0, said
    assert _files(changed, recording) == []
    ended, said = await changed.daemon.callrec("verify", "--json")
    assert (ended, json.loads(said)["findings"]) == (0, []), said
