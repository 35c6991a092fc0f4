"""Webhooks and their deliveries on disk."""

import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from callrec.adapters.database.outbox import NAME, SqliteOutbox
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.webhooks.model import LONGEST_RETRY_AFTER_S, Attempt, Delivery, Verdict, Webhook
from callrec.protocols.event_messages import EventMessage

CRM = Webhook("crm", "https://crm.example", "whsec_a", "msg_1")
LOG = Webhook("log", "https://log.example", "whsec_b", "msg_2", types=("alarm",))
FAILED, REFUSED, DONE = Attempt(500, "HTTP 500"), Attempt(422, "HTTP 422"), Attempt(204, "HTTP 204")


def event(nth: int, kind: str = "recording", size: int = 10) -> EventMessage:
    return EventMessage(f"{nth}-0", kind, "x" * size)


@pytest_asyncio.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SqliteOutbox]:
    one = SqliteOutbox(tmp_path, 1000)
    await one.put(CRM)
    await one.put(LOG)
    yield one
    await one.close()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def ids(outbox: SqliteOutbox, webhook: str = "crm") -> list[str]:
    return [one.id for one in await outbox.deliveries(webhook, 1000)]


async def due(outbox: SqliteOutbox, now_s: float = 10.0) -> Delivery:
    delivery, _ = await outbox.next("crm", now_s)
    assert delivery
    return delivery


async def test_the_file_is_for_its_owner_only(outbox: SqliteOutbox, tmp_path: Path) -> None:
    await outbox.accept([event(1)], "1-0", 1.0)
    assert {path.stat().st_mode & 0o777 for path in files(tmp_path)} == {0o600}


async def test_webhooks_are_read_back_after_a_restart(outbox: SqliteOutbox, tmp_path: Path) -> None:
    changed = replace(CRM, enabled=False, types=("alarm", "recording"), former_secret="old", former_until_s=12.5)
    await outbox.put(changed)
    again = SqliteOutbox(tmp_path, 1000)
    assert [one for one, _ in await again.webhooks()] == [changed, LOG]
    await again.close()


async def test_an_event_is_stored_for_those_who_want_it(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1), event(2, "alarm")], "2-0", 5.0)
    assert (await ids(outbox), await ids(outbox, "log")) == (["msg_1_1-0", "msg_1_2-0"], ["msg_2_2-0"])
    assert await outbox.cursor() == "2-0"


async def test_an_event_that_is_read_twice_is_stored_once(outbox: SqliteOutbox) -> None:
    for _ in range(2):
        await outbox.accept([event(1)], "1-0", 5.0)
    assert await ids(outbox) == ["msg_1_1-0"]


async def test_a_webhook_that_is_off_gets_nothing(outbox: SqliteOutbox) -> None:
    await outbox.put(replace(CRM, enabled=False))
    await outbox.accept([event(1)], "1-0", 5.0)
    assert await ids(outbox) == []


async def test_without_a_webhook_the_place_in_the_stream_is_forgotten(outbox: SqliteOutbox) -> None:
    """The next webhook does not begin with events of months ago."""
    await outbox.accept([], "9-0", 5.0)
    await outbox.put(replace(LOG, enabled=False))
    assert await outbox.cursor() == "9-0"
    assert await outbox.remove("crm")
    assert await outbox.cursor() == ""
    assert not await outbox.remove("crm")


async def test_the_oldest_is_sent_first_and_goes_when_it_was_delivered(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1), event(2)], "2-0", 5.0)
    first = await due(outbox)
    assert first == Delivery("msg_1_1-0", "crm", "recording", "x" * 10, 5.0)
    await outbox.settle(first, DONE, Verdict(is_delivered=True), 11.0)
    assert (await due(outbox)).id == "msg_1_2-0"
    (_, standing), _ = await outbox.webhooks()
    assert (standing.delivered, standing.waiting, standing.says, standing.at_s) == (1, 1, "HTTP 204", 11.0)


