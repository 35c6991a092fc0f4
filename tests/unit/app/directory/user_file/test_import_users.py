"""The import: the whole file in one change, or every error and no change. The store is a table in memory."""

from dataclasses import replace

import pytest

from callrec.app.directory.user_file.import_users import ATTEMPTS, import_users
from callrec.app.ports.directory import Snapshot
from callrec.domain.directory.model import Context, ContextKind, Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.user_file.file_rules import FileRefused, Mode
from callrec.domain.errors import Conflict, Refused, Unavailable
from callrec.domain.rules import UserId

JOHN = b"firstname|lastname|phonenumber|context|protocol\nJohn|Doe|1000|default|sip\n"
GEORGE = b"George|Clinton|1001|default|sip\n"


class Store:
    """As much of the store as an import needs; `tests/contract/test_redis_store.py` shows that the real one does the same."""

    def __init__(self):
        self.held = Tables()
        self.changes = []
        self.receipts = []
        self.last_id = 0
        self.others = 0
        """How many edits of somebody else come between the next look and the edit after it."""
        self.edit_revision = 0

    async def snapshot(self):
        """All that is there."""
        seen = Snapshot(self.held, self.edit_revision, "0-0", self.edit_revision)
        if self.others:
            self.others -= 1
            self.edit_revision += 1
        return seen

    async def reserve_user_ids(self, count):
        """Count on."""
        first = self.last_id + 1
        self.last_id += count
        return [UserId(str(number)) for number in range(first, self.last_id + 1)]

    async def edit(self, edit, request_id, *, based_on=None, actor="", receipt=""):
        """Do all of it; conflicts are the real store's to find."""
        if based_on != self.edit_revision:
            raise Conflict("tables-edited", "somebody was first")
        self.changes.append((request_id, actor))
        self.receipts.append(receipt)
        for change in edit.changes:
            table_record = change.after or change.before
            name = {User: "users", Line: "lines", Incall: "incalls", Voicemail: "voicemails"}[type(table_record)]
            kept = [one for one in getattr(self.held, name) if one != change.before]
            kept += [change.after] if change.after else []
            self.held = replace(self.held, **{name: tuple(kept)})
        self.edit_revision += 1


class Passwords:
    """Hashes that a test can read."""

    def __init__(self):
        self.made = []

    def hashed(self, password):
        """Never twice the same."""
        self.made.append(password)
        return f"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0${password}{len(self.made):021}"

    def matches(self, password_hash, password):
        """By what stands in it."""
        return password_hash.rpartition("$")[2][:-21] == password


async def capture(store, content, request_id, **more):
    """An import with passwords that are quick."""
    return await import_users(store, lambda: content, request_id, **{"passwords": Passwords(), **more})


async def errors_of(store, content):
    with pytest.raises(FileRefused) as refused:
        await capture(store, content, "r")
    return [(error.line, error.column, error.value) for error in refused.value.errors]


async def test_a_file_is_one_change():
    """Both users are added at once, with ids of the store and the actor's name."""
    store = Store()
    done = await capture(store, JOHN + GEORGE, "r1", actor="cli:root")
    assert [("r1", "cli:root")] == store.changes
    assert ["1", "2"] == [step.becomes.user.id for step in done.added] == [line.user for line in store.held.lines]
    assert all(len(line.secret) >= 20 and len(line.name) == 10 for line in store.held.lines)


async def test_the_same_file_again_changes_nothing():
    """Rows that are there already are told as unchanged, also after a flag was set from the phone; new rows are added."""
    store = Store()
    await capture(store, JOHN, "r1")
    again = await capture(store, JOHN + GEORGE, "r2")
    assert ((2,), ["George Clinton"]) == (again.unchanged, [step.becomes.user.name for step in again.added])
    assert 1 == len((await capture(store, JOHN, "r3")).unchanged)
    assert ["r1", "r2"] == [request for request, _ in store.changes]


async def test_dry_run_changes_nothing():
    """A dry run says what would be added and leaves store and ids alone."""
    store = Store()
    done = await capture(store, JOHN, "r1", dry_run=True)
    assert (1, True, [], 0) == (len(done.added), done.dry_run, store.changes, store.last_id)


