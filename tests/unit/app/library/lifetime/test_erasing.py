"""Erasing recordings: what goes, what a hold keeps, and that a process killed at any step loses neither."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from erasable_library import ASKER, ErasableLibrary, Killed, erasable

from callrec.app.access.audit_log.library_check import check_library
from callrec.app.library import catalog
from callrec.app.library.lifetime.erasure import BATCH, MOST_AT_ONCE
from callrec.app.library.media.logged_access import Asker
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.domain.library.erasure import Kept
from callrec.domain.library.search import ALL, Filter
from callrec.domain.rules import UserId

REASON = "request 12/26"
STEPS = ("asked", "logged", "buried", "removed", "forgotten", "trace-somewhere", "ended")


@pytest_asyncio.fixture
async def lib(tmp_path: Path) -> AsyncIterator[ErasableLibrary]:
    async with erasable(tmp_path) as made:
        yield made


async def is_gone(lib: ErasableLibrary, recording: str) -> None:
    """Nothing of it is left but what may stay, and the proof says why it is missing."""
    assert lib.files(recording) == []
    assert await lib.catalogue.get(recording) is None
    assert lib.erasures.erased([recording]) == {recording}
    assert list(lib.erasures.under_way()) == []
    await lib.audit.settle()
    report = check_library(lib.library, lib.reader, ())
    assert (report.findings, report.erased) == ((), 1)


async def test_an_erased_recording_is_gone_with_all_its_files_and_the_others_stay(lib: ErasableLibrary) -> None:
    await lib.store(1, tracks=True)
    await lib.store(2)
    await lib.hold("c1-1")
    await lib.release("c1-1")
    assert len(lib.files("c1-1")) == 8
    done = await lib.erasure().one("c1-1", REASON, ASKER)
    assert (done.recordings, done.kept, done.unfinished) == (["c1-1"], {}, ())
    assert done.bytes > 100_000
    await is_gone(lib, "c1-1")
    assert len(lib.files("c2-1")) == 3
    assert lib.place.asked == [(("c1-1",), ())]
    assert {"type": "recording-forgotten", "recording": "c1-1"} in lib.events
    assert lib.told == [("erased", 1, True, "request")]


async def test_the_audit_log_says_who_erased_it_and_why(lib: ErasableLibrary) -> None:
    await lib.store(1)
    await lib.erasure().one("c1-1", REASON, ASKER)
    await lib.audit.settle()
    entries = [content for name in lib.reader.names() if name.startswith("tile/entries") for content in [name]]
    assert entries
    texts = (lib.audit.folder / "texts.db").read_bytes()
    assert REASON.encode() in texts


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_the_next_start_finishes_it(lib: ErasableLibrary, step: str) -> None:
    await lib.store(1)

    def die(reached: str) -> None:
        if reached == step:
            raise Killed

    with pytest.raises(Killed):
        await lib.erasure(die).one("c1-1", REASON, ASKER)
    started = lib.erasure()
    await started.finish()
    assert started.why_not == ""
    await is_gone(lib, "c1-1")


@pytest.mark.parametrize("step", STEPS)
async def test_killed_again_while_it_finishes_the_start_after_that_does(lib: ErasableLibrary, step: str) -> None:
    await lib.store(1)

    def die(at: str) -> None:
        if at == "asked":
            raise Killed

    def die_later(at: str) -> None:
        if at == step:
            raise Killed

    with pytest.raises(Killed):
        await lib.erasure(die).one("c1-1", REASON, ASKER)
    if step != "asked":
        with pytest.raises(Killed):
            await lib.erasure(die_later).finish()
    await lib.erasure().finish()
    await is_gone(lib, "c1-1")


async def test_a_hold_keeps_a_recording_until_its_release(lib: ErasableLibrary) -> None:
    await lib.store(1)
    await lib.hold("c1-1")
    with pytest.raises(Refused, match="legal hold") as refused:
        await lib.erasure().one("c1-1", REASON, ASKER)
    assert refused.value.code == "recording-held"
    assert (len(lib.files("c1-1")), list(lib.erasures.under_way()), lib.erasures.tombstones()) == (4, [], 0)
    await lib.release("c1-1")
    await lib.erasure().one("c1-1", REASON, ASKER)
    await is_gone(lib, "c1-1")


async def test_a_hold_that_came_after_a_kill_and_before_the_log_wins(lib: ErasableLibrary) -> None:
    await lib.store(1)

    def die(reached: str) -> None:
        if reached == "asked":
            raise Killed

    with pytest.raises(Killed):
        await lib.erasure(die).one("c1-1", REASON, ASKER)
    await lib.hold("c1-1")
    await lib.erasure().finish()
    assert (len(lib.files("c1-1")), list(lib.erasures.under_way())) == (4, [])
    await lib.audit.settle()
    assert check_library(lib.library, lib.reader, ()).findings == ()


async def test_a_hold_that_came_after_a_slow_log_wins_and_verify_tells_why_the_recording_is_there(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the erasure, though who asked was told that it is too slow."""
    await lib.store(1)
    append = lib.audit.append

    async def slow(entries: Sequence[AuditEntry]) -> None:
        await append(entries)
        raise Unavailable("audit-slow", "the disk took more than 10 s")

    with monkeypatch.context() as slowly:
        slowly.setattr(lib.audit, "append", slow)
        with pytest.raises(Unavailable):
            await lib.erasure().one("c1-1", REASON, ASKER)
    await lib.hold("c1-1")
    await lib.erasure().finish()
    await lib.audit.settle()
    report = check_library(lib.library, lib.reader, ())
    assert (len(lib.files("c1-1")), report.findings, report.erased) == (4, (), 0)
    assert [one.code for one in report.notes] == ["recording-unlogged"]
    await lib.release("c1-1")
    await lib.erasure().one("c1-1", REASON, ASKER)
    await is_gone(lib, "c1-1")


