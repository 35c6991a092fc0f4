"""Stored recordings for the tests of the pages: real files in the library of the door, and their entries in its catalogue."""

import asyncio
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
from api_door import ServiceUrl
from old_recordings import ulaw
from people import GEORGE, JOHN
from stored_library import RATE_HZ, recorded, tone

from callrec.adapters.disk.adoptable_files import DiskAdoptableFiles
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.library.adoption import Adoption, AdoptionPorts, Outcome
from callrec.app.library.catalog import index_entry
from callrec.domain.calls.ids import LegId, NodeId
from callrec.domain.calls.model import Actor, ActorKind, Hearing, Party, Pause, Told
from callrec.domain.library.manifest import Format, Manifest, StoredState
from callrec.domain.rules import Rule, UserId

LENGTH_S = 24.0
HOSTILE = '<img src=x onerror="document.title=1">&amp;\'"'


async def store(
    door: ServiceUrl,
    nth: int,
    *,
    user: UserId = JOHN,
    other: UserId | None = GEORGE,
    names: tuple[str, str] = ("John Doe", "George Clinton"),
    seconds: float = LENGTH_S,
    media_format: Format = Format.WAV,
) -> Manifest:
    """A call of `seconds` in which both speak at its beginning and its end, and are silent between; announced, and paused once.
    `user` has asked for it."""
    said = recorded(nth, seconds)
    begin_s = said.from_s + 3600 * nth
    first = Party(LegId("1.1"), user, "1000", names[0], begin_s, begin_s + seconds)
    second = Party(LegId("1.2"), other, "1001", names[1], begin_s, begin_s + seconds)
    said = replace(
        said,
        rule=Rule.ON_DEMAND,
        actor=Actor(ActorKind.USER, user, first.leg),
        from_s=begin_s,
        to_s=begin_s + seconds,
        captures=tuple(replace(one, from_s=begin_s, to_s=begin_s + seconds) for one in said.captures),
        parties=(first, second),
        announcements=(begin_s + 1,),
        hearings=(Hearing(second.leg, Told.TONE, begin_s + 0.5, begin_s + 1, cause=""),),
        pauses=(Pause(begin_s + 8, begin_s + 10),),
    )
    manifest = door.library.store(
        nth, media_format, left=_speech(440, seconds), right=_speech(1000, seconds), recording=said
    )
    await enter(door, manifest)
    return manifest


async def adopt(door: ServiceUrl, old: Path) -> Manifest:
    """A recording of XiVO in a format that browsers do not play, three seconds long."""
    await asyncio.to_thread(lambda: ulaw(old / "user-1000-1001-1700000000.ulaw", 3))
    library = door.library.library
    ports = AdoptionPorts(DiskAdoptableFiles(old), library, PyAvEncoder(), list, lambda _: False, lambda _: False)
    (report,) = await asyncio.to_thread(lambda: list(Adoption(ports, UTC, NodeId("n")).run()))
    assert report.outcome is Outcome.ADOPTED, report
    (found,) = (
        one for one in library.sidecars() if isinstance(one[1], Manifest) and one[1].state is StoredState.ADOPTED
    )
    await door.catalogue.put(index_entry(*found))
    return found[1]


async def enter(door: ServiceUrl, manifest: Manifest) -> None:
    """Put it into the catalogue."""
    recording = manifest.recording
    await door.catalogue.put(index_entry(f"2026/11/22/{recording.id}", manifest))


def _speech(hz: float, seconds: float) -> np.ndarray:
    """A tone that swells as syllables do, in the first and the last quarter."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    is_spoken = (at < seconds / 4) | (at > seconds * 3 / 4)
    return (tone(hz, seconds) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at)) * is_spoken).astype(np.int16)
