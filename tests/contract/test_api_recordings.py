"""Stored recordings over HTTP, with a real catalogue: conditions, pages, counts, and who sees which."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.app.ports.library import Catalogue
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Unavailable
from callrec.domain.rules import UserId
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web import server
from callrec.web.api.recordings import recording_operations
from callrec.web.auth import AUDIT, Authentication
from callrec.web.server import build_app, serve_http

USER = UserId("7")
PRINCIPALS = {
    "administrator": DAEMON,
    "own": Principal(PrincipalKind.ACCOUNT, USER, frozenset({Permission.OWN_LIST}), USER),
    "group": Principal(
        PrincipalKind.ACCOUNT, USER, frozenset({Permission.GROUP_LIST}), USER, frozenset({UserId("8"), UserId("9")})
    ),
    "group of nobody": Principal(PrincipalKind.ACCOUNT, USER, frozenset({Permission.GROUP_LIST}), USER),
    "listener": Principal(PrincipalKind.ACCOUNT, USER, frozenset({Permission.RECORDINGS_LISTEN}), USER),
}


class Pretending(Authentication):
    """Takes a principal by its name here from a header of the request."""

    async def principal(self, request: web.Request) -> Principal | None:
        """That one."""
        return PRINCIPALS.get(request.headers.get("Who", "administrator"))


def entry(nth: int) -> dict[str, str]:
    """Of the user 7, 8, 9 or of nobody known; 7 takes part in each."""
    return {
        "id": f"c{nth}-1", "call": f"c{nth}", "state": "sound" if nth % 5 else "partial", "cause": "" if nth % 5 else "timeline",
        "start_s": f"{1_795_900_000 + nth}.250", "end_s": f"{1_795_900_060 + nth}.250", "rule": "always", "actor": "policy",
        "actor_user": "", "numbers": json.dumps([f"10{nth:02}", "+33123456"]), "users": '["7"]', "names": '["John Döe"]',
        "direction": "incoming", "node": "n", "recorded_user": ("7", "8", "9", "")[nth % 4], "path": f"2026/11/28/c{nth}-1",
        "media": f"2026/11/28/c{nth}-1.wav", "length_s": f"{nth}.500", "sha256": "ab", "bytes": "16044",
        "told": '[{"number": "1000", "what": "tone", "heard": true, "cause": ""}]', "tags": '["sale"]',
    }  # fmt: skip


class Audit:
    """Keeps the entries in memory; `is_full`: takes none."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.is_full = False

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them."""
        if self.is_full:
            raise Unavailable("disk", "the disk is full")
        self.entries += entries


class Door:
    """The served operations."""

    def __init__(self, catalogue: Catalogue, http: aiohttp.ClientSession, address: str, audit: "Audit") -> None:
        self.catalogue, self._http, self._address, self.audit = catalogue, http, address, audit

    async def ask(self, path: str, who: str = "administrator") -> tuple[int, dict]:
        """Status and body."""
        async with self._http.get(f"{self._address}/api/v1/recordings{path}", headers={"Who": who}) as answer:
            return answer.status, json.loads(await answer.text())

    async def ids(self, query: str, who: str = "administrator") -> list[str]:
        """The ids of a page."""
        status, page = await self.ask(query, who)
        assert status == 200, page
        return [one["id"] for one in page["items"]]


@pytest_asyncio.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """With twenty recordings."""
    monkeypatch.setattr(server, "Authentication", Pretending)
    async with open_catalogue("sqlite:", tmp_path) as catalogue, aiohttp.ClientSession() as http:
        for nth in range(20):
            await catalogue.put(entry(nth))
        patience = server.Patience(per_connection_s=1e6, together_s=1e6)
        app = build_app(
            readiness=Readiness(),
            metrics=Metrics(),
            live=list,
            token="t" * 43,
            api=recording_operations(catalogue),
            patience=patience,
        )
        audit = app[AUDIT] = Audit()
        runner, port = await serve_http(app, "127.0.0.1", 0)
        yield Door(catalogue, http, f"http://127.0.0.1:{port}", audit)
        await runner.cleanup()


async def test_pages_follow_each_other_by_their_cursors(door: Door) -> None:
    _, first = await door.ask("?limit=8&count=true")
    assert [one["id"] for one in first["items"]] == [f"c{nth}-1" for nth in range(19, 11, -1)]
    assert (first["previous"], first["total"], first["total_is_exact"]) == (None, 20, True)
    _, second = await door.ask(f"?limit=8&cursor={first['next']}")
    assert [one["id"] for one in second["items"]] == [f"c{nth}-1" for nth in range(11, 3, -1)]
    assert (second["total"], second["total_is_exact"]) == (None, None)
    _, back = await door.ask(f"?limit=8&cursor={second['previous']}")
    assert back["items"] == first["items"]
    _, last = await door.ask(f"?limit=8&cursor={second['next']}")
    assert (len(last["items"]), last["next"]) == (4, None)


async def test_a_recording_is_shown_in_types(door: Door) -> None:
    status, one = await door.ask("/c3-1")
    assert status == 200
    assert (one["start_s"], one["length_s"], one["bytes"], one["timeline_exact_s"]) == (
        1_795_900_003.25,
        3.5,
        16044,
        None,
    )
    assert (one["numbers"], one["names"], one["tags"], one["holds"]) == (
        ["1003", "+33123456"],
        ["John Döe"],
        ["sale"],
        [],
    )
    assert one["told"] == [{"number": "1000", "what": "tone", "heard": True, "cause": ""}]
    assert (await door.ask("?limit=1&sort=start&number=1003"))[1]["items"] == [one]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=partial", [15, 10, 5, 0]),
        ("?number=1007", [7]),
        ("?number_part=101&limit=2", [19, 18]),
        ("?name=doe&from_s=1795900018.25", [19, 18]),
        ("?to_s=1795900001.25&sort=start", [0, 1]),
        ("?least_s=18&sort=length", [18, 19]),
        ("?most_s=1&sort=-length", [0]),
        ("?user=8", []),
        ("?user=7&tag=sale&direction=incoming&rule=always&node=n&heard=yes&held=false&limit=1", [19]),
        ("?held=true", []),
        ("?heard=none", []),
    ],
)
async def test_each_condition(door: Door, query: str, found: list[int]) -> None:
    assert await door.ids(query) == [f"c{nth}-1" for nth in found]


async def test_p12_a_principal_sees_the_recordings_that_it_may_see_and_no_trace_of_others(door: Door) -> None:
    """In lists, counts, pages and by their ids; one that is not permitted is answered as one that does not exist."""
    for who, allowed in (("own", {"7"}), ("group", {"8", "9"}), ("administrator", {"7", "8", "9", ""})):
        own = [nth for nth in range(19, -1, -1) if entry(nth)["recorded_user"] in allowed]
        status, page = await door.ask("?count=true", who)
        assert status == 200
        assert [one["id"] for one in page["items"]] == [f"c{nth}-1" for nth in own]
        assert page["total"] == len(own)
        assert await door.ids("?number_part=331", who) == [f"c{nth}-1" for nth in own]
        for nth in range(20):
            status, said = await door.ask(f"/c{nth}-1", who)
            if nth in own:
                assert status == 200
            else:
                assert (status, said) == (404, absent(await door.ask("/c99-9", who), f"c{nth}-1"))
    assert await door.ask("?count=true", "group of nobody") == (
        200, {"items": [], "next": None, "previous": None, "total": 0, "total_is_exact": True},
    )  # fmt: skip
    for path in ("", "/c3-1", "/c99-9"):
        status, said = await door.ask(path, "listener")
        assert (status, said["code"]) == (403, "not-permitted")


def absent(answer: tuple[int, dict], recording: str) -> dict:
    """The answer of one that does not exist, for this id."""
    return answer[1] | {"title": answer[1]["title"].replace("c99-9", recording)}


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("?cursor=AAAA", "search-cursor", "cursor"),
        ("?cursor=!", "parameter", "cursor"),
        ("?limit=0", "parameter", "limit"),
        ("?limit=1001", "parameter", "limit"),
        ("?state=good", "parameter", "state"),
        ("?sort=name", "parameter", "sort"),
        ("?from_s=nan", "parameter", "from_s"),
        ("?from_s=-1", "parameter", "from_s"),
        ("?most_s=inf", "parameter", "most_s"),
        ("?user=../7", "parameter", "user"),
        ("?nosuch=1", "parameter", "nosuch"),
        ("?number=1&number=2", "parameter", "number"),
        ("?number_part=12", "search-text", None),
        ("?name=%20%20", "search-text", None),
    ],
)
async def test_a_wrong_parameter_is_named(door: Door, query: str, code: str, parameter: str | None) -> None:
    status, said = await door.ask(query)
    assert (status, said["code"]) == (422, code)
    if parameter:
        assert [one["parameter"] for one in said["errors"]] == [parameter]


async def test_a_cursor_of_another_order_is_refused(door: Door) -> None:
    _, page = await door.ask("?limit=2")
    status, said = await door.ask(f"?limit=2&sort=start&cursor={page['next']}")
    assert (status, said["code"]) == (422, "search-cursor")


async def test_p7_each_look_is_in_the_audit_log_before_its_answer_leaves(door: Door) -> None:
    """Also one at a recording that is not the principal's, or does not exist. Without the log nothing is handed out. A search is
    told as it was read, so that its conditions are in the entry however the request was spelled."""
    for path, who in (
        (f"?limit={'0' * 2000}7&number_part=%3555", "group"),
        ("/c1-1", "group"),
        ("/c0-1", "group"),
        ("/c99-9", "own"),
    ):
        await door.ask(path, who)
    assert [(one.action, one.recording, one.details, one.actor.id) for one in door.audit.entries] == [
        (Action.LISTED, "", "number_part=555&limit=7", "7"),
        (Action.SHOWN, "c1-1", "", "7"),
        (Action.REFUSED, "", "readRecording c0-1", "7"),
        (Action.REFUSED, "", "readRecording c99-9", "7"),
    ]
    assert all(one.address == "127.0.0.1" for one in door.audit.entries)
    door.audit.is_full = True
    for path in ("", "/c1-1"):
        status, said = await door.ask(path)
        assert (status, said["code"], "c1-1" in str(said)) == (503, "disk", False)


async def test_hostile_ids_and_texts_find_nothing(door: Door) -> None:
    for path in ("/..%2f..%2fx", "/%00", "/'%20OR%201=1--", "/" + "x" * 200):
        assert (await door.ask(path))[0] == 404
    for text in ("%25%25%25", "';--", "%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80", "%22%22%22", "a%00b", "%EF%BF%BD"):
        for name in ("name", "number", "tag", "node"):
            assert await door.ids(f"?{name}={text}") == []
