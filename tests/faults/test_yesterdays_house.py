"""What a real product of before left behind when its daemon was killed in a call, and Asterisk with it: the store, the journal,
the spool, the library, Asterisk's database and the dialplan. The daemon of now goes on with it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from samples import TODAY, sidecars
from trouble import HEARD, Stored, aftermath, client, is_flagged, one, stored, until
from yesterday import astdb, dialplan, lay, lay_astdb

from callrec.adapters.redis.connection import ask
from callrec.domain.calls.model import ActorKind
from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec_lab.asterisk import AsteriskServer, dialplan_folder
from callrec_lab.audio_checks import presence
from callrec_lab.pbx import Pbx
from callrec_lab.stack import Stack, Wishes, start

TONES_HZ = {f"100{n}": 500 + 170 * n for n in range(7)}
"""What the phones said that day, and say now."""
TALKED_S = 1.8
"""So long everybody talked at least."""
CHANGED_BY_THE_DAEMON = ("always", "capture", "intent", "set")
"""Families of Asterisk's database in which `*26` and the fallback mode left something to be done."""
HAPPENED_THAT_DAY = {(f"callrec_always_record_{end}", "result") for end in ("total", "created")}
"""Counters whose label begins with the first time that it happens; here no `*26` was pressed."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything running on it, and nothing left to do."""
    folder = tmp_path_factory.mktemp("yesterday")
    await asyncio.to_thread(lay, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLREC_DIALPLAN_DIR", str(dialplan(folder / "dialplan", dialplan_folder() / "sounds")))
        folders = AsteriskServer._lay_folders

        def with_astdb(server: AsteriskServer) -> None:
            folders(server)
            if isinstance(server, Pbx):
                lay_astdb(server.root / "lib/astdb.sqlite3")

        patch.setattr(AsteriskServer, "_lay_folders", with_astdb)
        wishes = Wishes(tones_hz=TONES_HZ, settings={"on_demand_overrides_always": "pause"})
        async with start(folder, wishes, print) as stack:
            await until(lambda: len(stored(stack)) == len(sidecars()) + 2, hint="what was unfinished is stored")
            await aftermath(stack)
            yield stack


def assert_heard(recording: Stored, left: str, right: str) -> None:
    """Each voice on its side, for as long as they talked, and nowhere else."""
    assert recording.length_s >= TALKED_S
    for sound, own, other in ((recording.left, left, right), (recording.right, right, left)):
        heard_s = presence(sound, TONES_HZ[own]) * sound.length_s
        assert heard_s >= HEARD * TALKED_S
        assert presence(sound, TONES_HZ[other]) <= 1 - HEARD


@pytest.mark.asyncio(loop_scope="module")
async def test_the_library_is_as_it_was(house: Stack) -> None:
    """Not a byte of a sidecar is another one, and its media are those that it speaks of (`verify` has read them)."""
    now = {path.stem: path.read_bytes() for path in house.daemon.monitor.rglob("*.json")}
    assert sidecars().items() <= now.items()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_recording_in_which_the_daemon_was_killed_is_stored(house: Stack) -> None:
    """Its journal of that day ends with *opened*; Asterisk did not live on."""
    recording = stored(house, "1004", "1005")[-1]
    assert (recording.manifest.state, recording.manifest.recording.cause) == (StoredState.PARTIAL, "asterisk-died")
    assert recording.manifest.recording.rule is Rule.ALWAYS
    assert_heard(recording, "1004", "1005")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_dialplan_recorded_alone_is_stored_with_both_participants(house: Stack) -> None:
    """By its file's name, and the note in Asterisk's database, of that day."""
    recording = one(house, "1002", "1000")
    assert (recording.manifest.recording.rule, recording.manifest.state) == (Rule.ALWAYS, StoredState.SOUND)
    assert_heard(recording, "1002", "1000")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_star_26_said_without_a_daemon_is_in_the_store_and_asterisks_database_is_as_it_was(
    house: Stack,
) -> None:
    await until(lambda: is_flagged(house, "1003"), hint="the intent of that day is stored")
    before = dict(line.split(" ", 1) for line in (TODAY / "astdb.txt").read_text().splitlines())
    file = house.pbx.root / "lib/astdb.sqlite3"
    await until(lambda: not [key for key in astdb(file) if "/intent/" in key or "/capture/" in key], hint="it is done")
    kept, now = (
        {key: value for key, value in found.items() if key.split("/")[2] not in CHANGED_BY_THE_DAEMON}
        for found in (before, astdb(file))
    )
    assert now == kept


@pytest.mark.asyncio(loop_scope="module")
async def test_a_press_in_the_dialplan_of_that_day_is_answered_by_the_daemon_of_now(house: Stack) -> None:
    there = await house.phone("1000").call("1001", tone_hz=TONES_HZ["1000"])
    here = await house.phone("1001").rings()
    await asyncio.gather(there.answered(), here.answered())
    await there.press("*3")
    await asyncio.sleep(1)
    await there.press("*3")
    await there.hangup()
    await until(lambda: len(stored(house, "1000", "1001")) == 2, hint="one of that day, and this one")
    recording = stored(house, "1000", "1001")[-1].manifest
    assert (recording.state, recording.recording.actor.kind) == (StoredState.SOUND, ActorKind.USER)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_happens_is_told_in_the_fields_of_that_day(house: Stack) -> None:
    """Each event of a kind of that day has the fields of that day; it may have more, as what `*26` said without a daemon has.

    Alarms depend on what a busy machine does: their fields stand in `tests/golden/formats/events.json`."""
    before = json.loads((TODAY / "events.json").read_text())
    kinds: dict[str, list[set[str]]] = {}
    for event in before:
        kinds.setdefault(event["type"], []).append(set(event))
    async with client(house) as store:
        found = [fields for _, fields in await ask(store, "XRANGE", "callrec:events", "-", "+")]
    told = [event for event in found[len(before) :] if event["type"] in kinds.keys() - {"alarm"}]
    assert {"recording-ended", "recording-stored", "recording-indexed", "user-changed"} <= {one["type"] for one in told}
    assert [event for event in told if not any(fields <= event.keys() for fields in kinds[event["type"]])] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_the_metrics_of_that_day_are_still_there(house: Stack) -> None:
    """Names and names of labels, also of the gauges that only a whole product has."""
    _, now = await house.daemon.get("/metrics")
    assert _series((TODAY / "metrics.txt").read_text()) <= _series(now) | HAPPENED_THAT_DAY


def _series(text: str) -> set[tuple[str, ...]]:
    lines = [line for line in text.splitlines() if line.startswith("callrec_")]
    return {(line.partition("{")[0].partition(" ")[0], *re.findall(r'([a-z_]+)="', line)) for line in lines}
