"""Edits of the tables on a real server: all or nothing, never over somebody else's change, and a flag turned meanwhile stays."""

import asyncio
import json
from dataclasses import fields, replace

import pytest
from redis import exceptions as fault
from redis.asyncio.connection import AbstractConnection
from seeds import adding

from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import Address, ask
from callrec.adapters.redis.edit_arguments import CARRIED, changed_records
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.store import RedisStore
from callrec.domain.directory.edit import Change, Edit, Table
from callrec.domain.directory.model import (
    BEFORE_ACCOUNTS,
    DEFAULT_CONTEXTS,
    DEFAULT_ROLES,
    Context,
    ContextKind,
    Feature,
    FeatureCode,
    Incall,
    Line,
    Permission,
    Range,
    Role,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.errors import Corrupt, OutcomeUnknown, Refused
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", "Doe", username="john")
DESK = Line("desk", JOHN.id, "1000", "default", secret="s")
DID = Incall("2050", "from-extern", JOHN.id)
BOX = Voicemail("1000", "default", JOHN.id, "John Doe", "1234")
SALES = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))


@pytest.fixture
async def store(tmp_path_factory):
    embedded = EmbeddedValkey(tmp_path_factory.mktemp("s"))
    async with embedded, RedisStore(Address.of_socket(embedded.socket)) as opened:
        await opened.edit(adding(Tables((JOHN,), (DESK,), (DID,), (BOX,))), "seed")
        yield opened


async def last_event(store):
    return (await ask(store._client, "XREVRANGE", keys.EVENTS, "+", "-", "COUNT", 1))[0][1]


async def test_records_change_come_and_go_together(store):
    """A renamed line, a removed mailbox, a changed user: one change, with all that they take for themselves."""
    renamed, johnny = replace(DESK, name="front"), replace(JOHN, firstname="Johnny", username="johnny")
    edit = Edit((Change(DESK, renamed), Change(BOX, None), Change(JOHN, johnny)))
    await store.edit(edit, "r2", based_on=1)
    assert Tables((johnny,), (renamed,), (DID,), ()) == await store.tables()
    snapshot = await store.snapshot()
    assert (2, 2) == (snapshot.edit_revision, snapshot.revision)
    # What was given up is free, what was kept is not.
    await store.edit(adding(Tables((User(UserId("2"), "Eve", username="john"),))), "r3")
    with pytest.raises(Refused, match="username:johnny"):
        await store.edit(adding(Tables((User(UserId("3"), "Eve", username="johnny"),))), "r4")


async def test_a_flag_that_its_owner_turns_meanwhile_stays(store):
    """An administrator who saved a form that was read before `*26` does not undo it."""
    await store.toggle_call_record(JOHN.id, "press", "user:1")
    await store.edit(Edit((Change(JOHN, replace(JOHN, lastname="Roe")),)), "r2", based_on=1)
    assert (replace(JOHN, lastname="Roe", call_record=True),) == (await store.tables()).users


async def test_an_edit_that_sets_the_flag_is_its_last_word(store):
    """What a phone was told before does not come back over it."""
    await store.edit(Edit((Change(JOHN, replace(JOHN, call_record=True)),)), "r2")
    assert await store.apply_fallback_change(JOHN.id, on=False, told_ms=1, request_id="word", actor="user:1")


async def test_somebody_else_was_first(store):
    """An edit made from older records, or of one that is gone, changes nothing."""
    await store.edit(Edit((Change(DID, None),)), "r2", based_on=1)
    before = await store.tables()
    for edit, based_on in (
        (Edit((Change(BOX, replace(BOX, name="J")),)), 1),
        (Edit((Change(BOX, replace(BOX, name="J")), Change(DID, replace(DID, ring_s=5)))), None),
    ):
        with pytest.raises(Refused) as refused:
            await store.edit(edit, "r3", based_on=based_on)
        assert "tables-edited" == refused.value.code
    assert before == await store.tables()


async def test_the_same_request_again_is_done_once(store):
    for _ in range(2):
        await store.edit(Edit((Change(DID, None),)), "r2", based_on=1)
    assert 2 == (await store.snapshot()).edit_revision


