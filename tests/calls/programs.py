"""Programs that talk with a phone: over AudioSocket, and over RTP as external media of an ARI application.

A program says one packet of its tone for each packet that it hears, so the call is its clock: on a busy machine both voices are
late together.
"""

import asyncio
import contextlib
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp
import numpy as np
from numpy.typing import NDArray

from callrec_lab.audio_checks import Sound
from callrec_lab.pbx import Pbx

PROGRAM_HZ = 2500
RATE_HZ, PACKET_S = 8000, 0.020
APP = "programs"
UUID = "40325ec2-5efd-4bd3-805f-53576e581d13"
MODULES = ("res_audiosocket", "app_audiosocket", "chan_audiosocket", "res_rtp_multicast", "chan_rtp")
"""What the small PBX does not load by itself, in their order."""
_HANGUP, _SLIN = 0x00, 0x10
_RTP = struct.Struct(">BBHII")
_SAMPLES = round(RATE_HZ * PACKET_S)
_TONE = (0.25 * 32768 * np.sin(2 * np.pi * PROGRAM_HZ * np.arange(_SAMPLES) / RATE_HZ)).astype("<i2")
"""Whole periods: each packet is the same."""


@dataclass(eq=False)
class Program:
    """What it hears. `address`: host and port where it listens."""

    address: str = ""
    packets: list[NDArray[np.int16]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def hears(self, packet: NDArray[np.int16]) -> None:
        """One packet of the other side."""
        self.packets.append(packet)
        self._news.set()

    @property
    def sound(self) -> Sound:
        """All of it."""
        return Sound(np.concatenate(self.packets).astype(np.float64), RATE_HZ)

    async def heard(self, length_s: float, timeout_s: float = 20.0) -> None:
        """Wait until it has heard so much."""
        async with asyncio.timeout(timeout_s):
            while len(self.packets) * PACKET_S < length_s:
                self._news.clear()
                await self._news.wait()


class _OverRtp(asyncio.DatagramProtocol):
    """RTP with 16-bit samples, the most significant byte first (L16 of RFC 3551)."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._wire: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._wire = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._wire is not None
        nth, payload_type = len(self._program.packets), data[1] & 0x7F
        head = _RTP.pack(0x80, payload_type, nth, nth * _SAMPLES, 1)
        self._wire.sendto(head + _TONE.astype(">i2").tobytes(), addr)
        self._program.hears(np.frombuffer(data[_RTP.size :], ">i2"))


@asynccontextmanager
async def over_rtp() -> AsyncIterator[Program]:
    """A program that takes RTP."""
    program = Program()
    loop = asyncio.get_running_loop()
    wire, _ = await loop.create_datagram_endpoint(lambda: _OverRtp(program), local_addr=("127.0.0.1", 0))
    program.address = "127.0.0.1:{}".format(wire.get_extra_info("sockname")[1])
    try:
        yield program
    finally:
        wire.close()


@asynccontextmanager
async def over_audiosocket() -> AsyncIterator[Program]:
    """A program that takes AudioSocket: over TCP a kind, a length and its bytes; 16-bit samples at 8 kHz."""
    program = Program()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            kind = -1
            while kind != _HANGUP:
                kind, length = struct.unpack(">BH", await reader.readexactly(3))
                packet = await reader.readexactly(length)
                if kind == _SLIN:
                    writer.write(struct.pack(">BH", _SLIN, len(_TONE.tobytes())) + _TONE.tobytes())
                    program.hears(np.frombuffer(packet, "<i2"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        program.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield program


class AriPrograms:
    """An ARI application, as they are written for voice bots: a call that enters it is connected with external media.

    `addresses`: for each encapsulation (`rtp`, `audiosocket`; `rtp-...` for more of them) where its program listens. The dialplan
    says which one: `Stasis(programs,rtp)`.
    """

    def __init__(self, pbx: Pbx, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._base = f"http://127.0.0.1:{pbx.ports.http}/ari"
        self._login = aiohttp.encode_basic_auth(pbx.ports.ari_user, pbx.ports.ari_secret)
        self._around = AsyncExitStack()
        self._made: dict[str, tuple[str, str]] = {}
        """Bridge and media channel of each phone's channel."""
        self._came: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def __aenter__(self) -> Self:
        self._http = await self._around.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": self._login}, raise_for_status=True)
        )
        events = await self._around.enter_async_context(self._http.ws_connect(f"{self._base}/events?app={APP}"))
        self._tasks = await self._around.enter_async_context(asyncio.TaskGroup())
        reading = self._tasks.create_task(self._read(events))
        self._around.callback(reading.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._around.aclose()

    async def _read(self, events: aiohttp.ClientWebSocketResponse) -> None:
        async for message in events:
            event = message.json()
            channel = event.get("channel", {}).get("id", "")
            if event["type"] == "StasisStart" and event["args"] and event["args"][0] in self._addresses:
                self._tasks.create_task(self._connect(channel, event["args"][0]))
            elif event["type"] == "StasisStart":
                self._came[channel].set()
            elif event["type"] == "StasisEnd" and channel in self._made:
                bridge, media = self._made.pop(channel)
                await self._http.delete(f"{self._base}/channels/{media}")
                await self._http.delete(f"{self._base}/bridges/{bridge}")

    async def _connect(self, phone: str, name: str) -> None:
        encapsulation = name.partition("-")[0]
        bridge, media = f"bridge-{phone}", f"media-{phone}"
        await self._http.post(f"{self._base}/bridges/{bridge}", params={"type": "mixing"})
        way = {"rtp": {"transport": "udp"}, "audiosocket": {"transport": "tcp", "data": UUID}}[encapsulation]
        asked = {"app": APP, "channelId": media, "format": "slin", "external_host": self._addresses[name]}
        await self._http.post(
            f"{self._base}/channels/externalMedia", params={**asked, **way, "encapsulation": encapsulation}
        )
        await self._came[media].wait()
        self._made[phone] = bridge, media
        await self._http.post(f"{self._base}/bridges/{bridge}/addChannel", params={"channel": f"{media},{phone}"})
