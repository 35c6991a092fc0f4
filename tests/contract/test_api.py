"""The API over HTTP, on a real store: records come, change and go; what is wrong is said so; secrets stay inside."""

import asyncio
from io import BytesIO

import pytest
import pytest_asyncio
from api_door import EVE, JOHN, TABLES, TOKEN, opened
from seeds import adding

from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.directory.model import Feature, Tables, User
from callrec.domain.rules import UserId

LINE = {"user": "2", "number": "1005", "context": "default", "name": "third", "secret": "s3cret"}
NEW = {
    "users": ({"firstname": "Ada"}, "3"),
    "lines": (LINE, "sip:third"),
    "incalls": ({"user": "2", "exten": "2051", "context": "from-extern"}, "2051@from-extern"),
    "voicemails": (
        {"user": "1", "mailbox": "99", "context": "default", "name": "J", "password": "1234"},
        "99@default",
    ),
    "contexts": ({"name": "sales", "ranges": ["3000-3099"]}, "sales"),
    "entities": ({"name": "Sales"}, 2),
    "profiles": ({"name": "a/b c"}, "a/b c"),
    "keys": ({"user": "1", "number": 1, "type": "dnd", "supervision": True}, "1:1"),
    "roles": ({"name": "reader", "permissions": ["audit.read", "calls.read", "audit.read"]}, "reader"),
    "places": ({"kind": "queue", "name": "Support 2", "record": "always"}, "queue:support 2"),
    "groups": ({"name": "sales", "members": ["2", "1", "2"], "supervisors": ["1"]}, "sales"),
}
OTHER = {
    "users": {"lastname": "Lovelace", "rules": {"out_external": "never"}},
    "lines": {"number": "1006", "secret": "other"},
    "incalls": {"ring_s": 5, "record": "always", "language": "fr_FR"},
    "voicemails": {"attach": True, "password": "0000"},
    "contexts": {"ranges": ["3000-3099", "4000"], "record": "never"},
    "entities": {"name": "Trade"},
    "profiles": {"name": "new", "role": "auditor"},
    "keys": {"number": 9, "label": "Quiet"},
    "roles": {"name": "watcher", "permissions": ["calls.read"]},
    "places": {"record": "never"},
    "groups": {"members": ["2"], "supervisors": []},
}


@pytest.fixture
async def door(tmp_path_factory):
    async with opened(tmp_path_factory.mktemp("s")) as door:
        yield door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(tmp_path_factory):
    """One door for all requests that are refused: they leave its tables as they are."""
    async with opened(tmp_path_factory.mktemp("s")) as door:
        await door.change("/users/2", username="eve")
        assert 201 == (await door.ask("POST", "/keys", {"user": JOHN.id, "number": 1, "type": "dnd"})).status
        before = await door.store.tables()
        yield door
        assert before == await door.store.tables()


@pytest.mark.parametrize("kind", NEW)
async def test_a_record_is_made_read_changed_listed_and_removed(door, kind):
    body, identity = NEW[kind]
    made = await door.ask("POST", f"/{kind}", body)
    assert (201, identity) == (made.status, made.json["id"])
    where = made.headers["Location"].removeprefix("/api/v1")
    read = await door.ask("GET", where)
    assert (200, made.json, made.headers["ETag"]) == (read.status, read.json, read.headers["ETag"])
    changed = await door.ask("PATCH", where, OTHER[kind], If_Match=read.headers["ETag"])
    assert 200 == changed.status
    assert changed.headers["ETag"] != read.headers["ETag"]
    where = changed.headers["Content-Location"].removeprefix("/api/v1")
    for name, value in OTHER[kind].items():
        if name not in {"secret", "password", "rules"}:
            assert value == changed.json[name]
    assert changed.json in (await door.ask("GET", f"/{kind}")).json["items"]
    assert 204 == (await door.ask("DELETE", where, If_Match=changed.headers["ETag"])).status
    for method in ("GET", "DELETE"):
        gone = await door.ask(method, where)
        assert (404, "no-such-record") == (gone.status, gone.json["code"])


async def test_a_role_has_each_permission_once_in_their_order(door):
    made = await door.ask("POST", "/roles", NEW["roles"][0])
    assert ["calls.read", "audit.read"] == made.json["permissions"]
    assert {"administrator", "auditor", "listener", "operator", "reader", "supervisor", "user"} == {
        role["id"] for role in (await door.ask("GET", "/roles")).json["items"]
    }