async def test_the_first_edit_of_a_table_keeps_what_it_stood_for(store):
    """A context more is one more, not instead of the shipped ones; and a shipped one can be changed."""
    wider = replace(DEFAULT_CONTEXTS[0], ranges=(Range("100", "199"),))
    assert DEFAULT_CONTEXTS == (await store.tables()).contexts
    await store.edit(Edit((Change(None, SALES), Change(DEFAULT_CONTEXTS[0], wider))), "r2")
    assert (wider, DEFAULT_CONTEXTS[1], SALES) == (await store.tables()).contexts
    with pytest.raises(Refused, match="sales"):
        await store.edit(Edit((Change(None, SALES),)), "r3")


async def test_roles_of_a_store_that_never_heard_of_them_are_the_shipped_ones(store):
    assert DEFAULT_ROLES == (await store.tables()).roles
    reader = Role("reader", (Permission.CALLS_READ, Permission.AUDIT_READ))
    await store.edit(Edit((Change(None, reader), Change(DEFAULT_ROLES[1], None))), "r2")
    expected = {role.name: role for role in (reader, *DEFAULT_ROLES) if role != DEFAULT_ROLES[1]}
    assert tuple(expected[name] for name in sorted(expected)) == (await store.tables()).roles


async def test_a_role_from_before_there_were_accounts_has_everything_if_it_had_everything(store):
    """Else the administrator of an older store could not give anybody an account."""
    before = [one for one in Permission if one in BEFORE_ACCOUNTS]
    for name, permissions in (("administrator", before), ("nearly", before[1:])):
        await ask(store._client, "HSET", keys.ROLES, name, json.dumps({"name": name, "permissions": permissions}))
    roles = {role.name: role.permissions for role in (await store.tables()).roles}
    assert roles == {"administrator": tuple(Permission), "nearly": tuple(before[1:])}
    weaker = Role("administrator", tuple(before))
    await store.edit(Edit((Change(Role("administrator", tuple(Permission)), weaker),)), "r3")
    assert weaker in (await store.tables()).roles, "what is said now is meant"


async def test_a_name_with_a_line_break_is_no_name(store):
    """The script is told in lines: nothing else may begin one."""
    before = await store.tables()
    with pytest.raises(Refused, match="line break") as refused:
        await store.edit(Edit((Change(None, Role("a\nb", (Permission.AUDIT_READ,))),)), "r2")
    assert refused.value.code == "text-not-storable"
    assert before == await store.tables()


async def test_a_record_leaves_out_what_is_by_default(store):
    held = json.loads(await ask(store._client, "HGET", keys.USERS, JOHN.id))
    other = {field.name for field in fields(User) if getattr(JOHN, field.name) != field.default}
    assert {"id", "firstname"} <= held.keys() <= other


async def test_a_small_edit_carries_its_records_and_a_large_one_does_not(store):
    await store.edit(Edit((Change(DID, None), Change(JOHN, replace(JOHN, lastname="Roe")))), "r2", actor="operator:eve")
    event = await last_event(store)
    assert ("tables-changed", "2", "2", "operator:eve") == tuple(
        event[name] for name in ("type", "revision", "edition", "actor")
    )
    assert {(Table.INCALLS, "2050@from-extern", None), (Table.USERS, "1", replace(JOHN, lastname="Roe"))} == set(
        changed_records(event["records"])
    )
    await store.edit(adding(Tables(tuple(User(UserId(str(n)), "Ada") for n in range(10, 11 + CARRIED)))), "r3")
    assert "records" not in await last_event(store)


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[["99", "a", "b"]]', json.dumps([["1", "1", "{"]]), "[" * 100_000])
def test_records_that_cannot_be_read_are_corrupt(text):
    with pytest.raises(Corrupt) as refused:
        changed_records(text)
    assert refused.value.code in {"store-event", "store-record"}


async def test_a_change_leaves_its_receipt(store):
    """Under its request id, for whoever asks again; a request that came to nothing leaves none."""
    assert await store.edit(Edit((Change(DID, None),)), "r2", receipt="gone 2050") is None
    with pytest.raises(Refused):
        await store.edit(Edit((Change(DID, None),)), "r3", receipt="never")
    assert ["gone 2050", None] == [await store.receipt(request) for request in ("r2", "r3")]


