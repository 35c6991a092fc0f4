"""The media of a phone of the tests' own: a tone, or packets that nobody can decode, in real time; and what comes back.

A healthy phone at first. What phones and networks do beside that is set while it sends: nothing is sent, packets are lost or
held back, the clock is fast, time stamps jump.
"""

import asyncio
import math
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from callrec.domain.library.spans import Span

LATE_S = 0.1
WAY_S = 0.1
"""A packet's way, and the windows in which a tone is heard."""
PACKET_S, RATE_HZ = 0.02, 8000
_BIAS, _CLIP = 0x84, 32635
_MARKER, _VERSION = 0x80, 0x80
FAX = -1
"""In place of a payload type: a packet of a fax."""
_HEAD = struct.Struct(">BBHII")
_G729_FRAME_S, _G729_FRAME_BYTES = 0.01, 10
_OPUS_WIDE = 0x48
"""RFC 6716, 3.1: one frame of 20 ms, SILK, wideband, one channel."""


def _mulaw(sample: int) -> int:
    """One sample of G.711 (ITU-T G.711, mu-law)."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def _alaw(sample: int) -> int:
    """The same, A-law."""
    sign, magnitude = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    magnitude = min(magnitude, _CLIP)
    exponent = max(0, magnitude.bit_length() - 8)
    mantissa = magnitude >> max(4, exponent + 3) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


def _g729(nth: int, packet_s: float) -> bytes:
    """Frames of ten bytes for ten milliseconds (RFC 3551, 4.5.6). Their content is no speech, and is the packet's own."""
    size = round(packet_s / _G729_FRAME_S) * _G729_FRAME_BYTES
    return (struct.pack(">I", nth) * size)[:size]


def _opus(nth: int, _packet_s: float) -> bytes:
    """One packet whose length Asterisk can tell, and no speech."""
    return bytes([_OPUS_WIDE]) + struct.pack(">I", nth) * 10


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload type, and how SDP writes it. One with a coder says a tone; one without has packets of the tests' own, which no
    Asterisk of theirs can decode."""

    payload: int
    name: str
    coder: Callable[[int], int] | None = None
    clock_hz: int = RATE_HZ
    packet: Callable[[int, float], bytes] = _g729

    @property
    def lines(self) -> tuple[str, ...]:
        """Its line of SDP."""
        return (f"a=rtpmap:{self.payload} {self.name}",)


CODECS = {
    "PCMU": Codec(0, "PCMU/8000", _mulaw),
    "PCMA": Codec(8, "PCMA/8000", _alaw),
    "G729": Codec(18, "G729/8000"),
    "opus": Codec(107, "opus/48000/2", clock_hz=48000, packet=_opus),
}
"""Payload types of RFC 3551, and one that Asterisk gives Opus."""


@dataclass(frozen=True, slots=True)
class Came:
    """A packet from the PBX: when (Unix time), its payload type and its payload."""

    at_s: float
    payload_type: int
    payload: bytes


@dataclass(slots=True)
class _Stamps:
    """What stands in the head of the next packet."""

    source: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = field(default_factory=lambda: secrets.randbits(15))
    ahead: int = 0
    """By so much its time stamp is ahead of its time, in units of the codec's clock."""
    marker: bool = False