async def test_secrets_can_be_written_and_never_read(door):
    digest = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"
    assert 200 == (await door.change("/users/1", password_hash=digest)).status
    assert 200 == (await door.change("/lines/sip:desk", secret="written")).status
    assert 200 == (await door.change("/voicemails/1000@default", password="0815")).status
    stored = await door.store.tables()
    assert digest == stored.users[0].password_hash
    assert ("written", "0815") == (stored.lines[0].secret, stored.voicemails[0].password)
    for kind in NEW:
        said = (await door.ask("GET", f"/{kind}")).text
        assert not any(secret in said for secret in (digest, "written", "0815", '"secret"', '"password'))


async def test_a_new_line_gets_what_it_leaves_out(door):
    sip = await door.ask("POST", "/lines", {"user": "2", "number": "1005", "context": "default"})
    assert sip.json["name"]
    sccp = {"user": "2", "number": "1006", "context": "default", "protocol": "sccp"}
    assert "sccp:1006" == (await door.ask("POST", "/lines", sccp)).json["id"]
    assert "sccp:1007" == (await door.change("/lines/sccp:1006", number="1007")).json["id"]
    lines = {line.number: line for line in (await door.store.tables()).lines}
    assert len(lines["1005"].secret) >= 20
    assert lines["1007"].name == "1007"


