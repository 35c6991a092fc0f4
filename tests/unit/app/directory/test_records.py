"""Records are read from the copy and changed through the store: optimistically, and once per request."""

from dataclasses import dataclass, field, replace

import pytest

from callrec.app.directory.idempotency import ChangeRequest, done_by
from callrec.app.directory.receipts import written
from callrec.app.directory.records import ATTEMPTS, Records
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit, Table, place
from callrec.domain.directory.model import Feature, FeatureCode, Line, Profile, Tables, User
from callrec.domain.directory.table_changes import CodeChanged, RecordsChanged
from callrec.domain.errors import Conflict, Refused, Unavailable
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", "Doe")
ASKED = ChangeRequest("r1", "api", "w1")
AGAIN = ChangeRequest("r1", "api", "w1", may_be_repeated=True)


@dataclass
class Store:
    """Store and copy in one: an edit reaches the copy at once, unless somebody else was first."""

    directory: Directory = field(default_factory=lambda: Directory(Tables((JOHN,))))
    edit_revision: int = 1
    fresh: bool = True
    others: int = 0
    """So many edits of others come before ours."""
    refuses: Exception | None = None
    lost: bool = False
    first: str | None = None
    """The receipt of a request that came between the question whether ours was done and ours."""
    receipts: dict[str, str] = field(default_factory=dict)
    edits: list = field(default_factory=list)
    last_id: int = 1

    async def reserve_user_ids(self, count):
        """Count on."""
        self.last_id += count
        return [UserId(str(self.last_id))]

    async def receipt(self, request_id):
        """What was kept."""
        return self.receipts.get(request_id)

    async def edit(self, edit, request_id, *, based_on, actor, receipt):
        """Into the copy."""
        if self.refuses:
            raise self.refuses
        if self.others:
            self.others -= 1
            raise Conflict("tables-edited", "meanwhile")
        assert based_on == self.edit_revision
        if self.first is not None:
            return done_by(self.first, receipt.partition(" ")[0])
        self.receipts[request_id] = receipt
        if not edit:
            return None
        self.edits.append((edit, actor))
        gone = [(*place(change.before), None) for change in edit.changes if change.before]
        here = [(*place(change.after), change.after) for change in edit.changes if change.after]
        self.directory.apply(RecordsChanged((*gone, *here)))
        self.edit_revision += 1
        return None

    async def set_code(self, feature, code, enabled, *, actor, before, request_id, receipt):
        """Into the copy."""
        if self.others:
            self.others -= 1
            raise Conflict("tables-edited", "meanwhile")
        if self.first is not None:
            return done_by(self.first, receipt.partition(" ")[0])
        self.receipts[request_id] = receipt
        if before != FeatureCode(feature, code, enabled):
            self.edits.append((before, actor))
        self.directory.apply(CodeChanged(FeatureCode(feature, code, enabled)))
        return None

    async def catch_up(self, _limit_s):
        """It always has."""
        if self.lost:
            raise Unavailable("store-unavailable", "gone")
        return True


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def records(store):
    return Records(store, store)


def anything(_):
    return True


def eve(_, identity):
    return User(identity, "Eve")


def renamed(user):
    return replace(user, lastname="Roe")


async def test_a_record_is_made_changed_and_taken_away(records, store):
    made = await records.create(Table.USERS, eve, ASKED)
    assert User(UserId("2"), "Eve") == made == records.read(Table.USERS, "2")
    changed = await records.change(Table.USERS, "1", renamed, anything, replace(ASKED, request_id="r2"))
    assert replace(JOHN, lastname="Roe") == changed
    await records.remove(Table.USERS, "1", anything, replace(ASKED, request_id="r3"))
    assert ["2"] == list(records.directory.records(Table.USERS))
    assert ["api"] * 3 == [actor for _, actor in store.edits]
    assert not records.stale


async def test_only_a_new_user_gets_an_id(records, store):
    await records.create(Table.PROFILES, lambda *_: Profile("new"), ASKED)
    assert 1 == store.last_id


@pytest.mark.parametrize("work", ["read", "change", "remove"])
async def test_what_is_not_there_is_said_so(records, work):
    works = {
        "read": lambda: records.read(Table.USERS, "7"),
        "change": lambda: records.change(Table.USERS, "7", renamed, anything, ASKED),
        "remove": lambda: records.remove(Table.USERS, "7", anything, ASKED),
    }
    with pytest.raises(Refused) as refused:
        await works[work]()
    assert "no-such-record" == refused.value.code


