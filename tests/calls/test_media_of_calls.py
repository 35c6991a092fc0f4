"""A call on a real Asterisk is heard, drawn, marked and annotated over the API of the running daemon, which has an audit log."""

import asyncio
import hashlib
import io
import json
from pathlib import Path

import aiohttp
import av
import numpy as np
from arrangement import tone_of
from conversing import play

from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

CALLER, CALLED = "1005", "1040"
TALK_S = 2.4


async def _conversation(_there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(TALK_S)


def _loudest_hz(content: bytes) -> list[float]:
    """The loudest frequency of each side."""
    with av.open(io.BytesIO(content)) as container:
        resampler = av.AudioResampler("s16p", "stereo", 8000)
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    sound = np.concatenate(frames, axis=1).astype(float)
    return [float(np.argmax(np.abs(np.fft.rfft(side))) * 8000 / len(side)) for side in sound]


async def test_a_recorded_call_is_heard_over_the_api(stack: Stack) -> None:
    played = await play(stack, CALLER, CALLED, _conversation)
    (stored,) = played.stored
    url = f"http://127.0.0.1:{stack.daemon.http}/api/v1/recordings/{stored.id}"
    async with aiohttp.ClientSession(headers=stack.daemon.authorization) as http:
        async with http.get(f"{url}/media") as answer:
            whole, tag = await answer.read(), answer.headers["ETag"]
        async with http.get(f"{url}/media", headers={"Range": "bytes=44-1043", "If-Range": tag}) as answer:
            assert (answer.status, await answer.read()) == (206, whole[44:1044])
        async with http.get(f"{url}/media?format=opus&download=true") as answer:
            opus = await answer.read()
        async with http.get(f"{url}/waveform") as answer:
            drawn = await answer.json()
        async with http.get(f"{url}/marks") as answer:
            marks = await answer.json()
    assert tag == f'"{hashlib.sha256(whole).hexdigest()}"'
    for content in (whole, opus):
        left, right = _loudest_hz(content)
        assert abs(left - tone_of(CALLER)) < 2
        assert abs(right - tone_of(CALLED)) < 2
    assert abs(drawn["length_s"] - stored.length_s) < 0.001
    assert max(drawn["peaks"][0]) > 10 < max(drawn["peaks"][1])
    assert [one["number"] for one in marks["speaking"]] == [CALLER, CALLED]
    assert any(one["kind"] == "joined" and one["text"] == CALLED for one in marks["marks"])
    await _annotated(stack, stored.id)


async def _annotated(stack: Stack, recording: str) -> None:
    """By commands; a rebuild reads the same, verify finds nothing."""
    ended, said = await stack.daemon.callrec("recordings", "tag", recording, "vip", "--json")
    assert (ended, json.loads(said)["tags"]) == (0, ["vip"]), said
    ended, said = await stack.daemon.callrec("recordings", "hold", recording, "--reason", "lawsuit", "--json")
    assert ended == 0, said
    await stack.daemon.callrec("rebuild")
    ended, said = await stack.daemon.callrec("recordings", "show", recording, "--json")
    shown = json.loads(said)
    assert (shown["tags"], shown["holds"]) == (["vip"], ["lawsuit"])
    ended, said = await stack.daemon.callrec("recordings", "release", recording, "--reason", "settled", "--json")
    assert (ended, json.loads(said)["holds"]) == (0, []), said
    (sidecar,) = stack.daemon.monitor.rglob(f"{recording}.json")
    assert [path.name for path in _beside(sidecar)] == [
        f"{recording}.{end}" for end in ("annotations.json", "json", "peaks", "wav")
    ]


def _beside(sidecar: Path) -> list[Path]:
    return sorted(sidecar.parent.glob(f"{sidecar.stem}.*"))
