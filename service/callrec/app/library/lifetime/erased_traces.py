"""The places beside library and catalogue that know something of recordings, each as an erasure's `Trace`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from callrec.app.ports.lifetime import TextsAbout, Trace
from callrec.domain.calls.ids import CaptureId
from callrec.domain.library.erasure import Erasing


@dataclass(frozen=True, slots=True)
class Place:
    """A place with this name; `destroy` does it."""

    name: str
    destroy: Callable[[Sequence[Erasing], Collection[str]], Awaitable[None]]

    async def forget(self, erasings: Sequence[Erasing], words: Collection[str]) -> None:
        """See ports.Trace."""
        await self.destroy(erasings, words)


def transcoded(forget: Callable[[str], None], threads: Executor) -> Trace:
    """Files that were made of the recording's own, by their digest. `threads` are those that make them, one after the other: what
    is being made is there when this comes to it."""

    async def destroy(erasings: Sequence[Erasing], _words: Collection[str]) -> None:
        for one in erasings:
            for source in one.sources:
                await asyncio.get_running_loop().run_in_executor(threads, forget, source)

    return Place("transcoded", destroy)


def links(forget: Callable[[Collection[str]], Awaitable[None]]) -> Trace:
    """Links that open recordings without login."""

    async def destroy(erasings: Sequence[Erasing], _words: Collection[str]) -> None:
        await forget([one.recording for one in erasings])

    return Place("links", destroy)


def captures(drop_kept: Callable[[CaptureId], None]) -> Trace:
    """Capture files that were put aside in the spool."""

    def drop(erasings: Sequence[Erasing]) -> None:
        for one in erasings:
            for capture in one.captures:
                drop_kept(CaptureId(capture))

    async def destroy(erasings: Sequence[Erasing], _words: Collection[str]) -> None:
        await asyncio.to_thread(drop, erasings)

    return Place("spool", destroy)


def texts(name: str, forget: TextsAbout) -> Trace:
    """Texts that are found by the recording's id, or by the words in them."""

    async def destroy(erasings: Sequence[Erasing], words: Collection[str]) -> None:
        await forget([one.recording for one in erasings], words)

    return Place(name, destroy)
