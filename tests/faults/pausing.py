"""Calls that are paused while all of them say a secret, a tone of its own: what is in which file, and what they hear of it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from free_cpu import is_starved
from trouble import TONES_HZ, Stored, connect, phone, settled, stored, until

from callrec.domain.library.timeline import EXACT_S
from callrec_lab.audio_checks import Sound, longest_s, spans
from callrec_lab.phones import Answer, PhoneCall
from callrec_lab.stack import Stack

SECRET_HZ = 3550
"""Far from all that else is heard: the tone of ringing (440 Hz) was taken for a secret of 500 Hz."""
TALK_S, SECRET_S = 1.5, 1.2
CLICK_S = 0.06
"""A packet that comes late is a click, which has all pitches."""
LOW_HZ, HIGH_HZ = 660, 880
"""The tone of a pause falls from the high note to the low one, that of a resume rises."""
NOTE_S, SHORT_S = 0.08, 0.06
"""So long a note of 120 ms is heard at least, and where a starved machine loses its first or last packet; a click is shorter."""
LATE_S, STOOD_STILL_S = 0.045, 0.15
"""So long a note may be away between its first and its last moment: for two packets, and where a starved machine stands still."""
EDGE_S = 0.1
"""How exactly the time line knows an instant."""


class Operator:
    """Asks the API, and keeps every capture file that is ever in the spool open: so its content outlasts its removal."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.kept: dict[str, int] = {}

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and answer."""
        daemon = self.stack.daemon
        url = f"http://127.0.0.1:{daemon.http}/api/v1/calls{path}"
        async with (
            aiohttp.ClientSession(headers=daemon.authorization) as http,
            http.request(method, url, json=body) as answer,
        ):
            return answer.status, await answer.json()

    async def call(self, *numbers: str) -> dict[str, Any]:
        """The live call in which these talk."""
        _, said = await self.ask("GET", "")
        return next(one for one in said["items"] if {who["number"] for who in one["participants"]} >= set(numbers))

    async def has(self, *numbers: str) -> bool:
        """Whether these are in one live call."""
        _, said = await self.ask("GET", "")
        return any({who["number"] for who in one["participants"]} >= set(numbers) for one in said["items"])

    async def control(self, call: str, control: str, **body: object) -> dict[str, Any]:
        """Proven at once."""
        status, said = await self.ask("POST", f"/{call}/recording/{control}", body)
        assert status == 200, said
        return said

    async def watch(self) -> None:
        """Open each capture file as soon as it is there, until cancelled."""
        while True:
            for file in self.stack.daemon.spool.glob("*-*.sln*"):
                if file.name not in self.kept and file.is_file():
                    with contextlib.suppress(FileNotFoundError):
                        self.kept[file.name] = os.open(file, os.O_RDONLY)
            await asyncio.sleep(0.02)

    def keepers(self, call: str) -> list[str]:
        """The capture files that hold the secret, of all that there were; some are of this call."""
        assert any(name.startswith(call) for name in self.kept)
        return [
            name for name, descriptor in self.kept.items() if longest_s(_heard(name, descriptor), SECRET_HZ) > CLICK_S
        ]

    def close(self) -> None:
        """Let the files go."""
        for descriptor in self.kept.values():
            os.close(descriptor)


def _heard(name: str, descriptor: int) -> Sound:
    size = os.fstat(descriptor).st_size
    samples = np.frombuffer(os.pread(descriptor, size - size % 2, 0), "<i2") / 32768
    return Sound(samples, 16000 if name.endswith("16") else 8000)


@dataclass
class Scene:
    """A call that is recorded by rule, with all whose phones take part."""

    operator: Operator
    call: str
    phones: dict[str, PhoneCall]
    all_phones: list[PhoneCall] = field(default_factory=list)

    async def is_(self, state: str) -> bool:
        """Whether the API says so."""
        _, said = await self.operator.ask("GET", "")
        return any(one["id"] == self.call and one["state"] == state for one in said["items"])

    async def talk(self) -> None:
        """For a while."""
        await asyncio.sleep(TALK_S)

    async def say_secret(self) -> None:
        """All phones say the secret, and then their own again."""
        await asyncio.gather(*(one.hum(SECRET_HZ) for one in self.phones.values()))
        await asyncio.sleep(SECRET_S)
        await asyncio.gather(*(one.hum(TONES_HZ[number]) for number, one in self.phones.items()))
        await asyncio.sleep(0.3)  # until the last packet of it has come

    async def pause(self, **body: object) -> None:
        """Nothing is recorded any more."""
        said = await self.operator.control(self.call, "pause", reason="card number", **body)
        assert said["state"] == "paused"

    async def resume(self) -> None:
        """It goes on; a new capture needs its time to prove it."""
        status, said = await self.operator.ask("POST", f"/{self.call}/recording/resume")
        assert status in {200, 202}, said

    async def send(self, leaver: str, number: str) -> None:
        """One of them sends the other to a third, and has left."""
        leaving = self.phones.pop(leaver)
        await leaving.send_to(number)
        third = await phone(self.operator.stack, number).rings()
        self.phones[number] = await third.answered()
        self.all_phones.append(self.phones[number])
        await leaving.hangup()

    async def restart(self) -> None:
        """The daemon dies, and another one begins."""
        await self.operator.stack.daemon.kill()
        await asyncio.sleep(0.5)
        await self.operator.stack.daemon.start()
        await self.operator.stack.daemon.ready()


@asynccontextmanager
async def scene(
    stack: Stack,
    caller: str,
    called: str,
    connected: Callable[[], Awaitable[tuple[PhoneCall, PhoneCall]]] | None = None,
) -> AsyncIterator[Scene]:
    """A call; at the end it is over and stored. `connected` makes it, in place of a call from one to the other."""
    for number in ("1002", "1003", "1007"):
        await phone(stack, number).behave(Answer(tone_hz=TONES_HZ[number]))
    operator = Operator(stack)
    watching = asyncio.create_task(operator.watch())
    try:
        there, here = await (connected() if connected else connect(stack, caller, called))
        await until(lambda: operator.has(caller, called))
        call = await operator.call(caller, called)
        playing = Scene(operator, call["id"], {caller: there, called: here}, [there, here])
        try:
            yield playing
        finally:
            if not stack.daemon.pid:
                await stack.daemon.start()
            for one in playing.all_phones:
                await one.hangup()
        await settled(stack)
    finally:
        watching.cancel()


def recorded(played: Scene) -> Stored:
    """The only recording of the call."""
    (found,) = [one for one in stored(played.operator.stack) if one.manifest.recording.call == played.call]
    return found


def assert_kept_secret(played: Scene, found: Stored) -> None:
    """The secret is in no file, not even in a capture file; in the pause the file has digital silence; all else is there."""
    assert played.operator.keepers(played.call) == []
    recording = found.manifest.recording
    from_s = recording.captures[0].from_s
    # Where a phone sent nothing for a while on a busy machine, the entry says how far a moment may lie beside its place.
    assert recording.timeline_exact_s is not None
    edge_s = EDGE_S + recording.timeline_exact_s - EXACT_S
    for side in (found.left, found.right):
        assert longest_s(side, SECRET_HZ) <= CLICK_S
        for pause in recording.pauses:
            assert pause.is_proven
            quiet = side.between(pause.from_s - from_s + edge_s, (pause.to_s or 0.0) - from_s - edge_s)
            loud = np.flatnonzero(quiet.samples) / quiet.rate
            assert not loud.size, (loud[[0, -1]], pause, recording.missing)


def notes(sound: Sound) -> str:
    """The tones that were heard: `-` of a pause, `+` of a resume."""
    shortest_s = SHORT_S if is_starved() else NOTE_S
    low, high = ([at for at, to in _notes_of(sound, hz) if to - at >= shortest_s] for hz in (LOW_HZ, HIGH_HZ))
    pairs = [(min(one, other), "+" if one < other else "-") for one in low for other in high if abs(one - other) < 0.4]
    return "".join(kind for _, kind in sorted(pairs))


def _notes_of(sound: Sound, hz: int) -> list[tuple[float, float]]:
    """From when to when each note of this pitch lasts. A packet that comes late, or not at all, makes no two of it."""
    found: list[tuple[float, float]] = []
    away_s = STOOD_STILL_S if is_starved() else LATE_S
    for at_s, to_s in spans(sound, hz):
        if found and at_s - found[-1][1] <= away_s:
            found[-1] = (found[-1][0], to_s)
        else:
            found.append((at_s, to_s))
    return found
