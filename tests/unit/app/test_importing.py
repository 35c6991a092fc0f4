"""The import: the whole file in one change, or every error and no change. The store is a table in memory."""

import codecs
from dataclasses import replace

import pytest

from callrec.app.importing import LARGEST_BYTES, decoded, import_users
from callrec.domain.errors import Refused
from callrec.domain.provisioning.csv_rules import FileRefused
from callrec.domain.provisioning.model import Context, ContextKind, Tables, UserId

JOHN = b"firstname|lastname|phonenumber|context|protocol\nJohn|Doe|1000|default|sip\n"
GEORGE = b"George|Clinton|1001|default|sip\n"


class Store:
    """As much of the store as an import needs; `tests/contract/test_redis_store.py` shows that the real one does the same."""

    def __init__(self):
        self.held = Tables()
        self.changes = []
        self.last_id = 0

    async def tables(self):
        """All that was added."""
        return self.held

    async def reserve_user_ids(self, count):
        """Count on."""
        first = self.last_id + 1
        self.last_id += count
        return [UserId(str(number)) for number in range(first, self.last_id + 1)]

    async def add(self, tables, request_id, *, actor=""):
        """Take all of it; conflicts are the real store's to find."""
        self.changes.append((request_id, actor))
        self.held = Tables(
            self.held.users + tables.users,
            self.held.lines + tables.lines,
            self.held.incalls + tables.incalls,
            self.held.voicemails + tables.voicemails,
        )


async def errors_of(store, content):
    with pytest.raises(FileRefused) as refused:
        await import_users(store, content, "r")
    return [(error.line, error.column, error.value) for error in refused.value.errors]


async def test_a_file_is_one_change():
    """Both users are added at once, with ids of the store and the actor's name."""
    store = Store()
    done = await import_users(store, JOHN + GEORGE, "r1", actor="cli:root")
    assert [("r1", "cli:root")] == store.changes
    assert ["1", "2"] == [row.user.id for row in done.added] == [line.user for line in store.held.lines]
    assert all(len(line.secret) >= 20 and len(line.name) == 10 for line in store.held.lines)


async def test_the_same_file_again_changes_nothing():
    """Rows that are there already are told as unchanged, also after a flag was set from the phone; new rows are added."""
    store = Store()
    await import_users(store, JOHN, "r1")
    again = await import_users(store, JOHN + GEORGE, "r2")
    assert ((2,), ["George Clinton"]) == (again.unchanged, [row.user.name for row in again.added])
    assert 1 == len((await import_users(store, JOHN, "r3")).unchanged)
    assert ["r1", "r2"] == [request for request, _ in store.changes]


async def test_dry_run_changes_nothing():
    """A dry run says what would be added and leaves store and ids alone."""
    store = Store()
    done = await import_users(store, JOHN, "r1", dry_run=True)
    assert (1, True, [], 0) == (len(done.added), done.dry_run, store.changes, store.last_id)


async def test_taken_numbers_are_named_with_their_line():
    """A number of somebody else refuses the whole file, with the file's line and the holder."""
    store = Store()
    await import_users(store, JOHN, "r1")
    other = JOHN.replace(b"John|Doe", b"Jane|Doe") + GEORGE
    assert [(2, "phonenumber", "1000")] == await errors_of(store, other)
    assert 1 == len(store.held.users)


async def test_a_row_that_differs_in_any_section_is_a_conflict():
    """Another ring time, a flag that the file asks for, an own line name, two holders: none of these is "unchanged"."""
    store = Store()
    header = b"firstname|phonenumber|context|protocol|linename|incallexten|incallcontext|incallringseconds|callrecord\n"
    await import_users(
        store, header + b"A|1001|default|sip|a|2050|from-extern|30|1\nB|1002|default|sip||2051|from-extern||\n", "r1"
    )
    assert (2, 3) == (
        await import_users(
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
    await import_users(store, JOHN, "r1")
    file = JOHN.replace(b"John|Doe", b"Jane|Doe").replace(b"1000", b"3000") + GEORGE
    assert [(2, "phonenumber", "3000")] == await errors_of(store, file)
    store.held = replace(store.held, contexts=(Context("default", ContextKind.INTERNAL),))
    assert (2,) == (await import_users(store, JOHN, "r2")).unchanged


async def test_a_conflict_with_a_line_of_nobody():
    """A line whose user is gone still holds its number."""
    store = Store()
    await import_users(store, JOHN, "r1")
    store.held = Tables(lines=store.held.lines)
    assert [(2, "phonenumber", "1000")] == await errors_of(store, JOHN)


async def test_users_without_any_number():
    """Users that hold nothing unique are compared as a whole."""
    store = Store()
    await import_users(store, b"firstname\nAda\n", "r1")
    again = await import_users(store, b"firstname|lastname\nAda|\nAda|Byron\n", "r2")
    assert ((2,), 1) == (again.unchanged, len(again.added))


async def test_a_bad_file_reaches_no_store():
    """The errors of the rules come before the store is asked for anything."""
    assert [(2, "entityid", "x")] == await errors_of(None, b"firstname|entityid\nA|x\n")


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        ("é".encode(), None, "é"),
        (codecs.BOM_UTF8 + "é".encode(), None, "é"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), None, "é"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), None, "é"),
        ("é".encode("latin-1"), "latin-1", "é"),
    ],
)
def test_decoded(content, encoding, text):
    """The caller's word, else the byte order mark, else UTF-8."""
    assert text == decoded(content, encoding)


@pytest.mark.parametrize(
    ("content", "encoding", "code"),
    [
        ("é".encode("latin-1"), None, "file-encoding"),
        (b"x", "no-such", "file-encoding"),
        (b"a\0b", None, "file-binary"),
        ("é".encode("utf-16-le"), None, "file-encoding"),
        (b"\xff\xfex", None, "file-encoding"),
        (bytes(LARGEST_BYTES + 1), None, "file-too-large"),
    ],
    ids=["latin-1", "unknown", "nul", "utf-16 without mark", "cut utf-16", "large"],
)
def test_what_is_no_text_is_refused(content, encoding, code):
    """Nothing is guessed: the refusal asks for the encoding."""
    with pytest.raises(Refused) as refused:
        decoded(content, encoding)
    assert code == refused.value.code