async def test_a_request_that_was_done_meanwhile_is_not_said_to_be_done_now(store):
    """Two processes may have the same request id: the same request is told what was done, another one is refused."""
    code = {"enabled": True, "request_id": "c1"}
    assert await store.edit(Edit((Change(DID, None),)), "r2", receipt="wording 1 0 0") is None
    assert await store.set_code(Feature.CALL_RECORD, "*27", receipt="wording ", **code) is None
    before = await store.snapshot()
    for edit in (Edit((Change(BOX, None),)), Edit(())):
        assert "1 0 0" == await store.edit(edit, "r2", receipt="wording 2 0 0")
        with pytest.raises(Refused) as refused:
            await store.edit(edit, "r2", receipt="another 1 0 0")
        assert "request-id-reused" == refused.value.code
    assert "" == await store.set_code(Feature.CALL_RECORD, "*28", receipt="wording ", **code)
    with pytest.raises(Refused) as refused:
        await store.set_code(Feature.CALL_RECORD, "*28", receipt="another ", **code)
    assert ("request-id-reused", before) == (refused.value.code, await store.snapshot())


async def test_a_request_that_changes_nothing_leaves_only_its_receipt(store):
    """Nobody is told, and nothing is counted; but it is based on an edition as any other."""
    off = FeatureCode(Feature.CALL_RECORD, "*26")
    before = await store.snapshot()
    await store.edit(Edit(()), "r2", based_on=1, receipt="none")
    await store.set_code(off.feature, off.code, enabled=False, before=off, request_id="c1", receipt="none")
    assert ["none"] * 2 == [await store.receipt(request) for request in ("r2", "c1")]
    assert before == await store.snapshot()
    with pytest.raises(Refused) as refused:
        await store.edit(Edit(()), "r3", based_on=0, receipt="none")
    assert ("tables-edited", None) == (refused.value.code, await store.receipt("r3"))
    await store.edit(Edit((Change(DID, None),)), "r2", based_on=1, receipt="none")
    assert before == await store.snapshot()


async def test_a_code_is_set_once_and_only_as_it_was_read(store):
    off = FeatureCode(Feature.CALL_RECORD, "*26")
    await store.set_code(off.feature, "*27", enabled=True, before=off, request_id="c1", receipt="done")
    with pytest.raises(Refused) as refused:
        await store.set_code(off.feature, "*28", enabled=True, before=off, request_id="c2")
    assert "tables-edited" == refused.value.code
    await store.set_code(off.feature, "*29", enabled=True, before=off, request_id="c1", receipt="done")
    assert ("done", FeatureCode(off.feature, "*27", enabled=True)) == (
        await store.receipt("c1"),
        (await store.tables()).codes[0],
    )


@pytest.mark.parametrize("cut", [asyncio.CancelledError(), fault.ConnectionError("gone")], ids=["cancelled", "gone"])
async def test_an_edit_that_is_cut_while_it_is_sent_changes_nothing(store, monkeypatch, cut):
    """Half a command is never followed by anything on its connection: the same edit can be sent again."""
    before, send, sent = await store.snapshot(), AbstractConnection.send_packed_command, []

    async def sending(self, command, check_health=True):
        sent.append(command)
        if len(sent) == 6:
            raise cut
        await send(self, command, check_health)

    many = adding(Tables(tuple(User(UserId(str(n)), "Ada", lastname="x" * 50) for n in range(10, 5010))))
    monkeypatch.setattr(AbstractConnection, "send_packed_command", sending)
    with pytest.raises((asyncio.CancelledError, OutcomeUnknown)):
        await store.edit(many, "r2")
    monkeypatch.undo()
    assert before == await store.snapshot()
    await store.edit(many, "r2")
    assert 5001 == len((await store.tables()).users)


async def test_a_connection_that_was_closed_between_two_pieces_is_not_opened_again_for_the_rest(store, monkeypatch):
    before, send, sent = await store.snapshot(), AbstractConnection.send_packed_command, []

    async def sending(self, command, check_health=True):
        await send(self, command, check_health)
        sent.append(command)
        if len(sent) == 6:
            await self.disconnect(nowait=True)

    many = adding(Tables(tuple(User(UserId(str(n)), "Ada", lastname="x" * 50) for n in range(10, 5010))))
    monkeypatch.setattr(AbstractConnection, "send_packed_command", sending)
    with pytest.raises(OutcomeUnknown, match="within a command"):
        await store.edit(many, "r2")
    monkeypatch.undo()
    assert (6, before) == (len(sent), await store.snapshot())
