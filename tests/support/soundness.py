"""What a test may expect of a recording: that it is sound, or, where little CPU was free, that it tells what it lacks."""

from collections.abc import Iterable

from free_cpu import FEWEST, calls_at_once

from callrec.domain.calls.model import GAP, Heard, Missing
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.missing_time import LATE_PACKETS, LATE_START, PACKET_LOSS, TIMELINE
from callrec.domain.library.spans import Span, common, length_s, without
from callrec.domain.vocabulary import AlarmCause

UNTOLD_S = 0.3
"""So long a voice may be away without a word in the entry: what it may lack, until a phone's first packet, and after its last."""
LOST_TO_LOAD = {LATE_START, GAP, TIMELINE, LATE_PACKETS}
"""A recorder that began late, or again; packets that were lost on both sides, or came late and all at once."""

TOLD_UNDER_LOAD = LOST_TO_LOAD | {AlarmCause.DEAF_LEG, PACKET_LOSS}
"""Beside that, in a call that changes: a recorder that a late daemon mended late; packets that were lost on one side."""
SPREADS = {LATE_PACKETS, PACKET_LOSS}
"""Causes that are told of a whole time in which some of a voice is missing. What the others tell is silent in the file."""
NEAR_S = 0.3
"""By how much an edge of what is missing may be told beside its place."""


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


def told_away(manifest: Manifest, side: Heard, held: Iterable[Span]) -> list[Span]:
    """When a voice of this side is missing as the recording says, in Unix time: where it says so, and the voice is not there.
    `held`: where in the file the voice is, in seconds of it."""
    began_s = file_begins_s(manifest)
    told = [(one.from_s, one.to_s) for one in manifest.recording.missing if one.side in {side, Heard.BOTH}]
    return without(told, [(began_s + from_s, began_s + to_s) for from_s, to_s in held])


def file_begins_s(manifest: Manifest) -> float:
    """When the first moment of its file was, in Unix time."""
    recording = manifest.recording
    return min((capture.from_s for capture in recording.captures), default=recording.from_s)


def assert_not_more_told(manifest: Manifest, side: Heard, held: Iterable[Span]) -> None:
    """Nothing is told as missing that is there. `held`: where in the file any voice of this side is."""
    began_s = file_begins_s(manifest)
    there = [(began_s + from_s, began_s + to_s) for from_s, to_s in held]
    for one in manifest.recording.missing:
        if one.side is side and one.cause not in SPREADS:
            false_s = length_s(common([(one.from_s, one.to_s)], there))
            assert false_s <= NEAR_S, (one, false_s, manifest.recording)


def longest(manifest: Manifest) -> Missing:
    """What it lacks: on a busy machine some milliseconds elsewhere may be missing beside it."""
    return max(manifest.recording.missing, key=lambda one: one.to_s - one.from_s)


def assert_sound(manifest: Manifest, *, unsent: int = 0) -> None:
    """Nothing is missing. Where little CPU was free at the start, a recorder may begin late and lose packets, and says so. So it
    does where a phone of the tests' own did not send packets in their time (`unsent`), because the tests stood still."""
    _assert_causes(manifest, LOST_TO_LOAD, is_busy=unsent > 0 or calls_at_once() <= FEWEST)


def assert_explained(manifest: Manifest, *, unsent: int = 0) -> None:
    """The same for a call whose participants, or their phones' numbers, change. Whoever asks compares what is told with the file:
    `told_away`."""
    _assert_causes(manifest, TOLD_UNDER_LOAD, is_busy=unsent > 0 or calls_at_once() <= FEWEST)


def _assert_causes(manifest: Manifest, of_load: set[str], *, is_busy: bool) -> None:
    recording = manifest.recording
    causes = {one.cause for one in recording.missing} | ({recording.cause} if recording.cause else set())
    assert (manifest.state is StoredState.SOUND) == (not causes), (
        manifest.state,
        recording.cause,
        recording.missing,
        manifest,
    )
    assert causes <= (of_load if is_busy else set()), (recording.cause, recording.missing, manifest)
