"""Own prompts in place of callrec's: which one each participant hears, and how an operator sets and removes them."""

import asyncio
from collections.abc import Callable, Sequence

from callrec.app.ports.asterisk import PromptFolder
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.prompts import (
    FOLDER,
    LARGEST_BYTES,
    RATE_HZ,
    OwnPrompt,
    check_length,
    check_replaceable,
    folders,
)

_SAMPLE_BYTES = 2
ToSamples = Callable[[bytes], bytes]
"""The 16-bit samples at RATE_HZ of an uploaded WAV file, of one channel. Raises Refused for what is none, or has no sound."""


class Prompts:
    """The use cases of own prompts."""

    def __init__(self, folder: PromptFolder, to_samples: ToSamples) -> None:
        self._folder, self._to_samples = folder, to_samples

    async def every(self) -> Sequence[OwnPrompt]:
        """All own prompts, by language and name."""
        return await asyncio.to_thread(self._folder.every)

    async def put(self, name: str, language: str, content: bytes) -> OwnPrompt:
        """Set an own prompt from a WAV file. Raises Refused, and then nothing is changed; Unavailable."""
        check_replaceable(name, language)
        if len(content) > LARGEST_BYTES:
            says = f"the file has more than {LARGEST_BYTES >> 20} MiB"
            raise Refused("prompt-too-large", says, hint="a prompt lasts at most 30 s: cut it")
        samples = await asyncio.to_thread(self._to_samples, content)
        check_length(len(samples) / _SAMPLE_BYTES / RATE_HZ)
        await asyncio.to_thread(self._folder.put, name, language, samples)
        found = await asyncio.to_thread(self._folder.find, name, language)
        return found or OwnPrompt(name, language, len(samples) / _SAMPLE_BYTES / RATE_HZ)

    async def read(self, name: str, language: str) -> bytes:
        """The WAV file of an own prompt. Raises Refused (`no-such-prompt`)."""
        check_replaceable(name, language)
        content = await asyncio.to_thread(self._folder.read, name, language)
        if content is None:
            raise _missing(name, language)
        return content

    async def remove(self, name: str, language: str) -> None:
        """Remove an own prompt: from the next playback on, callrec's is played. Raises Refused (`no-such-prompt`)."""
        check_replaceable(name, language)
        if not await asyncio.to_thread(self._folder.remove, name, language):
            raise _missing(name, language)

    async def played(self, sound: str, language: str) -> OwnPrompt | None:
        """The own prompt that is played in place of this sound (`callrec/dnd-on`) in this language; None: the sound itself, also
        when the disk cannot be read."""
        if not sound.startswith(FOLDER):
            return None
        try:
            return await asyncio.to_thread(self._first, sound.removeprefix(FOLDER), language)
        except CallrecError:
            return None

    def _first(self, name: str, language: str) -> OwnPrompt | None:
        return next(filter(None, (self._folder.find(name, one) for one in folders(language))), None)


def _missing(name: str, language: str) -> Refused:
    hint = "callrec prompts list shows all"
    return Refused("no-such-prompt", f"there is no own prompt {name} in {language}", hint=hint)