@pytest.mark.parametrize("nth", range(8))
async def test_hold_and_erase_at_once_end_in_one_of_both_orders(lib: ErasableLibrary, nth: int) -> None:
    await lib.store(1)

    async def later(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    async def hold() -> str:
        await later(nth % 4 * 3)
        try:
            await lib.hold("c1-1")
        except Refused as error:
            return error.code
        return "held"

    async def erase() -> str:
        await later(nth // 4 * 5)
        try:
            await lib.erasure().one("c1-1", REASON, ASKER)
        except Refused as error:
            return error.code
        return "erased"

    outcome = tuple(await asyncio.gather(hold(), erase()))
    assert outcome in {("held", "recording-held"), ("no-such-recording", "erased")}
    if outcome[0] == "held":
        assert len(lib.files("c1-1")) == 4
        annotations = lib.library.annotations("2026/11/22/c1-1")
        assert annotations is not None
        assert annotations.is_held
    else:
        await is_gone(lib, "c1-1")
    await lib.audit.settle()
    assert check_library(lib.library, lib.reader, ()).findings == ()


async def test_a_sidecar_that_was_damaged_after_a_kill_keeps_no_other_erasure_back(lib: ErasableLibrary) -> None:
    """It may have a hold: its own erasure, which the log does not have yet, is given up."""
    await lib.store(1)
    await lib.store(2)

    def die(reached: str) -> None:
        if reached == "asked":
            raise Killed

    for recording in ("c1-1", "c2-1"):
        with pytest.raises(Killed):
            await lib.erasure(die).one(recording, REASON, ASKER)
    (lib.folder / "monitor/2026/11/22/c1-1.json").write_text("{")
    started = lib.erasure()
    await started.finish()
    assert (started.why_not, list(lib.erasures.under_way())) == ("", [])
    assert ("c1-1.wav" in lib.files("c1-1"), lib.files("c2-1")) == (True, [])


async def test_annotations_that_cannot_be_read_count_as_a_hold(lib: ErasableLibrary) -> None:
    await lib.store(1)
    (lib.folder / "monitor/2026/11/22/c1-1.annotations.json").write_text("{")
    with pytest.raises(Refused) as refused:
        await lib.erasure().one("c1-1", REASON, ASKER)
    assert refused.value.code == "recording-held"


async def test_what_is_still_being_stored_is_not_erased(lib: ErasableLibrary) -> None:
    await lib.store(1)
    lib.unfinished.add("c1-1")
    with pytest.raises(Refused) as refused:
        await lib.erasure().one("c1-1", REASON, ASKER)
    assert refused.value.code == "recording-unfinished"
    preview = await lib.erasure().preview_one("c1-1", ASKER)
    assert (preview.recordings, preview.kept) == (0, {Kept.UNFINISHED: 1})


async def test_a_damaged_sidecar_is_told_and_nothing_is_removed(lib: ErasableLibrary) -> None:
    await lib.store(1)
    (lib.folder / "monitor/2026/11/22/c1-1.json").write_text("{")
    with pytest.raises(Corrupt):
        await lib.erasure().one("c1-1", REASON, ASKER)
    done = await lib.erasure().some(Filter(number="1000"), REASON, ASKER)
    assert (done.recordings, done.kept) == ([], {"c1-1": Kept.DAMAGED})
    assert len(lib.files("c1-1")) == 3


async def test_by_number_all_recordings_of_it_go_but_the_held_ones(lib: ErasableLibrary) -> None:
    for nth, number in enumerate(("+33123", "+33123", "+33123", "4242")):
        await lib.store(nth, number)
    await lib.hold("c1-1")
    erasure, wanted = lib.erasure(), Filter(number="+33123")
    preview = await erasure.preview(wanted, ASKER)
    assert (preview.recordings, preview.kept, len(preview.first)) == (2, {Kept.HELD: 1}, 2)
    assert preview.bytes > 0
    assert len(lib.files("c0-1")) == 3, "a preview changes nothing"
    done = await erasure.some(wanted, REASON, ASKER)
    assert (sorted(done.recordings), done.kept, done.is_more_left) == (["c0-1", "c2-1"], {"c1-1": Kept.HELD}, False)
    assert lib.place.asked == [(("c2-1", "c0-1"), ("+33123",))]
    assert [len(lib.files(f"c{nth}-1")) for nth in range(4)] == [0, 4, 0, 3]


async def test_an_erasure_of_many_says_that_more_is_left(lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrec.app.library.lifetime.erasure.MOST_AT_ONCE", 2)
    monkeypatch.setattr("callrec.app.library.lifetime.erasure.BATCH", 1)
    for nth in range(3):
        await lib.store(nth)
    wanted = Filter(number="1000")
    first = await lib.erasure().some(wanted, REASON, ASKER)
    assert (len(first.recordings), first.is_more_left) == (2, True)
    second = await lib.erasure().some(wanted, REASON, ASKER)
    assert (len(second.recordings), second.is_more_left) == (1, False)
    assert (MOST_AT_ONCE, BATCH) == (1000, 100)


async def test_erasing_everything_needs_a_condition(lib: ErasableLibrary) -> None:
    with pytest.raises(Refused) as refused:
        await lib.erasure().some(ALL, REASON, ASKER)
    assert refused.value.code == "erasure-conditions"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\nb", "asked by John Doe", "asked by 1001!"])
async def test_a_reason_that_would_keep_what_is_erased_is_refused(lib: ErasableLibrary, reason: str) -> None:
    await lib.store(1)
    with pytest.raises(Refused) as refused:
        await lib.erasure().one("c1-1", reason, ASKER)
    assert refused.value.code == "erasure-reason"
    assert len(lib.files("c1-1")) == 3


async def test_who_may_erase_their_own_erases_no_other(lib: ErasableLibrary) -> None:
    await lib.store(1)
    own = Asker(Principal(PrincipalKind.ACCOUNT, UserId("8"), frozenset({Permission.OWN_ERASE}), UserId("8")))
    with pytest.raises(Refused) as refused:
        await lib.erasure().one("c1-1", REASON, own)
    assert refused.value.code == "no-such-recording"
    done = await lib.erasure().some(Filter(number="1000"), REASON, own)
    assert (done.recordings, len(lib.files("c1-1"))) == ([], 3)
    assert lib.place.asked == [], "texts with the number may be about the recordings of others"


async def test_texts_with_a_number_that_no_recording_has_any_more_go_later_when_a_place_does_not_answer(
    lib: ErasableLibrary,
) -> None:
    lib.place.fails = Unavailable("store-unavailable", "the store does not answer")
    done = await lib.erasure().some(Filter(number="+33123"), REASON, ASKER)
    assert (done.recordings, done.unfinished) == ([], ("somewhere",))
    started = lib.erasure()
    await started.finish()
    assert started.why_not == "erased recordings have left something in: somewhere"
    lib.place.fails = None
    await started.finish()
    assert (started.why_not, lib.place.asked) == ("", [((), ("+33123",))])
    await started.finish()
    assert len(lib.place.asked) == 1
    assert b"33123" not in (lib.folder / "state/erased.db").read_bytes()


async def test_what_was_refused_is_not_finished_by_who_saw_it_under_way(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task that finishes erasures looks while a request waits for the log, which then refuses."""
    await lib.store(1)
    erasure, append = lib.erasure(), lib.audit.append
    waits, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> None:
        waits.set()
        await may_go_on.wait()
        raise Unavailable("disk", "the disk is full")

    with monkeypatch.context() as full:
        full.setattr(lib.audit, "append", slow)
        asked = asyncio.create_task(erasure.one("c1-1", REASON, ASKER))
        await waits.wait()
    finishing = asyncio.create_task(erasure.finish())
    await asyncio.sleep(0.1)
    may_go_on.set()
    with pytest.raises(Unavailable):
        await asked
    await finishing
    assert lib.audit.append == append
    assert (len(lib.files("c1-1")), list(lib.erasures.under_way()), lib.erasures.tombstones()) == (3, [], 0)


async def test_what_a_request_has_erased_is_logged_once_though_another_task_saw_it_under_way(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lib.store(1)
    erasure, append = lib.erasure(), lib.audit.append
    waits, may_go_on, logged = asyncio.Event(), asyncio.Event(), []

    async def slow(entries: Sequence[AuditEntry]) -> None:
        logged.extend(one for one in entries if one.action is Action.ERASED)
        waits.set()
        await may_go_on.wait()
        await append(entries)

    monkeypatch.setattr(lib.audit, "append", slow)
    asked = asyncio.create_task(erasure.one("c1-1", REASON, ASKER))
    await waits.wait()
    finishing = asyncio.create_task(erasure.finish())
    await asyncio.sleep(0.1)
    may_go_on.set()
    await asyncio.gather(asked, finishing)
    assert [one.recording for one in logged] == ["c1-1"]
    await is_gone(lib, "c1-1")


class Full:
    """An audit log whose disk is full, or slow."""

    def __init__(self, code: str) -> None:
        self.code = code

    async def append(self, _: object) -> None:
        """Refuse."""
        raise Unavailable(self.code, "the disk is full")  # type: ignore[arg-type]


async def test_without_the_audit_log_nothing_is_erased(lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    await lib.store(1)
    monkeypatch.setattr(lib.audit, "append", Full("disk").append)
    with pytest.raises(Unavailable):
        await lib.erasure().one("c1-1", REASON, ASKER)
    assert (len(lib.files("c1-1")), list(lib.erasures.under_way()), lib.erasures.tombstones()) == (3, [], 0)


async def test_when_the_log_may_have_it_it_is_finished_later(
    lib: ErasableLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lib.store(1)
    with monkeypatch.context() as slow:
        slow.setattr(lib.audit, "append", Full("audit-slow").append)
        with pytest.raises(Unavailable):
            await lib.erasure().one("c1-1", REASON, ASKER)
    assert len(lib.files("c1-1")) == 3
    await lib.erasure().finish()
    await is_gone(lib, "c1-1")


async def test_a_place_that_does_not_answer_is_cleared_later(lib: ErasableLibrary) -> None:
    await lib.store(1, "+33123")
    lib.place.fails = Unavailable("store-unavailable", "the store does not answer")
    done = await lib.erasure().some(Filter(number="+33123"), REASON, ASKER)
    assert (done.recordings, done.unfinished) == (["c1-1"], ("somewhere",))
    assert ("unfinished", "somewhere", "store-unavailable") in lib.told
    erasure = lib.erasure()
    await erasure.finish()
    assert erasure.why_not == "erased recordings have left something in: somewhere"
    lib.place.fails = None
    await erasure.finish()
    assert (erasure.why_not, lib.place.asked) == ("", [(("c1-1",), ("+33123",))])
    await is_gone(lib, "c1-1")


async def test_what_comes_back_from_a_backup_is_erased_again(lib: ErasableLibrary, tmp_path: Path) -> None:
    await lib.store(1)
    await lib.store(2)
    shutil.copytree(lib.folder / "monitor", tmp_path / "backup")
    assert await lib.erasure().look_for_returned() == 0
    await lib.erasure().one("c1-1", REASON, ASKER)
    shutil.copytree(tmp_path / "backup", lib.folder / "monitor", dirs_exist_ok=True)
    assert len(lib.files("c1-1")) == 3
    assert await lib.erasure().look_for_returned() == 1
    assert ("again", "c1-1") in lib.told
    await is_gone(lib, "c1-1")
    assert len(lib.files("c2-1")) == 3


async def test_a_rebuild_enters_no_erased_recording_and_removes_its_files(lib: ErasableLibrary, tmp_path: Path) -> None:
    await lib.store(1)
    await lib.store(2)
    shutil.copytree(lib.folder / "monitor", tmp_path / "backup")
    await lib.erasure().one("c1-1", REASON, ASKER)
    shutil.copytree(tmp_path / "backup", lib.folder / "monitor", dirs_exist_ok=True)
    done = await catalog.rebuild(lib.library, lib.catalogue, lib.erasures)
    assert (done.recordings, [(one.code, one.path) for one in done.findings]) == (1, [("recording-erased", "c1-1")])
    await is_gone(lib, "c1-1")
    again = await catalog.rebuild(lib.library, lib.catalogue, lib.erasures)
    assert (again.recordings, again.findings) == (1, ())


async def test_another_recording_at_the_path_of_an_erased_one_stays(lib: ErasableLibrary) -> None:
    """XiVO's names are used again; an erasure that is repeated must not take the next one."""
    await lib.store(1)
    await lib.store(2)
    folder = lib.folder / "monitor/2026/11/22"
    files = tuple(f"2026/11/22/{path.name}" for path in folder.glob("c2-1.*") if path.suffix != ".json")
    assert lib.library.erase("c1-1", (*files, "2026/11/22/c2-1.json")) == 0
    assert len(lib.files("c2-1")) == 3


@pytest.mark.parametrize("files", [("../x.wav", "2026/11/22/c1-1.json"), ("2026/11/22/c1-1.wav", "../../c1-1.json")])
async def test_no_erasure_leaves_the_library(lib: ErasableLibrary, files: tuple[str, ...]) -> None:
    with pytest.raises(CallrecError):
        lib.library.erase("c1-1", files)
