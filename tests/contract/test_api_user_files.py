"""User files over HTTP, on a real store and with the real process: in, out, refused, cut, repeated, killed."""

import asyncio
import contextlib
import csv
import io
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp.web import RequestPayloadError
from api_door import TABLES, TOKEN, ServiceUrl, opened

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.user_files import processes
from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.user_file.file_text import LARGEST_BYTES
from callrec.app.directory.user_file.jobs import ImportJob, importing
from callrec.domain.directory.model import Tables, User
from callrec.domain.errors import Refused
from callrec.domain.rules import RecordRules, Rule, UserId
from callrec.web.api import user_files
from callrec.web.problems import BadRequest

HEAD = "firstname|lastname|phonenumber|context|protocol|linename|linesecret|username|password|enableclient\n"
FILE = HEAD + "Zoé|Doe|1010|default|sip|||zoe|hush|1\nAnn|Lee|1011|default|sccp|||||\n"
UPDATE = "phonenumber|context|protocol|lastname\n1000|default|sip|Roe\n"
FOREIGN = Path(__file__).parents[1] / "golden/foreign"
SETTLED_S = 120
OWN_PROCESS = processes.COMMAND
"""What the daemon starts. Elsewhere a fork of the command server does the work (`api_door`)."""


@pytest.fixture
async def door(tmp_path_factory):
    async with opened(tmp_path_factory.mktemp("s")) as door:
        yield door


@pytest.fixture
def own_process(door, monkeypatch):
    """Each user file that the door gets is worked on by a process as the daemon starts it."""
    assert door.port
    monkeypatch.setattr(processes, "COMMAND", OWN_PROCESS)


async def send(door: ServiceUrl, text: str | bytes, query: str = "", kind: str = "text/csv", **headers: str):
    """One upload."""
    body = text.encode() if isinstance(text, str) else text
    return await door.ask("POST", f"/users/import{query}", body, Content_Type=kind, **headers)


@pytest.mark.usefixtures("own_process")
async def test_a_file_goes_in_is_seen_at_once_and_changes_nothing_again(door):
    made = await send(door, FILE)
    assert (200, "application/json; charset=utf-8") == (made.status, made.headers["Content-Type"])
    assert {"added": 2, "changed": 0, "unchanged": 0} == made.json["counts"]
    assert [(2, "new", "Zoé Doe", "1010"), (3, "new", "Ann Lee", "1011")] == [
        (row["line"], row["what"], row["name"], row["number"]) for row in made.json["added"]
    ]
    ((number, secret, what),) = [(one["number"], one["secret"], one["what"]) for one in made.json["secrets"]]
    assert ("1010", 24, "line") == (number, len(secret), what)
    assert ["Zoé Doe"] == [user["name"] for user in (await door.ask("GET", "/users?q=zoe")).json["items"]]
    zoe = next(user for user in (await door.store.tables()).users if user.username == "zoe")
    assert zoe.password_hash.startswith("$argon2id$v=19$m=19456,")
    again = await send(door, FILE)
    assert ({"added": 0, "changed": 0, "unchanged": 2}, [2, 3]) == (again.json["counts"], again.json["unchanged_lines"])


async def test_a_file_is_merged(door):
    """1000 is there and becomes another, 1012 is new; a line's name in other capitals is refused."""
    rows = "firstname|lastname|phonenumber|context|protocol|linename\n"
    merged = await send(door, f"{rows}Joe|Roe|1000|default|sip|\nEve||1012|default|sip|Eve.B@tenant\n", "?mode=merge")
    assert (200, {"added": 1, "changed": 1, "unchanged": 0}) == (merged.status, merged.json["counts"]), merged.text
    assert "Joe" == (await door.ask("GET", "/users/1")).json["firstname"]
    refused = await send(door, f"{rows}Eva||1013|default|sip|EVE.B@tenant\n", "?mode=merge")
    assert (422, "linename") == (refused.status, refused.json["errors"][0]["column"])