async def test_a_record_that_is_not_as_the_asker_has_read_it_stays(records, store):
    for work in (
        lambda: records.change(Table.USERS, "1", renamed, lambda _: False, ASKED),
        lambda: records.remove(Table.USERS, "1", lambda _: False, ASKED),
        lambda: records.set_code(Feature.CALL_RECORD, replace, lambda _: False, ASKED),
    ):
        with pytest.raises(Refused) as refused:
            await work()
        assert "record-changed" == refused.value.code
    assert [] == store.edits


async def test_a_change_that_changes_nothing_is_none(records, store):
    assert JOHN == await records.change(Table.USERS, "1", lambda user: user, anything, ASKED)
    code = await records.set_code(Feature.CALL_RECORD, lambda code: code, anything, ASKED)
    assert (FeatureCode(Feature.CALL_RECORD, "*26"), []) == (code, store.edits)


async def test_an_always_record_flag_that_is_stated_is_set_again(records, store):
    """The store notes when it was set: an older `*26` of the fallback mode does not win."""
    assert JOHN == await records.change(Table.USERS, "1", lambda user: user, anything, ASKED, stated={"call_record"})
    ((edit, _),) = store.edits
    ((before, after),) = [(change.before, change.after) for change in edit.changes]
    assert (before.call_record, after) == (not JOHN.call_record, JOHN)


async def test_somebody_else_was_first_a_few_times(records, store):
    store.others = ATTEMPTS - 1
    await records.change(Table.USERS, "1", renamed, anything, ASKED)
    store.others = ATTEMPTS
    with pytest.raises(Unavailable, match="again and again") as refused:
        await records.change(Table.USERS, "1", lambda _: JOHN, anything, ASKED)
    assert refused.value.code == "tables-busy"


async def test_another_edit_was_before_a_feature_code_a_few_times(records, store):
    store.others = ATTEMPTS - 1
    code = await records.set_code(Feature.CALL_RECORD, lambda one: replace(one, enabled=True), anything, ASKED)
    assert code.enabled
    store.others = ATTEMPTS
    with pytest.raises(Unavailable, match="again and again"):
        await records.set_code(Feature.CALL_RECORD, lambda one: replace(one, enabled=False), anything, ASKED)


async def test_a_record_is_put_where_there_is_none_and_in_the_place_of_the_one_that_is_there(records, store):
    made = [await records.put(Table.PROFILES, "new", lambda one: one or Profile("new"), ASKED) for _ in range(2)]
    assert [Profile("new")] * 2 == made
    changed = await records.put(Table.USERS, "1", renamed, replace(ASKED, request_id="r2"))
    assert (replace(JOHN, lastname="Roe"), 2) == (changed, len(store.edits))


async def test_what_the_store_refuses_is_refused(records, store):
    store.refuses = Refused("table-conflict", "taken")
    with pytest.raises(Refused, match="taken"):
        await records.create(Table.USERS, eve, ASKED)


async def test_the_same_request_is_done_once_and_answered_twice(records, store):
    assert await records.create(Table.USERS, eve, AGAIN) == await records.create(Table.USERS, eve, AGAIN)
    change = replace(AGAIN, request_id="r2", wording="w2")
    for _ in range(2):
        assert (
            "Roe" == (await records.change(Table.USERS, "1", renamed, lambda u: u.lastname == "Doe", change)).lastname
        )
    gone = replace(AGAIN, request_id="r3", wording="w3")
    for _ in range(2):
        await records.remove(Table.USERS, "1", anything, gone)
    code = replace(AGAIN, request_id="r4", wording="w4")
    for _ in range(2):
        on = await records.set_code(
            Feature.CALL_RECORD, lambda c: replace(c, enabled=True), lambda c: not c.enabled, code
        )
        assert on.enabled
    assert 4 == len(store.edits)


async def test_a_copy_that_does_not_follow_does_not_say_that_what_was_done_has_gone(records, store):
    made = await records.create(Table.USERS, eve, AGAIN)
    await records.remove(Table.USERS, made.id, anything, replace(ASKED, request_id="r2"))
    for fresh, code in ((False, "tables-stale"), (True, "record-gone-since")):
        store.fresh = fresh
        with pytest.raises((Refused, Unavailable)) as told:
            await records.create(Table.USERS, eve, AGAIN)
        assert code == told.value.code


