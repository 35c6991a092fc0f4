"""Who changed a record last is remembered of the newest changes."""

from callrec.domain.directory.edit import Table
from callrec.domain.directory.last_changes import CODES, LastChange, LastChanges
from callrec.domain.directory.model import Entity, Feature, FeatureCode, User
from callrec.domain.directory.table_changes import CodeChanged, RecordsChanged, UserChanged
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John")


def test_the_last_change_of_each_kind_of_record_is_told():
    changes = LastChanges()
    changes.note(UserChanged(JOHN), "account:2", 10)
    changes.note(CodeChanged(FeatureCode(Feature.DND, "*25")), "account:3", 11)
    changes.note(RecordsChanged(((Table.ENTITIES, "1", Entity(1, "x")), (Table.USERS, "9", None))), "account:4", 12)
    assert changes.of(Table.USERS, "1") == LastChange("account:2", 10)
    assert changes.of(CODES, "dnd") == LastChange("account:3", 11)
    assert changes.of(Table.ENTITIES, "1") == changes.of(Table.USERS, "9") == LastChange("account:4", 12)
    assert changes.of(Table.LINES, "PJSIP/desk") is None


def test_the_oldest_changes_are_forgotten_first_and_a_change_renews_its_record():
    changes = LastChanges(most=2)
    for at_ms, user in enumerate(("1", "2", "1", "3")):
        changes.note(UserChanged(User(UserId(user), "x")), "a", at_ms)
    assert changes.of(Table.USERS, "2") is None
    assert changes.of(Table.USERS, "1") == LastChange("a", 2)
    assert changes.of(Table.USERS, "3") == LastChange("a", 3)


def test_of_a_large_import_only_the_last_records_are_remembered():
    changes = LastChanges(most=2)
    changes.note(RecordsChanged(tuple((Table.USERS, str(n), None) for n in range(5))), "a", 1)
    assert [changes.of(Table.USERS, str(n)) is not None for n in range(5)] == [False, False, False, True, True]
