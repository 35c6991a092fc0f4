"""Makes an uploaded WAV file a prompt that Asterisk plays: one channel, 16 bits, 8 kHz."""

from io import BytesIO
from itertools import chain

import av
import av.error
import numpy as np

from callrec.domain.errors import Refused
from callrec.domain.prompts import LONGEST_S, RATE_HZ, check_length

_LOUD = 100
"""A file in which no sample is louder than this (of 32,767) is silent: -50 dBFS."""
_HINT = "send a WAV file (RIFF), as any sound editor writes it"


def to_samples(content: bytes) -> bytes:
    """The samples of the file, mixed into one channel. Raises Refused for what is no WAV file, lasts too long, or is silent."""
    parts: list[bytes] = []
    length = 0
    try:
        with av.open(BytesIO(content), "r", format="wav") as container:
            if not container.streams.audio:
                raise Refused("prompt-audio", "the file has no sound", hint=_HINT)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
            for frame in chain(container.decode(container.streams.audio[0]), (None,)):  # None: what it still holds
                for part in resampler.resample(frame):
                    parts.append(part.to_ndarray().astype("<i2").tobytes())
                    length += part.samples
                if length > LONGEST_S * RATE_HZ:
                    check_length(length / RATE_HZ)
    except (av.error.FFmpegError, ValueError) as error:
        says = f"the file is no WAV file that can be read: {str(error)[:100]}"
        raise Refused("prompt-audio", says, hint=_HINT) from error
    samples = b"".join(parts)
    if not samples or int(np.abs(np.frombuffer(samples, "<i2").astype(np.int32)).max()) <= _LOUD:
        raise Refused("prompt-audio", "the file is silent: it would not be heard", hint="record it again, louder")
    return samples
