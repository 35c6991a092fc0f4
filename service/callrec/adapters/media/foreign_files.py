"""Reads media files of other programs: WAV, GSM, A-law, mu-law, MP3, FLAC, Ogg."""

import struct
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer

from callrec.adapters.encryption.contents import Content, ContentStream
from callrec.domain.errors import Corrupt
from callrec.domain.library.captures import Played
from callrec.domain.library.manifest import AnyFormat, Format, OldFormat

_CONTAINERS: dict[AnyFormat, str] = {Format.OPUS: "ogg", OldFormat.WAV49: "wav", OldFormat.ULAW: "mulaw"}
_HEADERLESS_HZ = {OldFormat.ULAW: 8000, OldFormat.ALAW: 8000}
"""Of these files a reader must know the rate: telephony's."""
_GSM_IN_WAV = "gsm_ms"
_LEAST_HZ, _MOST_HZ = 4000, 192_000
_RIFF_HEAD, _CHUNK_HEAD = 12, 8
_MOST_CHUNKS = 100
_UNKNOWN_BYTES = 0xFFFF_FFFF
"""What a program writes as the size that it does not know yet."""
_CODECS = {Format.OPUS: {"opus"}, Format.MP3: {"mp3", "mp3float"}, Format.FLAC: {"flac"}}


def opened(source: str | ContentStream, media_format: AnyFormat) -> InputContainer:
    """The container of this file, opened as this format and no other. Raises FFmpegError, OSError."""
    rate_hz = _HEADERLESS_HZ.get(media_format) if isinstance(media_format, OldFormat) else None
    options = {"sample_rate": str(rate_hz)} if rate_hz else {}
    return av.open(source, "r", format=_CONTAINERS.get(media_format, media_format.value), options=options)


def played(media: Content, source: str | ContentStream, path: str, media_format: AnyFormat) -> Played:
    """What a file holds; all of it is decoded. Raises Corrupt (`media-unreadable`), FFmpegError, OSError."""
    name = Path(path).name
    with opened(source, media_format) as container:
        if not container.streams.audio:
            raise Corrupt("media-unreadable", f"{name} has no audio")
        context = container.streams.audio[0].codec_context
        rate_hz, channels, codec = context.sample_rate, context.channels, context.name
        allowed = _CODECS.get(media_format) if isinstance(media_format, Format) else None
        if channels not in {1, 2} or not _LEAST_HZ <= rate_hz <= _MOST_HZ or (allowed and codec not in allowed):
            raise Corrupt("media-unreadable", f"{name} has {channels} channels of {codec} at {rate_hz} Hz")
        resampler = av.AudioResampler("s16", "mono" if channels == 1 else "stereo", rate_hz)
        frames = chain(container.decode(audio=0), [None])
        samples = sum(part.samples for frame in frames for part in resampler.resample(frame))
    if not samples:
        raise Corrupt("media-unreadable", f"{name} has a header, and no audio")
    is_wav = media_format in {Format.WAV, OldFormat.WAV49}
    found = (OldFormat.WAV49 if codec == _GSM_IN_WAV else Format.WAV) if is_wav else media_format
    return Played(found, rate_hz, channels, samples, is_wav and _is_cut_off(media))


def _is_cut_off(wav: Content) -> bool:
    """Whether the header of a WAV file speaks of more bytes than there are. A recorder that died leaves such a file, or one whose
    header speaks of less: then all is there that was written."""
    at = _RIFF_HEAD
    for _ in range(_MOST_CHUNKS):
        head = wav.read(at, _CHUNK_HEAD)
        if len(head) < _CHUNK_HEAD:
            return False
        kind, length = struct.unpack("<4sI", head)
        at += _CHUNK_HEAD
        if kind == b"data":
            return bool(length != _UNKNOWN_BYTES and at + length > wav.size_bytes)
        at += length + length % 2
    return False
