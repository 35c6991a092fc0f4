"""Pages of the audit log: newest first, every entry once, by filter."""

import asyncio
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LoggedLibrary

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.app.access.audit_log import audit_list
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.access.audit_log.listeners import hearings
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry

SIZE = 600


def entry(nth: int) -> AuditEntry:
    """One of several kinds, each with a recording of its own."""
    if nth % 100 == 7:
        return AuditEntry(Action.LOGIN_FAILED, Actor(ActorKind.STRANGER), details=f"name {nth}", address="192.0.2.7")
    return AuditEntry(Action.LISTENED, ACCOUNT, f"c{nth}-1", subject="link:7f" if nth == 8 else "")


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    made = LoggedLibrary(tmp_path)
    for at in range(0, SIZE, 200):
        await made.log([entry(nth) for nth in range(at, at + 200)])
        made.clock.utc_s += 10
    return made


def indexes(page: audit_list.AuditPage) -> list[object]:
    return [row["index"] for row in page.entries]


async def test_pages_have_every_entry_once_newest_first(logged: LoggedLibrary) -> None:
    seen: list[object] = []
    before: int | None = None
    while True:
        page = audit_page(logged.reader, AuditFilter(), 70, before)
        seen += indexes(page)
        before = page.next
        if before is None:
            break
    assert seen == list(range(SIZE))[::-1]


async def test_a_log_that_goes_on_while_it_is_read_hides_no_entry(logged: LoggedLibrary) -> None:
    """Entries that wait are moved into tiles, and out of `waiting`, between two files that the page reads."""
    log = DiskAuditLog(logged.audit, "callrec/pbx1", logged.clock, integrate_after_s=3600)
    log.open()
    await log.append([entry(700), entry(701)])
    loop = asyncio.get_running_loop()

    class GoingOn(DiskLogReader):
        def note(self) -> bytes | None:
            note = super().note()
            asyncio.run_coroutine_threadsafe(log.forget_about((), ("4711",)), loop).result()
            return note

    reader = GoingOn(logged.audit)
    try:
        page = await asyncio.to_thread(audit_page, reader, AuditFilter(), 3)
        await log.append([entry(702)])
        found = await asyncio.to_thread(hearings, reader, {"c702-1"}, Actor(ActorKind.DAEMON))
    finally:
        await log.close()
    assert indexes(page) == [601, 600, 599]
    assert [one.recording for one in found] == ["c702-1"]


async def test_a_row_has_the_entry_with_its_texts(logged: LoggedLibrary) -> None:
    row = audit_page(logged.reader, AuditFilter(action=Action.LOGIN_FAILED), 1).entries[0]
    assert row == {
        "index": 507, "time": "2023-11-14T22:13:40.000Z", "action": "login-failed", "actor_kind": "stranger", "actor_id": "",
        "recording": "", "subject": "", "address": "192.0.2.7", "details": "name 507", "files": [], "signed": True,
        "stamped": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(recording="c8-1"), [8]),
        (AuditFilter(subject="link:7f"), [8]),
        (AuditFilter(actor_kind=ActorKind.STRANGER), [507, 407, 307, 207, 107, 7]),
        (AuditFilter(is_refused=True), [507, 407, 307, 207, 107, 7]),
        (AuditFilter(is_refused=False, recording="c8-1"), [8]),
        (AuditFilter(actor_id="12", from_ms=1_700_000_000_000, to_ms=1_700_000_000_000, recording="c199-1"), [199]),
        (AuditFilter(from_ms=1_700_000_020_001), []),
        (AuditFilter(to_ms=1_699_999_999_999), []),
        (AuditFilter(actor_id="13"), []),
    ],
)
async def test_filters_fit(logged: LoggedLibrary, wanted: AuditFilter, found: list[int]) -> None:
    assert indexes(audit_page(logged.reader, wanted, 1000)) == found


async def test_a_page_looks_at_so_many_entries_and_says_where_to_go_on(
    logged: LoggedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a filter that fits nothing would read a log of years for one request."""
    monkeypatch.setattr(audit_list, "MOST_READ", 100)
    page = audit_page(logged.reader, AuditFilter(recording="c8-1"), 10)
    assert (page.entries, page.next) == ((), 500)


async def test_what_no_checkpoint_speaks_of_yet_is_listed_as_such(logged: LoggedLibrary) -> None:
    await logged.log([AuditEntry(Action.HELD, ACCOUNT, "c1-1", reason="complaint")], settled=False)
    page = audit_page(logged.reader, AuditFilter(), 2)
    assert [(row["index"], row["signed"]) for row in page.entries] == [(600, False), (599, True)]
    assert page.entries[0]["reason"] == "complaint"
    assert (page.size, page.next) == (SIZE, 599)


async def test_a_text_that_was_erased_is_none(logged: LoggedLibrary) -> None:
    log = DiskAuditLog(logged.audit, "callrec/pbx1", logged.clock, integrate_after_s=3600)
    log.open()
    await log.append([AuditEntry(Action.HELD, ACCOUNT, "c1-1", reason="complaint of Ann")])
    await log.settle()
    digest = next(
        iter(
            audit_list.decode_entry(
                logged.reader.entries(audit_list.tile_with(None, SIZE, SIZE + 1))[-1]
            ).texts.values()
        )
    )
    assert await log.forget([digest]) == 1
    await log.close()
    assert audit_page(logged.reader, AuditFilter(), 1).entries[0]["reason"] is None
