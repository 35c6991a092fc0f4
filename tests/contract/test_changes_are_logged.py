"""Every change over HTTP has its entry in the audit log: a table of the API's operations, one of the pages' forms."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest
from api_door import EVE, JOHN, PASSWORDS, TABLES, TOKEN, ServiceUrl, opened
from old_recordings import ulaw

from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.disk.adoptable_files import DiskAdoptableFiles
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.library.adoption import Adoption, AdoptionPorts
from callrec.app.library.catalog import index_entry
from callrec.domain.access.second_factor import STEP_S, code_at
from callrec.domain.calls.ids import NodeId
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Group, Profile
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.web.api.operations import operations
from callrec.web.pages.table import pages
from callrec.web.use_cases import UseCases
from callrec_lab.asterisk import dialplan_folder

ROOT = Path(__file__).parents[2]
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
SAFE = {"GET", "HEAD", "OPTIONS"}
PASSWORD = "hers and long"
EVES = replace(
    EVE,
    language="en_US",
    enableclient=True,
    username="eve",
    password_hash=PASSWORDS.hashed(PASSWORD),
    profileclient="boss",
)
WAV = (dialplan_folder() / "sounds/fr/callrec/call-is-recorded.wav").read_bytes()
BY_EVE = {"by": "eve"}
LOGIN = {"username": "eve", "password": PASSWORD}
CSV = {"Content-Type": "text/csv"}


@dataclass(frozen=True)
class Try:
    """A request, and the entries that it must leave: action and subject. Texts in braces are known from answers before."""

    path: str
    body: object = None
    logged: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


def settings(*subjects: str) -> tuple[str, ...]:
    return tuple(f"settings-changed {one}" for one in subjects)


def account(subject: str = "account:2") -> tuple[str, ...]:
    return (f"account-changed {subject}",)


def record(name: str, one: str, body: Mapping[str, object], change: Mapping[str, object], key: str) -> dict[str, Try]:
    """The three changes of one record."""
    said, any_one = settings(f"{one}:"), {"If-Match": "*"}
    kind = one.capitalize()
    return {
        f"create{kind}": Try(f"/{name}", body, said, status=201),
        f"change{kind}": Try(f"/{name}/{key}", change, said, any_one),
        f"delete{kind}": Try(f"/{name}/{key}", None, said, status=204),
    }


RECORDS: dict[str, Try] = {
    **record("contexts", "context", {"name": "more", "ranges": ["3000-3999"]}, {"ranges": ["3000-4000"]}, "more"),
    **record("entities", "entity", {"id": 9, "name": "Other"}, {"name": "Another"}, "9"),
    **record("lines", "line", {"user": "2", "number": "1003", "context": "default", "name": "new"}, {"secret": "s3"}, "sip:new"),
    **record("incalls", "incall", {"user": "2", "exten": "2051", "context": "from-extern"}, {"ring_s": 9}, "2051@from-extern"),
    **record(
        "voicemails", "voicemail",
        {"user": "2", "mailbox": "1001", "context": "default", "name": "E", "password": "4711"}, {"password": "4712"},
        "1001@default",
    ),
    **record("keys", "key", {"user": "2", "number": 1, "type": "user", "destination": "1"}, {"label": "J"}, "2:1"),
    **record("places", "place", {"kind": "queue", "name": "support", "record": "always"}, {"record": "never"}, "queue:support"),
    **record("roles", "role", {"name": "spy", "permissions": ["audit.read"]}, {"second_factor": True}, "spy"),
    **record("profiles", "profile", {"name": "agents"}, {"role": "user"}, "agents"),
    **record("groups", "group", {"name": "g", "members": ["1"]}, {"supervisors": ["2"]}, "g"),
    "importUsers": Try("/users/import", "firstname\nAda\n", account(""), CSV),
    "createUser": Try("/users", {"firstname": "New", "call_record": True}, settings("user:"), status=201),
    "changeUser": Try("/users/1", {"call_record": True, "online_record": False}, settings("user:1"), {"If-Match": "*"}),
    "deleteUser": Try("/users/3", None, account("account:3"), status=204),
    "changeExtension": Try(
        "/extensions/call_record", {"enabled": True}, settings("extension:call_record"), {"If-Match": "*"}
    ),
    "putWebhook": Try("/webhooks/shop", {"url": "http://127.0.0.1:9/x", "secret": ""}, settings("webhook:shop")),
    "rotateWebhook": Try("/webhooks/shop/rotate", {}, settings("webhook:shop")),
    "testWebhook": Try("/webhooks/shop/test", None, settings("webhook:shop")),
    "resendWebhook": Try("/webhooks/shop/resend", {}, settings("webhook:shop")),
    "removeWebhook": Try("/webhooks/shop", None, settings("webhook:shop"), status=204),
    "putPrompt": Try("/prompts/call-is-recorded/fr", WAV, settings("prompt:call-is-recorded/fr"), {"Content-Type": "audio/wav"}),
    "removePrompt": Try("/prompts/call-is-recorded/fr", None, settings("prompt:call-is-recorded/fr"), status=204),
    "setRetentionClass": Try("/retention/classes/long", {"max_days": 90}, settings("retention:long")),
    "previewRetentionClass": Try("/retention/classes/long/preview", None, ("listed ",)),
    "enableRetentionClass": Try("/retention/classes/long/enable", {"expected": 9}, settings("retention:long")),
    "disableRetentionClass": Try("/retention/classes/long/disable", None, settings("retention:long")),
    "removeRetentionClass": Try("/retention/classes/long", None, settings("retention:long")),
    "setRetentionSpace": Try("/retention/space", {}, settings("retention:space")),
    "runRetention": Try("/retention/run", None, settings("retention:run")),
    "trustClock": Try("/retention/clock", None, settings("retention:clock")),
}  # fmt: skip
OF_1000 = {"filter": {"number": "1000"}}
RECORDINGS: dict[str, Try] = {
    "changeAnnotations": Try("/recordings/c1-1/annotations", {"tags": ["x"]}, ("changed ",), {"If-Match": "*"}),
    "noteRecording": Try("/recordings/c1-1/notes", {"text": "n"}, ("changed ",)),
    "holdRecording": Try("/recordings/c1-1/hold", {"reason": "case"}, ("held ",)),
    "releaseRecording": Try("/recordings/c1-1/release", {"reason": "case"}, ("released ",)),
    "makeLink": Try("/recordings/c1-1/links", {}, ("link-made link:",), status=201),
    "revokeLink": Try("/recordings/c1-1/links/revoke", {"link": "{id}"}, ("link-revoked link:",)),
    "previewExport": Try("/recordings/export/preview", {"recordings": ["c1-1"]}, ("listed ",)),
    "exportRecordings": Try("/recordings/export/zip", {"recordings": ["c1-1"]}, ("exported export:",) * 3),
    "tagRecordings": Try("/recordings/tag/all", {"add": ["y"], **OF_1000}, ("changed ", "changed ", "listed ")),
    "noteRecordings": Try("/recordings/note/all", {"text": "n2", **OF_1000}, ("changed ", "changed ", "listed ")),
    "holdRecordings": Try("/recordings/hold/all", {"reason": "r", **OF_1000}, ("held ", "held ", "listed ")),
    "releaseRecordings": Try("/recordings/release/all", {"reason": "r", **OF_1000}, ("listed ", "released ", "released ")),
    "previewErasure": Try("/recordings/c1-1/erase/preview", None, ("shown ",)),
    "previewErasures": Try("/recordings/erase/preview", OF_1000, ("listed ",)),
    "eraseRecording": Try("/recordings/c1-1/erase", {"reason": "r"}, ("erased cause:request",)),
    "eraseRecordings": Try(
        "/recordings/erase/all", {"reason": "r", "filter": {"user": "7"}}, ("erased cause:request", "listed ")
    ),
    "enterAdopted": Try("/recordings/adopted/enter", {"paths": ["{adopted}"]}, ("adopted ",)),
}  # fmt: skip
ACCOUNTS: dict[str, Try] = {
    "login": Try("/login", LOGIN, ("logged-in account:2",)),
    "makeSecondFactor": Try("/account/second-factor", {"present": PASSWORD}, account(), BY_EVE),
    "confirmSecondFactor": Try("/account/second-factor/confirm", {"code": "{code}"}, account(), BY_EVE, 204),
    "removeOwnSecondFactor": Try(
        "/account/second-factor/remove", {"present": PASSWORD, "code": "{code}"}, account(), BY_EVE, 204
    ),
    "removeSecondFactor": Try("/accounts/2/second-factor", None, account(), status=204),
    "createToken": Try("/tokens", {"name": "crm", "permissions": ["users.read"]}, ("token-made token:",), status=201),
    "removeToken": Try("/tokens/{id}", None, ("token-revoked token:",), status=204),
    "unlockAccount": Try("/accounts/2/unlock", None, account(), status=204),
    "endOwnSession": Try("/account/sessions/{session}", None, account(), BY_EVE),
    "endOwnSessions": Try("/account/sessions", None, account(), BY_EVE),
    "logout": Try("/logout", None, ("logged-out account:2",), BY_EVE, 204),
    "endSessions": Try("/accounts/2/sessions", None, account()),
    "resetPassword": Try("/accounts/2/password", {"password": PASSWORD}, account() * 2, status=204),
    "changeOwnPassword": Try(
        "/account/password", {"present": PASSWORD, "password": "another long one"}, account() * 2, BY_EVE, 204
    ),
}  # fmt: skip
ELSEWHERE = {
    "logCommand": (
        "tests/contract/test_commands_are_logged.py::test_p7_each_command_is_in_the_log_with_its_system_user_beside_the_daemon"
    ),
    "enterEncrypted": (
        "tests/contract/test_encryption_commands.py::test_older_recordings_are_encrypted_and_the_master_key_is_changed"
    ),
    **dict.fromkeys(
        ("startRecording", "stopRecording", "pauseRecording", "resumeRecording"),
        "tests/unit/app/calls/test_live_calls.py::test_who_asked_is_logged_before_anything_is_done",
    ),
}
"""Operations that this stage cannot do, with the test that shows their entry."""


class Stage:
    """The API over a real store, a library and an account, and what was told by answers."""

    def __init__(self, door: ServiceUrl, adopted: str) -> None:
        self.door, self.known, self.factor = door, {"adopted": adopted}, ""
        self._reader = DiskLogReader(door.state_dir / "audit")

    def entries(self) -> Counter[str]:
        """What both audit logs of the stage have: action and subject."""
        page = audit_page(self._reader, AuditFilter(), 1000, None)
        of_disk = Counter(f"{one['action']} {one['subject']}" for one in page.entries)
        return of_disk + Counter(f"{one.action} {one.subject}" for one in self.door.audit.entries)

    async def run(self, method: str, one: Try) -> list[str]:
        """What this request has left in the log. A request by the account logs in first."""
        headers = dict(one.headers)
        if headers.pop("by", ""):
            headers |= await self._as_eve()
        if "{code}" in str(one.body):
            self.known["code"] = self._code()
        body = one.body if isinstance(one.body, str | bytes | None) else json.loads(self._said(json.dumps(one.body)))
        if one.path == "/login":
            headers |= {"Origin": f"http://127.0.0.1:{self.door.port}"}
        if "Origin" not in headers:
            headers |= {"Authorization": f"Bearer {TOKEN}"}
        headers.setdefault("Content-Type", "application/json")
        before, sent = self.entries(), json.dumps(body) if isinstance(body, dict) else body
        url = f"http://127.0.0.1:{self.door.port}/api/v1{self._said(one.path)}"
        async with self.door.http.request(method, url, data=sent, headers=headers) as answer:
            text = await answer.text(errors="replace")
            assert answer.status == one.status, text
        if text.startswith("{"):
            said = json.loads(text)
            self.known |= {"id": str(said["id"])} if "id" in said else {}
            self.factor = said["secret"] if one.path == "/account/second-factor" else self.factor
        return sorted(self._unsaid(each) for each in (self.entries() - before).elements())

    async def _as_eve(self) -> dict[str, str]:
        """The headers of a new session."""
        url = f"http://127.0.0.1:{self.door.port}/api/v1"
        own = {"Origin": f"http://127.0.0.1:{self.door.port}"}
        login = {**LOGIN, "code": self._code()}
        async with self.door.http.post(f"{url}/login", json=login, headers=own) as answer:
            assert answer.status == 200, await answer.text()
            cookie = answer.headers.getall("Set-Cookie")[0].partition(";")[0]
        async with self.door.http.get(f"{url}/account/sessions", headers={"Cookie": cookie}) as answer:
            self.known["session"] = next(one["id"] for one in (await answer.json())["items"] if one["current"])
        return {**own, "Cookie": cookie}

    def _code(self) -> str:
        """The next code of the account's second factor; each is good once."""
        self.door.clock.now_s += STEP_S
        return code_at(self.factor, int(self.door.clock()) // STEP_S) if self.factor else ""

    async def submitted(self, one: Try) -> list[str]:
        """What sending this form by the account has left in the log, with the hidden fields of its page."""
        headers = await self._as_eve()
        if "{ticket}" in one.path:
            await self._upload(headers)
        url = f"http://127.0.0.1:{self.door.port}{self._said(one.path)}"
        async with self.door.http.get(url, headers=headers) as answer:
            hidden = dict(HIDDEN.findall(await answer.text())) if answer.status == 200 else {}
        assert isinstance(one.body, dict)
        fields, before = aiohttp.FormData(), self.entries()
        for name, value in {**hidden, **one.body}.items():
            fields.add_field(name, value, **({"filename": "prompt.wav"} if isinstance(value, bytes) else {}))
        async with self.door.http.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
            assert answer.status in {200, 303}, await answer.text()
            assert 'class="wrong"' not in await answer.text(errors="replace")
        return sorted(self._unsaid(each) for each in (self.entries() - before).elements())

    async def _upload(self, headers: Mapping[str, str]) -> None:
        form = aiohttp.FormData()
        form.add_field("file", "firstname\nBob\n", filename="users.csv", content_type="text/csv")
        url = f"http://127.0.0.1:{self.door.port}/users/import"
        async with self.door.http.post(url, data=form, headers=headers, allow_redirects=False) as answer:
            self.known["ticket"] = answer.headers["Location"].rpartition("/")[2].partition("?")[0]

    def _said(self, text: str) -> str:
        for name, value in self.known.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _unsaid(self, text: str) -> str:
        kind, colon, _ = text.partition(":")
        return f"{kind}{colon}" if kind.rpartition(" ")[2] in {"link", "token", "export"} else text


FORMS: dict[str, Try] = {
    "makeUser": Try("/users/new", {"firstname": "Page", "call_record": "true"}, settings("user:")),
    "changeKeys": Try(
        "/users/2/keys", {"rows": "1", "number.0": "2", "type.0": "user", "destination.0": "John Doe"}, settings("user:2")
    ),
    "copyKeys": Try("/users/2/keys/copy", {"do": "copy", "targets": "John Doe", "keep": "true"}, settings("user:1")),
    "changeUserGroups": Try("/users/1/groups", {"member": "sales"}, settings("group:")),
    "changeExtension": Try(
        "/extensions/dnd", {"code": "*27", "enabled": "true", "was": "*25", "was_enabled": "true"}, settings("extension:dnd")
    ),
    "setOwnLanguage": Try("/account/language", {"page_language": "fr"}, settings("user:2")),
    "changeOwnServices": Try("/my/services", {"dnd": "true"}, settings("user:2")),
    "tryWebhook": Try("/system/webhooks/shop/test", {}, settings("webhook:shop")),
    "resendDeliveries": Try("/system/webhooks/shop/resend", {}, settings("webhook:shop")),
    "addWebhook": Try("/system/new-webhook", {"id": "crm", "url": "http://127.0.0.1:9/x"}, settings("webhook:crm")),
    "changeWebhook": Try("/system/webhooks/crm/change", {"url": "http://127.0.0.1:9/y"}, settings("webhook:crm")),
    "rotateSecret": Try("/system/webhooks/crm/rotate", {}, settings("webhook:crm")),
    "removeWebhook": Try("/system/webhooks/crm/remove", {"sure": "yes"}, settings("webhook:crm")),
    "setPrompt": Try(
        "/system/prompts", {"name": "call-is-recorded", "language": "fr", "file": WAV}, settings("prompt:call-is-recorded/fr")
    ),
    "takePromptAway": Try("/system/prompts/call-is-recorded/fr/remove", {}, settings("prompt:call-is-recorded/fr")),
    "applyImport": Try("/users/import/{ticket}", {"mode": "add"}, account("")),
    "exportTicked": Try("/recordings/export", {"recording": "c1-1"}, ("exported export:",) * 3),
}  # fmt: skip
"""The forms of pages that do something which no operation of the API does in the same way."""
AS_OPERATIONS = {
    **{f"{word}Of{kind}s": f"{operation}{kind}" for kind in ("Line", "Incall", "Voicemail", "Context", "Profile", "Role", "Group")
       for word, operation in (("make", "create"), ("change", "change"), ("remove", "delete"))},
    "makeOfEntities": "createEntity", "changeOfEntities": "changeEntity", "removeOfEntities": "deleteEntity",
    "removeUser": "deleteUser", **dict.fromkeys(("changeUser", "changeServices", "changeUserLogin"), "changeUser"),
    "setOwnPassword": "changeOwnPassword", "makeOwnFactor": "makeSecondFactor",
    "confirmOwnFactor": "confirmSecondFactor", "removeOwnFactor": "removeOwnSecondFactor", "makeToken": "createToken",
    "endSessionsOfAccount": "endSessions", "addNote": "noteRecording",
    "changeTags": "changeAnnotations", "hold": "holdRecording", "release": "releaseRecording", "erase": "eraseRecording",
    "link": "makeLink", "holdMany": "holdRecordings", "releaseMany": "releaseRecordings", "eraseMany": "eraseRecordings",
    "addRetentionClass": "setRetentionClass", "changeRetentionClass": "setRetentionClass", "limitSpace": "setRetentionSpace",
    **{name: name for name in (
        "login", "logout", "endOwnSession", "removeToken", "unlockAccount", "resetPassword", "removeSecondFactor", "revokeLink",
        "startRecording", "stopRecording", "pauseRecording", "resumeRecording", "enableRetentionClass", "disableRetentionClass",
        "removeRetentionClass", "runRetention", "trustClock",
    )},
}  # fmt: skip
"""The other forms, each with the operation whose use case it calls."""
NO_CHANGE = {
    "uploadUsers": "keeps the file for a preview",
    "forgetImport": "drops that file",
    "checkAudit": "compares the log with itself; the page that tells the result has an entry",
    "runDoctor": "looks at settings and at Asterisk",
}
"""Forms that change nothing, and show nothing of recordings, accounts or the log."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """With two recordings of user 7, one of another program, an account and a group."""
    async with opened(tmp_path, replace(TABLES, users=(JOHN, EVES))) as door:
        changes = (Change(None, Profile("boss", "administrator")), Change(None, Group("sales")))
        await door.store.edit(Edit(changes), "profile")
        await door.feed.catch_up(10)
        for nth in (1, 2):
            manifest = door.library.store(nth)
            await door.catalogue.put(index_entry(f"2026/11/22/{manifest.recording.id}", manifest))
        yield Stage(door, adopted(door, tmp_path / "old"))


def adopted(door: ServiceUrl, old: Path) -> str:
    """The path in the library of a recording that another program made."""
    ulaw(old / "user-1000-1001-1700000000.ulaw", 1)
    ports = AdoptionPorts(
        DiskAdoptableFiles(old), door.library.library, PyAvEncoder(), list, lambda _: False, lambda _: False
    )
    list(Adoption(ports, UTC, NodeId("n")).run())
    found = ((path, one) for path, one in door.library.library.sidecars() if isinstance(one, Manifest))
    return next(path for path, one in found if one.state is StoredState.ADOPTED)


async def test_p7_each_unsafe_operation_of_the_api_leaves_its_entry(stage: Stage) -> None:
    """One table with all of them: an operation that is new fails here until it is in it."""
    tries = {**RECORDS, **RECORDINGS, **ACCOUNTS}
    table = {one.name: one.method for one in operations(Mock(UseCases)) if one.method not in SAFE}
    assert tries.keys() | ELSEWHERE.keys() == table.keys()
    assert all(one.logged for one in tries.values())
    for name, one in tries.items():
        if name == "removeSecondFactor":
            await stage.run("POST", ACCOUNTS["makeSecondFactor"])
        assert await stage.run(table[name], one) == sorted(one.logged), name


async def test_p7_each_form_of_the_pages_leaves_its_entry(stage: Stage) -> None:
    """The others call the use case of an operation, which has its entry by the test above."""
    forms = {one.name for one in pages(Mock(UseCases)) if one.method not in SAFE}
    assert FORMS.keys() | AS_OPERATIONS.keys() | NO_CHANGE.keys() == forms
    assert set(AS_OPERATIONS.values()) <= RECORDS.keys() | RECORDINGS.keys() | ACCOUNTS.keys() | ELSEWHERE.keys()
    await stage.run("PUT", RECORDS["putWebhook"])
    for name, one in FORMS.items():
        assert await stage.submitted(one) == sorted(one.logged), name


def test_each_test_that_shows_an_entry_elsewhere_is_there() -> None:
    for place in set(ELSEWHERE.values()):
        path, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), place