async def test_a_request_that_changed_nothing_is_not_done_later(records, store):
    """Sent again, it would undo what somebody else has done meanwhile."""
    code, other = replace(AGAIN, request_id="r2"), replace(ASKED, request_id="r3")

    def switched(*, on):
        return lambda one: replace(one, enabled=on)

    for _ in range(2):
        await records.change(Table.USERS, "1", lambda user: replace(user, lastname="Doe"), anything, AGAIN)
        await records.set_code(Feature.CALL_RECORD, switched(on=False), anything, code)
        if not store.edits:
            await records.change(Table.USERS, "1", renamed, anything, other)
            await records.set_code(Feature.CALL_RECORD, switched(on=True), anything, other)
    assert ("Roe", True) == (store.directory.user(JOHN.id).lastname, store.directory.code(Feature.CALL_RECORD).enabled)
    assert 2 == len(store.edits)


async def test_another_request_under_the_same_id_is_refused(records):
    await records.create(Table.USERS, eve, AGAIN)
    with pytest.raises(Refused) as refused:
        await records.create(Table.USERS, eve, replace(AGAIN, wording="other"))
    assert "request-id-reused" == refused.value.code


async def test_a_request_that_another_process_does_meanwhile_is_answered_with_what_that_one_did(records, store):
    """Not with what this one would have done."""
    store.first = AGAIN.receipt(written(JOHN))
    assert JOHN == await records.create(Table.USERS, eve, AGAIN)
    assert JOHN == await records.change(Table.USERS, "1", renamed, anything, AGAIN)
    store.first = AGAIN.receipt("")
    await records.remove(Table.USERS, "1", anything, AGAIN)
    code = await records.set_code(Feature.CALL_RECORD, lambda c: replace(c, enabled=True), anything, AGAIN)
    assert (False, []) == (code.enabled, store.edits)


async def test_a_request_whose_id_another_one_takes_meanwhile_is_refused(records, store):
    store.first = "other "
    for work in (
        lambda: records.create(Table.USERS, eve, AGAIN),
        lambda: records.change(Table.USERS, "1", renamed, anything, AGAIN),
        lambda: records.remove(Table.USERS, "1", anything, AGAIN),
        lambda: records.set_code(Feature.CALL_RECORD, lambda c: replace(c, enabled=True), anything, AGAIN),
    ):
        with pytest.raises(Refused) as refused:
            await work()
        assert "request-id-reused" == refused.value.code


async def test_a_copy_that_was_never_loaded_is_not_read(records, store):
    store.edit_revision = -1
    with pytest.raises(Unavailable, match="never loaded"):
        records.read(Table.USERS, "1")


async def test_a_copy_that_does_not_follow_is_read_and_not_written_from(records, store):
    store.fresh = False
    assert (JOHN, True) == (records.read(Table.USERS, "1"), records.stale)
    for work in (
        lambda: records.create(Table.USERS, eve, ASKED),
        lambda: records.set_code(Feature.CALL_RECORD, lambda c: replace(c, enabled=True), anything, ASKED),
    ):
        with pytest.raises(Unavailable) as refused:
            await work()
        assert "tables-stale" == refused.value.code


async def test_a_change_that_is_done_is_answered_though_the_store_goes(records, store):
    store.lost = True
    assert "Roe" == (await records.change(Table.USERS, "1", renamed, anything, ASKED)).lastname


async def test_a_new_user_comes_together_with_other_records_once_per_request():
    store = Store()
    records = Records(store, store)
    line = Line("desk", UserId("2"), "1000", "default", secret="s")

    def make(tables, identity):
        assert tables is store.directory
        user = User(identity, "Eve")
        return Edit((Change(None, user), Change(None, line))), user

    eve = await records.create_user(make, AGAIN)
    assert (eve, store.directory.lines_of(eve.id)) == (User(UserId("2"), "Eve"), (line,))
    assert await records.create_user(make, AGAIN) == eve
    assert len(store.edits) == 1


async def test_several_records_are_changed_in_one_edit_planned_on_the_present_tables():
    store = Store(others=2)
    records = Records(store, store)
    eve = User(UserId("2"), "Eve")
    await records.edit(lambda tables: Edit((Change(tables.user(JOHN.id), None), Change(None, eve))), AGAIN)
    await records.edit(lambda _: Edit((Change(eve, None),)), AGAIN)
    assert list(store.directory.users()) == [eve]