class RtpSender(asyncio.DatagramProtocol):
    """`speak` sends for ever, to `there`."""

    def __init__(self, tone_hz: int, codec: str = "PCMU", packet_s: float = PACKET_S) -> None:
        self.there = ("127.0.0.1", 9)
        self.packet_s = packet_s
        self.sends = True
        """Whether it sends now."""
        self.faxes = False
        """Whether it sends T.38 in place of RTP (UDPTL: a packet with a signal of no data)."""
        self.ppm = 0.0
        """By how much its clock is fast, in parts per million."""
        self.loses = 0.0
        """Which part of its packets is lost on the way."""
        self.holds_back_s = 0.0
        """For so long packets are held back on the way; then all of them come at once."""
        self.spurts: list[tuple[float, float]] = []
        """From when to when it has sent without interruption, in Unix time: when its packets were handed to the kernel."""
        self.said_s: list[float] = []
        """When the first packet of each further tone was sent, in Unix time: a busy loop sends it later than it was asked for."""
        self.unsent = 0
        """How many packets were not sent because the loop of the tests stood still."""
        self.sent: list[bytes] = []
        """What the packets had that no Asterisk decodes."""
        self.came: list[Came] = []
        self._stamps = _Stamps()
        self._held: list[bytes] = []
        self._wire: asyncio.DatagramTransport | None = None
        self._tone_hz, self.codec, self._is_new = tone_hz, CODECS[codec], False
        self.use(codec)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Its port is open."""
        self._wire = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        """A packet of the other one."""
        if len(data) > _HEAD.size:
            self.came.append(Came(time.time(), data[1] & ~_MARKER, data[_HEAD.size :]))
        elif self.faxes:
            self.came.append(Came(time.time(), FAX, data))

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._wire is not None
        port: int = self._wire.get_extra_info("sockname")[1]
        return port

    def close(self) -> None:
        """Its port is closed."""
        if self._wire is not None:
            self._wire.close()

    def say(self, tone_hz: int) -> None:
        """From the next packet on this tone, which has whole periods in a second."""
        self._tone_hz = tone_hz
        self._encode()
        self._is_new = True

    def use(self, codec: str) -> None:
        """From the next packet on this codec."""
        self.codec = CODECS[codec]
        self._encode()

    def _encode(self) -> None:
        tone = (int(8000 * math.sin(2 * math.pi * self._tone_hz * n / RATE_HZ)) for n in range(RATE_HZ))
        self._tone = bytes(map(self.codec.coder, tone)) * 2 if self.codec.coder else b""

    def jump(self, *, by_s: float = 0.0, marker: bool = False, source: bool = False, packets: int = 0) -> None:
        """From the next packet on the time stamps are so far ahead, the source is a new one, or the numbers of the packets are so
        much higher (negative: lower)."""
        stamps = self._stamps
        stamps.ahead += round(by_s * self.codec.clock_hz)
        stamps.marker = marker
        stamps.source = secrets.randbits(32) if source else stamps.source
        stamps.sequence += packets

    async def speak(self) -> None:
        """By the loop's clock. Packets that are late are made up for, but those of a loop that stood still are not sent: no phone
        sends half a second of speech at once."""
        loop = asyncio.get_running_loop()
        began_s, was_sending = loop.time(), False
        for nth in range(1 << 31):
            due_s = began_s + nth * self.packet_s * (1 - self.ppm / 1e6)
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            sends = self.sends and loop.time() - due_s <= LATE_S
            self.unsent += self.sends and not sends
            self._stamps.sequence += sends  # RFC 3550, 5.1: one more for each packet that is sent
            if sends and self.faxes:
                self._give(self._fax(nth))
            elif sends:
                now_s = time.time()
                since_s = self.spurts.pop()[0] if was_sending else now_s
                self.spurts.append((since_s, now_s + self.packet_s))
                self._give(self._packet(nth))
            was_sending = sends and not self.faxes

    def _packet(self, nth: int) -> bytes:
        stamps, codec = self._stamps, self.codec
        if self._is_new:
            self.said_s.append(time.time())
            self._is_new = False
        at = round(nth * self.packet_s * codec.clock_hz) + stamps.ahead
        kind = codec.payload | (_MARKER if stamps.marker else 0)
        stamps.marker = False
        head = _HEAD.pack(_VERSION, kind, stamps.sequence & 0xFFFF, at & 0xFFFFFFFF, stamps.source)
        if not codec.coder:
            self.sent.append(codec.packet(nth, self.packet_s))
            return head + self.sent[-1]
        samples = round(self.packet_s * RATE_HZ)
        start = nth * samples % RATE_HZ
        return head + self._tone[start : start + samples]

    def _fax(self, nth: int) -> bytes:
        """UDPTL (ITU-T T.38, annex D): a number, one signal without data, and nothing repeated."""
        return struct.pack(">H", nth & 0xFFFF) + bytes([1, 0, 0, 0])

    def _give(self, packet: bytes) -> None:
        assert self._wire is not None
        sequence = self._stamps.sequence
        if int(sequence * self.loses) == int((sequence + 1) * self.loses):
            self._held.append(packet)
        if len(self._held) * self.packet_s >= self.holds_back_s:
            for one in self._held:
                self._wire.sendto(one, self.there)
            self._held.clear()


def unsent(media: RtpSender) -> list[Span]:
    """When a busy test did not send, in Unix time, and a packet's way around it."""
    return [(before[1] - WAY_S, after[0] + WAY_S) for before, after in pairwise(media.spurts)]