async def test_taken_numbers_are_named_with_their_line():
    """A number of somebody else refuses the whole file, with the file's line and the holder."""
    store = Store()
    await capture(store, JOHN, "r1")
    other = JOHN.replace(b"John|Doe", b"Jane|Doe") + GEORGE
    assert [(2, "phonenumber", "1000")] == await errors_of(store, other)
    assert 1 == len(store.held.users)


async def test_a_row_that_differs_in_any_section_is_a_conflict():
    """Another ring time, a flag that the file asks for, an own line name, two holders: none of these is "unchanged"."""
    store = Store()
    header = b"firstname|phonenumber|context|protocol|linename|incallexten|incallcontext|incallringseconds|callrecord\n"
    await capture(
        store, header + b"A|1001|default|sip|a|2050|from-extern|30|1\nB|1002|default|sip||2051|from-extern||\n", "r1"
    )
    assert (2, 3) == (
        await capture(
            store,
            header + b"A|1001|default|sip|a|2050|from-extern|30|1\nB|1002|default|sip||2051|from-extern||\n",
            "r2",
        )
    ).unchanged
    assert 3 == len(await errors_of(store, header + b"A|1001|default|sip|a|2050|from-extern|31|1\n"))
    assert 3 == len(await errors_of(store, header + b"A|1001|default|sip|a|2050|from-extern|30|0\n"))
    assert 2 == len(await errors_of(store, header + b"A|1001|default|sip|b|2050|from-extern|30|1\n"))
    assert [(2, "phonenumber", "1001"), (2, "incallexten", "2051")] == await errors_of(
        store, header + b"A|1001|default|sip||2051|from-extern|30|1\n"
    )


async def test_what_the_site_does_not_have_is_told_with_what_is_taken():
    """All errors of a row, whoever finds them; a row that is there already stays so when its context is made smaller."""
    store = Store()
    await capture(store, JOHN, "r1")
    file = JOHN.replace(b"John|Doe", b"Jane|Doe").replace(b"1000", b"3000") + GEORGE
    assert [(2, "phonenumber", "3000")] == await errors_of(store, file)
    store.held = replace(store.held, contexts=(Context("default", ContextKind.INTERNAL),))
    assert (2,) == (await capture(store, JOHN, "r2")).unchanged


async def test_a_conflict_with_a_line_of_nobody():
    """A line whose user is gone still holds its number."""
    store = Store()
    await capture(store, JOHN, "r1")
    store.held = Tables(lines=store.held.lines)
    assert [(2, "phonenumber", "1000")] == await errors_of(store, JOHN)


async def test_users_without_any_number():
    """Users that hold nothing unique are compared as a whole."""
    store = Store()
    await capture(store, b"firstname\nAda\n", "r1")
    again = await capture(store, b"firstname|lastname\nAda|\nAda|Byron\n", "r2")
    assert ((2,), 1) == (again.unchanged, len(again.added))


async def test_a_bad_file_reaches_no_store():
    """A header that is none comes before the store is asked for anything; other errors are told with the store's."""
    assert [(1, "shoesize", "shoesize")] == await errors_of(None, b"firstname|shoesize\nA|x\n")
    file = b"firstname|entityid\nA|x\nB|7\n"
    assert [(2, "entityid", "x"), (3, "entityid", "7")] == await errors_of(Store(), file)


async def test_users_become_what_an_update_says():
    """One change; the same file again changes nothing; the phone's flag, which the file has no column of, stays."""
    store = Store()
    await capture(store, JOHN + GEORGE, "r1")
    store.held = replace(store.held, users=tuple(replace(user, call_record=True) for user in store.held.users))
    secrets = {line.secret for line in store.held.lines}
    file = b"phonenumber|context|lastname|linesecret\n1000|default|Roe|\n1001|default|Clinton|\n"
    done = await capture(store, file, "r2", mode=Mode.UPDATE)
    assert ([("lastname",)], (3,)) == ([step.columns() for step in done.changed], done.unchanged)
    assert {"John Roe", "George Clinton"} == {user.name for user in store.held.users}
    assert all(user.call_record for user in store.held.users)
    assert secrets == {line.secret for line in store.held.lines}
    again = await capture(store, file, "r3", mode=Mode.UPDATE)
    assert ((), (2, 3), 2) == (again.changed, again.unchanged, len(store.changes))