@pytest.mark.parametrize("query", ["?format={}", "?"])
@pytest.mark.parametrize("program", ["wazo", "freepbx"])
async def test_a_file_of_another_program_goes_in(door, program, query):
    """Told, or taken for what it is. What was not taken over is named; another program's name changes nothing."""
    text = (
        (FOREIGN / f"{program}.csv").read_text("utf-8").replace("100", "130").replace("2050", "2051")
    )  # those are given already
    other = {"wazo": "freepbx", "freepbx": "wazo"}[program]
    refused = await send(door, text, f"?format={other}")
    assert (422, "file-refused") == (refused.status, refused.json["code"])
    assert 422 == (await send(door, text, "?format=asterisk")).status
    taken = await send(door, text, query.format(program))
    assert 200 == taken.status, taken.text
    assert (program, 3) == (taken.json["format"], taken.json["counts"]["added"])
    assert taken.json["left_out"]
    again = await send(door, text, query.format(program))
    assert {"added": 0, "changed": 0, "unchanged": 3} == again.json["counts"]
    assert {"1300", "1301", "1302"} <= {line.number for line in (await door.store.tables()).lines}


async def test_a_dry_run_tells_the_difference_and_what_would_refuse_it(door):
    before = await door.store.tables()
    rows = UPDATE + "1001|default|sip|Johansson\n7777|default|sip|X\n"
    told = await send(door, rows, "?mode=update&dry_run=true")
    assert (200, True, "update") == (told.status, told.json["dry_run"], told.json["mode"])
    assert [["lastname: Doe -> Roe"]] == [row["fields"] for row in told.json["changed"]]
    assert ([3], [4], 1) == (told.json["unchanged_lines"], told.json["conflicting_lines"], told.json["count"])
    assert (4, "phonenumber", "7777") == tuple(told.json["errors"][0][name] for name in ("line", "column", "value"))
    assert before == await door.store.tables()
    assert {"added": 0, "changed": 1, "unchanged": 0} == (await send(door, UPDATE, "?mode=update")).json["counts"]
    assert "Roe" == (await door.ask("GET", "/users/1")).json["lastname"]


async def test_a_refused_file_tells_all_errors_and_changes_nothing(door):
    before = await door.store.tables()
    rows = HEAD + "A||1000|default|sip|||||\n" + "B||x|default|sip||hush|||\n" * 1100
    told = await send(door, rows)
    assert (422, "file-refused", 1000) == (told.status, told.json["code"], len(told.json["errors"]))
    assert told.json["count"] > 1000
    first = told.json["errors"][0]
    assert (2, "phonenumber", "1000") == (first["line"], first["column"], first["value"])
    assert "taken already: by user 1, John Doe" in first["reason"]
    assert "hush" not in told.text
    assert before == await door.store.tables()


@pytest.mark.parametrize(
    ("content", "kind", "query", "status", "code"),
    [
        (FILE, "application/json", "", 415, "media-type"),
        (FILE, "application/x-www-form-urlencoded", "", 415, "media-type"),
        (FILE, "text/csv", "?mode=replace", 422, "parameter"),
        (FILE, "text/csv", "?colour=red", 422, "parameter"),
        (FILE, "text/csv", "?encoding=klingon", 422, "file-encoding"),
        (FILE, "text/csv", "?encoding=punycode", 422, "file-encoding"),
        (FILE, "text/csv; charset=rot13", "", 422, "file-encoding"),
        (HEAD + "Ann+2AA-|||||||||\n", "text/csv", "?encoding=utf-7", 422, "file-encoding"),
        (HEAD + "Ann+2AA-|||||||||\n", "text/csv", "?encoding=utf-7&dry_run=true", 422, "file-encoding"),
        (FILE.encode("latin-1"), "text/csv", "", 422, "file-encoding"),
        (FILE.encode("latin-1"), "text/csv; charset=utf-8", "", 422, "file-encoding"),
        (b"PK\x03\x04", "application/octet-stream", "", 422, "file-binary"),
        (b"", "text/csv", "", 422, "file-refused"),
    ],
)
async def test_what_is_no_user_file_is_told_so(door, content, kind, query, status, code):  # noqa: PLR0917 - a table's row
    told = await send(door, content, query, kind)
    assert (status, code) == (told.status, told.json["code"])
    assert told.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("kind", "query"), [("text/csv; charset=iso-8859-1", ""), ("text/plain; charset=utf-8", "?encoding=latin-1")]
)
async def test_the_encoding_is_as_said(door, kind, query):
    assert "Zoé Doe" == (await send(door, FILE.encode("latin-1"), query, kind)).json["added"][0]["name"]