async def test_when_the_receiver_fails_all_wait_and_the_order_stays(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1), event(2)], "2-0", 5.0)
    await outbox.settle(await due(outbox), FAILED, Verdict(40.0, holds_all=True), 10.0)
    assert await outbox.next("crm", 39.0) == (None, 40.0)
    assert ((await due(outbox, 40.0)).id, (await due(outbox, 40.0)).attempts) == ("msg_1_1-0", 1)
    (_, standing), _ = await outbox.webhooks()
    assert (standing.failures, standing.not_before_s, standing.says) == (1, 40.0, "HTTP 500")


async def test_when_a_message_is_refused_the_next_goes_on(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1), event(2)], "2-0", 5.0)
    await outbox.settle(await due(outbox), REFUSED, Verdict(40.0), 10.0)
    second = await due(outbox)
    assert second.id == "msg_1_2-0"
    await outbox.settle(second, DONE, Verdict(is_delivered=True), 10.0)
    assert await outbox.next("crm", 11.0) == (None, 40.0)
    assert (await due(outbox, 40.0)).says == "HTTP 422"


async def test_a_clock_that_was_set_back_holds_nothing_up(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1)], "1-0", 1e9)
    await outbox.settle(await due(outbox, 1e9), FAILED, Verdict(1e9 + 60, holds_all=True), 1e9)
    assert (await due(outbox, 1e9 - LONGEST_RETRY_AFTER_S)).id == "msg_1_1-0"
    await outbox.settle(await due(outbox, 10), REFUSED, Verdict(1e9), 10)
    assert (await due(outbox, 11)).id == "msg_1_1-0"


async def test_what_was_given_up_is_kept_and_sent_again_on_demand(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1), event(2)], "2-0", 5.0)
    for _ in range(2):
        await outbox.settle(await due(outbox), REFUSED, Verdict(40.0, gives_up=True), 10.0)
    assert await outbox.next("crm", 50.0) == (None, None)
    (_, standing), _ = await outbox.webhooks()
    assert (standing.waiting, standing.given_up) == (0, 2)
    assert await outbox.resend("crm", "msg_1_2-0", 60.0) == 1
    again = await due(outbox, 60.0)
    assert (again.id, again.accepted_s) == ("msg_1_2-0", 60.0)
    assert await outbox.resend("crm", None, 60.0) == 1
    assert await outbox.resend("crm", None, 60.0) == 0


async def test_what_was_given_up_long_ago_is_forgotten(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1), event(2)], "2-0", 5.0)
    await outbox.settle(await due(outbox), REFUSED, Verdict(40.0, gives_up=True), 10.0)
    assert (await outbox.forget(5.0), await outbox.forget(5.1)) == (0, 1)
    assert await ids(outbox) == ["msg_1_2-0"]


async def test_the_disk_is_bounded_for_each_webhook_and_the_oldest_go_first(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(0, "alarm", 900)], "0-0", 5.0)
    dropped = await outbox.accept([event(nth, size=300) for nth in (1, 2, 3)], "3-0", 5.0)
    assert (dropped, await ids(outbox)) == (1, ["msg_1_1-0", "msg_1_2-0", "msg_1_3-0"])
    assert await ids(outbox, "log") == ["msg_2_0-0"]
    await outbox.settle((await outbox.deliveries("crm", 9))[1], REFUSED, Verdict(0, gives_up=True), 10.0)
    assert await outbox.accept([event(4, size=300)], "4-0", 5.0) == 1
    assert await ids(outbox) == ["msg_1_1-0", "msg_1_3-0", "msg_1_4-0"], "first what was given up"


async def test_a_changed_webhook_is_tried_at_once(outbox: SqliteOutbox) -> None:
    await outbox.accept([event(1)], "1-0", 5.0)
    await outbox.settle(await due(outbox), FAILED, Verdict(40.0, holds_all=True), 10.0)
    await outbox.put(replace(CRM, url="https://new.example"))
    assert (await due(outbox)).id == "msg_1_1-0"


async def test_a_change_by_another_process_is_noticed(outbox: SqliteOutbox, tmp_path: Path) -> None:
    assert not await outbox.changed()
    await outbox.accept([event(1)], "1-0", 5.0)
    assert not await outbox.changed(), "its own"
    other = SqliteOutbox(tmp_path, 1000)
    await other.resend("crm", None, 5.0)
    await other.close()
    assert [await outbox.changed(), await outbox.changed()] == [True, False]