async def test_an_import_looks_again_when_somebody_else_was_first():
    """And gives up after a few times, with nothing changed."""
    store = Store()
    store.others = ATTEMPTS - 1
    assert 1 == len((await capture(store, JOHN, "r1")).added)
    store.others = ATTEMPTS
    with pytest.raises(Unavailable, match="again and again"):
        await capture(store, JOHN + GEORGE, "r2")
    assert 1 == len(store.held.users)


async def test_other_refusals_of_the_store_are_not_tried_again():
    """Only the one that says that looking again helps."""
    store = Store()

    async def edit(*_, **__):
        store.changes.append("asked")
        raise Refused("table-conflict", "taken")

    store.edit = edit
    with pytest.raises(Refused, match="taken"):
        await capture(store, JOHN, "r1")
    assert ["asked"] == store.changes


LOGIN = b"firstname|enableclient|username|password\nJohn|1|john|hush\n"


async def test_a_password_is_kept_as_its_hash():
    """Made when all else is good, and once, however often the import has to look again."""
    store, passwords = Store(), Passwords()
    store.others = 2
    await capture(store, LOGIN + b"Ann|||\n", "r1", passwords=passwords)
    user, ann = store.held.users
    assert "" == ann.password_hash
    assert (["hush"], True) == (passwords.made, passwords.matches(user.password_hash, "hush"))
    assert "hush" not in repr(user)
    told = []
    again = await capture(store, LOGIN, "r2", passwords=passwords, tell=lambda *said: told.append(said))
    assert ((2,), ["hush"], ("passwords", 0, 1)) == (again.unchanged, passwords.made, told[2])


async def test_no_password_is_hashed_for_a_bad_file():
    """Hashing is the slow part: it waits for all else."""
    passwords = Passwords()
    with pytest.raises(FileRefused):
        await capture(Store(), LOGIN + b"|0||\n", "r1", passwords=passwords)
    assert [] == passwords.made


async def test_another_password_is_an_error_when_adding_and_a_change_when_updating():
    """To add says: this user is there already, and is not as the file says."""
    store, passwords = Store(), Passwords()
    await capture(store, LOGIN + b"Ann|1|ann|hush\n", "r1", passwords=passwords)
    other = LOGIN.replace(b"hush", b"quiet") + b"Ann|1|ann|hush\n"
    assert [(2, "password", "***")] == await errors_of(store, other)
    dry = await capture(store, other, "r2", mode=Mode.UPDATE, dry_run=True, passwords=passwords)
    assert [("passwordhash",)] == [step.columns() for step in dry.changed]
    done = await capture(store, other, "r2", mode=Mode.UPDATE, passwords=passwords)
    assert ([2], (3,)) == ([step.becomes.at_line for step in done.changed], done.unchanged)
    assert ["hush", "hush", "quiet"] == passwords.made
    kept = await capture(store, other.replace(b"quiet", b""), "r3", mode=Mode.UPDATE, passwords=passwords)
    assert ((2, 3), 3) == (kept.unchanged, len(passwords.made))
    moved = other.replace(b"John|", b"Johnny|")
    assert [("firstname",)] == [
        step.columns() for step in (await capture(store, moved, "r4", mode=Mode.UPDATE, passwords=passwords)).changed
    ]


async def test_a_dry_run_says_what_is_in_the_way():
    """New rows and conflicts beside each other; nothing is raised for them."""
    store = Store()
    await capture(store, JOHN, "r1")
    done = await capture(store, JOHN.replace(b"John|", b"Jane|") + GEORGE, "r2", dry_run=True)
    assert [(2, "phonenumber")] == [(error.line, error.column) for error in done.errors]
    assert (2, 1) == (len(done.added), len(store.held.users))


async def test_a_receipt_says_how_many():
    store = Store()
    await capture(store, JOHN, "r1")
    await capture(store, JOHN + GEORGE, "r2", wording="w")
    await capture(store, JOHN, "r3", wording="w")
    assert ["", "w 1 0 1", "w 0 0 1"] == store.receipts