async def test_an_export_makes_the_same_users_of_an_empty_store(door, tmp_path_factory):
    await send(door, FILE)
    shown = await door.ask("GET", "/users/export")
    assert (200, "text/csv; charset=utf-8", "0") == (
        shown.status, shown.headers["Content-Type"], shown.headers["Callrec-Left-Out"],
    )  # fmt: skip
    assert 'attachment; filename="users.csv"' == shown.headers["Content-Disposition"]
    assert not any(word in shown.text for word in ("line-secret", "linesecret", "4711", "voicemailpassword", "argon2"))
    whole = (await door.ask("GET", "/users/export?secrets=true")).text
    assert "line-secret" in whole
    async with opened(tmp_path_factory.mktemp("other"), Tables()) as other:
        assert {"added": 4, "changed": 0, "unchanged": 0} == (await send(other, whole)).json["counts"]
        assert whole == (await other.ask("GET", "/users/export?secrets=true")).text


async def test_who_asks_for_the_head_only_gets_no_body(door):
    """On the same connection: what is sent too much would be read as the next answer."""
    for _ in range(2):
        head = await door.ask("HEAD", "/users/export")
        assert (200, "") == (head.status, head.text), dict(head.headers)
        assert "0" == head.headers["Callrec-Left-Out"]
    assert 200 == (await door.ask("GET", "/users/1")).status


async def test_an_export_counts_what_it_cannot_say(tmp_path):
    ruled = User(UserId("1"), "Ann", rules=RecordRules(out_external=Rule.NEVER))
    async with opened(tmp_path, Tables((ruled,))) as door:
        told = await door.ask("GET", "/users/export")
        assert ("1", "Ann") == (
            told.headers["Callrec-Left-Out"], next(csv.DictReader(io.StringIO(told.text), delimiter="|"))["firstname"],
        )  # fmt: skip


async def test_the_same_key_is_one_import(door):
    first = await send(door, FILE, Idempotency_Key="k1")
    assert 204 == (await door.ask("DELETE", f"/users/{first.json['added'][0]['id']}")).status
    again = await send(door, FILE, Idempotency_Key="k1")
    assert (200, True, first.json["counts"], []) == (
        again.status, again.json["repeated"], again.json["counts"], again.json["secrets"],
    )  # fmt: skip
    assert 3 == len((await door.store.tables()).users)
    other = await send(door, FILE + "Bob|||||||||\n", Idempotency_Key="k1")
    assert (422, "request-id-reused") == (other.status, other.json["code"])


async def test_a_file_that_changed_nothing_is_not_imported_when_it_comes_again(door):
    """Somebody has changed the user meanwhile: a lost answer does not undo that."""
    same = UPDATE.replace("Roe", "Doe")
    first = await send(door, same, "?mode=update", Idempotency_Key="k1")
    assert (False, {"added": 0, "changed": 0, "unchanged": 1}) == (first.json["repeated"], first.json["counts"])
    assert 200 == (await door.change("/users/1", lastname="Roe")).status
    again = await send(door, same, "?mode=update", Idempotency_Key="k1")
    assert (True, first.json["counts"]) == (again.json["repeated"], again.json["counts"])
    assert "Roe" == (await door.ask("GET", "/users/1")).json["lastname"]


class Meanwhile:
    """The store of an import during which something else is done, when nothing has said yet that its key is used."""

    def __init__(self, store, work):
        self._store, self._work = store, work

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def snapshot(self):
        """The import looks, and has found no receipt before."""
        await self._work()
        return await self._store.snapshot()


