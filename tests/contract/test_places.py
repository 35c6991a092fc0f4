"""Rules of trunks, queues and conferences over the API and in the store: two clients at once, and ten thousand of them."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from api_door import ServiceUrl, opened

from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Place
from callrec.domain.rules import PlaceKind, PlaceRule, Rule

MANY = 10_000


@pytest.fixture
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceUrl]:
    async with opened(tmp_path_factory.mktemp("s")) as door:
        yield door


async def test_of_two_clients_who_change_one_rule_at_once_one_is_told(door: ServiceUrl) -> None:
    """Both have read it. So it is with two who make one queue's rule, in whatever case."""
    names = ("Support", "SUPPORT")
    made = await asyncio.gather(
        *(door.ask("POST", "/places", {"kind": "queue", "name": name, "record": "always"}) for name in names)
    )
    assert sorted(answer.status for answer in made) == [HTTPStatus.CREATED, HTTPStatus.CONFLICT]
    tag = (await door.ask("GET", "/places/queue:support")).headers["ETag"]
    changes = await asyncio.gather(
        *(door.ask("PATCH", "/places/queue:SUPPORT", {"record": "never"}, If_Match=tag) for _ in names)
    )
    assert sorted(answer.status for answer in changes) == [HTTPStatus.OK, HTTPStatus.PRECONDITION_FAILED]
    assert (await door.ask("GET", "/places/queue:support")).json["record"] == "never"
    assert (await door.ask("DELETE", "/places/queue:support")).status == HTTPStatus.NO_CONTENT
    assert (await door.ask("GET", "/places")).json["total"] == 0


async def test_a_users_line_is_no_trunk(door: ServiceUrl) -> None:
    """What a user's phone does is the user's own matter."""
    (line, *_) = (await door.ask("GET", "/lines")).json["items"]
    refused = await door.ask("POST", "/places", {"kind": "trunk", "name": line["name"], "record": "always"})
    assert (refused.status, refused.json["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "record-refused")
    assert "set the rules of the user" in refused.text


async def test_ten_thousand_rules_are_found_at_once_and_listed_in_pages(door: ServiceUrl) -> None:
    """A look-up of the call path is one access to a dictionary, however many there are."""
    many = [Place(PlaceKind.QUEUE, f"queue {nth}", Rule.ALWAYS) for nth in range(MANY)]
    await door.store.edit(Edit(tuple(Change(None, one) for one in many)), "many")
    await door.feed.catch_up(60)
    first = await door.ask("GET", "/places?limit=100&sort=name")
    assert (len(first.json["items"]), first.json["total"]) == (100, MANY)
    for nth in range(MANY):
        rule = door.feed.directory.rule_of(PlaceKind.QUEUE, f"Queue {nth}")
        assert rule == PlaceRule(Rule.ALWAYS, f"queue:queue {nth}")
        assert door.feed.directory.has_rule_of(PlaceKind.QUEUE)
    changed = await door.ask("PATCH", "/places/queue:queue%207", {"record": "never"}, If_Match="*")
    assert changed.status == HTTPStatus.OK
    assert door.feed.directory.rule_of(PlaceKind.QUEUE, "queue 7") == PlaceRule(Rule.NEVER, "queue:queue 7")
    assert (await door.store.tables()).places[7777].record is Rule.ALWAYS
