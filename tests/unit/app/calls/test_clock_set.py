"""Somebody sets the machine's clock while a call is recorded: from the answer to what is stored, nothing of it is lost or wrong.

Asterisk's stamps and the daemon's wall clock are the same clock, so both jump; the monotonic one goes on.
"""

import asyncio
import json
import zlib
from pathlib import Path

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Instant, Recording
from callrec.domain.library.assessment import conclude
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.rules import Rule
from callrec.protocols.json_documents import decode_entry, decode_manifest, encode_entry, encode_manifest
from callrec_lab.simulated_asterisk import EPOCH_S, Stage, event, virtual

CAPTURE = CaptureId("c1-1-1")


class SetClock:
    """A machine whose wall clock somebody sets."""

    def __init__(self) -> None:
        self.set_by_s = 0.0

    def now(self) -> Instant:
        """See ports.Clock."""
        now_s = asyncio.get_running_loop().time()
        return Instant(EPOCH_S + now_s + self.set_by_s, now_s)


class House:
    """A stage with that clock, and an Asterisk that stamps its events by it."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock()
        self.stage = Stage(folder, self.clock)

    def says(self, name: str, leg: str, endpoint: str, **more: str) -> None:
        """An event, now."""
        stamp = f"{self.clock.now().utc_s:.6f}"
        self.stage.call_router.asterisk(event(name, leg, endpoint, linkedid="1.1", Timestamp=stamp, **more))

    async def talk(self, seconds: int) -> None:
        """Both are heard for so long."""
        for _ in range(seconds):
            await self.stage.passes(1)
            self.stage.asterisk.grow(CAPTURE)


@pytest.mark.parametrize("step_s", [-300.0, -3600.0, 7200.0])
@virtual
async def test_a_clock_that_is_set_in_a_recorded_call_changes_nothing_of_it(tmp_path: Path, step_s: float) -> None:
    """Set back 300 s it ended before it began; 3,600 s: *failed*, without audio; forward 2 h: *partial*, though all was there."""
    house = House(tmp_path)
    stage = house.stage
    async with stage.running():
        for leg, name in (("1.1", "ever"), ("1.2", "bob")):
            house.says("Newchannel", leg, name)
        for leg, name in (("1.1", "ever"), ("1.2", "bob")):
            house.says("BridgeEnter", leg, name, BridgeUniqueid="b1")
        await house.talk(5)
        house.clock.set_by_s = step_s
        await house.talk(5)
        for leg, name in (("1.1", "ever"), ("1.2", "bob")):
            house.says("BridgeLeave", leg, name, BridgeUniqueid="b1")
            house.says("Hangup", leg, name)
        stage.asterisk.close(CAPTURE)
        await stage.passes(5)
    (recording,) = stage.handed
    assert (recording.from_s, recording.to_s) == (EPOCH_S, pytest.approx(EPOCH_S + 10, abs=0.1))
    capture_files = stage.spool.capture_files(CAPTURE)
    assert capture_files is not None
    found = conclude(recording, {CAPTURE: capture_files})
    assert (found.state, found.recording.missing, found.length_s) == (StoredState.SOUND, (), 10.0)
    assert stage.heard.alarms == stage.heard.defects == []


def test_journal_lines_and_sidecars_of_older_versions_are_read() -> None:
    """They have no moment to count from, and say nothing of what is missing and who waited."""
    recording = Recording(
        RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, EPOCH_S, EPOCH_S + 1
    )
    new = ("missing", "waiting", "mono_s", "end_reason")
    line = json.loads(encode_entry(Entry(Step.OPENED, recording)).partition(b" ")[2])
    sidecar = json.loads(encode_manifest(Manifest(SCHEMA, StoredState.SOUND, recording)))
    for written in (line, sidecar):
        for name in new:
            written["recording"].pop(name, None)
    body = json.dumps(line).encode()
    assert decode_entry(b"%08x %s" % (zlib.crc32(body), body)).recording == recording
    assert decode_manifest(json.dumps(sidecar).encode()).recording == recording
