"""`GET /api/v1/audit` on a real server: pages, filters, and its own entry."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest
from api_door import ServiceUrl, opened

from callrec.domain.access.audit import ActorKind
from callrec.web.api.audit import Kind


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[ServiceUrl]:
    async with opened(tmp_path) as door:
        yield door


async def test_p7_who_reads_the_log_is_in_it_before_the_answer(door: ServiceUrl) -> None:
    answer = await door.ask("GET", "/audit?action=audit-read")
    assert answer.status == 200
    (entry,) = answer.json["items"]
    assert (entry["action"], entry["actor_kind"], entry["actor_id"]) == ("audit-read", "token", "daemon")
    assert (entry["address"], entry["details"]) == ("127.0.0.1", "action=audit-read")


async def test_p7_a_log_that_takes_no_entry_hands_nothing_out(door: ServiceUrl) -> None:
    await door.ask("GET", "/audit")
    await door.audit_log.close()
    answer = await door.ask("GET", "/audit")
    assert (answer.status, answer.json["code"]) == (503, "audit-closed")


def test_the_api_has_every_kind_of_actor() -> None:
    assert get_args(Kind) == tuple(ActorKind)


async def test_pages_follow_each_other(door: ServiceUrl) -> None:
    for _ in range(5):
        await door.ask("GET", "/audit?limit=1")
    first = (await door.ask("GET", "/audit?limit=4")).json
    second = (await door.ask("GET", f"/audit?limit=4&before={first['next']}")).json
    assert [one["index"] for one in (*first["items"], *second["items"])] == [5, 4, 3, 2, 1, 0]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query", ["action=danced", "limit=0", "before=-1", "recording=a%20b", "colour=green", "from_s=nan"]
)
async def test_a_wrong_parameter_is_named(door: ServiceUrl, query: str) -> None:
    answer = await door.ask("GET", f"/audit?{query}")
    assert answer.status == 422
    assert [one["parameter"] for one in answer.json["errors"]] == [query.partition("=")[0]]
