"""What a test may expect of a recording: that it is sound, or, where little CPU was free, that it tells what it lacks."""

from free_cpu import FEWEST, calls_at_once

from callrec.domain.calls.model import Missing
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.missing_time import GAP, LATE_PACKETS, LATE_START, TIMELINE

UNTOLD_S = 0.3
"""So long a voice may be away without a word in the entry: what it may lack, until a phone's first packet, and after its last."""
LOST_TO_LOAD = {LATE_START, GAP, TIMELINE, LATE_PACKETS}
"""A recorder that began late, or again; packets that were lost on both sides, or came late and all at once."""


def lacks_s(manifest: Manifest) -> float:
    """How much its file lacks before its beginning and after its end, as the recording says itself. What is missing between them
    is there as silence."""
    recording, media = manifest.recording, manifest.media
    begins_s = min((capture.from_s for capture in recording.captures), default=recording.from_s)
    ends_s = begins_s + (media.length_s if media else 0.0)
    return sum(
        max(0.0, min(one.to_s, begins_s) - one.from_s) + max(0.0, one.to_s - max(one.from_s, ends_s))
        for one in recording.missing
    )


def missing_s(manifest: Manifest) -> float:
    """How much is missing altogether, as the recording says itself; in its file silence stands for that."""
    return sum(one.to_s - one.from_s for one in manifest.recording.missing)


def longest(manifest: Manifest) -> Missing:
    """What it lacks: on a busy machine some milliseconds elsewhere may be missing beside it."""
    return max(manifest.recording.missing, key=lambda one: one.to_s - one.from_s)


def assert_sound(manifest: Manifest, *, unsent: int = 0) -> None:
    """Nothing is missing. Where little CPU was free at the start, a recorder may begin late and lose packets, and says so. So it
    does where a phone of the tests' own did not send packets in their time (`unsent`), because the tests stood still."""
    recording = manifest.recording
    causes = {one.cause for one in recording.missing} | ({recording.cause} if recording.cause else set())
    assert (manifest.state is StoredState.SOUND) == (not causes), (
        manifest.state,
        recording.cause,
        recording.missing,
        manifest,
    )
    is_busy = unsent or calls_at_once() <= FEWEST
    assert causes <= (LOST_TO_LOAD if is_busy else set()), (recording.cause, recording.missing, unsent, manifest)