async def test_a_user_takes_lines_incalls_and_voicemails_along(door):
    assert 204 == (await door.ask("DELETE", "/users/1")).status
    left = await door.store.tables()
    assert ((EVE,), (TABLES.lines[1],), (), ()) == (left.users, left.lines, left.incalls, left.voicemails)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("DELETE", "/contexts/default", None, 409, "context-in-use"),
        ("DELETE", "/entities/1", None, 409, "entity-last"),
        ("DELETE", "/roles/administrator", None, 409, "role-last"),
        ("GET", "/places/queue:nosuch", None, 404, "no-such-record"),
        ("POST", "/places", {"kind": "room", "name": "x", "record": "always"}, 422, "body"),
        ("POST", "/roles", {"name": "x", "permissions": []}, 422, "body"),
        ("DELETE", "/lines/sip:desk", None, 409, "line-in-use"),
        ("POST", "/users", {"firstname": "X", "username": "eve"}, 409, "table-conflict"),
        ("POST", "/lines", {**LINE, "number": "1000"}, 409, "table-conflict"),
        ("POST", "/contexts", {"name": "default"}, 409, "table-conflict"),
        ("GET", "/lines/h323:desk", None, 404, "no-such-record"),
        ("GET", "/nothing", None, 404, "http-404"),
        ("PUT", "/users", {}, 405, "http-405"),
        ("POST", "/users/1", {}, 405, "http-405"),
        ("POST", "/users", "{", 400, "no-json"),
        ("POST", "/users", b"\xff", 400, "no-json"),
        ("POST", "/users", '{"firstname": "\\ud800"}', 400, "no-json"),
        ("PATCH", "/users/1", {}, 428, "if-match"),
        ("PATCH", "/extensions/call_record", {}, 428, "if-match"),
        ("GET", "/users?limit=0", None, 422, "parameter"),
        ("GET", "/users?limit=1001", None, 422, "parameter"),
        ("GET", "/users?limit=1&limit=2", None, 422, "parameter"),
        ("GET", "/users?colour=red", None, 422, "parameter"),
        ("GET", "/users?cursor=x", None, 422, "parameter"),
        ("GET", "/users?cursor=W10", None, 422, "parameter"),
        ("GET", f"/users?cursor={'W1tb' * 1460}", None, 422, "parameter"),
        ("GET", "/lookup", None, 422, "parameter"),
        ("GET", "/lookup?extension=1000", None, 422, "parameter"),
        ("GET", "/lookup?extension=7&context=default", None, 404, "no-such-record"),
        ("GET", "/extensions/x", None, 404, "no-such-record"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_done_is_told_by_status_and_code(standing, method, path, body, status, code):  # noqa: PLR0917 - a table's row
    told = await standing.ask(method, path, body)
    assert (status, code) == (told.status, told.json["code"])
    assert told.headers["Content-Type"].startswith("application/problem+json")
    assert status == told.json["status"]


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        ("/users", {"firstname": 1, "call_record": "yes", "colour": "red"}, ["/call_record", "/colour", "/firstname"]),
        ("/users", {"lastname": "x"}, ["/firstname"]),
        ("/users", {"firstname": "x", "rules": {"in_internal": "maybe"}}, ["/rules/in_internal"]),
        ("/users", {"firstname": "", "entityid": 7, "agentnumber": "x"}, ["/agentnumber", "/entityid", "/firstname"]),
        ("/users", [], [""]),
        ("/lines", {**LINE, "user": "77", "number": "3000"}, ["/number", "/user"]),
        ("/contexts", {"name": "a b"}, ["/name"]),
        ("/contexts", {"name": "a", "ranges": ["9-1"]}, ["/ranges"]),
        ("/contexts", {"name": "a", "record": "on_demand"}, ["/record"]),
        ("/entities", {"name": "", "id": 5}, ["/name"]),
        ("/roles", {"name": "", "permissions": ["audit.read"]}, ["/name"]),
        ("/places", {"kind": "queue", "name": "a,b", "record": "always"}, ["/name"]),
        ("/places", {"kind": "queue", "name": "${x}", "record": "on_demand"}, ["/record"]),
        ("/places", {"kind": "queue", "name": "x"}, ["/record"]),
        ("/roles", {"name": "x", "permissions": ["audit.read", "fly"]}, ["/permissions/1"]),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_each_wrong_field_is_pointed_at(standing, path, body, pointers):
    told = await standing.ask("POST", path, body)
    assert (422, pointers) == (told.status, sorted(error["pointer"] for error in told.json["errors"]))


async def test_a_forward_that_phones_refuse_is_refused(door):
    told = await door.change("/users/1", forward_unconditional="1000")
    assert (422, "/forward_unconditional") == (told.status, told.json["errors"][0]["pointer"])
    assert 200 == (await door.change("/users/1", forward_unconditional="1001")).status
    assert 200 == (await door.change("/users/1", forward_unconditional="")).status


async def test_bodies_of_another_kind_or_too_large_are_refused(door):
    for kind in ("text/plain", "application/json; charset=latin-1"):
        assert 415 == (await door.ask("POST", "/users", "{}", Content_Type=kind)).status
    large = await door.ask("POST", "/users", BytesIO(b" " * (1 << 20) + b"{}"))
    assert (413, "http-413") == (large.status, large.json["code"])
    merge = await door.ask("PATCH", "/users/2", {}, If_Match="*", Content_Type="application/merge-patch+json")
    assert 200 == merge.status


async def test_a_record_that_somebody_else_has_changed_is_not_overwritten(door):
    read = await door.ask("GET", "/users/1")
    await door.store.toggle_call_record(JOHN.id, "press", "user:1")
    await door.feed.catch_up(5)
    for tag in (read.headers["ETag"], f"W/{read.headers['ETag']}", "nonsense", '""'):
        told = await door.ask("PATCH", "/users/1", {"lastname": "Roe"}, If_Match=tag)
        assert (412, "record-changed") == (told.status, told.json["code"])
        assert 412 == (await door.ask("DELETE", "/users/1", If_Match=tag)).status
    assert 200 == (await door.ask("PATCH", "/users/1", {"lastname": "Roe"}, If_Match="*")).status
    assert (True, "Roe") == ((user := (await door.store.tables()).users[0]).call_record, user.lastname)


async def test_a_tag_follows_what_is_shown_from_other_tables(door):
    """Who removes a user removes the lines that they have seen, and no others."""
    to_eve = {"user": "1", "number": 1, "type": "user", "destination": "2"}
    assert 201 == (await door.ask("POST", "/keys", to_eve)).status
    read = {path: await door.ask("GET", path) for path in ("/users/2", "/keys/1:1", "/users/1")}
    assert 200 == (await door.change("/lines/sip:eve", number="1009")).status
    for path, status in (("/users/2", 412), ("/keys/1:1", 412), ("/users/1", 204)):
        told = await door.ask("DELETE", path, If_Match=read[path].headers["ETag"])
        assert (path, status) == (path, told.status)
    now = await door.ask("GET", "/users/2")
    assert read["/users/2"].headers["ETag"] != now.headers["ETag"]
    assert 204 == (await door.ask("DELETE", "/users/2", If_Match=now.headers["ETag"])).status


async def test_an_if_match_that_says_nothing_is_refused(door):
    for method in ("PATCH", "DELETE"):
        assert 422 == (await door.ask(method, "/users/2", {}, If_Match=" ")).status


async def test_the_same_key_is_one_request(door):
    first, again = [await door.ask("POST", "/users", {"firstname": "Ada"}, Idempotency_Key="k1") for _ in range(2)]
    assert (201, first.json, first.headers["ETag"]) == (again.status, again.json, again.headers["ETag"])
    other = await door.ask("POST", "/users", {"firstname": "Eda"}, Idempotency_Key="k1")
    assert (422, "request-id-reused") == (other.status, other.json["code"])
    wrong = await door.ask("POST", "/users", {"firstname": "Eda"}, Idempotency_Key="a b")
    assert (422, "idempotency-key") == (wrong.status, wrong.json["code"])
    read = await door.ask("GET", "/users/1")
    for _ in range(2):
        changed = await door.ask(
            "PATCH", "/users/1", {"lastname": "Roe"}, If_Match=read.headers["ETag"], Idempotency_Key="k2"
        )
        assert (200, "Roe") == (changed.status, changed.json["lastname"])
    for _ in range(2):
        assert 204 == (await door.ask("DELETE", "/users/2", Idempotency_Key="k3")).status
    assert 2 == len((await door.store.tables()).users)


async def test_what_was_made_and_is_gone_is_not_answered_with_somebody_elses(door):
    """Done, but not there: neither made again nor told as made when the name is another user's by now."""
    asked = {"Idempotency_Key": "k1"}
    assert 201 == (await door.ask("POST", "/lines", LINE, **asked)).status
    assert 200 == (await door.change("/lines/sip:third", number="1006")).status
    again = await door.ask("POST", "/lines", LINE, **asked)
    assert (201, "1006") == (again.status, again.json["number"])
    assert 204 == (await door.ask("DELETE", "/lines/sip:third")).status
    for other in (None, {**LINE, "user": "1"}):
        if other:
            assert 201 == (await door.ask("POST", "/lines", other)).status
        gone = await door.ask("POST", "/lines", LINE, **asked)
        assert (409, "record-gone-since") == (gone.status, gone.json["code"])
    for made in ("Sales", "Trade"):
        entity = await door.ask("POST", "/entities", {"name": made}, Idempotency_Key=made)
        assert 204 == (await door.ask("DELETE", f"/entities/{entity.json['id']}")).status
    assert 201 == (await door.ask("POST", "/entities", {"name": "Trade"})).status
    assert 409 == (await door.ask("POST", "/entities", {"name": "Sales"}, Idempotency_Key="Sales")).status


async def test_what_changed_nothing_is_not_done_when_it_is_asked_again(door):
    """A client whose answer was lost asks again; what somebody has set meanwhile stays."""
    for path, wanted, other in (
        ("/users/1", {"dnd": False}, {"dnd": True}),
        ("/extensions/call_record", {"enabled": False}, {"enabled": True}),
    ):
        asked = {"If_Match": "*", "Idempotency_Key": path.replace("/", ".")}
        before = await door.store.snapshot()
        assert 200 == (await door.ask("PATCH", path, wanted, **asked)).status
        assert before == await door.store.snapshot()
        assert 200 == (await door.ask("PATCH", path, other, If_Match="*")).status
        assert 200 == (await door.ask("PATCH", path, wanted, **asked)).status
        assert other == {name: (await door.ask("GET", path)).json[name] for name in other}


async def test_writers_at_once_all_get_their_word_in(door):
    """Also beside a writer that does not know of them."""
    asked = [door.ask("POST", "/users", {"firstname": f"U{number}"}) for number in range(20)]
    beside = door.store.edit(adding(Tables((User(UserId("900"), "Other"),))), "beside")
    answers = await asyncio.gather(*asked, beside)
    assert {201} == {answer.status for answer in answers[:-1]}
    assert 23 == len((await door.store.tables()).users)


async def test_a_list_is_read_in_pages_in_any_order(door):
    for name in ("b", "a", "c"):
        await door.ask("POST", "/users", {"firstname": name, "entityid": 1})
    for sort, order in (
        ("", "12345"),
        ("sort=firstname", "43521"),
        ("sort=-firstname", "12534"),
        ("sort=entityid", "12345"),
    ):
        seen, cursor = "", ""
        while cursor is not None:
            found = (await door.ask("GET", f"/users?limit=2&{sort}{cursor and '&cursor=' + cursor}")).json
            seen, cursor = seen + "".join(user["id"] for user in found["items"]), found["next"]
            assert (5, False) == (found["total"], found["stale"])
        assert order == seen


async def test_a_list_is_narrowed_by_fields_and_names(door):
    for query, ids in (
        ("users?language=en_US", ["1"]),
        ("users?call_record=true", []),
        ("users?q=joh", ["2", "1"]),
        ("users?q=joh&limit=1", ["2"]),
        ("users?q=eve&sort=lastname", ["2"]),
        ("users?q=joh&language=en_US", ["1"]),
        ("lines?user=1", ["sip:desk"]),
        ("lines?q=ev", ["sip:eve"]),
        ("contexts?kind=incall", ["from-extern"]),
        ("incalls?exten=2050", ["2050@from-extern"]),
    ):
        assert ids == [one["id"] for one in (await door.ask("GET", f"/{query}")).json["items"]]


async def test_a_feature_code_is_read_and_changed(door):
    codes = (await door.ask("GET", "/extensions")).json["items"]
    found = [tuple(code.values()) for code in codes]
    assert {("call_record", "*26", False), ("pause_record", "*4", False), ("online_record", "*3", True)} <= set(found)
    assert set(Feature) == {code["id"] for code in codes}
    read = await door.ask("GET", "/extensions/call_record")
    sent = {"If_Match": read.headers["ETag"], "Idempotency_Key": "k"}
    for _ in range(2):
        on = await door.ask("PATCH", "/extensions/call_record", {"enabled": True, "code": "*27"}, **sent)
        assert (200, {"id": "call_record", "code": "*27", "enabled": True}) == (on.status, on.json)
    assert 412 == (await door.ask("PATCH", "/extensions/call_record", {}, If_Match=read.headers["ETag"])).status
    taken = await door.change("/extensions/call_record", code="*3")
    assert (409, "feature-code-taken") == (taken.status, taken.json["code"])
    wrong = await door.change("/extensions/call_record", code="x")
    assert (422, "/code") == (wrong.status, wrong.json["errors"][0]["pointer"])


async def test_an_entity_gets_an_id_also_when_the_last_one_is_taken(door):
    """The one above the highest while there is one, then the lowest that is free."""
    for given, gets in ((None, 2), (4, 4), (None, 5), (999_999_999, 999_999_999), (None, 3), (None, 6)):
        made = await door.ask("POST", "/entities", {"name": "Sales"} | ({"id": given} if given else {}))
        assert (201, gets) == (made.status, made.json["id"])


async def test_look_ups(door):
    for query in (
        "extension=1000&context=default",
        "endpoint=PJSIP/desk",
        "did=2050&context=from-extern",
        "callerid=%2B49170-1",
        "callerid=1000",
    ):
        found = await door.ask("GET", f"/lookup?{query}")
        assert (200, "1", "sip:desk") == (found.status, found.json["user"]["id"], found.json["line"]["id"])
        assert ("2050@from-extern" if "did" in query else None) == ((incall := found.json["incall"]) and incall["id"])
    assert ["1000"] == found.json["user"]["numbers"]


async def test_without_the_store_reads_go_on_and_say_so_and_changes_are_put_off(tmp_path_factory):
    async with opened(tmp_path_factory.mktemp("s")) as door:
        door.feed._fresh.clear()
        assert (await door.ask("GET", "/users")).json["stale"]
        assert (await door.ask("GET", "/lookup?callerid=1000")).json["stale"]
        put_off = await door.ask("POST", "/users", {"firstname": "Ada"})
        assert (503, "tables-stale", "1") == (put_off.status, put_off.json["code"], put_off.headers["Retry-After"])
        door.feed._edit_revision = -1
        for path in ("/users", "/users?q=joh", "/users/1", "/extensions", "/lookup?callerid=1000"):
            unknown = await door.ask("GET", path)
            assert (503, "tables-unknown") == (unknown.status, unknown.json["code"])


async def test_the_token_is_needed_for_everything(door):
    for path in ("/users", "/openapi.json", "/lookup?callerid=1"):
        assert 401 == (await door.ask("GET", path, Authorization=f"Bearer {TOKEN}x")).status


async def test_a_function_key_says_what_it_dials_and_which_lamp_shows_it(door):
    to_eve = {"user": JOHN.id, "number": 1, "type": "user", "destination": EVE.id, "supervision": True}
    made = await door.ask("POST", "/keys", to_eve)
    (number,) = [line.number for line in TABLES.lines if line.user == EVE.id] or [""]
    assert (201, number, number) == (made.status, made.json["dials"], made.json["lamp"])
    forward = {"user": JOHN.id, "number": 2, "type": "forward_busy", "destination": "2000", "supervision": True}
    made = await door.ask("POST", "/keys", forward)
    assert ("*7351***223*2000", "*7351***223*2000") == (made.json["dials"], made.json["lamp"])
    listed = await door.ask("GET", f"/keys?user={JOHN.id}&sort=-number")
    assert [2, 1] == [key["number"] for key in listed.json["items"]]


async def test_no_key_is_left_that_leads_to_nothing(door):
    """Keys go with the mailbox, the agent number and the user, and follow a number that changes."""

    async def keys():
        return [(key["type"], key["destination"]) for key in (await door.ask("GET", "/keys")).json["items"]]

    leave = {"user": EVE.id, "number": 1, "type": "voicemail_leave", "destination": "1000"}
    login = {"user": EVE.id, "number": 2, "type": "agent_login", "destination": "5001", "supervision": True}
    assert 200 == (await door.change("/users/2", agentnumber="5001")).status
    for key in (leave, login):
        assert 201 == (await door.ask("POST", "/keys", key)).status
    assert 200 == (await door.change("/users/2", agentnumber="5002")).status
    assert 200 == (await door.change("/voicemails/1000@default", mailbox="99")).status
    assert [("voicemail_leave", "99"), ("agent_login", "5002")] == await keys()
    assert 200 == (await door.change("/users/2", agentnumber="")).status
    assert [("voicemail_leave", "99")] == await keys()
    assert 204 == (await door.ask("DELETE", "/users/1")).status
    assert [] == await keys()


async def test_a_key_of_a_queue_dials_a_number_that_asterisk_has(door):
    """Asterisk is asked at each change of it. While it does not answer, the key is taken as it is."""
    key = {"user": JOHN.id, "number": 7, "type": "queue", "destination": "5001"}
    door.dialplan = {"5000@default": KnownNumber(True, "")}
    refused = await door.ask("POST", "/keys", key)
    assert (refused.status, refused.json["code"]) == (422, "key-destination")
    assert "no number 5001" in refused.json["title"]
    made = await door.ask("POST", "/keys", key | {"destination": "5000"})
    assert (made.status, made.json["dials"]) == (201, "5000")
    assert 422 == (await door.change("/keys/1:7", destination="5001")).status
    assert 200 == (await door.change("/keys/1:7", label="Support")).status
    door.dialplan = {}
    assert 200 == (await door.change("/keys/1:7", destination="5001")).status


@pytest.mark.parametrize(
    ("given", "status", "code", "pointer"),
    [
        ({"type": "listen"}, 422, "key-not-served", "/type"),
        ({"type": "dance"}, 422, "key-type", "/type"),
        ({"user": "404"}, 422, "no-such-user", "/user"),
        ({"type": "user", "destination": "404"}, 422, "key-destination", "/destination"),
        ({"type": "parking", "supervision": True}, 422, "key-supervision", "/supervision"),
        ({"number": 2}, 409, "key-twice", None),
        ({"type": "parking"}, 409, "table-conflict", None),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_key_is_held_to_the_rules_of_the_command(standing, given, status, code, pointer):
    key = {"user": JOHN.id, "number": 1, "type": "dnd"}  # is there
    refused = await standing.ask("POST", "/keys", key | ({} if code == "table-conflict" else {"number": 3}) | given)
    assert (status, code) == (refused.status, refused.json["code"])
    assert pointer == (refused.json["errors"][0]["pointer"] if pointer else None)