JOB = ImportJob(ChangeRequest("api:k1", "api", "w", may_be_repeated=True))


async def test_an_import_whose_key_another_request_takes_meanwhile_is_refused(door):
    """It did nothing, so it must not say that it has."""

    async def other():
        changed = await door.ask("PATCH", "/users/1", {"lastname": "Roe"}, If_Match="*", Idempotency_Key="k1")
        assert 200 == changed.status

    with pytest.raises(Refused) as refused:
        await importing(Meanwhile(door.store, other), JOB, FILE.encode, Argon2Passwords())
    assert "request-id-reused" == refused.value.code
    assert 2 == len((await door.store.tables()).users)


async def test_an_import_that_another_process_does_meanwhile_is_a_repeated_one(door):
    """A process can outlive its daemon, and be asked again: only the one that was first has secrets that are stored."""
    first = []

    async def same():
        first.append(json.loads("".join(await importing(door.store, JOB, FILE.encode, Argon2Passwords()))))

    second = json.loads("".join(await importing(Meanwhile(door.store, same), JOB, FILE.encode, Argon2Passwords())))
    assert [(False, 1), (True, 0)] == [(one["repeated"], len(one["secrets"])) for one in (*first, second)]
    assert {"added": 2, "changed": 0, "unchanged": 0} == second["counts"] == first[0]["counts"]
    assert [] == second["added"]
    assert 4 == len((await door.store.tables()).users)


async def test_too_large_a_file_is_refused_before_it_is_whole(door):
    async def endless():
        for _ in range(LARGEST_BYTES // (1 << 20) + 2):
            yield bytes(1 << 20)

    url = f"http://127.0.0.1:{door.port}/api/v1/users/import"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/csv"}
    async with door.http.post(url, data=endless(), headers=headers) as told:
        assert (413, "file-too-large") == (told.status, (await told.json(content_type=None))["code"])
    assert 200 == (await send(door, FILE)).status


async def test_a_length_that_is_too_large_is_refused_at_once(door):
    writer = await begun(door, LARGEST_BYTES + 1)
    assert 200 == (await send(door, FILE)).status
    writer.transport.abort()


@pytest.mark.usefixtures("own_process")
async def test_who_goes_away_before_the_answer_ends_leaves_nothing_behind(door):
    """The answer is larger than what fits between two processes; the import is done all the same."""
    made = await door.ask("POST", "/contexts", {"name": "big", "ranges": ["100000-199999"]})
    assert 201 == made.status
    rows = "".join(f"A|B|{number}|big|sccp|||||\n" for number in range(100_000, 140_000))
    content = (HEAD + rows).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1024)
    head = f"POST /api/v1/users/import HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Content-Type: text/csv\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
    assert b"200 OK" in await reader.readline()
    writer.transport.abort()
    assert 200 == (await answered(door, busy=False)).status
    assert 40_002 == len((await door.store.tables()).users)
    assert not at_work()


async def begun(door: ServiceUrl, length: int) -> asyncio.StreamWriter:
    """An upload that has begun and is not whole."""
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = f"POST /api/v1/users/import HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Content-Type: text/csv\r\nContent-Length: {length}\r\n\r\n{FILE}".encode())
    await writer.drain()
    return writer


async def answered(door: ServiceUrl, *, busy: bool):
    """The answer to an import, as soon as another one is, or is not under way."""
    async with asyncio.timeout(SETTLED_S):
        while ((told := await send(door, HEAD + "Bob|||||||||\n", "?dry_run=true")).status == 503) != busy:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    return told


async def test_an_upload_that_is_cut_imports_nothing(door):
    """What came looks like a whole file: only the length says that it is none."""
    writer = await begun(door, len(FILE.encode()) + 10)
    busy = await answered(door, busy=True)
    assert ("user-files-busy", "1") == (busy.json["code"], busy.headers["Retry-After"])
    writer.transport.abort()
    assert 200 == (await answered(door, busy=False)).status
    assert TABLES.users == (await door.store.tables()).users