async def test_deleted_content_is_not_left_in_the_file(outbox: SqliteOutbox, tmp_path: Path) -> None:
    await outbox.accept([EventMessage("1-0", "recording", "+33123456789" * 20)], "1-0", 5.0)
    await outbox.remove("crm")
    await outbox.close()
    assert b"+33123456789" not in b"".join(path.read_bytes() for path in files(tmp_path))


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\x00" + b"\xff" * 4096])
async def test_a_damaged_file_is_corrupt_and_stays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    outbox = SqliteOutbox(tmp_path, 1000)
    with pytest.raises(Corrupt) as found:
        await outbox.webhooks()
    assert found.value.code == "webhooks-file"
    assert (tmp_path / NAME).read_bytes() == content


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / NAME) as newer:
        newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(Corrupt, match="newer version"):
        await SqliteOutbox(tmp_path, 1000).webhooks()


async def test_without_a_folder_it_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as found:
        await SqliteOutbox(tmp_path / "file", 1000).webhooks()
    assert found.value.code == "disk"


async def test_a_file_that_stays_locked_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrec.adapters.database.outbox.BUSY_S", 0.05)
    slow = SqliteOutbox(tmp_path, 1000)
    await slow.webhooks()
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await slow.put(CRM)
    other.execute("ROLLBACK")
    other.close()
    await slow.put(CRM)
    await slow.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_file_that_root_makes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1235)
    outbox = SqliteOutbox(tmp_path, 1000)
    await outbox.put(CRM)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in files(tmp_path)} == {(1234, 1235)}
    await outbox.close()


async def test_deliveries_about_erased_recordings_go_and_their_bytes_with_them(
    outbox: SqliteOutbox, tmp_path: Path
) -> None:
    def of(nth: int, text: str) -> EventMessage:
        return EventMessage(f"{nth}-0", "recording", text)

    told = [
        of(1, '{"data": {"recording": "c1-1", "numbers": "+33777"}}'),
        of(2, '{"data": {"id": "c1-1", "numbers": "+33778"}}'),
        of(3, '{"data": {"recording": "c2-1", "numbers": "+33888"}}'),
        of(4, '{"data": {"recording": "c3-1", "numbers": "+339"}}'),
        of(5, "no JSON"),
        of(6, '{"data": []}'),
        of(7, json.dumps({"data": {"recording": "c4-1", "names": ["Zoë Doe"]}})),
    ]
    await outbox.accept(told, "7-0", 1.0)
    assert await outbox.forget_about(["c1-1"], ["+33888", "zoë doe"]) == 4
    told.pop()
    assert [one.body for one in await outbox.deliveries("crm", 10)] == [one.text for one in told[3:]]
    content = b"".join(path.read_bytes() for path in files(tmp_path))
    assert b"+339" in content
    assert not any(number in content for number in (b"33777", b"33778", b"33888"))


async def test_what_another_reader_keeps_in_the_log_of_changes_is_no_end_of_an_erasure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callrec.adapters.database.outbox.BUSY_S", 0.05)
    outbox = SqliteOutbox(tmp_path, 100_000)
    await outbox.put(CRM)
    await outbox.accept(
        [EventMessage("1-0", "recording", '{"data": {"recording": "c1-1", "number": "+33777"}}')], "1-0", 1.0
    )
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM deliveries").fetchall()
        with pytest.raises(Unavailable, match="log of changes"):
            await outbox.forget_about(["c1-1"], [])
    await outbox.forget_about(["c1-1"], [])
    assert not any(b"+33777" in path.read_bytes() for path in files(tmp_path))
    await outbox.close()


async def test_without_webhooks_nothing_is_to_be_forgotten(tmp_path: Path) -> None:
    outbox = SqliteOutbox(tmp_path / "none", 1000)
    assert await outbox.forget_about(["c1-1"], []) == 0
    assert not (tmp_path / "none").exists()
    await outbox.close()
