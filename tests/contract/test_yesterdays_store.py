"""A daemon of now on the store and the library of a real product of before, without any Asterisk: it says what that one said."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from record import COMMANDS, PAGES
from samples import TODAY
from yesterday import lay

from callrec.adapters.redis.connection import ask
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import BEFORE_ACCOUNTS, Entity, Feature, Permission
from callrec.domain.rules import RecordRules, Rule, UserId
from callrec_lab.daemon import Daemon
from callrec_lab.pbx import Ports

FIRST = min(path.stem for path in (TODAY / "monitor").rglob("*.json"))
SAID = {
    name: words
    for name, words in (COMMANDS | {"recordings-show": ("recordings", "show", FIRST)}).items()
    if name not in {"doctor", "verify", "confgen"}
}
"""The others speak of Asterisk, or of the spool, which still holds what the killed daemon left."""

NEWER = frozenset({"record", "language"})
"""Fields that it did not have: of incoming numbers and contexts, where nothing was said."""
SHIPPED = frozenset({"role", "second_factor"})
"""Of profiles: a store in which they were never changed has the shipped ones, which have a role now. Of roles: off."""
NEWER_OF_RECORDINGS = frozenset({"names", "direction", "node", "recorded_user"})
NEWER_OF_USERS = frozenset({"page_language"})
NEWER_OF_IMPORTS = frozenset({"format", "left_out"})
NEWER_CODES = frozenset({"pause_record"})
"""Feature codes that it did not have."""
NEWER_IN = frozenset(
    {"contexts-list", "extensions-list", "roles-list", "recordings-list", "recordings-show", "import", "import-refused"}
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    """It listens; its Asterisk never answers."""
    folder = tmp_path_factory.mktemp("yesterday")
    files = lay(folder)
    async with Daemon(folder, Ports(), confgen_dir=str(files)) as running:
        async with asyncio.timeout(20):
            while (await running.get("/api/v1/users"))[0] != 200 or not await _is_catalogue_filled(running):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)  # the copy of the tables is loaded, the catalogue filled from the recordings
        yield running


async def _is_catalogue_filled(running: Daemon) -> bool:
    checks = json.loads((await running.get("/readyz"))[1])["checks"]
    return bool(checks["catalogue"]["ok"])


@pytest.mark.asyncio(loop_scope="module")
async def test_the_index_that_lay_in_redis_is_gone(daemon: Daemon) -> None:
    """The catalogue has been filled from the recordings instead."""
    async with open_store("embedded:", daemon.state, join=True) as store, asyncio.timeout(10):
        while await ask(store._client, "KEYS", "callrec:recording*"):  # noqa: ASYNC110 - the daemon tells nobody
            await asyncio.sleep(0.05)
    assert "former-index-removed" in daemon.log.read_text()


@pytest.mark.asyncio(loop_scope="module")
async def test_each_command_says_what_it_said(daemon: Daemon) -> None:
    """`--json`, byte for byte: users, codes, contexts, roles, keys, recordings, an import."""
    said = await asyncio.gather(*(daemon.callrec(*words, "--json") for words in SAID.values()))
    for name, (code, answer) in zip(SAID, said, strict=True):
        text = json.dumps(_as_then(json.loads(answer)), indent=2) + "\n" if name in NEWER_IN else answer
        assert (code, text) == (name == "import-refused", (TODAY / "cli" / f"{name}.json").read_text()), name


@pytest.mark.asyncio(loop_scope="module")
async def test_each_page_of_the_api_says_what_it_said(daemon: Daemon) -> None:
    for name, path in PAGES.items():
        _, said = await daemon.get(path)
        expected = _as_then(json.loads((TODAY / "api" / f"{name}.json").read_text()))
        now = _as_then(json.loads(said))
        assert _without_sentences(now) == _without_sentences(expected), name
        assert list(_names(now)) == list(_names(expected)), f"{name}: the order of the fields"


def _as_then(document: object) -> object:
    """Without fields of these names that say nothing: some documents have them newly, others had them before. Who had every
    permission has every permission. Without the newer fields of a recording (it has a path) and of an import (it may be dry)."""
    if isinstance(document, dict):
        if len(document.get("permissions", ())) == len(Permission):
            document = document | {"permissions": [one.value for one in Permission if one in BEFORE_ACCOUNTS]}
        of_whom = {"path": NEWER_OF_RECORDINGS, "dry_run": NEWER_OF_IMPORTS, "agentnumber": NEWER_OF_USERS}
        newer = next((newer for name, newer in of_whom.items() if name in document), frozenset())
        kept = {key: value for key, value in document.items() if not (key in NEWER and value is None)}
        return {key: _as_then(value) for key, value in kept.items() if key not in SHIPPED | newer}
    if isinstance(document, list):
        return [
            _as_then(one)
            for one in document
            if not (isinstance(one, dict) and NEWER_CODES & set(map(str, one.values())))
        ]
    return document


@pytest.mark.asyncio(loop_scope="module")
async def test_a_change_of_each_kind_is_told_in_the_fields_that_it_was_told_in(tmp_path: Path) -> None:
    """The events of the store's scripts, on a store of its own."""
    lay(tmp_path)
    async with open_store("embedded:", tmp_path / "state", join=False) as store:
        await _change_everything(store)
        found = await ask(store._client, "XRANGE", "callrec:events", "-", "+")
    before = json.loads((TODAY / "events.json").read_text())
    kinds = {(event["type"], frozenset(event)) for event in before}
    for _, event in found[len(before) :]:
        assert (event["type"], frozenset(event)) in kinds, event


async def _change_everything(store: RedisStore) -> None:
    tables = await store.tables()
    who = UserId("6")
    await store.set_user(who, actor="test", request_id="set", online_record=True, rules=RecordRules(Rule.NEVER))
    await store.toggle_call_record(who, "toggle", "test")
    await store.set_code(Feature.DND, "*52", True, actor="test")
    await store.edit(Edit((Change(None, Entity(7, "seven")),)), "edit", based_on=None, actor="test")
    changed = Directory(await store.tables()).user(who)
    assert changed is not None
    assert (changed.online_record, changed.call_record, changed.rules) == (True, True, RecordRules(Rule.NEVER))
    assert changed.lastname == next(user.lastname for user in tables.users if user.id == who)


def _without_sentences(problem: object) -> object:
    """The sentences of a problem may be said better; its code, status and fields stay."""
    if isinstance(problem, dict) and "code" in problem and "title" in problem:
        return {key: value for key, value in problem.items() if key not in {"title", "detail", "hint"}}
    return problem


def _names(document: object) -> Iterator[str]:
    match document:
        case dict():
            for name, value in document.items():
                yield name
                yield from _names(value)
        case list():
            for one in document:
                yield from _names(one)