async def test_a_body_that_ends_before_its_end_is_told():
    class Cut:
        """A request whose body breaks off."""

        async def readany(self):
            """See aiohttp."""
            raise RequestPayloadError

    with pytest.raises(BadRequest) as told:
        await anext(user_files._body(SimpleNamespace(content=Cut())))
    assert (400, "body-cut") == (told.value.answer.status, json.loads(told.value.answer.text)["code"])


async def test_a_stalled_upload_keeps_no_export_waiting(door):
    """It kept exports at 503 for two minutes. Other imports wait for it, until nothing of it has come for a while."""
    writer = await begun(door, 10_000)
    assert 503 == (await answered(door, busy=True)).status
    assert 200 == (await door.ask("GET", "/users/export")).status
    writer.transport.abort()
    assert 200 == (await answered(door, busy=False)).status


async def test_an_upload_of_which_nothing_comes_is_given_up(door, monkeypatch):
    monkeypatch.setattr(user_files, "STALL_S", 0.2)
    writer = await begun(door, 10_000)
    assert 200 == (await answered(door, busy=False)).status
    assert TABLES.users == (await door.store.tables()).users
    writer.transport.abort()


def at_work() -> set[int]:
    """Our processes that work on user files."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if b"callrec.adapters.user_files" in words and int(parent) == os.getpid():
                found.add(int(folder.name))
    return found


async def begins() -> int:
    """The process that works, as soon as there is one."""
    async with asyncio.timeout(SETTLED_S):
        while not (running := at_work()):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    return running.pop()


@pytest.mark.usefixtures("own_process")
async def test_a_process_that_is_killed_leaves_all_or_nothing_and_an_honest_answer(door):
    upload = asyncio.create_task(send(door, FILE, Idempotency_Key="k1"))
    os.kill(await begins(), signal.SIGKILL)
    told = await upload
    assert (503, "store-outcome-unknown") == (told.status, told.json["code"])
    assert len((await door.store.tables()).users) in {2, 4}
    assert 200 == (await send(door, FILE, Idempotency_Key="k1")).status
    assert 4 == len((await door.store.tables()).users)
    assert not at_work()


@pytest.mark.usefixtures("own_process")
async def test_what_could_change_nothing_does_not_say_that_it_may_have(door):
    for asked in (send(door, FILE, "?dry_run=true"), door.ask("GET", "/users/export")):
        answer = asyncio.create_task(asked)
        os.kill(await begins(), signal.SIGKILL)
        told = await answer
        assert (503, "user-files-lost") == (told.status, told.json["code"])
        assert "nothing was changed" in told.json["title"]


async def test_the_end_of_the_door_ends_the_process(tmp_path):
    async with opened(tmp_path) as door:
        processes.COMMAND = OWN_PROCESS
        upload = asyncio.create_task(send(door, FILE))
        await begins()
    with contextlib.suppress(aiohttp.ClientError):
        await upload
    assert not at_work()


async def test_a_document_that_breaks_off_does_not_look_whole(door, monkeypatch):
    """The process dies between its first line and its last byte."""
    dies = "import os; os.write(1, b'{\"left_out\": 0}\\nfirstname\\n'); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(processes, "COMMAND", (OWN_PROCESS[0], "-c", dies))
    with pytest.raises(aiohttp.ClientError):
        await door.ask("GET", "/users/export")
    monkeypatch.undo()
    assert 200 == (await door.ask("GET", "/users/export")).status


async def test_the_store_away_is_told(door, monkeypatch):
    nowhere = processes.Address("unix:///nowhere", "the store", 0.5)
    monkeypatch.setattr(door.files, "_address", nowhere)
    told = await send(door, FILE)
    assert (503, "store-unavailable") == (told.status, told.json["code"])
    assert TABLES.users == (await door.store.tables()).users


async def test_the_token_is_needed(door):
    assert 401 == (await send(door, FILE, Authorization="Bearer x")).status
    assert 401 == (await door.ask("GET", "/users/export?secrets=true", Authorization="Bearer x")).status
